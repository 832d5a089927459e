//! A request with its options: [`Request`], [`RequestOptions`], and [`IntoRequest`], by which a plain message is a request.
//!
//! The same type serves both sides: a client adds options to it, a handler reads the call's [`Context`] from it.

use super::cancel::{CancelToken, ToCancelToken};
use super::context::{Context, Peer};
use crate::call::{CallOptions, Kind};
use crate::grpc::{Metadata, MetadataError, Status};
use crate::time::{Instant, earliest};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

/// What a caller may ask for beside the message: for calls that start without one (`lots_of_greetings_with(options)`),
/// and inside every [`Request`], which has the same builders.
#[derive(Clone, Default)]
#[must_use]
pub struct RequestOptions {
    /// From the call of the method on.
    pub timeout: Option<Duration>,
    /// On the clock of the runtime that makes the call; the smaller of it and `timeout` counts.
    pub deadline: Option<Instant>,
    /// Sent with the headers.
    pub metadata: Metadata,
    /// The first metadata mistake: the call fails with it before a byte is sent.
    pub mistake: Option<MetadataError>,
    /// Wait through connection failures instead of failing at once.
    pub wait_for_ready: bool,
    /// What cancels the call.
    pub cancel: Vec<Arc<dyn CancelToken>>,
    /// Largest reply, bytes, instead of the channel's limit.
    pub max_receive_message_size: Option<usize>,
}

impl RequestOptions {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the call with DEADLINE_EXCEEDED this long after the method was called, whatever it is waiting for then. Of
    /// several time-outs the smallest counts.
    #[doc(alias("set_timeout", "default_timeout"))]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(self.timeout.map_or(timeout, |t| t.min(timeout)));
        self
    }

    /// Ends the call with DEADLINE_EXCEEDED at this point of the runtime's clock. Of several deadlines the earliest counts.
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = earliest(self.deadline, Some(deadline));
        self
    }

    /// Adds metadata. A key or value that a header cannot carry makes the call fail before a byte is sent, with a status
    /// that names it.
    pub fn with_metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        if let Err(mistake) = self.metadata.insert(name.as_ref(), value.as_ref()) {
            self.mistake.get_or_insert(mistake);
        }
        self
    }

    /// Adds binary metadata; the name ends in `-bin`. Mistakes as with [`with_metadata`](Self::with_metadata).
    pub fn with_metadata_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        if let Err(mistake) = self.metadata.insert_bin(name.as_ref(), value.as_ref()) {
            self.mistake.get_or_insert(mistake);
        }
        self
    }

    /// Adds metadata, and says at once what is wrong with it.
    pub fn try_with_metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Result<Self, MetadataError> {
        self.metadata.insert(name.as_ref(), value.as_ref())?;
        Ok(self)
    }

    /// Waits (up to the deadline) until there is a connection, instead of failing with UNAVAILABLE when there is none.
    #[doc(alias = "wait_for_ready")]
    pub fn with_wait_for_ready(mut self) -> Self {
        self.wait_for_ready = true;
        self
    }

    /// Accepts a reply message of up to this many bytes, instead of the channel's limit.
    #[doc(alias = "max_decoding_message_size")]
    pub fn with_max_receive_message_size(mut self, bytes: usize) -> Self {
        self.max_receive_message_size = Some(bytes);
        self
    }

    /// Cancels the call when `what` is cancelled: a runtime's `Cancel` handle, or the [`Context`] of a call being served.
    pub fn cancel_on(mut self, what: &(impl ToCancelToken + ?Sized)) -> Self {
        self.cancel.extend(what.to_cancel_token());
        self
    }

    /// As a part of the call that is being served: the smaller deadline, and its cancellation.
    ///
    /// What is left of that call's time becomes a time-out of this one, so that the two may run on different clocks.
    ///
    /// ```
    /// # use proto_core::Status;
    /// # use proto_core::rpc::{Request, Response};
    /// # struct Backend;
    /// # impl Backend { fn lookup(&self, _: Request<String>) -> Result<Response<String>, Status> { Ok(String::new().into()) } }
    /// fn handler(backend: &Backend, request: Request<String>) -> Result<Response<String>, Status> {
    ///     let question = Request::new(request.to_uppercase()).within(request.context());
    ///     backend.lookup(question)
    /// }
    /// # handler(&Backend, Request::new(String::from("x")))?;
    /// # Ok::<(), Status>(())
    /// ```
    pub fn within(mut self, context: &Context) -> Self {
        if let Some(left) = context.time_left() {
            self = self.with_timeout(left);
        }
        self.cancel_on(context)
    }

    /// For a front, first of all: what is wrong with the options, as the status that the call ends with (INTERNAL, never sent).
    pub fn check(&self) -> Result<(), Status> {
        match &self.mistake {
            Some(mistake) => Err(Status::from(mistake.clone())),
            None => Ok(()),
        }
    }

    /// For a front: what the connection needs of them for a call of this kind that starts `now`, and what may cancel it,
    /// which the front watches.
    pub fn into_call_options(self, kind: Kind, now: Instant) -> (CallOptions, Vec<Arc<dyn CancelToken>>) {
        let deadline = self.deadline_from(now);
        let RequestOptions { metadata, max_receive_message_size, cancel, .. } = self;
        (CallOptions { kind, deadline, metadata, max_receive_message_size }, cancel)
    }

    /// For a front: when a call that starts `now` ends with DEADLINE_EXCEEDED.
    pub fn deadline_from(&self, now: Instant) -> Option<Instant> {
        earliest(self.deadline, self.timeout.map(|t| now + t))
    }
}

