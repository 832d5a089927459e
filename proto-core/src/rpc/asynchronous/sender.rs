//! [`Sender`]: the replies of a streaming call, as a handler that is a future sends them; [`Pusher`]: the same for other tasks.

use crate::grpc::Status;
use crate::rpc::call_handle::{CallEvent, CallHandle};
use crate::rpc::context::Context;
use crate::rpc::method::EncodeFn;
use crate::rpc::stream::in_common::sender_in_common;
use crate::rpc::stream::sink::{Queued, Remote, Sink, Wire};
use crate::rpc::stream::{SendError, TrySendError};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Replies of a streaming call, for handlers that are futures.
///
/// A message is encoded when the method is called and leaves when the future is polled, so that every future here is
/// `Send` whatever the message is. A future that is dropped has sent its message as a whole, or not at all.
///
/// For tests of a user's own handlers; no runtime is needed, since nothing waits:
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::asynchronous::Sender;
/// async fn count(replies: &mut Sender<u32>) -> Result<(), Status> {
///     for i in 0..3 {
///         replies.send(i).await?;
///     }
///     Ok(())
/// }
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// let mut replies = Sender::for_test();
/// let done = pin!(count(&mut replies)).poll(&mut Context::from_waker(Waker::noop()));
/// assert!(matches!(done, Poll::Ready(Ok(()))));
/// assert_eq!(replies.sent(), [0, 1, 2]);
/// ```
#[must_use]
pub struct Sender<M> {
    sink: Sink<M>,
    /// What was taken and found no room; it goes before anything else.
    queued: Option<Box<Queued>>,
}

impl<M> Sender<M> {
    fn over(sink: Sink<M>) -> Self {
        Sender { sink, queued: None }
    }

    /// Sends one reply; waits while the client does not read. `Err`, with the call's status, when the caller has gone.
    pub fn send(&mut self, message: M) -> impl Future<Output = Result<(), Status>> + Send {
        let (prepared, queued) = (self.sink.prepare(message), &mut self.queued);
        // By reference: what is moved inside of a future is in it twice.
        async move {
            match &prepared {
                Ok(Some(prepared)) => {
                    settle(&**prepared.handle, queued).await?;
                    deliver(&**prepared.handle, &prepared.wire).await
                }
                Ok(None) => Ok(()),
                Err(status) => Err(status.clone()),
            }
        }
    }

    /// Sends one reply if there is room now; gives it back when there is none.
    pub fn try_send(&mut self, message: M) -> Result<(), TrySendError<M>> {
        match self.offer_queued() {
            Ok(true) => self.sink.offer(message),
            Ok(false) => Err(TrySendError::Full(message)),
            Err(status) => Err(TrySendError::Failed(SendError::Failed(status))),
        }
    }

    /// Sends them all, in order. Dropped before it is ready, it has sent what it took from the iterator, but for the last one
    /// perhaps: that one goes before whatever is sent next, and is not sent when the handler returns before. `Send` where the
    /// iterator is.
    pub async fn send_all<I: IntoIterator<Item = M>>(&mut self, messages: I) -> Result<(), Status> {
        let mut messages = messages.into_iter();
        loop {
            self.settle().await?;
            match messages.next() {
                // The future holds no message: it is `Send` whatever they are.
                Some(message) => self.accept(message)?,
                None => return Ok(()),
            }
        }
    }

    /// Sends a message now if there is room, or keeps it. Nothing may be kept.
    pub(super) fn accept(&mut self, message: M) -> Result<(), Status> {
        let Some(prepared) = self.sink.prepare(message)? else { return Ok(()) };
        if !prepared.handle.send(prepared.wire.payload(), false)? {
            self.queued = Some(Box::new(prepared.wire.queued()));
        }
        Ok(())
    }

    /// Sends what is kept if there is room now: nothing is kept any more then.
    pub(super) fn offer_queued(&mut self) -> Result<bool, Status> {
        match self.sink.context.handle() {
            Some(handle) => offer(&**handle, &mut self.queued),
            None => Ok(true),
        }
    }

    /// Sends what is kept.
    pub(super) async fn settle(&mut self) -> Result<(), Status> {
        match self.sink.context.handle() {
            Some(handle) => settle(&**handle, &mut self.queued).await,
            None => Ok(()),
        }
    }
}

/// Sends replies of a call from anywhere: `Clone + Send + Sync + 'static`. Made by [`Sender::pusher`].
#[must_use]
pub struct Pusher<M> {
    remote: Remote<M>,
}

impl<M> Pusher<M> {
    /// Sends one message; waits while the client does not read. `Err` when the call is over. The future borrows nothing
    /// and may be spawned. (Allocates the encoded message.)
    pub fn send(&self, message: M) -> impl Future<Output = Result<(), Status>> + Send + use<M> {
        let mut scratch = Vec::new();
        let prepared = self.remote.call().and_then(|(handle, encode)| {
            let shared = Wire::of(encode, &message, &mut scratch)?.into_shared();
            Ok((Arc::clone(handle), shared))
        });
        async move {
            match &prepared {
                Ok((handle, shared)) => deliver(&**handle, &Wire::again(&scratch, shared.as_ref())).await,
                Err(status) => Err(status.clone()),
            }
        }
    }
}

sender_in_common!();

/// True when nothing is kept any more.
fn offer(handle: &dyn CallHandle, queued: &mut Option<Box<Queued>>) -> Result<bool, Status> {
    let Some(message) = &*queued else { return Ok(true) };
    let sent = handle.send(message.wire().payload(), false);
    if !matches!(sent, Ok(false)) {
        *queued = None;
    }
    sent
}

/// Hands over what is kept, when there is room.
async fn settle(handle: &dyn CallHandle, queued: &mut Option<Box<Queued>>) -> Result<(), Status> {
    while !offer(handle, queued)? {
        handle.wait(CallEvent::Writable, None).await;
    }
    Ok(())
}

/// Hands the message over when there is room.
async fn deliver(handle: &dyn CallHandle, wire: &Wire<'_>) -> Result<(), Status> {
    while !handle.send(wire.payload(), false)? {
        handle.wait(CallEvent::Writable, None).await;
    }
    Ok(())
}
