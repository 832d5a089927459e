//! What a server has done.

use std::fmt;

/// What a server has done, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Calls whose handlers have ended, or were ended by `on_call`.
    pub calls: u64,
    /// Calls that the end of the grace cut off.
    pub forced: u64,
    /// Handlers that had not come back when the server ended.
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
    /// Handlers whose first poll took more than a millisecond, so that others waited behind it.
    pub slow_handlers: u64,
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
