//! Cancellation that travels: from a `Cancel` handle, or from a call being served to the calls its handler makes.

use crate::grpc::Status;
use alloc::sync::Arc;

/// Something that may be cancelled. Runtimes implement it (the core has no lock to do so); `Request::cancel_on` and
/// `Request::within` take it.
pub trait CancelToken: Send + Sync {
    /// The status to end with, once it is cancelled.
    fn cancelled(&self) -> Option<Status>;
    /// Calls `on_cancel` once, soon, from any thread, when it is cancelled (at once if it is already). Returns a key for `unsubscribe`.
    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64;
    /// Forgets a subscription.
    fn unsubscribe(&self, key: u64);
}

/// What hears of a cancellation.
pub trait OnCancel: Send + Sync {
    /// It is cancelled, with this status. Must not block.
    fn cancelled(&self, status: Status);
}
