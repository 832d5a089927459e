//! [`Sender`]: the replies of a streaming call, as its handler sends them; [`Pusher`]: the same for other threads.

use super::TrySendError;
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
    /// Of a call.
    pub fn new(context: Context, encode: EncodeFn<M>) -> Self {
        Sender { sink: Sink::call(context, encode) }
    }

    /// The call's context.
    pub fn context(&self) -> &Context {
        &self.sink.context
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

    /// A way to send that outlives the handler's stack frame, for other threads (chat rooms, watches). The call still
    /// ends when its handler returns; then the pusher [is closed](Pusher::is_closed).
    ///
    /// Of a sender [`for_test`](Self::for_test) it is closed from the start: test such handlers over a real call.
    pub fn pusher(&self) -> Pusher<M> {
        Pusher { remote: self.sink.remote() }
    }
}

/// For tests of a user's own handlers.
impl<M> Sender<M> {
    /// A sender that keeps what is sent.
    pub fn for_test() -> Self
    where
        M: Send + Sync + 'static,
    {
        Sender { sink: Sink::test() }
    }

    /// With this context.
    pub fn with_context(mut self, context: Context) -> Self {
        self.sink.context = context;
        self
    }

    /// The caller goes after `messages` messages: what is sent later fails with this status.
    pub fn ending_after(mut self, messages: usize, status: Status) -> Self {
        self.sink.end_after(messages, status);
        self
    }

    /// What was sent through a sender [`for_test`](Self::for_test); nothing on others.
    pub fn sent(&self) -> &[M] {
        self.sink.sent()
    }

    /// Takes what was sent through a sender [`for_test`](Self::for_test).
    pub fn take_sent(&mut self) -> Vec<M> {
        self.sink.take_sent()
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("context", self.context()).finish_non_exhaustive()
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

    /// Sends one message if that does not block; gives it back when it would.
    pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.remote.offer(message)
    }

    /// The call is over: nothing can be sent any more.
    pub fn is_closed(&self) -> bool {
        self.remote.is_closed()
    }
}

impl<M> Clone for Pusher<M> {
    fn clone(&self) -> Self {
        Pusher { remote: self.remote.clone() }
    }
}

impl<M> fmt::Debug for Pusher<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pusher").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