/// What a channel fills into the options of its calls.
#[derive(Clone, Debug, Default)]
pub struct CallDefaults {
    /// For calls that have neither a time-out nor a deadline of their own.
    pub timeout: Option<Duration>,
    /// Goes with every call, before its own.
    pub metadata: Metadata,
}

impl CallDefaults {
    /// For a front: the options of a call with the defaults filled in, or what is wrong with them.
    pub fn complete(&self, mut options: RequestOptions) -> Result<RequestOptions, Status> {
        options.check()?;
        if options.timeout.is_none() && options.deadline.is_none() {
            options.timeout = self.timeout;
        }
        if !self.metadata.is_empty() {
            let own = core::mem::replace(&mut options.metadata, self.metadata.clone());
            options.metadata.extend(&own);
        }
        Ok(options)
    }
}

impl fmt::Debug for RequestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RequestOptions");
        if let Some(timeout) = self.timeout {
            out.field("timeout", &timeout);
        }
        if let Some(deadline) = self.deadline {
            out.field("deadline", &deadline);
        }
        if !self.metadata.is_empty() {
            out.field("metadata", &self.metadata);
        }
        if let Some(mistake) = &self.mistake {
            out.field("mistake", mistake);
        }
        if self.wait_for_ready {
            out.field("wait_for_ready", &true);
        }
        if !self.cancel.is_empty() {
            out.field("cancelled_by", &self.cancel.len());
        }
        if let Some(bytes) = self.max_receive_message_size {
            out.field("max_receive_message_size", &bytes);
        }
        out.finish()
    }
}

/// A message with options (client), or with its call's context (server). Dereferences to the message.
///
/// ```
/// # use proto_core::rpc::Request;
/// # use core::time::Duration;
/// let request = Request::new("Bob")
///     .with_timeout(Duration::from_millis(200))
///     .with_metadata("x-request-id", "42")
///     .with_metadata_bin("x-trace-bin", [1, 2, 3])
///     .with_wait_for_ready();
/// assert_eq!(request.len(), 3);
/// assert_eq!(request.metadata().get("x-request-id"), Some("42"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Request<M> {
    message: M,
    options: RequestOptions,
    context: Context,
}

impl<M> Request<M> {
    /// A request without options.
    pub fn new(message: M) -> Self {
        Request { message, options: RequestOptions::default(), context: Context::detached() }
    }

    /// A message with these options.
    pub fn with_options(message: M, options: RequestOptions) -> Self {
        Request { message, options, context: Context::detached() }
    }

