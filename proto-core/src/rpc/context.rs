//! What a handler knows of its call, and can do to it: [`Context`], on top of what a runtime provides ([`CallHandle`]).
//!
//! Handlers read it through `request.context()`, `requests.context()` and `replies.context()`. It moves no bytes itself
//! and owns no state of the call: everything that acts goes to the runtime's handle.

use super::call_handle::CallHandle;
use super::cancel::{CancelToken, OnCancel, ToCancelToken};
use crate::grpc::status::local;
use crate::grpc::{Metadata, MetadataError, Seen, Status};
use crate::time::Instant;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::any::Any;
use core::fmt;
use core::time::Duration;

/// Who is at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// Nothing is known (in-process, tests).
    #[default]
    Unknown,
    /// A TCP peer.
    Tcp(core::net::SocketAddr),
    /// A Unix socket's peer (path, mostly empty).
    Unix(String),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Unknown => f.write_str("unknown peer"),
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// A call as its handler sees it. Cheap to clone; all clones speak of the same call.
///
/// A context without a call behind it is *detached* ([`Context::detached`], [`Context::for_test`]): it is never
/// cancelled, its clock stands at zero, waiting and sleeping return at once, and what it is told to send goes nowhere.
#[derive(Clone, Default)]
pub struct Context {
    inner: Option<Arc<Inner>>,
}

#[derive(Clone, Default)]
struct Inner {
    method: &'static str,
    metadata: Metadata,
    peer: Peer,
    deadline: Option<Instant>,
    /// One value a type; a handful at most, so a search beats a map.
    extensions: Vec<Arc<dyn Any + Send + Sync>>,
    handle: Option<Arc<dyn CallHandle>>,
}

impl Context {
    /// Of no call: what a client's own request has.
    pub const fn detached() -> Self {
        Context { inner: None }
    }

    /// Made by a runtime at a call's headers. `method` is "/package.Service/Method".
    pub fn new(
        method: &'static str,
        metadata: Metadata,
        peer: Peer,
        deadline: Option<Instant>,
        handle: Arc<dyn CallHandle>,
    ) -> Self {
        let mut context = Context::detached();
        context.renew(method, metadata, peer, deadline, handle);
        context
    }

    /// For a runtime: turns it into the context of another call. Its memory is reused unless somebody still holds a clone.
    pub fn renew(
        &mut self,
        method: &'static str,
        metadata: Metadata,
        peer: Peer,
        deadline: Option<Instant>,
        handle: Arc<dyn CallHandle>,
    ) {
        let handle = Some(handle);
        match self.inner.as_mut().and_then(Arc::get_mut) {
            Some(inner) => {
                inner.extensions.clear();
                inner.method = method;
                inner.metadata = metadata;
                inner.peer = peer;
                inner.deadline = deadline;
                inner.handle = handle;
            }
            None => {
                let extensions = Vec::new();
                self.inner = Some(Arc::new(Inner { method, metadata, peer, deadline, extensions, handle }));
            }
        }
    }

    /// For a runtime: lets go of the call and of everything kept with it, and keeps the memory for `renew` unless
    /// somebody still holds a clone. Drops the application's own values: not under a lock.
    pub fn forget(&mut self) {
        match self.inner.as_mut().and_then(Arc::get_mut) {
            Some(inner) => {
                // In place, field by field: it is done for every call. The pattern names all fields, so that none is forgotten.
                let Inner { method, metadata, peer, deadline, extensions, handle } = inner;
                (*method, *deadline, *handle) = ("", None, None);
                *metadata = Metadata::new();
                *peer = Peer::Unknown;
                extensions.clear();
            }
            None => self.inner = None,
        }
    }

    /// The runtime's handle; `None` when detached.
    pub fn handle(&self) -> Option<&Arc<dyn CallHandle>> {
        self.inner.as_ref()?.handle.as_ref()
    }

