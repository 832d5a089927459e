//! [`Requests`]: the sending half of a client's call.

use super::{Driven, Lend};
use crate::buf::Payload;
use crate::call::{CallId, SendError as Refused};
use crate::connection::Client;
use crate::grpc::{Local, Origin, Status};
use crate::rpc::method::EncodeFn;
use crate::rpc::stream::{SendError, TrySendError};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

/// The requests of a call whose client streams. [`finish`](Self::finish) ends them; dropping it before that cancels the
/// call.
#[must_use = "the call is cancelled when its requests are dropped without `finish`"]
pub struct Requests<L: Lend<Driven<Client>>, Q> {
    on: L,
    /// `None`: it never began, or is finished.
    id: Option<CallId>,
    encode: EncodeFn<Q>,
    scratch: Vec<u8>,
}

impl<L: Lend<Driven<Client>>, Q> Requests<L, Q> {
    pub(super) fn new(on: L, id: Option<CallId>, encode: EncodeFn<Q>) -> Self {
        Requests { on, id, encode, scratch: Vec::new() }
    }

    /// Sends one message if there is room for it now; gives it back when there is none.
    ///
    /// # Errors
    /// No room; the call is over, and its replies tell how, or the requests were finished; or the message cannot be sent at all.
    pub fn try_send(&mut self, message: Q) -> Result<(), TrySendError<Q>> {
        self.scratch.clear();
        let failed = |error| TrySendError::Failed(error);
        (self.encode)(&message, &mut self.scratch).map_err(|status| failed(SendError::Failed(status)))?;
        match self.offer(Payload::Slice(&self.scratch)) {
            Poll::Ready(sent) => sent.map_err(failed),
            Poll::Pending => Err(TrySendError::Full(message)),
        }
    }

    /// Sends one message, encoded at once; waits for room. A future that is dropped has sent it as a whole or not at all.
    ///
    /// # Errors
    /// As with [`try_send`](Self::try_send).
    pub fn send(&mut self, message: Q) -> impl Future<Output = Result<(), SendError>> {
        let mut encoded = Vec::new();
        let encoded = (self.encode)(&message, &mut encoded).map(|()| Bytes::from(encoded));
        async move {
            let bytes = encoded?;
            poll_fn(|cx| {
                let sent = self.offer(Payload::Shared(&bytes));
                if sent.is_ready() {
                    return sent;
                }
                // And once more: another thread may have driven the connection meanwhile, and woken all but us.
                self.on.waiting(cx);
                self.offer(Payload::Shared(&bytes))
            })
            .await
        }
    }

    /// Half-close: no more requests. The replies go on.
    pub fn finish(&mut self) {
        if let Some(id) = self.id.take() {
            self.on.lend(|driven| {
                let now = driven.now;
                // A call that is over needs no half-close.
                let _ = driven.connection.call(id).map(|mut call| call.finish(now));
            });
        }
    }

    fn offer(&self, message: Payload<'_>) -> Poll<Result<(), SendError>> {
        let Some(id) = self.id else { return Poll::Ready(Err(SendError::Ended)) };
        let sent = self.on.lend(|driven| {
            let now = driven.now;
            driven.connection.call(id).map_or(Err(Refused::Ended), |mut call| call.send(now, message))
        });
        Poll::Ready(match sent {
            Ok(()) => Ok(()),
            Err(Refused::Blocked) => return Poll::Pending,
            Err(Refused::Ended) => Err(SendError::Ended),
            Err(Refused::TooLarge(status)) => Err(SendError::Failed(status)),
        })
    }
}

impl<L: Lend<Driven<Client>>, Q> Drop for Requests<L, Q> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let status = Status::cancelled("the requests were dropped before they were finished");
        let status = status.with_origin(Origin::Local(Local::Cancelled));
        self.on.lend(|driven| {
            let now = driven.now;
            if let Ok(mut call) = driven.connection.call(id) {
                call.cancel(now, status);
            }
        });
    }
}

impl<L: Lend<Driven<Client>>, Q> fmt::Debug for Requests<L, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("id", &self.id).finish_non_exhaustive()
    }
}
