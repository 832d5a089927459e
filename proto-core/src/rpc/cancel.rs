//! Cancellation that travels: from a handle that the application keeps, or from a call being served to the calls that
//! its handler makes.
//!
//! The core has no lock, so it only names the contract: runtimes implement [`CancelToken`] (their `Cancel` handle, the
//! calls that they serve), and their channels look at the tokens of a request's options.

use crate::grpc::{Local, Origin, Status};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;

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

/// What [`Request::cancel_on`](super::Request::cancel_on) takes: a runtime's `Cancel` handle, the [`Context`](super::Context) of a call
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

/// What a runtime's cancel handle keeps, under the runtime's lock: whether it was used, and who is to be told. Whom its
/// methods return is called after the unlock.
#[derive(Default)]
pub struct Subscribers {
    cancelled: Option<Status>,
    last: u64,
    all: BTreeMap<u64, Arc<dyn OnCancel>>,
}

impl Subscribers {
    /// Nobody yet.
    pub const fn new() -> Self {
        Subscribers { cancelled: None, last: 0, all: BTreeMap::new() }
    }

    /// The status of a handle that says no more than that it was used: CANCELLED, by this side's application.
    pub fn by_the_application() -> Status {
        Status::cancelled("cancelled by the application").with_origin(Origin::Local(Local::Cancelled))
    }

    /// The handle is used, with this status: those to tell. The first time counts; later there is nobody.
    pub fn cancel(&mut self, status: &Status) -> impl Iterator<Item = Arc<dyn OnCancel>> + use<> {
        let first = self.cancelled.is_none();
        self.cancelled.get_or_insert_with(|| status.clone());
        let told = if first { core::mem::take(&mut self.all) } else { BTreeMap::new() };
        told.into_values()
    }

    /// The status that it was used with.
    pub fn cancelled(&self) -> Option<&Status> {
        self.cancelled.as_ref()
    }

    /// For [`CancelToken::subscribe`]: the key, and the status to tell at once if it was used already.
    pub fn subscribe(&mut self, on_cancel: &Arc<dyn OnCancel>) -> (u64, Option<Status>) {
        self.last += 1;
        if self.cancelled.is_none() {
            self.all.insert(self.last, on_cancel.clone());
        }
        (self.last, self.cancelled.clone())
    }

    /// For [`CancelToken::unsubscribe`]: who is not told any more, to be dropped after the unlock.
    pub fn unsubscribe(&mut self, key: u64) -> Option<Arc<dyn OnCancel>> {
        self.all.remove(&key)
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribers").field("cancelled", &self.cancelled).field("count", &self.all.len()).finish()
    }
}

/// What a call has subscribed to, of the tokens that may cancel it; dropped with the call, it forgets them.
pub struct Subscriptions(Vec<(Arc<dyn CancelToken>, u64)>);

impl Subscriptions {
    /// Subscribes `call` to these tokens. Weakly: a token that lives long does not keep calls alive.
    pub fn new<C: OnCancel + 'static>(call: &Arc<C>, tokens: Vec<Arc<dyn CancelToken>>) -> Self {
        let hook: Arc<dyn OnCancel> = Arc::new(Hook(Arc::downgrade(call)));
        let subscribe = |token: Arc<dyn CancelToken>| {
            let key = token.subscribe(hook.clone());
            (token, key)
        };
        Subscriptions(tokens.into_iter().map(subscribe).collect())
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        for (token, key) in &self.0 {
            token.unsubscribe(*key);
        }
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("count", &self.0.len()).finish()
    }
}

/// What a token calls.
struct Hook<C>(Weak<C>);

impl<C: OnCancel> OnCancel for Hook<C> {
    fn cancelled(&self, status: Status) {
        if let Some(call) = self.0.upgrade() {
            call.cancelled(status);
        }
    }
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
