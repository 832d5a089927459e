//! What handlers that are futures have instead of the blocking streams: [`Receiver`] of requests, [`Sender`] of replies
//! (with [`Pusher`] for other tasks), and the waiting of a [`Context`](super::Context). The words are the blocking ones,
//! with `.await`.
//!
//! Nothing here knows an executor, a waker or a thread: a future asks the runtime's [`CallHandle`](super::CallHandle) without waiting, and
//! when there is nothing yet awaits [its event](super::CallHandle::wait), which is the only allocation. All futures are `Send`, whatever
//! the messages are, and may be dropped at any point: what was awaited then has happened as a whole or not at all.

mod context;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use receiver::Receiver;
pub use sender::{Pusher, Sender};
