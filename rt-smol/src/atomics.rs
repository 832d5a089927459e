//! Counters and points in time that tasks share without a lock, where the order of what two of them see decides who is woken:
//! sequentially consistent, every access.
//!
//! In models each access is one that sees the latest value: the checker takes "sequentially consistent" for less, and would
//! report what cannot happen.

#[cfg(loom_models)]
use loom::sync::atomic::AtomicU64;
#[cfg(not(loom_models))]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

/// A number.
#[derive(Debug)]
pub(crate) struct Shared(AtomicU64);

impl Shared {
    pub(crate) fn new(value: u64) -> Self {
        Shared(AtomicU64::new(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        #[cfg(loom_models)]
        return self.0.fetch_add(0, SeqCst);
        #[cfg(not(loom_models))]
        self.0.load(SeqCst)
    }

    /// One more.
    #[inline]
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    /// One more, unless there are so many.
    #[inline]
    pub(crate) fn add_one_below(&self, most: u64) -> bool {
        let more = |count| if count < most { Some(count + 1) } else { None };
        self.0.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    /// One less: how many there were.
    #[inline]
    pub(crate) fn take_one(&self) -> u64 {
        self.0.fetch_sub(1, SeqCst)
    }

    /// At most this: what it was.
    #[inline]
    pub(crate) fn at_most(&self, value: u64) -> u64 {
        self.0.fetch_min(value, SeqCst)
    }
}
