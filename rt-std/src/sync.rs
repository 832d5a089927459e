//! The crate's own lock: taking it is a point where the simulation may switch threads.
//!
//! Two rules hold everywhere in this crate: no call of the seam (`crate::os`) while a lock is held, and never two
//! locks at once. Debug builds assert both (`rt_common::sync`).

use crate::os::Os;
use rt_common::sync;
pub(crate) use rt_common::sync::{Guard, assert_unlocked};

/// A mutex. A panic while it is held does not poison it: what it guards is kept consistent by its owner's rules.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(sync::Lock<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Lock(sync::Lock::new(value))
    }

    /// Waits for it. No other lock of this crate may be held by this thread.
    #[inline]
    #[track_caller]
    pub(crate) fn lock(&self, os: &dyn Os) -> Guard<'_, T> {
        assert_unlocked();
        os.yield_point();
        self.take()
    }

    /// The same where no seam is at hand (a leaf whose holder does nothing but touch the value).
    #[inline]
    #[track_caller]
    pub(crate) fn take(&self) -> Guard<'_, T> {
        self.0.lock()
    }
}
