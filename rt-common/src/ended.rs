//! How a call that is served was cut short, for what of it outlives its slot in the server: contexts and pushers.
//!
//! A server gives a call's slot back when its handler has returned, and with it what the core knows of the call. Whoever
//! looks after that, a thread or a task with a clone of the context, or a pusher, finds no call; here stands why there is none.
//! Both runtimes' call handles hold one of these, and their connections fill it in before they release the call.

use proto_core::Status;
use std::sync::OnceLock;

/// What is said of a call whose handler has returned, and that nothing had cut short before.
#[cold]
pub fn returned() -> Status {
    Status::cancelled("the call has ended")
}

/// How a call was cut short (by its caller, its deadline, the loss of its connection, the application), once it has been
/// released; empty of one that went on until its handler returned.
#[derive(Debug, Default)]
pub struct CutShort(OnceLock<Status>);

impl CutShort {
    /// Of a call that goes on.
    pub const fn new() -> Self {
        CutShort(OnceLock::new())
    }

    /// The call is being released, and was cut short like this. The first status counts: a call is released once.
    pub fn remember(&self, status: Status) {
        let _ = self.0.set(status);
    }

    /// What to say of a call that is over: how it was cut short, or else this status.
    #[must_use]
    pub fn or(&self, status: Status) -> Status {
        self.0.get().cloned().unwrap_or(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_core::Code;

    #[test]
    fn the_first_end_of_a_call_is_the_one_that_is_told() {
        let cut = CutShort::new();
        assert_eq!(cut.or(returned()).message(), "the call has ended");
        cut.remember(Status::aborted("first"));
        cut.remember(Status::not_found("second"));
        assert_eq!(cut.or(returned()).code(), Code::Aborted);
    }
}
