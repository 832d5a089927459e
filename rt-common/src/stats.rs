//! What a server has done so far, counted without a lock.

use proto_core::rpc::Report;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One count.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Relaxed);
    }

    /// How many there have been.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// All of them; each is exact by itself, they are not read at one instant together.
#[derive(Debug, Default)]
pub struct Stats {
    /// Calls whose handlers have ended, or were ended by `on_call`.
    pub calls: Counter,
    /// Calls that a limit of the server refused.
    pub refused: Counter,
    /// Calls of methods that nobody serves.
    pub unimplemented: Counter,
    /// Handlers that panicked.
    pub panics: Counter,
    /// Calls that the end of the grace cut short.
    pub forced: Counter,
    /// Connections that were accepted.
    pub connections: Counter,
    /// Connections that a limit refused.
    pub connections_refused: Counter,
    /// Errors of accepting.
    pub accept_errors: Counter,
    /// Handlers that took long where others waited behind them.
    pub slow_handlers: Counter,
    /// TLS handshakes that failed.
    pub tls_failures: Counter,
}

impl Stats {
    /// As the user sees them, with the handlers that outlasted the server.
    pub fn report(&self, left_behind: usize) -> Report {
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
