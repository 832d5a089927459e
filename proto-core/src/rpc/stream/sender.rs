//! [`Sender`]: the replies of a streaming call, as its handler sends them; [`Pusher`]: the same for other threads.

use super::TrySendError;
use super::in_common::sender_in_common;
use super::sink::{Remote, Sink};
use crate::grpc::Status;
use crate::rpc::context::Context;
use crate::rpc::method::EncodeFn;
use alloc::vec::Vec;
use core::fmt;

/// Replies of a streaming call.
///
/// For tests of a user's own handlers:
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::Sender;
/// fn count(replies: &mut Sender<u32>) -> Result<(), Status> {
///     for i in 0..3 {
///         replies.send(i)?;
///     }
///     Ok(())
/// }
/// let mut replies = Sender::for_test();
/// count(&mut replies)?;
/// assert_eq!(replies.sent(), [0, 1, 2]);
/// # Ok::<(), Status>(())
/// ```
///
/// Handlers that are futures have [one of their own](crate::rpc::asynchronous::Sender).
#[must_use]
pub struct Sender<M> {
    sink: Sink<M>,
}

impl<M> Sender<M> {
    fn over(sink: Sink<M>) -> Self {
        Sender { sink }
    }

    /// Sends one reply; blocks while the client does not read. `Err`, with the call's status, when the caller has gone.
    pub fn send(&mut self, message: M) -> Result<(), Status> {
        self.sink.send(message)
    }

    /// Sends one reply if that does not block; gives it back when it would.
    pub fn try_send(&mut self, message: M) -> Result<(), TrySendError<M>> {
        self.sink.offer(message)
    }

    /// Sends them all, in order.
    pub fn send_all(&mut self, messages: impl IntoIterator<Item = M>) -> Result<(), Status> {
        messages.into_iter().try_for_each(|message| self.send(message))
    }
}

/// Sends replies of a call from anywhere: `Clone + Send + Sync + 'static`. Made by [`Sender::pusher`].
#[must_use]
pub struct Pusher<M> {
    remote: Remote<M>,
}

impl<M> Pusher<M> {
    /// Sends one message; blocks while the client does not read. `Err` when the call is over. (Allocates the encoded message.)
    pub fn send(&self, message: M) -> Result<(), Status> {
        self.remote.send(&message)
    }
}

sender_in_common!();
