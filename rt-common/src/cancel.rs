//! [`Cancel`]: ends calls from anywhere.

use crate::sync::Lock;
use proto_core::Status;
use proto_core::rpc::{CancelToken, OnCancel, Subscribers, ToCancelToken};
use std::fmt;
use std::sync::Arc;

/// A handle that ends every call that was started with it (`Request::cancel_on`). Clones are the same handle.
///
/// ```
/// use proto_core::rpc::Request;
/// use rt_common::Cancel; // rt_std::Cancel, rt_smol::Cancel
///
/// let cancel = Cancel::new();
/// let request = Request::new("hello").cancel_on(&cancel);
/// cancel.cancel(); // before the call or during it, from any thread or task
/// assert!(cancel.is_cancelled());
/// # drop(request);
/// ```
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    subscribers: Lock<Subscribers>,
}

impl Cancel {
    /// A handle that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls that were started with it, and those that will be, with CANCELLED. Once is enough.
    pub fn cancel(&self) {
        self.cancel_with(Subscribers::by_the_application());
    }

    /// The same, with a status of one's own.
    pub fn cancel_with(&self, status: Status) {
        let told = self.inner.subscribers.lock().cancel(&status);
        told.for_each(|subscriber| subscriber.cancelled(status.clone()));
    }

    /// Was it used?
    pub fn is_cancelled(&self) -> bool {
        self.inner.subscribers.lock().cancelled().is_some()
    }
}

impl CancelToken for Inner {
    fn cancelled(&self) -> Option<Status> {
        self.subscribers.lock().cancelled().cloned()
    }

    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        let (key, cancelled) = self.subscribers.lock().subscribe(&on_cancel);
        if let Some(status) = cancelled {
            on_cancel.cancelled(status);
        }
        key
    }

    fn unsubscribe(&self, key: u64) {
        // Dropped after the unlock.
        let forgotten = self.subscribers.lock().unsubscribe(key);
        drop(forgotten);
    }
}

impl ToCancelToken for Cancel {
    fn to_cancel_token(&self) -> Option<Arc<dyn CancelToken>> {
        Some(self.inner.clone())
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("cancelled", &self.is_cancelled()).finish()
    }
}
