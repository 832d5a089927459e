//! The buffers between the core and whoever moves its bytes, and the queues in which payloads wait.
//!
//! [`Incoming`] and [`Outgoing`] belong to the driver, so that no system call happens while a connection is locked.
//! [`Payload`] is what a caller sends, [`MessageBuf`] what a caller receives. Nothing here knows of frames.

mod byte_queue;
mod incoming;
mod message;
mod outgoing;
#[cfg(test)]
mod tests;

pub(crate) use byte_queue::{ByteQueue, Piece};
pub use incoming::Incoming;
pub use message::{MessageBuf, Payload};
pub use outgoing::Outgoing;

/// Payloads up to this length are copied when they are sent: a memcpy costs less than an allocation and a longer iovec.
pub(crate) const COPY_UP_TO: usize = 16 * 1024;
