//! The channel's face: inputs and outputs. What they set in motion stands in `round`.

use super::address::Address;
use super::backoff::Backoff;
use super::config::ChannelConfig;
use super::failure::{self, Cause, ConnectFailure, Named, NextAttempt, Place, Tried, phase};
use super::orders::{ConnectionKey, Order};
use super::proxy::Hop;
use super::state::{Phase, Pick, Stage, State, Waiter};
use super::target::Target;
use crate::grpc::Status;
use crate::h1::Proxy;
use crate::time::{Instant, earliest};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

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
/// [`poll_timeout`](Self::poll_timeout). Any other order is safe. Reports about attempts and connections that the channel has given
/// up are ignored.
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
/// let Some(Order::Connect { key, address, tunnel: None }) = channel.poll_order() else { panic!() };
/// assert_eq!(address.to_string(), "127.0.0.1:50051");
///
/// channel.handle_connected(key);
/// channel.handle_ready(now, key);
/// assert_eq!(channel.state(), State::Ready);
/// assert!(matches!(channel.pick(now, &mut call), Pick::Ready(picked) if picked == key));
/// # Ok::<(), proto_core::channel::TargetError>(())
/// ```
#[derive(Debug)]
pub struct Channel {
    pub(super) target: Target,
    pub(super) hop: Hop,
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) backoff: Backoff,
    pub(super) phase: Phase,
    /// What the last lookup found; kept for when the next one fails.
    pub(super) addresses: Vec<Address>,
    /// A `Resolve` order has no answer yet.
    pub(super) lookup: bool,
    /// Connections that take no new calls and are not over.
    pub(super) leaving: Vec<ConnectionKey>,
    pub(super) orders: VecDeque<Order>,
    pub(super) last_key: u64,
    pub(super) generation: u64,
    /// Rounds that have failed.
    pub(super) failures: u64,
    /// What failed last, until a connection is ready.
    pub(super) failure: Option<ConnectFailure>,
    /// Connections in a row that did not last, without a call having ended.
    pub(super) short_lives: u32,
    calls: usize,
    pub(super) idle_since: Instant,
    /// Its first connection is its last.
    pub(super) once: bool,
    /// The error behind the end of that one.
    pub(super) last_cause: Option<Cause>,
}

impl Channel {
    /// A channel to this target, IDLE.
    pub fn new(target: Target, config: ChannelConfig) -> Self {
        Channel {
            hop: Hop::new(&target, None),
            target,
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout,
            backoff: Backoff::new(&config.backoff, config.seed),
            phase: Phase::Idle,
            addresses: Vec::new(),
            lookup: false,
            leaving: Vec::new(),
            orders: VecDeque::new(),
            last_key: 0,
            generation: 0,
            failures: 0,
            failure: None,
            short_lives: 0,
            calls: 0,
            idle_since: Instant::ZERO,
            once: false,
            last_cause: None,
        }
    }

    /// The same, over one connection and never another, such as a byte stream that somebody else has opened: when it takes no more
    /// calls, or the attempt fails, the channel is SHUTDOWN, and every pick fails and says why. Nor is it closed for being idle.
    #[must_use]
    pub fn with_one_connection(mut self) -> Self {
        self.once = true;
        self.idle_timeout = None;
        self
    }

