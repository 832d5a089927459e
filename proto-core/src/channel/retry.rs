//! Transparent retries: which failed calls are sent again without the application's knowing (gRFC A6).

use crate::grpc::Status;
use crate::time::Instant;

/// What to do with a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Pick again (with the same [`Waiter`](super::Waiter)) and send it again.
    Again,
    /// The status stands.
    GiveUp,
}

/// The transparent retries of one call. One value for a call, from its first pick to its end.
///
/// Only for calls whose request can be sent again in full, and before anything of the reply was given to the application; that
/// the caller has to know.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    left: bool,
}

impl Retry {
    /// Nothing was tried.
    pub const fn new() -> Self {
        Retry { left: false }
    }

    /// Sends `status` the call again?
    ///
    /// - It never left this side (the connection was lost, or closed, with the call still unsent): yes, as often as that happens
    ///   before `deadline`.
    /// - It left, and the server certainly did not process it (REFUSED_STREAM, or beyond the last id of a GOAWAY): yes,
    ///   once.
    /// - Anything else, a failure to connect included: no.
    pub fn decide(&mut self, now: Instant, deadline: Option<Instant>, status: &Status) -> Decision {
        let _ = (now, deadline, status, self.left);
        todo!()
    }
}
