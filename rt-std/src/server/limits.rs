//! What a server allows, and the constants of its scheduling (each with its reason).

use proto_core::time::Instant;
use rt_common::means::SLOW;
use std::time::Duration;

/// Calls that one worker runs in a row: their expected cost together. A call that costs more runs alone. Also how long
/// a finished reply may wait for the next flush: about the price of two system calls on a busy loopback connection, so
/// that what batching saves is never less than what it delays.
pub(super) const BITE: Duration = Duration::from_micros(50);
/// A watched worker that is longer than this in one handler is robbed; the watch ticks as often.
pub(super) const TICK: Duration = Duration::from_micros(500);
/// The watch goes on ticking for this long after the last bite that needed it, so that a steady load does not start
/// and stop it with a wake-up each.
pub(super) const QUIET: Duration = Duration::from_millis(2);
/// While the processors are busy with us, a waiting call gets a new thread only after this, one at a time.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// From the forced end of all calls to leaving behind the handlers that still run.
pub(super) const LAST: Duration = Duration::from_millis(100);
/// How long CPU time is watched before it is believed: longer than the kernel's accounting tick.
pub(super) const SPAN: Duration = Duration::from_millis(10);
/// A worker that found nothing to do for this long goes home.
pub(super) const LINGER: Duration = Duration::from_secs(10);
/// Unsent bytes of a connection above which a finished reply is flushed at once.
pub(super) const FLUSH_ABOVE: usize = 64 * 1024;
/// Unary calls that may wait for a handler thread, unless the user says otherwise: so many, or so many for each open
/// connection if that is more. A thousand well-behaved clients with ten calls each are no overload; the bound is for time,
/// since what a waiting call holds lies within its connection's own bounds, and its place in the queue is below 100 bytes.
const QUEUED: usize = 1_000;
const QUEUED_PER_CONNECTION: usize = 16;
/// Never.
pub(super) const NEVER: Instant = Instant::from_nanos(u64::MAX);
/// The end of a grace that has none: 584 years on, but not `NEVER`, which says that nobody has stopped the server.
pub(super) const LATEST: Instant = Instant::from_nanos(u64::MAX - 1);

/// What is allowed; the builder's settings that are neither the connection's own nor both runtimes'.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Unary handlers at once.
    pub(crate) max_handler_threads: usize,
    /// Streaming handlers at once.
    pub(crate) max_streaming_handlers: usize,
    /// Unary calls that wait for a handler thread; `None`: as many as `max_queued` says.
    pub(crate) max_queued_calls: Option<usize>,
    /// Calls do not start while their connection has more than this unsent, bytes.
    pub(crate) hold_above: usize,
    /// Processors to fill.
    pub(crate) cores: usize,
    /// First guess of a method's time.
    pub(crate) first_guess: Duration,
    /// Another worker is woken when the ready connections will take longer than this.
    pub(crate) help_above: Duration,
    /// Bytes of one read.
    pub(crate) read_size: usize,
    /// The rule that is switched off in this run (the simulation's own tests).
    #[cfg(feature = "testkit")]
    pub(crate) without: Option<super::rules::Rule>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_handler_threads: 63,
            max_streaming_handlers: 256,
            max_queued_calls: None,
            hold_above: 1 << 20,
            cores: std::thread::available_parallelism().map_or(2, usize::from),
            // Unknown is slow.
            first_guess: SLOW,
            help_above: Duration::from_micros(100),
            read_size: 64 * 1024,
            #[cfg(feature = "testkit")]
            without: None,
        }
    }
}

impl Limits {
    /// Unary calls that may wait for a handler thread, with so many connections.
    pub(super) fn max_queued(&self, connections: usize) -> usize {
        self.max_queued_calls.unwrap_or_else(|| QUEUED.max(connections.saturating_mul(QUEUED_PER_CONNECTION)))
    }

    /// Threads at most: every handler, and the one that stays free.
    pub(super) fn max_threads(&self) -> usize {
        self.max_handler_threads.saturating_add(self.max_streaming_handlers).saturating_add(1)
    }
}