    /// The same, but through this proxy (see [`ProxyRules::proxy_for`](super::ProxyRules::proxy_for)): its name is resolved, and every
    /// [`Order::Connect`] has a tunnel. A Unix socket is reached without it.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Option<&Proxy>) -> Self {
        self.hop = Hop::new(&self.target, proxy);
        self
    }

    /// Where it leads.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Connectivity.
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// Grows with everything that somebody may wait for: each change of the state, each round of attempts that failed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The connection that calls go to now, if there is one: what a runtime may keep at hand, until `generation` changes, instead of
    /// picking anew for every call.
    pub fn current(&self) -> Option<ConnectionKey> {
        match &self.phase {
            Phase::Ready { key, .. } => Some(*key),
            _ => None,
        }
    }

    /// What failed last, until a connection is ready again.
    pub fn last_failure(&self) -> Option<&ConnectFailure> {
        self.failure.as_ref()
    }

    /// The next thing to do.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Leaves IDLE, and TRANSIENT_FAILURE if the backoff is over; nothing in any other state.
    pub fn connect(&mut self, now: Instant) {
        match self.phase {
            Phase::Idle => {
                self.touch(now);
                self.begin_round(now);
            }
            Phase::BackingOff { until: Some(until) } if until <= now => self.begin_round(now),
            _ => {}
        }
    }

    /// Where this call goes. Begins to connect as `connect` does.
    pub fn pick(&mut self, now: Instant, call: &mut Waiter) -> Pick {
        let failures_before = *call.failures_before.get_or_insert(self.failures);
        self.touch(now);
        self.connect(now);
        match (&self.phase, &self.failure) {
            (Phase::Ready { key, .. }, _) => {
                // Should the call come back, it begins to wait anew.
                call.failures_before = None;
                Pick::Ready(*key)
            }
            (Phase::Shutdown, Some(failure @ ConnectFailure::Stream { .. })) => Pick::Fail(failure.status(None)),
            (Phase::Shutdown, _) => Pick::Fail(failure::shutdown()),
            (Phase::BackingOff { .. }, Some(failure)) if !call.wait_for_ready => {
                Pick::Fail(failure.status(self.until_next_round(now)))
            }
            (_, Some(failure)) if !call.wait_for_ready && self.failures != failures_before => {
                Pick::Fail(failure.status(self.until_next_round(now)))
            }
            _ => Pick::Wait,
        }
    }

    /// The end of a call whose deadline passes while `pick` says `Wait`: DEADLINE_EXCEEDED, naming what was under way.
    pub fn deadline_exceeded(&self, now: Instant) -> Status {
        match &self.phase {
            Phase::Resolving { .. } => {
                let what =
                    format!("{} {}", phase::RESOLVING, Named { host: &self.hop.host, through: self.hop.through() });
                failure::deadline(phase::RESOLVING, &what, self.failure.as_ref())
            }
            Phase::Connecting { attempt, .. } => {
                let tried = attempt.index.saturating_add(1);
                let tried = Tried { host: self.hop.name(), tried, of: self.addresses.len() };
                let place = Place { address: &attempt.address, through: self.hop.through() };
                let (phase, verb) = match (attempt.connected, attempt.stage) {
                    (true, _) => (phase::HANDSHAKE, "waiting for SETTINGS from"),
                    (false, Stage::Socket) => (phase::CONNECTING, "connecting to"),
                    (false, Stage::Tunnel) => (phase::TUNNEL, "waiting for a tunnel to"),
                    (false, Stage::Tls) => (phase::TLS, "in the TLS handshake with"),
                };
                let what = if self.once {
                    format!("{verb} the channel's byte stream")
                } else {
                    format!("{verb} {place}{tried}")
                };
                failure::deadline(phase, &what, self.failure.as_ref())
            }
            Phase::BackingOff { .. } => {
                let what = format!("{}{}", phase::BACKOFF, NextAttempt(self.until_next_round(now)));
                failure::deadline(phase::BACKOFF, &what, self.failure.as_ref())
            }
            Phase::Idle | Phase::Ready { .. } | Phase::Shutdown => {
                failure::deadline(phase::PICKING, phase::PICKING, self.failure.as_ref())
            }
        }
    }

    /// A call began (before its first pick). Only the idle time-out needs to know.
    pub fn call_started(&mut self, now: Instant) {
        self.touch(now);
        self.calls = self.calls.saturating_add(1);
    }

    /// A call that `call_started` counted is over. It also tells that connections serve calls: one that ends soon afterwards does not
    /// count among those that do not last. So a runtime that leaves `call_started` alone (with `idle_timeout` `None`) reports one
    /// when a connection ends that had calls.
    pub fn call_ended(&mut self, now: Instant) {
        self.touch(now);
        self.calls = self.calls.saturating_sub(1);
        self.short_lives = 0;
    }

    /// The answer to `Order::Resolve`: addresses in the order in which to try them, or why there are none. When there are none, but
    /// an earlier lookup found some, those are tried.
    pub fn handle_resolved(&mut self, now: Instant, result: Result<Vec<Address>, String>) {
        if core::mem::take(&mut self.lookup) {
            self.orders.retain(|order| !matches!(order, Order::Resolve { .. }));
            self.resolved(now, result);
        }
    }

    /// The transport of this attempt has come so far.
    pub fn handle_stage(&mut self, key: ConnectionKey, stage: Stage) {
        if let Phase::Connecting { attempt, .. } = &mut self.phase
            && attempt.key == key
        {
            attempt.stage = stage;
        }
    }

    /// The transport of this attempt stands; the peer's SETTINGS are still to come.
    pub fn handle_connected(&mut self, key: ConnectionKey) {
        if let Phase::Connecting { attempt, .. } = &mut self.phase {
            attempt.connected |= attempt.key == key;
        }
    }

    /// The peer's SETTINGS came: calls may go there.
    pub fn handle_ready(&mut self, now: Instant, key: ConnectionKey) {
        match &self.phase {
            Phase::Connecting { attempt, .. } if attempt.key == key => {
                let address = attempt.address.clone();
                self.ready(now, key, address);
            }
            _ => {}
        }
    }

    /// This attempt, or the only connection, is about to be reported as failed (`handle_failed`, `handle_closed`), and this is the
    /// error behind the words.
    pub fn handle_cause(&mut self, key: ConnectionKey, cause: Cause) {
        match &mut self.phase {
            Phase::Connecting { attempt, .. } if attempt.key == key => attempt.cause = Some(cause),
            Phase::Ready { key: ready, .. } if *ready == key && self.once => self.last_cause = Some(cause),
            _ => {}
        }
    }

    /// This attempt failed, in these words ("connection refused"). The next address is tried at once.
    pub fn handle_failed(&mut self, now: Instant, key: ConnectionKey, error: &str) {
        self.handle_closed(now, key, error);
    }

    /// This connection takes no new calls (GOAWAY; its stream ids run out); those that run go on there, and it is the runtime's until
    /// `handle_closed`.
    pub fn handle_draining(&mut self, now: Instant, key: ConnectionKey) {
        match &self.phase {
            Phase::Connecting { attempt, .. } if attempt.key == key => {
                self.abort(key);
                self.attempt_failed(now, "the peer sent GOAWAY before it was ready");
            }
            Phase::Ready { key: current, .. } if *current == key => {
                self.leaving.push(key);
                self.ready_over(now, "the peer sent GOAWAY");
            }
            _ => {}
        }
    }

    /// This connection, or attempt, is over, in these words.
    pub fn handle_closed(&mut self, now: Instant, key: ConnectionKey, reason: &str) {
        // What is over needs no ending.
        self.unorder(key);
        match &self.phase {
            Phase::Connecting { attempt, .. } if attempt.key == key => self.attempt_failed(now, reason),
            Phase::Ready { key: current, .. } if *current == key => self.ready_over(now, reason),
            _ => self.leaving.retain(|leaving| *leaving != key),
        }
    }

    /// When to call `handle_timeout`; O(1).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match &self.phase {
            Phase::Resolving { round } => round.checked_add(self.connect_timeout),
            Phase::Connecting { attempt, .. } => attempt.since.checked_add(self.connect_timeout),
            Phase::BackingOff { until } => *until,
            Phase::Ready { .. } => None,
            Phase::Idle | Phase::Shutdown => return None,
        };
        earliest(due, self.idle_at())
    }

    /// Serves what is due; afterwards `poll_timeout() > now`. Inputs come first: who was away for a while reports what has become of the
    /// attempt before this, or a connection that has long been there counts as timed out.
    pub fn handle_timeout(&mut self, now: Instant) {
        // What begins here ends later than now, so this comes to an end.
        while self.poll_timeout().is_some_and(|due| due <= now) {
            if self.idle_at().is_some_and(|due| due <= now) {
                self.go_idle();
            } else {
                self.time_out(now);
            }
        }
    }

    /// Ends it for good: attempts are aborted, connections end after `grace`, every pick fails. May be called again with another
    /// `grace`.
    pub fn shutdown(&mut self, grace: Duration) {
        self.stop(grace);
        self.enter(Phase::Shutdown);
    }

    fn idle_at(&self) -> Option<Instant> {
        self.idle_timeout.filter(|_| self.calls == 0).and_then(|timeout| self.idle_since.checked_add(timeout))
    }

    fn touch(&mut self, now: Instant) {
        self.idle_since = self.idle_since.max(now);
    }

    /// Zero: a round is under way. `None`: there will be none by itself.
    fn until_next_round(&self, now: Instant) -> Option<Duration> {
        match &self.phase {
            Phase::BackingOff { until } => until.map(|until| until - now),
            Phase::Resolving { .. } | Phase::Connecting { .. } => Some(Duration::ZERO),
            Phase::Idle | Phase::Ready { .. } | Phase::Shutdown => None,
        }
    }
}
