//! What a server allows, and the constants of its scheduling (each with its reason).

use proto_core::time::Instant;
use std::time::Duration;

/// How long a finished reply, or a stream's message, may wait for the next flush: about the price of two system calls on a
/// busy loopback connection, so that what batching saves is never less than what it delays. A method whose first polls
/// take longer than this on average is not polled by its connection's task.
pub(super) const BITE: Duration = Duration::from_micros(50);
/// A connection's task that has been at work for this long gives way to others, and comes again.
pub(super) const TURN: Duration = Duration::from_micros(500);
/// Reads of one turn, so that a busy connection does not starve the others.
pub(super) const READS: usize = 4;
/// From the forced end of all calls to leaving behind the handlers that still run.
pub(super) const LAST: Duration = Duration::from_millis(100);
/// Unsent bytes of a connection above which what is held back is flushed at once.
pub(super) const FLUSH_ABOVE: usize = 64 * 1024;
/// Calls do not start while their connection has more than this unsent, bytes. (Models write few.)
pub(super) const HOLD_ABOVE: usize = if cfg!(loom_models) { 64 } else { 1 << 20 };
/// Bytes of one read.
pub(super) const READ_SIZE: usize = 64 * 1024;
/// Never.
pub(super) const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// What is allowed; the builder's settings that are not the connection's own.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Handlers at once.
    pub(super) max_concurrent_handlers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_concurrent_handlers: 65_536 }
    }
}
