//! What handlers that are futures have instead of the blocking streams: [`Receiver`] of requests, [`Sender`] of replies
//! (with [`Pusher`] for other tasks), and the waiting of a [`Context`](super::Context). The words are the blocking ones,
//! with `.await`.
//!
//! Nothing here knows an executor, a waker or a thread: a future asks the runtime's [`CallHandle`] without waiting, and
//! when there is nothing yet awaits [`CallHandle::wait`], which is the only allocation. All futures are `Send`, whatever
//! the messages are, and may be dropped at any point: what was awaited then has happened as a whole or not at all.

mod context;
mod receiver;
mod sender;

pub use receiver::Receiver;
pub use sender::{Pusher, Sender};

use super::context::CallHandle;
use crate::grpc::Status;

/// What ends a wait when the call is over: its status, or that its handler has returned.
fn ended(handle: &dyn CallHandle) -> Option<Status> {
    handle.cancelled().or_else(|| handle.is_over().then(|| Status::cancelled("the call has ended")))
}
