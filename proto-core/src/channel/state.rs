//! Connectivity, and what a call is told about it.

use super::address::Address;
use super::failure::Cause;
use super::orders::ConnectionKey;
use crate::grpc::Status;
use crate::time::Instant;
use core::fmt;

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
/// It remembers which failures came while the call waited, so that a call that fails fast learns of one even if the channel is
/// trying again already when the caller gets to look.
#[derive(Clone, Debug)]
pub struct Waiter {
    pub(super) wait_for_ready: bool,
    /// How many rounds had failed when the call began to wait.
    pub(super) failures_before: Option<u64>,
}

impl Waiter {
    /// For one call. With `wait_for_ready` it waits through failures (gRPC wait-for-ready.md), otherwise it fails fast.
    pub const fn new(wait_for_ready: bool) -> Self {
        Waiter { wait_for_ready, failures_before: None }
    }
}

/// What a channel is doing, with what belongs to it.
#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    /// Waits for the answer of a lookup.
    Resolving {
        /// When the round began.
        round: Instant,
    },
    /// Waits for one address.
    Connecting {
        round: Instant,
        attempt: Attempt,
    },
    Ready {
        key: ConnectionKey,
        since: Instant,
        address: Address,
    },
    BackingOff {
        /// When the next round begins; `None`: beyond the end of time.
        until: Option<Instant>,
    },
    Shutdown,
}

/// How far the transport of an attempt has come, for the texts of deadlines and time-outs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The socket is on its way.
    #[default]
    Socket,
    /// The socket stands, a proxy is asked for a tunnel.
    Tunnel,
    /// TLS shakes hands.
    Tls,
}

/// One attempt to connect.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) key: ConnectionKey,
    pub(super) address: Address,
    /// Its place among the addresses.
    pub(super) index: usize,
    pub(super) since: Instant,
    pub(super) stage: Stage,
    /// The error by which it is about to fail.
    pub(super) cause: Option<Cause>,
    /// The transport stands.
    pub(super) connected: bool,
}

impl Phase {
    pub(super) fn state(&self) -> State {
        match self {
            Phase::Idle => State::Idle,
            Phase::Resolving { .. } | Phase::Connecting { .. } => State::Connecting,
            Phase::Ready { .. } => State::Ready,
            Phase::BackingOff { .. } => State::TransientFailure,
            Phase::Shutdown => State::Shutdown,
        }
    }
}
