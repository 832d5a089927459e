//! Requests of a call whose client streams: [`Requests`], and the two shapes of call that have them.

/// A handle's requests as a sink: those of its `requests`.
macro_rules! sink_of_requests {
    ($call:ident) => {
        impl<Q, M> Sink<Q> for $call<Q, M> {
            type Error = SendError;

            fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
                Pin::new(&mut self.get_mut().requests).poll_ready(cx)
            }

            fn start_send(self: Pin<&mut Self>, message: Q) -> Result<(), SendError> {
                Pin::new(&mut self.get_mut().requests).start_send(message)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
                Pin::new(&mut self.get_mut().requests).poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
                Pin::new(&mut self.get_mut().requests).poll_close(cx)
            }
        }
    };
}

mod bidi;
mod client_streaming;
mod outbox;

pub use bidi::Bidi;
pub use client_streaming::ClientStreaming;

use super::call::Call;
use super::streaming::cancel;
use futures_sink::Sink;
use outbox::Outbox;
use proto_core::Status;
use proto_core::rpc::method::EncodeFn;
use proto_core::rpc::{SendError, TrySendError};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The sending half of a bidirectional call ([`Bidi::split`]); a [`Sink`] too.
///
/// [`finish`](Self::finish) ends it properly; dropping it before cancels the call.
#[must_use = "the call is cancelled when its requests are dropped without `finish`"]
pub struct Requests<Q> {
    call: Arc<Call>,
    encode: EncodeFn<Q>,
    finished: bool,
    /// What the sink, or `send_all`, has accepted and the connection has not.
    accepted: Option<Outbox>,
    /// A buffer to encode into.
    spare: Outbox,
}

impl<Q> Requests<Q> {
    fn new(call: Arc<Call>, encode: EncodeFn<Q>) -> Self {
        Requests { call, encode, finished: false, accepted: None, spare: Outbox::default() }
    }

    /// Sends one message; waits while the server does not take it. Dropped before it is ready, it has sent nothing.
    ///
    /// # Errors
    /// `Ended`: the call is over (the server has answered already, or this side has ended it), and the receiving side tells
    /// how; or the requests were finished. `Failed`: the call could not be started, or the message cannot be sent.
    pub fn send(&mut self, message: Q) -> impl Future<Output = Result<(), SendError>> + Send {
        let mut encoded = Some(self.encoded(&message));
        drop(message);
        poll_fn(move |cx| self.poll_send(cx, &mut encoded))
    }

    /// Sends one message if the server takes it now.
    ///
    /// # Errors
    /// `Full` gives the message back; otherwise as with [`send`](Self::send).
    pub fn try_send(&mut self, message: Q) -> Result<(), TrySendError<Q>> {
        let sent = self.encoded(&message).map_err(SendError::Failed).and_then(|outbox| {
            if self.poll_accepted(None)?.is_pending() {
                return Ok(false);
            }
            match self.call.send(None, outbox.payload()) {
                Poll::Ready(sent) => sent.map(|()| self.spare = outbox).map(|()| true),
                Poll::Pending => Ok(false),
            }
        });
        match sent {
            Ok(true) => Ok(()),
            Ok(false) => Err(TrySendError::Full(message)),
            Err(error) => Err(TrySendError::Failed(error)),
        }
    }

    /// Sends these messages, until the server has answered, if it does before the last. Dropped before it is ready, it has
    /// sent those that it took from the iterator, but for the last of them perhaps: that one leaves before whatever is sent
    /// next, or with [`finish`](Self::finish). So an iterator that is lent goes on where it was.
    ///
    /// # Errors
    /// `Failed`, as with [`send`](Self::send). `Ended` is none: the receiving side tells.
    pub async fn send_all(&mut self, messages: impl IntoIterator<Item = Q>) -> Result<(), SendError> {
        let mut messages = messages.into_iter();
        loop {
            // One is kept by the half, as of a sink, and not by this future.
            let sent = match poll_fn(|cx| self.poll_accepted(Some(cx))).await {
                Ok(()) => match messages.next() {
                    Some(message) => self.accept(&message),
                    None => return Ok(()),
                },
                Err(error) => Err(error),
            };
            match sent {
                Err(SendError::Ended) => return Ok(()),
                other => other?,
            }
        }
    }

    /// No more messages.
    ///
    /// # Errors
    /// `Failed`: the call could not be started.
    pub fn finish(mut self) -> impl Future<Output = Result<(), SendError>> + Send {
        let mut done = self.half_close();
        poll_fn(move |cx| self.poll_finish(cx, &mut done))
    }

    /// Half-closes at once, if the sink has nothing left to send.
    fn half_close(&mut self) -> Option<Result<(), SendError>> {
        if self.accepted.is_some() {
            return None;
        }
        self.finished = true;
        Some(self.call.finish())
    }

    fn poll_finish(
        &mut self,
        cx: &mut Context<'_>,
        done: &mut Option<Result<(), SendError>>,
    ) -> Poll<Result<(), SendError>> {
        if done.is_none() {
            // An early answer: the receiving side tells.
            match ready!(self.poll_accepted(Some(cx))) {
                Err(SendError::Failed(status)) => return Poll::Ready(Err(SendError::Failed(status))),
                Ok(_) | Err(SendError::Ended) => self.accepted = None,
            }
            *done = self.half_close();
        }
        Poll::Ready(done.take().unwrap_or(Ok(())))
    }

    fn encoded(&mut self, message: &Q) -> Result<Outbox, Status> {
        std::mem::take(&mut self.spare).encode(message, self.encode)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        encoded: &mut Option<Result<Outbox, Status>>,
    ) -> Poll<Result<(), SendError>> {
        match encoded {
            Some(Err(status)) => return Poll::Ready(Err(SendError::Failed(status.clone()))),
            Some(Ok(outbox)) => {
                let _: Poll<()> = match self.poll_accepted(Some(cx)) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(accepted) => Poll::Ready(accepted?),
                };
                ready!(self.call.send(Some(cx), outbox.payload()))?;
            }
            None => return Poll::Ready(Ok(())),
        }
        if let Some(Ok(outbox)) = encoded.take() {
            self.spare = outbox;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends it now if there is room, or keeps it.
    fn accept(&mut self, message: &Q) -> Result<(), SendError> {
        self.accepted = Some(self.encoded(message)?);
        match self.poll_accepted(None) {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }

    /// Sends what was accepted.
    fn poll_accepted(&mut self, cx: Option<&Context<'_>>) -> Poll<Result<(), SendError>> {
        if let Some(outbox) = &self.accepted {
            let sent = ready!(self.call.send(cx, outbox.payload()));
            self.spare = self.accepted.take().unwrap_or_default();
            sent?;
        }
        Poll::Ready(Ok(()))
    }
}

/// A message that the sink has accepted is sent at once, or when it is polled again: by `poll_flush`, or before the next
/// message.
impl<Q> Sink<Q> for Requests<Q> {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_accepted(Some(cx))
    }

    fn start_send(self: Pin<&mut Self>, message: Q) -> Result<(), SendError> {
        let this = self.get_mut();
        if this.accepted.is_some() {
            return Err(SendError::Failed(Status::internal("start_send without poll_ready")));
        }
        this.accept(&message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_accepted(Some(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_finish(cx, &mut None)
    }
}

impl<Q> Drop for Requests<Q> {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing happens if it is over already.
            cancel(&self.call);
        }
    }
}

impl<Q> fmt::Debug for Requests<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("call", &self.call).field("finished", &self.finished).finish_non_exhaustive()
    }
}
