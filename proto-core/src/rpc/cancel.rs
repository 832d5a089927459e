//! Cancellation that travels: from a handle that the application keeps, or from a call being served to the calls that
//! its handler makes.
//!
//! The core has no lock, so it only names the contract: runtimes implement [`CancelToken`] (their `Cancel` handle, the
//! calls that they serve), and their channels look at the tokens of a request's options.

use super::context::Context;
use crate::grpc::Status;
use alloc::sync::Arc;

/// Something that may be cancelled. Runtimes implement it; [`Request::cancel_on`](super::Request::cancel_on) and
/// [`Request::within`](super::Request::within) take it.
pub trait CancelToken: Send + Sync {
    /// The status to end with, once it is cancelled.
    fn cancelled(&self) -> Option<Status>;
    /// Calls `on_cancel` once, soon, from any thread, when it is cancelled (at once if it is already). Returns a key for `unsubscribe`.
    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64;
    /// Forgets a subscription. Afterwards `on_cancel` may still be running on another thread, but is not called any more.
    fn unsubscribe(&self, key: u64);
}

/// What hears of a cancellation.
pub trait OnCancel: Send + Sync {
    /// It is cancelled, with this status. Must not block.
    fn cancelled(&self, status: Status);
}

/// What [`Request::cancel_on`](super::Request::cancel_on) takes: a runtime's `Cancel` handle, the [`Context`] of a call
/// being served, or a token itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cancel a call",
    label = "expected a handle that cancels",
    note = "pass `&cancel` with `let cancel = rt_std::Cancel::new();`, or `request.context()` of the call being served"
)]
pub trait ToCancelToken {
    /// The token; `None` when there is nothing that could cancel (a detached context).
    fn to_cancel_token(&self) -> Option<Arc<dyn CancelToken>>;
}

impl ToCancelToken for Arc<dyn CancelToken> {
    fn to_cancel_token(&self) -> Option<Arc<dyn CancelToken>> {
        Some(self.clone())
    }
}

impl<T: CancelToken + 'static> ToCancelToken for Arc<T> {
    fn to_cancel_token(&self) -> Option<Arc<dyn CancelToken>> {
        Some(self.clone())
    }
}

impl ToCancelToken for Context {
    fn to_cancel_token(&self) -> Option<Arc<dyn CancelToken>> {
        self.handle().map(|handle| handle.clone() as Arc<dyn CancelToken>)
    }
}
