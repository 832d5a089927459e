//! What a connection reports to whoever drives it, and why it would not start a call.

use crate::call::CallId;
use crate::grpc::Status;

/// What happened. Readiness only: payload is pulled. Each event is reported once until it is served; O(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Server: `accept` has a call.
    Incoming,
    /// `recv` (or `headers`) has something new for this call, or its end. Server, after `set_kind`: also when
    /// `can_start` turns true.
    Readable(CallId),
    /// A blocked `send` may be tried again.
    Writable(CallId),
    /// The call is over before its time: deadline, cancelled by either side, connection lost. (After it `recv` fails,
    /// `send` is `Ended`.)
    Ended(CallId),
    /// The connection became ready (the peer's SETTINGS arrived).
    Ready,
    /// No new calls will be taken; running ones go on.
    Draining,
    /// It is over; `close_reason` says why.
    Closed,
}

/// Why a call could not be started on this connection.
#[derive(Clone, Debug)]
pub enum StartError {
    /// The connection drains or is closed: use another one.
    Closed,
    /// The call itself cannot be sent: metadata, path (with the status that says so).
    Bad(Status),
    /// Too many calls wait for a stream already.
    TooManyPending(Status),
}
