//! What a server has done so far, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One count.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn one(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// All of them; each is exact by itself, they are not read at one instant together.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) calls: Counter,
    pub(super) refused: Counter,
    pub(super) unimplemented: Counter,
    pub(super) panics: Counter,
    pub(super) forced: Counter,
    pub(super) connections: Counter,
    pub(super) connections_refused: Counter,
    pub(super) accept_errors: Counter,
    pub(super) robbed: Counter,
    pub(super) tls_failures: Counter,
    // System calls, for those who measure.
    pub(super) reads: Counter,
    pub(super) writes: Counter,
    pub(super) waits: Counter,
    pub(super) unparks: Counter,
}
