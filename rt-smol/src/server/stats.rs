//! What a server has done so far, counted without a lock.

use proto_core::rpc::Report;
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
    pub(super) tls_failures: Counter,
    pub(super) slow_handlers: Counter,
}

impl Stats {
    /// As the user sees them.
    pub(super) fn report(&self, left_behind: usize) -> Report {
        let mut report = Report::default();
        report.calls = self.calls.get();
        report.forced = self.forced.get();
        report.left_behind = left_behind;
        report.refused = self.refused.get();
        report.unimplemented = self.unimplemented.get();
        report.panics = self.panics.get();
        report.connections = self.connections.get();
        report.connections_refused = self.connections_refused.get();
        report.accept_errors = self.accept_errors.get();
        report.tls_failures = self.tls_failures.get();
        report.slow_handlers = self.slow_handlers.get();
        report
    }
}
