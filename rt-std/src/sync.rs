//! The crate's own lock: a mutex that knows what must not happen while it is held.
//!
//! Two rules hold everywhere in this crate: no call of the seam (`crate::os`) while a lock is held, and never two
//! locks at once. Debug builds assert both. Taking a lock is also a point where the simulation may switch threads.

use crate::os::Os;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

// The models (`client/driver/models`) enumerate who takes it when.
#[cfg(loom_models)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom_models))]
use std::sync::{Mutex, MutexGuard};

// (Threads of a model are no threads of the system.)
#[cfg(all(debug_assertions, not(loom_models)))]
thread_local! {
    static HELD: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Called at the start of every operation of the seam that may block, switch threads or enter the kernel.
#[inline]
#[track_caller]
pub(crate) fn assert_unlocked() {
    #[cfg(all(debug_assertions, not(loom_models)))]
    assert!(!HELD.get() || std::thread::panicking(), "a call of the seam, or a second lock, under a lock");
}

/// A mutex. A panic while it is held does not poison it: what it guards is kept consistent by its owner's rules.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Lock(Mutex::new(value))
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
        assert_unlocked();
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(all(debug_assertions, not(loom_models)))]
        HELD.set(true);
        Guard(guard)
    }
}

/// A lock that is held.
#[derive(Debug)]
pub(crate) struct Guard<'a, T>(MutexGuard<'a, T>);

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        #[cfg(all(debug_assertions, not(loom_models)))]
        HELD.set(false);
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