    /// "/package.Service/Method"; empty when detached.
    pub fn method(&self) -> &'static str {
        self.inner.as_ref().map_or("", |i| i.method)
    }

    /// The client's metadata.
    pub fn metadata(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        self.inner.as_ref().map_or(&EMPTY, |i| &i.metadata)
    }

    /// Who calls.
    #[doc(alias = "remote_addr")]
    pub fn peer(&self) -> &Peer {
        self.inner.as_ref().map_or(&Peer::Unknown, |i| &i.peer)
    }

    /// The deadline, on the runtime's clock; `None`: the caller set none.
    pub fn deadline(&self) -> Option<Instant> {
        self.inner.as_ref()?.deadline
    }

    /// Time until the deadline, zero once it has passed; `None`: there is none.
    pub fn time_left(&self) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(self.now()))
    }

    /// Has the call been cancelled: by its caller, its deadline, the loss of its connection, or [`cancel`](Self::cancel)?
    pub fn is_cancelled(&self) -> bool {
        self.check().is_err()
    }

    /// `Err` with the call's status once it is cancelled: `context.check()?` in a long computation.
    ///
    /// A clone that outlives the handler hears the same; CANCELLED with the words "the call has ended" says that the handler
    /// has returned.
    pub fn check(&self) -> Result<(), Status> {
        let Some(handle) = self.handle() else { return Ok(()) };
        if let Some(status) = handle.cancelled() {
            return Err(status);
        }
        match self.time_left() {
            Some(Duration::ZERO) => Err(local::deadline(local::phase::HANDLING, Seen::Yes)),
            _ => Ok(()),
        }
    }

    /// Waits up to `time` for the call's end; true when it has come. Detached: false, at once.
    pub fn wait_cancelled(&self, time: Duration) -> bool {
        match self.handle() {
            Some(handle) => handle.wait_cancelled(Some(handle.now() + time)),
            None => false,
        }
    }

    /// Sleeps for `time`; ends early, with the call's status, when the call ends. Detached: returns at once.
    ///
    /// It sleeps on the runtime's clock, so that a service under simulation sleeps in virtual time.
    pub fn sleep(&self, time: Duration) -> Result<(), Status> {
        if !self.wait_cancelled(time) {
            return Ok(());
        }
        self.check()?;
        Err(Status::cancelled("the call has ended"))
    }

    /// The server is being shut down: bring the call to an end.
    pub fn draining(&self) -> bool {
        self.handle().is_some_and(|h| h.draining())
    }

    /// The peer's certificates (DER, leaf first); none without TLS or client authentication.
    #[doc(alias = "peer_certs")]
    pub fn certificates(&self) -> &[Bytes] {
        self.handle().map_or(&[], |h| h.certificates())
    }

    /// Sends initial metadata now, before any message. At most once, and not after a message: then FAILED_PRECONDITION.
    #[doc(alias = "send_initial_metadata")]
    pub fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        self.handle().map_or(Ok(()), |h| h.send_headers(metadata))
    }

    /// Adds trailing metadata, sent at the call's end, with OK and with an error alike.
    #[doc(alias = "trailing_metadata")]
    pub fn set_trailer(&self, name: impl AsRef<str>, value: impl AsRef<str>) -> Result<(), MetadataError> {
        let mut metadata = Metadata::new();
        metadata.insert(name.as_ref(), value.as_ref())?;
        self.add_trailers(metadata);
        Ok(())
    }

    /// Adds binary trailing metadata; the name ends in `-bin`.
    pub fn set_trailer_bin(&self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<(), MetadataError> {
        let mut metadata = Metadata::new();
        metadata.insert_bin(name.as_ref(), value.as_ref())?;
        self.add_trailers(metadata);
        Ok(())
    }

    /// Ends the call now, with this status, whatever the handler returns later.
    pub fn cancel(&self, status: Status) {
        if let Some(handle) = self.handle() {
            handle.cancel(status);
        }
    }

    /// Keeps a value with the call, for later steps of it: `on_call` inserts the user, the handler reads it with
    /// [`get`](Self::get). One value a type; a second one replaces the first.
    #[doc(alias = "extensions_mut")]
    pub fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        let extensions = &mut self.inner_mut().extensions;
        extensions.retain(|e| !e.is::<T>());
        extensions.push(Arc::new(value));
    }

    /// The value of this type that was inserted.
    #[doc(alias = "extensions")]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.inner.as_ref()?.extensions.iter().find_map(|e| e.downcast_ref())
    }

    fn add_trailers(&self, metadata: Metadata) {
        if let Some(handle) = self.handle() {
            handle.add_trailers(metadata);
        }
    }

    fn now(&self) -> Instant {
        self.handle().map_or(Instant::ZERO, |h| h.now())
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(self.inner.get_or_insert_with(Arc::default))
    }
}

/// For tests of a user's own handlers: contexts without a runtime.
impl Context {
    /// A detached context to be furnished with what the handler under test reads.
    ///
    /// ```
    /// # use proto_core::rpc::{Context, Request};
    /// # use core::time::Duration;
    /// let context = Context::for_test().with_method("/hello.v1.HelloService/SayHello").with_time_left(Duration::from_secs(1));
    /// let request = Request::with_context("Ada", context);
    /// assert_eq!(request.context().time_left(), Some(Duration::from_secs(1)));
    /// ```
    pub fn for_test() -> Self {
        Context { inner: Some(Arc::default()) }
    }

    /// With this method, "/package.Service/Method".
    pub fn with_method(mut self, method: &'static str) -> Self {
        self.inner_mut().method = method;
        self
    }

    /// With this request metadata.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.inner_mut().metadata = metadata;
        self
    }

    /// With this peer.
    pub fn with_peer(mut self, peer: Peer) -> Self {
        self.inner_mut().peer = peer;
        self
    }

    /// With a deadline that is this far away, and stays so: the clock of a detached context stands still.
    pub fn with_time_left(mut self, time: Duration) -> Self {
        let deadline = self.now() + time;
        self.inner_mut().deadline = Some(deadline);
        self
    }

    /// With a handle of the test's own, to see what the handler does to its call.
    pub fn with_handle(mut self, handle: Arc<dyn CallHandle>) -> Self {
        self.inner_mut().handle = Some(handle);
        self
    }
}

/// A call being served cancels the calls that its handler makes.
impl CancelToken for Context {
    fn cancelled(&self) -> Option<Status> {
        self.check().err()
    }

    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        self.handle().map_or(0, |h| h.subscribe(on_cancel))
    }

    fn unsubscribe(&self, key: u64) {
        if let Some(handle) = self.handle() {
            handle.unsubscribe(key);
        }
    }
}

impl ToCancelToken for Context {
    fn to_cancel_token(&self) -> Option<Arc<dyn CancelToken>> {
        self.handle().map(|handle| handle.clone() as Arc<dyn CancelToken>)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(inner) = &self.inner else { return f.write_str("Context(detached)") };
        f.debug_struct("Context")
            .field("method", &inner.method)
            .field("peer", &inner.peer)
            .field("time_left", &self.time_left())
            .field("metadata", &inner.metadata)
            .field("cancelled", &self.check().err())
            .finish_non_exhaustive()
    }
}
