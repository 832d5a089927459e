//! [`Sender`]: the replies of a streaming call, as its handler sends them; [`Pusher`]: the same for other threads.

use super::{SendError, TrySendError};
use crate::buf::Payload;
use crate::grpc::Status;
use crate::rpc::context::{CallHandle, Context};
use crate::rpc::method::EncodeFn;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// Encoded messages up to here are copied into the connection's output (a copy costs less than an allocation and a
/// longer `writev`), and the buffer is kept for the next one; larger ones are handed over and go out as they are.
const COPIED_UP_TO: usize = 16 * 1024;

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
#[must_use]
pub struct Sender<M> {
    context: Context,
    sink: Sink<M>,
}

enum Sink<M> {
    /// The call of `context`, and a buffer that is reused from message to message.
    Call { encode: EncodeFn<M>, scratch: Vec<u8> },
    /// A test's: what was sent, and after how many messages the caller goes.
    Test { sent: Vec<M>, end: Option<(usize, Status)> },
}

impl<M> Sender<M> {
    /// Of a call.
    pub fn new(context: Context, encode: EncodeFn<M>) -> Self {
        Sender { context, sink: Sink::Call { encode, scratch: Vec::new() } }
    }

    /// The call's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Sends one reply; blocks while the client does not read. `Err`, with the call's status, when the caller has gone.
    pub fn send(&mut self, message: M) -> Result<(), Status> {
        match &mut self.sink {
            Sink::Test { sent, end } => test_send(sent, end, message),
            Sink::Call { encode, scratch } => {
                put(self.context.handle(), *encode, &message, scratch, true)?;
                Ok(())
            }
        }
    }

    /// Sends one reply if that does not block; gives it back when it would.
    pub fn try_send(&mut self, message: M) -> Result<(), TrySendError<M>> {
        let sent = match &mut self.sink {
            Sink::Test { sent, end } => return test_send(sent, end, message).map_err(failed),
            Sink::Call { encode, scratch } => put(self.context.handle(), *encode, &message, scratch, false),
        };
        outcome(sent, message)
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
        match &self.sink {
            Sink::Call { encode, .. } => {
                Pusher { handle: self.context.handle().map(|h| h.share()), encode: Some(*encode) }
            }
            Sink::Test { .. } => Pusher { handle: None, encode: None },
        }
    }
}

/// For tests of a user's own handlers.
impl<M> Sender<M> {
    /// A sender that keeps what is sent.
    pub fn for_test() -> Self {
        Sender { context: Context::detached(), sink: Sink::Test { sent: Vec::new(), end: None } }
    }

    /// With this context.
    pub fn with_context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    /// The caller goes after `messages` messages: what is sent later fails with this status.
    pub fn ending_after(mut self, messages: usize, status: Status) -> Self {
        if let Sink::Test { end, .. } = &mut self.sink {
            *end = Some((messages, status));
        }
        self
    }

    /// What was sent through a sender [`for_test`](Self::for_test); nothing on others.
    pub fn sent(&self) -> &[M] {
        match &self.sink {
            Sink::Test { sent, .. } => sent,
            Sink::Call { .. } => &[],
        }
    }

    /// Takes what was sent through a sender [`for_test`](Self::for_test).
    pub fn take_sent(&mut self) -> Vec<M> {
        match &mut self.sink {
            Sink::Test { sent, .. } => core::mem::take(sent),
            Sink::Call { .. } => Vec::new(),
        }
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Sends replies of a call from anywhere: `Clone + Send + Sync + 'static`. Made by [`Sender::pusher`].
#[must_use]
pub struct Pusher<M> {
    handle: Option<Arc<dyn CallHandle>>,
    encode: Option<EncodeFn<M>>,
}

impl<M> Pusher<M> {
    /// Sends one message; blocks while the client does not read. `Err` when the call is over. (Allocates the encoded message.)
    pub fn send(&self, message: M) -> Result<(), Status> {
        self.put(&message, true).map(|_| ())
    }

    /// Sends one message if that does not block; gives it back when it would.
    pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        outcome(self.put(&message, false), message)
    }

    /// The call is over: nothing can be sent any more.
    pub fn is_closed(&self) -> bool {
        self.handle.as_ref().is_none_or(|h| h.is_over())
    }

    fn put(&self, message: &M, wait: bool) -> Result<bool, Status> {
        let Some(encode) = self.encode else { return Err(no_call()) };
        put(self.handle.as_ref(), encode, message, &mut Vec::new(), wait)
    }
}

impl<M> Clone for Pusher<M> {
    fn clone(&self) -> Self {
        Pusher { handle: self.handle.clone(), encode: self.encode }
    }
}

impl<M> fmt::Debug for Pusher<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pusher").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// Encodes and hands over; `Ok(false)` when it would block and must not.
fn put<M>(
    handle: Option<&Arc<dyn CallHandle>>,
    encode: EncodeFn<M>,
    message: &M,
    scratch: &mut Vec<u8>,
    wait: bool,
) -> Result<bool, Status> {
    let Some(handle) = handle else { return Err(no_call()) };
    scratch.clear();
    encode(message, scratch)?;
    if scratch.len() <= COPIED_UP_TO {
        return handle.send(Payload::Slice(scratch), wait);
    }
    let bytes = Bytes::from(core::mem::take(scratch));
    handle.send(Payload::Shared(&bytes), wait)
}

fn outcome<M>(sent: Result<bool, Status>, message: M) -> Result<(), TrySendError<M>> {
    match sent {
        Ok(true) => Ok(()),
        Ok(false) => Err(TrySendError::Full(message)),
        Err(status) => Err(failed(status)),
    }
}

fn failed<M>(status: Status) -> TrySendError<M> {
    TrySendError::Failed(SendError::Failed(status))
}

fn test_send<M>(sent: &mut Vec<M>, end: &Option<(usize, Status)>, message: M) -> Result<(), Status> {
    match end {
        Some((messages, status)) if sent.len() >= *messages => Err(status.clone()),
        _ => {
            sent.push(message);
            Ok(())
        }
    }
}

fn no_call() -> Status {
    Status::cancelled("there is no call to send on")
}
