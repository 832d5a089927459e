//! A lock that knows what must not happen while it is held.
//!
//! Two rules hold in both runtimes: no call of the seam (`os`) while a lock of theirs is held, and never two locks at once; in the
//! async one no task is woken either, and no waker dropped (it may run, or drop, a task that calls back). Debug builds assert
//! them, wherever [`assert_unlocked`] is called.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

// Models of the runtimes (`client/driver/models` in both) enumerate who takes it when.
#[cfg(loom_models)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom_models))]
use std::sync::{Mutex, MutexGuard};

// (Threads of a model are no threads of the system.)
#[cfg(all(debug_assertions, not(loom_models)))]
thread_local! {
    static HELD: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Called at the start of whatever may block, switch threads, enter the kernel, or run code of others. Costs nothing in release
/// builds.
///
/// # Panics
/// In debug builds, when this thread holds a lock: a mistake of the runtime, never of its user or of a peer.
#[inline]
#[track_caller]
pub fn assert_unlocked() {
    #[cfg(all(debug_assertions, not(loom_models)))]
    assert!(!HELD.get() || std::thread::panicking(), "a call of the seam, a wake-up, or a second lock, under a lock");
}

/// A mutex. A panic while it is held does not poison it: what it guards is kept consistent by its owner's rules.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    /// A lock around this.
    pub fn new(value: T) -> Self {
        Lock(Mutex::new(value))
    }

    /// Waits for it. No other lock of a runtime may be held by this thread.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> Guard<'_, T> {
        assert_unlocked();
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(all(debug_assertions, not(loom_models)))]
        HELD.set(true);
        Guard(guard)
    }
}

/// A lock that is held.
#[derive(Debug)]
pub struct Guard<'a, T>(MutexGuard<'a, T>);

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