    /// Server: what [`ServerCall::request`](super::ServerCall::request) makes; and what a test gives to a handler.
    pub fn with_context(message: M, context: Context) -> Self {
        Request { message, options: RequestOptions::default(), context }
    }

    /// The message, its options.
    pub fn into_parts(self) -> (M, RequestOptions) {
        (self.message, self.options)
    }

    /// The message.
    pub fn into_inner(self) -> M {
        self.message
    }

    /// The same request with another message.
    pub fn map<N>(self, f: impl FnOnce(M) -> N) -> Request<N> {
        Request { message: f(self.message), options: self.options, context: self.context }
    }

    /// Server: the call's context. On a client's request: a detached one.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Server: the call's context, to [`insert`](Context::insert) into.
    pub fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Client: the options.
    pub fn options(&self) -> &RequestOptions {
        &self.options
    }

    /// The request's metadata: what the client will send, or what the server received.
    pub fn metadata(&self) -> &Metadata {
        if self.context.metadata().is_empty() { &self.options.metadata } else { self.context.metadata() }
    }

    /// Server: the call's deadline. Client: the one given with [`with_deadline`](Self::with_deadline).
    pub fn deadline(&self) -> Option<Instant> {
        self.context.deadline().or(self.options.deadline)
    }

    /// Server: who calls.
    #[doc(alias = "remote_addr")]
    pub fn peer(&self) -> &Peer {
        self.context.peer()
    }

    /// See [`RequestOptions::with_timeout`].
    #[doc(alias = "set_timeout")]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|o| o.with_timeout(timeout))
    }

    /// See [`RequestOptions::with_deadline`].
    pub fn with_deadline(self, deadline: Instant) -> Self {
        self.with(|o| o.with_deadline(deadline))
    }

    /// See [`RequestOptions::with_metadata`].
    #[doc(alias = "metadata_mut")]
    pub fn with_metadata(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|o| o.with_metadata(name, value))
    }

    /// See [`RequestOptions::with_metadata_bin`].
    pub fn with_metadata_bin(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.with(|o| o.with_metadata_bin(name, value))
    }

    /// See [`RequestOptions::try_with_metadata`].
    pub fn try_with_metadata(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Result<Self, MetadataError> {
        let Request { message, options, context } = self;
        Ok(Request { message, options: options.try_with_metadata(name, value)?, context })
    }

    /// See [`RequestOptions::with_wait_for_ready`].
    pub fn with_wait_for_ready(self) -> Self {
        self.with(RequestOptions::with_wait_for_ready)
    }

    /// See [`RequestOptions::with_max_receive_message_size`].
    pub fn with_max_receive_message_size(self, bytes: usize) -> Self {
        self.with(|o| o.with_max_receive_message_size(bytes))
    }

    /// See [`RequestOptions::cancel_on`].
    pub fn cancel_on(self, what: &(impl ToCancelToken + ?Sized)) -> Self {
        self.with(|o| o.cancel_on(what))
    }

    /// See [`RequestOptions::within`].
    pub fn within(self, context: &Context) -> Self {
        self.with(|o| o.within(context))
    }

    fn with(self, change: impl FnOnce(RequestOptions) -> RequestOptions) -> Self {
        Request { message: self.message, options: change(self.options), context: self.context }
    }
}

impl<M> Deref for Request<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M> DerefMut for Request<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.message
    }
}

impl<M: fmt::Debug> fmt::Debug for Request<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("message", &self.message)
            .field("options", &self.options)
            .field("context", &self.context)
            .finish()
    }
}

/// A plain message is a request; so is a [`Request`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request of this method",
    label = "expected `{M}` or `Request<{M}>`",
    note = "pass the message itself, or `Request::new(message)` to add a timeout, metadata or other options"
)]
pub trait IntoRequest<M> {
    /// As a request.
    fn into_request(self) -> Request<M>;
}

impl<M> IntoRequest<M> for M {
    fn into_request(self) -> Request<M> {
        Request::new(self)
    }
}

impl<M> IntoRequest<M> for Request<M> {
    fn into_request(self) -> Request<M> {
        self
    }
}
