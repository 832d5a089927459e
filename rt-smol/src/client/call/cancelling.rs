//! How a call hears of the tokens that may cancel it.

use super::Call;
use proto_core::Status;
use proto_core::rpc::{CancelToken, OnCancel};
use std::sync::{Arc, Weak};

/// The subscriptions of one call; dropped with it.
pub(super) struct Subscriptions(Vec<(Arc<dyn CancelToken>, u64)>);

impl Subscriptions {
    pub(super) fn new(call: &Arc<Call>, tokens: Vec<Arc<dyn CancelToken>>) -> Self {
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

/// What a token calls. Weak: a token that lives long does not keep calls alive.
struct Hook(Weak<Call>);

impl OnCancel for Hook {
    fn cancelled(&self, status: Status) {
        if let Some(call) = self.0.upgrade() {
            call.stop(status);
        }
    }
}
