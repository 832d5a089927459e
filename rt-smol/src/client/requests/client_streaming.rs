//! [`ClientStreaming`]: many requests, one reply.

use super::Requests;
use crate::client::call::Call;
use crate::client::streaming::headers;
use crate::client::unary::respond;
use futures_sink::Sink;
use proto_core::rpc::method::{DecodeFn, EncodeFn};
use proto_core::rpc::{Response, SendError, TrySendError};
use proto_core::{MessageBuf, Metadata, Status};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

/// A call with many requests and one reply; a [`Sink`] too. Dropping it cancels the call; [`finish`](Self::finish) ends it
/// properly.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// # let names = ["Ada", "Bob"].map(String::from);
/// let mut call = hello.lots_of_greetings();
/// for name in names {
///     match call.send(HelloRequest { greeting: name }).await {
///         Err(SendError::Ended) => break, // the server answered early; finish() tells what
///         other => other?,
///     }
/// }
/// let reply = call.finish().await?; // reply.all_sent() is false after an early answer; call.send_all(iter) does the loop
/// assert_eq!((&reply.reply[..], reply.all_sent()), ("Ada, Bob", true));
/// # } } }
/// ```
#[must_use = "the call is cancelled when this is dropped without `finish`"]
pub struct ClientStreaming<Q, M> {
    requests: Requests<Q>,
    decode: DecodeFn<M>,
    headers: OnceLock<Metadata>,
}

impl<Q, M> ClientStreaming<Q, M> {
    pub(crate) fn new(call: Arc<Call>, encode: EncodeFn<Q>, decode: DecodeFn<M>) -> Self {
        ClientStreaming { requests: Requests::new(call, encode), decode, headers: OnceLock::new() }
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

    /// See [`Requests::send_all`].
    ///
    /// # Errors
    /// See there.
    pub async fn send_all(&mut self, messages: impl IntoIterator<Item = Q>) -> Result<(), SendError> {
        self.requests.send_all(messages).await
    }

    /// The server's initial metadata, once it is there.
    ///
    /// # Errors
    /// The call failed before it came.
    pub async fn headers(&self) -> Result<&Metadata, Status> {
        headers(&self.requests.call, &self.headers).await
    }

    /// No more messages: waits for the reply. Its `all_sent()` is false if it came before all requests had left.
    ///
    /// # Errors
    /// The call failed.
    pub fn finish(mut self) -> impl Future<Output = Result<Response<M>, Status>> + Send {
        let mut closed = self.requests.half_close();
        let (mut reply, mut has_message) = (MessageBuf::new(), false);
        poll_fn(move |cx| {
            if !self.requests.finished || closed.is_some() {
                // If it could not be started, the reply's side says the same.
                let _ = ready!(self.requests.poll_finish(cx, &mut closed));
            }
            let settled = ready!(self.requests.call.pull_reply(cx, &mut reply, &mut has_message));
            Poll::Ready(settled.and_then(|mut ended| {
                ended.headers = ended.headers.or(self.headers.take());
                respond(ended, &mut reply, self.decode)
            }))
        })
    }

    /// Ends the call: its handler at the server hears of it.
    pub fn cancel(self) {}
}

sink_of_requests!(ClientStreaming);

impl<Q, M> fmt::Debug for ClientStreaming<Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStreaming").field("requests", &self.requests).finish_non_exhaustive()
    }
}
