//! The streams of a blocking handler, [`Receiver`] of requests and [`Sender`] of replies (with [`Pusher`] for other
//! threads), and the errors of sending and of receiving without waiting, which the clients' streams share.
//!
//! Both hold their call's context, so that a handler can use them at once, from two threads of a scope. What they share
//! with the streams of handlers that are futures ([`asynchronous`](super::asynchronous)) stands in `source` and `sink`.

pub(crate) mod in_common;
mod receiver;
mod sender;
pub(super) mod sink;
pub(super) mod source;
#[cfg(test)]
pub(super) mod tests;

pub use receiver::Receiver;
pub use sender::{Pusher, Sender};

use crate::grpc::Status;
use core::fmt;

/// Why a client's message was not sent.
///
/// A server may answer before it has read everything; then there is nothing wrong with the call, and the loop just ends:
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::SendError;
/// # struct Call(u32);
/// # impl Call { fn send(&mut self, _: u32) -> Result<(), SendError> { self.0 += 1; if self.0 > 2 { Err(SendError::Ended) } else { Ok(()) } } }
/// fn feed(call: &mut Call) -> Result<(), Status> {
///     for number in 0..10 {
///         match call.send(number) {
///             Err(SendError::Ended) => break,
///             other => other?,
///         }
///     }
///     Ok(())
/// }
/// fn feed_in_a_program(call: &mut Call) -> Result<(), Box<dyn std::error::Error>> {
///     for number in 0..10 {
///         match call.send(number) {
///             Err(SendError::Ended) => break,
///             other => other?,
///         }
///     }
///     Ok(())
/// }
/// # feed(&mut Call(0))?;
/// # feed_in_a_program(&mut Call(0)).map_err(|e| Status::internal(e.to_string()))?;
/// # Ok::<(), Status>(())
/// ```
#[derive(Clone, Debug)]
pub enum SendError {
    /// Nothing more can be sent, and that is no failure of this message: the call is over already (the server has answered,
    /// or this side has ended it: the other half was dropped, it was cancelled), and `finish` or the receiving side tells
    /// how; or this side has finished its requests.
    Ended,
    /// It failed (too large, cannot be encoded).
    Failed(Status),
}

/// True of all that `Ended` stands for.
const ENDED: &str = "nothing more can be sent: the call is over, or its requests were finished";

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Ended => f.write_str(ENDED),
            SendError::Failed(status) => status.fmt(f),
        }
    }
}

impl core::error::Error for SendError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            SendError::Ended => None,
            SendError::Failed(status) => Some(status),
        }
    }
}

impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Ended => Status::cancelled(ENDED),
            SendError::Failed(status) => status,
        }
    }
}

impl From<Status> for SendError {
    fn from(status: Status) -> Self {
        SendError::Failed(status)
    }
}

/// Why `try_send` did not send.
#[derive(Clone)]
pub enum TrySendError<M> {
    /// Windows or buffers are full: the message comes back.
    Full(M),
    /// As with `send`.
    Failed(SendError),
}

impl<M> TrySendError<M> {
    /// Full, and not over?
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }
}

impl<M> fmt::Debug for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("Full(..)"),
            TrySendError::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

impl<M> fmt::Display for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("the peer does not read: windows or buffers are full"),
            TrySendError::Failed(error) => error.fmt(f),
        }
    }
}

impl<M> core::error::Error for TrySendError<M> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            TrySendError::Full(_) => None,
            TrySendError::Failed(error) => Some(error),
        }
    }
}

/// `?` in a handler ends the call when its peer does not keep up: full is RESOURCE_EXHAUSTED.
impl<M> From<TrySendError<M>> for Status {
    fn from(error: TrySendError<M>) -> Self {
        match error {
            TrySendError::Full(_) => Status::resource_exhausted("the peer does not read fast enough"),
            TrySendError::Failed(error) => error.into(),
        }
    }
}

/// Why `try_recv` or `recv_timeout` has no message.
#[derive(Clone, Debug)]
pub enum TryRecvError {
    /// Not yet; the call goes on.
    Empty,
    /// The peer has sent everything (client: with status OK).
    Ended,
    /// The call is over, with this status.
    Failed(Status),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("no message yet"),
            TryRecvError::Ended => f.write_str("the peer has sent everything"),
            TryRecvError::Failed(status) => status.fmt(f),
        }
    }
}

impl core::error::Error for TryRecvError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            TryRecvError::Failed(status) => Some(status),
            _ => None,
        }
    }
}
