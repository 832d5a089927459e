//! [`Bidi`]: many requests, many replies.

use super::Requests;
use crate::client::call::Call;
use crate::client::streaming::Streaming;
use futures_lite::Stream;
use futures_sink::Sink;
use proto_core::rpc::method::{DecodeFn, EncodeFn};
use proto_core::rpc::{SendError, TryRecvError, TrySendError};
use proto_core::{Metadata, Status};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A call with many requests and many replies, in any order; a [`Stream`] of replies and a [`Sink`] of requests.
/// [`split`](Self::split) lets two tasks have a half each. Dropping it before the end cancels the call.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// # let greetings = [greeting("Ada"), greeting("Bob")];
/// let (mut requests, mut replies) = hello.bidi_hello().split();
/// let sending = smol::spawn(async move {
///     for greeting in greetings {
///         requests.send(greeting).await?;
///     }
///     requests.finish().await
/// });
/// while let Some(reply) = replies.next().await {
///     println!("{}", reply?.reply);
/// }
/// sending.await?;
/// # } } }
/// ```
#[must_use = "the call is cancelled when this is dropped"]
pub struct Bidi<Q, M> {
    requests: Requests<Q>,
    replies: Streaming<M>,
}

impl<Q, M> Bidi<Q, M> {
    pub(crate) fn new(call: Arc<Call>, encode: EncodeFn<Q>, decode: DecodeFn<M>) -> Self {
        Bidi { requests: Requests::new(call.clone(), encode), replies: Streaming::new(call, decode) }
    }

    /// The two halves. Dropping one of them early cancels the call; [`Requests::finish`] does not.
    pub fn split(self) -> (Requests<Q>, Streaming<M>) {
        (self.requests, self.replies)
    }

    /// See [`Requests::send`].
    ///
    /// # Errors
    /// See there.
    pub fn send(&mut self, message: Q) -> impl Future<Output = Result<(), SendError>> + Send {
        self.requests.send(message)
    }

    /// See [`Requests::try_send`].
    ///
    /// # Errors
    /// See there.
    pub fn try_send(&mut self, message: Q) -> Result<(), TrySendError<Q>> {
        self.requests.try_send(message)
    }

    /// See [`Requests::send_all`]: it does not read replies meanwhile.
    ///
    /// # Errors
    /// See there.
    pub async fn send_all(&mut self, messages: impl IntoIterator<Item = Q>) -> Result<(), SendError> {
        self.requests.send_all(messages).await
    }

    /// No more requests; replies still come.
    ///
    /// # Errors
    /// See [`Requests::finish`].
    pub fn finish(&mut self) -> impl Future<Output = Result<(), SendError>> + Send {
        let mut done = self.requests.half_close();
        std::future::poll_fn(move |cx| self.requests.poll_finish(cx, &mut done))
    }

    /// See [`Streaming::next`].
    #[allow(clippy::should_implement_trait, reason = "a stream's `next` is called so")]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<M, Status>>> + Send {
        self.replies.next()
    }

    /// See [`Streaming::recv`].
    ///
    /// # Errors
    /// See there.
    pub fn recv(&mut self) -> impl Future<Output = Result<Option<M>, Status>> + Send {
        self.replies.recv()
    }

    /// See [`Streaming::try_recv`].
    ///
    /// # Errors
    /// See there.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        self.replies.try_recv()
    }

    /// See [`Streaming::recv_timeout`].
    ///
    /// # Errors
    /// See there.
    pub fn recv_timeout(&mut self, time: Duration) -> impl Future<Output = Result<M, TryRecvError>> + Send {
        self.replies.recv_timeout(time)
    }

    /// See [`Streaming::headers`].
    ///
    /// # Errors
    /// See there.
    pub async fn headers(&self) -> Result<&Metadata, Status> {
        self.replies.headers().await
    }

    /// See [`Streaming::trailers`].
    pub fn trailers(&self) -> &Metadata {
        self.replies.trailers()
    }

    /// Ends the call: its handler at the server hears of it. What comes after is CANCELLED.
    pub fn cancel(&mut self) {
        self.replies.cancel();
    }
}

impl<Q, M> Stream for Bidi<Q, M> {
    type Item = Result<M, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().replies).poll_next(cx)
    }
}

sink_of_requests!(Bidi);

impl<Q, M> fmt::Debug for Bidi<Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bidi").field("requests", &self.requests).field("replies", &self.replies).finish()
    }
}
