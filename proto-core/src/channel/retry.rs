//! Transparent retries: which failed calls are sent again without the application's knowing (gRFC A6).

use crate::grpc::{Local, Origin, Seen, Status};
use crate::time::Instant;

/// What to do with a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Pick again, with the call's [`Waiter`](super::Waiter), and send it again.
    Again,
    /// The status stands.
    GiveUp,
}

/// The transparent retries of one call: one value for a call, from its first pick to its end.
///
/// Only for calls whose request can be sent again in full, and of whose reply the application has seen nothing; that the caller has
/// to know. No wait is needed between tries: a server that takes connections and loses them at once makes the channel back off, and
/// then its picks fail.
///
/// ```
/// use proto_core::channel::{Decision, Retry};
/// use proto_core::grpc::{Local, Origin, Seen, Status};
/// use proto_core::Instant;
///
/// let mut retry = Retry::new();
/// let refused = Status::unavailable("REFUSED_STREAM").with_origin(Origin::Local(Local::GoneAway)).with_seen(Seen::No);
/// assert_eq!(retry.decide(Instant::ZERO, None, &refused), Decision::Again);
/// assert_eq!(retry.decide(Instant::ZERO, None, &refused), Decision::GiveUp);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// The call has been sent again after it had left this side.
    left: bool,
}

impl Retry {
    /// Nothing was tried yet.
    pub const fn new() -> Self {
        Retry { left: false }
    }

    /// Is the call that ended with `status` sent again?
    ///
    /// - It never left this side (the connection ended, or was draining, with the call still unsent): yes, as often as that
    ///   happens before `deadline`.
    /// - It left, and the server certainly did not process it (REFUSED_STREAM, or beyond the last id of a GOAWAY): yes,
    ///   once.
    /// - Anything else, a pick that failed included: no.
    pub fn decide(&mut self, now: Instant, deadline: Option<Instant>, status: &Status) -> Decision {
        let late = deadline.is_some_and(|deadline| deadline <= now);
        if late || status.is_ok() || status.seen_by_server() != Seen::No {
            return Decision::GiveUp;
        }
        let left = match status.origin() {
            Origin::Local(Local::ConnectionLost) => false,
            Origin::Local(Local::GoneAway | Local::Reset { .. }) => {
                status.phase() != Some(crate::grpc::status::local::phase::QUEUED)
            }
            _ => return Decision::GiveUp,
        };
        if left && core::mem::replace(&mut self.left, true) { Decision::GiveUp } else { Decision::Again }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::Code;
    use crate::grpc::status::local::{connection_lost, not_processed, phase};

    fn status(local: Local, seen: Seen) -> Status {
        Status::unavailable("").with_origin(Origin::Local(local)).with_seen(seen)
    }

    #[test]
    fn a_call_that_never_left_is_sent_again_until_its_deadline() {
        let mut retry = Retry::new();
        let deadline = Some(Instant::from_nanos(100));
        let lost = connection_lost(Code::Unavailable, "reset by peer", phase::SENDING, Seen::No);
        let queued = not_processed("GOAWAY", phase::QUEUED);
        for nanos in 0..100 {
            let unsent = if nanos % 2 == 0 { &lost } else { &queued };
            assert_eq!(retry.decide(Instant::from_nanos(nanos), deadline, unsent), Decision::Again);
        }
        assert_eq!(retry.decide(Instant::from_nanos(100), deadline, &lost), Decision::GiveUp);
    }

    #[test]
    fn a_call_that_left_and_was_not_processed_is_sent_again_once() {
        for refused in [not_processed("GOAWAY", phase::WAITING), status(Local::Reset { code: 7 }, Seen::No)] {
            let mut retry = Retry::new();
            assert_eq!(retry.decide(Instant::ZERO, None, &refused), Decision::Again);
            assert_eq!(retry.decide(Instant::ZERO, None, &status(Local::ConnectionLost, Seen::No)), Decision::Again);
            assert_eq!(retry.decide(Instant::ZERO, None, &refused), Decision::GiveUp);
        }
    }

    #[test]
    fn a_call_that_the_server_may_have_seen_is_never_sent_again() {
        for seen in [Seen::Maybe, Seen::Yes] {
            for local in [Local::ConnectionLost, Local::GoneAway, Local::Reset { code: 7 }] {
                assert_eq!(Retry::new().decide(Instant::ZERO, None, &status(local, seen)), Decision::GiveUp);
            }
        }
        let answered = Status::unavailable("").with_origin(Origin::Peer).with_seen(Seen::Yes);
        assert_eq!(Retry::new().decide(Instant::ZERO, None, &answered), Decision::GiveUp);
    }

    #[test]
    fn this_sides_own_verdicts_stand() {
        for local in [
            Local::Resolve,
            Local::Connect,
            Local::Shutdown,
            Local::Cancelled,
            Local::BadRequest,
            Local::Application,
            Local::DeadlineExceeded { phase: "connecting" },
            Local::Limit { setting: "max_send_message_size" },
        ] {
            assert_eq!(Retry::new().decide(Instant::ZERO, None, &status(local, Seen::No)), Decision::GiveUp);
        }
    }
}
