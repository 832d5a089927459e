//! What a handler knows of its call, and can do to it.

use super::cancel::CancelToken;
use crate::buf::{MessageBuf, Payload};
use crate::grpc::{Metadata, Status};
use crate::time::Instant;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::any::Any;
use core::time::Duration;

/// What a runtime provides for one call that it serves. Blocking operations block the calling thread and are woken by
/// the call's end.
pub trait CallHandle: CancelToken {
    /// The runtime's clock.
    fn now(&self) -> Instant;
    /// The server is shutting down (or its connection drains): come to an end.
    fn draining(&self) -> bool;
    /// Sends initial metadata now.
    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status>;
    /// Adds to the trailing metadata, sent at the call's end whatever its status.
    fn add_trailers(&self, metadata: Metadata);
    /// Ends the call with this status, whatever the handler returns later.
    fn cancel(&self, status: Status);
    /// The peer's certificates, DER, leaf first.
    fn certificates(&self) -> &[Bytes] {
        &[]
    }
    /// Pulls the next request message into `into` (emptied first), waiting until `until` at the longest; `None` waits for the
    /// call's end, a point that has passed does not wait at all.
    fn recv(&self, into: &mut MessageBuf, until: Option<Instant>) -> Received;
    /// Sends a reply message; blocks while windows or buffers are full. With `wait` false: `Ok(false)` instead of blocking.
    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status>;
    /// The call is over: cancelled, or finished by its handler's return. What is sent now is refused.
    fn is_over(&self) -> bool {
        self.cancelled().is_some()
    }
    /// True when the call ended before `until`.
    fn wait_cancelled(&self, until: Option<Instant>) -> bool;
    /// A handle that outlives the handler's stack frame.
    fn share(&self) -> Arc<dyn CallHandle>;
}

/// What [`CallHandle::recv`] yields.
#[derive(Clone, Debug)]
#[must_use]
pub enum Received {
    /// A message stands in the buffer.
    Message,
    /// The client has half-closed: no message comes any more.
    End,
    /// Nothing came before `until`; the call goes on.
    TimedOut,
    /// The call is over (cancelled, deadline, connection lost), with this status.
    Failed(Status),
}

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

/// A call as its handler sees it. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Option<Arc<Inner>>,
}

#[derive(Clone)]
struct Inner {
    method: &'static str,
    metadata: Metadata,
    peer: Peer,
    deadline: Option<Instant>,
    extensions: Vec<Arc<dyn Any + Send + Sync>>,
    handle: Arc<dyn CallHandle>,
}

impl Context {
    /// Of no call: what a client's own request and a test's request have.
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
        Context { inner: Some(Arc::new(Inner { method, metadata, peer, deadline, extensions: Vec::new(), handle })) }
    }
    /// The runtime's handle.
    pub fn handle(&self) -> Option<&Arc<dyn CallHandle>> {
        self.inner.as_ref().map(|i| &i.handle)
    }
    /// "/package.Service/Method".
    pub fn method(&self) -> &'static str {
        self.inner.as_ref().map_or("", |i| i.method)
    }
    /// The client's metadata.
    pub fn metadata(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        self.inner.as_ref().map_or(&EMPTY, |i| &i.metadata)
    }
    /// Who calls.
    pub fn peer(&self) -> &Peer {
        self.inner.as_ref().map_or(&Peer::Unknown, |i| &i.peer)
    }
    /// The deadline, on the runtime's clock.
    pub fn deadline(&self) -> Option<Instant> {
        self.inner.as_ref()?.deadline
    }
    /// Time until the deadline.
    pub fn time_left(&self) -> Option<Duration> {
        let inner = self.inner.as_ref()?;
        Some(inner.deadline?.saturating_duration_since(inner.handle.now()))
    }
}
