//! A request with its options, a response with its metadata.

use super::cancel::CancelToken;
use super::context::Context;
use crate::grpc::{Metadata, MetadataError};
use crate::time::Instant;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// What a caller may ask for beside the message. (Builders `with_*` exist on it as on `Request`.)
#[derive(Clone, Default)]
pub struct RequestOptions {
    /// From the call of the method on.
    pub timeout: Option<Duration>,
    /// On the runtime's clock (set by `within`); the smaller of it and `timeout` counts.
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

/// A message with options (client), or with its context (server).
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
    /// Server: what `ServerCall::request` makes.
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
    /// Server: the call's context. On a client's request: a detached one.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl<M> core::ops::Deref for Request<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.message
    }
}

/// A plain message is a request; so is a `Request`.
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

/// A reply with its metadata.
#[derive(Clone, Debug)]
pub struct Response<M> {
    message: M,
    metadata: Metadata,
    trailers: Metadata,
    all_sent: bool,
}

impl<M> Response<M> {
    /// A reply without metadata.
    pub fn new(message: M) -> Self {
        Response { message, metadata: Metadata::new(), trailers: Metadata::new(), all_sent: true }
    }
    /// Client: what a runtime makes of a reply. `all_sent`: false after an answer that came before all requests were sent.
    pub fn from_parts(message: M, metadata: Metadata, trailers: Metadata, all_sent: bool) -> Self {
        Response { message, metadata, trailers, all_sent }
    }
    /// The message, initial metadata, trailing metadata.
    pub fn into_parts(self) -> (M, Metadata, Metadata) {
        (self.message, self.metadata, self.trailers)
    }
    /// The message.
    pub fn into_inner(self) -> M {
        self.message
    }
    /// Initial metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
    /// Trailing metadata.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }
    /// False when the server answered before all requests were sent.
    pub fn all_sent(&self) -> bool {
        self.all_sent
    }
}

impl<M> From<M> for Response<M> {
    fn from(message: M) -> Self {
        Response::new(message)
    }
}

impl<M> core::ops::Deref for Response<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.message
    }
}
