//! The channel itself.

use super::backoff::BackoffConfig;
use super::orders::{Address, ConnectionKey, Order};
use super::target::Target;
use crate::grpc::Status;
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Settings of a channel.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// Seed of the jitter, the only randomness. The runtime chooses it (default 0).
    pub seed: u64,
    /// For one lookup, and for one attempt from the start of connecting to the peer's SETTINGS, TLS included (default 20 s; at
    /// least 1 ms).
    pub connect_timeout: Duration,
    /// The wait between rounds of attempts that failed.
    pub backoff: BackoffConfig,
    /// A channel without calls for this long closes its connection and becomes IDLE (default 30 min; at least 1 ms). Counted by
    /// `call_started` and `call_ended`. `None`: never; a runtime that leaves the counting to its connections uses
    /// `Config::idle_timeout` instead.
    pub idle_timeout: Option<Duration>,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        ChannelConfig {
            seed: 0,
            connect_timeout: Duration::from_secs(20),
            backoff: BackoffConfig::default(),
            idle_timeout: Some(Duration::from_secs(30 * 60)),
        }
    }
}

/// Connectivity, as gRPC defines it (connectivity-semantics-and-api.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No connection, and nobody asked for one. The next pick, or `connect`, begins to connect.
    Idle,
    /// A name is being resolved, or a connection is being made.
    Connecting,
    /// There is a connection that takes calls.
    Ready,
    /// The last round of attempts failed; the next begins when the backoff is over.
    TransientFailure,
    /// The channel was shut down.
    Shutdown,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Idle => "IDLE",
            State::Connecting => "CONNECTING",
            State::Ready => "READY",
            State::TransientFailure => "TRANSIENT_FAILURE",
            State::Shutdown => "SHUTDOWN",
        })
    }
}

/// Where a call goes.
#[derive(Clone, Debug)]
#[must_use]
pub enum Pick {
    /// To this connection. When it turns out to take no calls any more, report that (`handle_draining` or `handle_closed`) and
    /// pick again.
    Ready(ConnectionKey),
    /// Nowhere yet: carry out the orders, and pick again when `generation` has changed.
    Wait,
    /// The call ends with this status, which says what was tried. The server has not seen the call.
    Fail(Status),
}

/// One call's waiting for a connection: made once for a call, given to every `pick` of it.
///
/// It remembers which failures came while the call waited, so that a call that fails fast learns of a failure even if the
/// channel is trying again already when the caller gets to look.
#[derive(Clone, Debug)]
pub struct Waiter {
    wait_for_ready: bool,
    failures_before: Option<u64>,
}

impl Waiter {
    /// For one call. With `wait_for_ready` it waits through failures (gRPC wait-for-ready.md), otherwise it fails fast.
    pub const fn new(wait_for_ready: bool) -> Self {
        Waiter { wait_for_ready, failures_before: None }
    }
}

/// Many connections as one.
///
/// ```text
///               connect, pick                 SETTINGS came
///       IDLE -------------------> CONNECTING ---------------> READY
///        ^                          |     ^                     |
///        |              all failed  v     | backoff is over     |
///        |                  TRANSIENT_FAILURE                   |
///        +------------------------------------------------------+
///          GOAWAY, connection lost; no calls for a long time (from any state)
/// ```
///
/// The loop of a runtime, after every input and whenever it wakes: carry out all of [`poll_order`](Self::poll_order); wake the
/// callers who wait if [`generation`](Self::generation) changed; wait for something to happen, at most until
/// [`poll_timeout`](Self::poll_timeout). Any other order is safe; reports about attempts and connections that the channel has
/// given up are ignored.
///
/// ```
/// use proto_core::channel::{Channel, ChannelConfig, Order, Pick, State, Target, Waiter};
/// use proto_core::Instant;
///
/// let now = Instant::ZERO;
/// let target = Target::parse("127.0.0.1:50051")?;
/// let mut channel = Channel::new(target, ChannelConfig::default());
///
/// let mut call = Waiter::new(false);
/// assert!(matches!(channel.pick(now, &mut call), Pick::Wait));
/// let Some(Order::Connect { key, address }) = channel.poll_order() else { panic!() };
/// assert_eq!(address.to_string(), "127.0.0.1:50051");
///
/// channel.handle_connected(now, key);
/// channel.handle_ready(now, key);
/// assert_eq!(channel.state(), State::Ready);
/// assert!(matches!(channel.pick(now, &mut call), Pick::Ready(picked) if picked == key));
/// # Ok::<(), proto_core::channel::TargetError>(())
/// ```
#[derive(Debug)]
pub struct Channel {
    target: Target,
    config: ChannelConfig,
}

impl Channel {
    /// A channel to this target, IDLE.
    pub fn new(target: Target, config: ChannelConfig) -> Self {
        Channel { target, config }
    }
    /// Where it leads.
    pub fn target(&self) -> &Target {
        &self.target
    }
    /// Leaves IDLE; nothing in any other state.
    pub fn connect(&mut self, now: Instant) {
        let _ = (now, &self.config);
        todo!()
    }
    /// Where this call goes. Leaves IDLE.
    pub fn pick(&mut self, now: Instant, call: &mut Waiter) -> Pick {
        let _ = (now, call.wait_for_ready, call.failures_before);
        todo!()
    }
    /// The end of a call whose deadline passes while `pick` says `Wait`: DEADLINE_EXCEEDED, naming what was under way.
    pub fn deadline_exceeded(&self, now: Instant) -> Status {
        let _ = now;
        todo!()
    }
    /// A call began (before its first pick). Only the idle timer needs to know.
    pub fn call_started(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// A call that `call_started` counted is over.
    pub fn call_ended(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// The answer to `Order::Resolve`: addresses in the order in which to try them, or why there are none.
    pub fn handle_resolved(&mut self, now: Instant, result: Result<Vec<Address>, String>) {
        let _ = (now, result);
        todo!()
    }
    /// The transport of this attempt stands; the peer's SETTINGS are still to come.
    pub fn handle_connected(&mut self, now: Instant, key: ConnectionKey) {
        let _ = (now, key);
        todo!()
    }
    /// The peer's SETTINGS came: calls may go there.
    pub fn handle_ready(&mut self, now: Instant, key: ConnectionKey) {
        let _ = (now, key);
        todo!()
    }
    /// This attempt failed, in these words ("connection refused").
    pub fn handle_failed(&mut self, now: Instant, key: ConnectionKey, error: &str) {
        let _ = (now, key, error);
        todo!()
    }
    /// This connection takes no new calls (GOAWAY; stream ids run out); those that run go on there.
    pub fn handle_draining(&mut self, now: Instant, key: ConnectionKey) {
        let _ = (now, key);
        todo!()
    }
    /// This connection is over, in these words.
    pub fn handle_closed(&mut self, now: Instant, key: ConnectionKey, reason: &str) {
        let _ = (now, key, reason);
        todo!()
    }
    /// When to call `handle_timeout`; O(1).
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }
    /// Serves what is due; afterwards `poll_timeout() > now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// The next thing to do.
    pub fn poll_order(&mut self) -> Option<Order> {
        todo!()
    }
    /// Connectivity.
    pub fn state(&self) -> State {
        todo!()
    }
    /// Grows with every change that somebody may wait for: of the state, and each failure of a round of attempts.
    pub fn generation(&self) -> u64 {
        todo!()
    }
    /// Ends it for good: attempts are aborted, connections closed after `grace`, every pick fails.
    pub fn shutdown(&mut self, now: Instant, grace: Duration) {
        let _ = (now, grace);
        todo!()
    }
}
