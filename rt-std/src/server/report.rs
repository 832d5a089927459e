//! What a server has done.

use super::hub::Hub;
use std::fmt;

/// What a server has done, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Calls whose handlers have returned, or were ended by `on_call`.
    pub calls: u64,
    /// Calls that the end of the grace cut off.
    pub forced: u64,
    /// Handlers that had not returned when the server ended.
    pub left_behind: usize,
    /// Calls that were too many: RESOURCE_EXHAUSTED.
    pub refused: u64,
    /// Calls of a method that no service has.
    pub unimplemented: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections closed because they were too many (all, or with a pending handshake).
    pub connections_refused: u64,
    /// Times that accepting failed; the server goes on.
    pub accept_errors: u64,
    /// TLS handshakes that failed (`ServerBuilder::on_tls_failure` hears why).
    pub tls_failures: u64,
    /// Handlers that took long where handlers of their method had been fast, so that another thread took over what
    /// waited behind them.
    pub slow_handlers: u64,
}

impl Report {
    pub(super) fn of(hub: &Hub, left_behind: usize) -> Self {
        let stats = &hub.stats;
        Report {
            calls: stats.calls.get(),
            forced: stats.forced.get(),
            left_behind,
            refused: stats.refused.get(),
            unimplemented: stats.unimplemented.get(),
            panics: stats.panics.get(),
            connections: stats.connections.get(),
            connections_refused: stats.connections_refused.get(),
            accept_errors: stats.accept_errors.get(),
            tls_failures: stats.tls_failures.get(),
            slow_handlers: stats.robbed.get(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls ended, {} of them by force", self.calls, self.forced)?;
        if self.left_behind > 0 {
            write!(f, ", {} handlers left behind", self.left_behind)?;
        }
        if self.refused > 0 {
            write!(f, ", {} calls refused", self.refused)?;
        }
        Ok(())
    }
}
