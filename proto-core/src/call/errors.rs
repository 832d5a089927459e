//! What went wrong with an operation, in words.

use super::{SendError, StaleCall};
use crate::connection::StartError;
use crate::error::ConnectionError;
use crate::grpc::{Seen, Status};
use alloc::string::ToString;
use core::error::Error;
use core::fmt;

impl fmt::Display for StaleCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} has been released: its id names nothing any more", self.0.index())
    }
}

impl Error for StaleCall {}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Blocked => f.write_str("not now: windows or buffers are full until Event::Writable"),
            SendError::Ended => f.write_str("the call is over, or this side has finished sending"),
            SendError::TooLarge(status) => status.fmt(f),
        }
    }
}

impl Error for SendError {}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Closed => f.write_str("the connection takes no new calls: it drains or is closed"),
            StartError::Bad(status) | StartError::TooManyPending(status) => status.fmt(f),
        }
    }
}

impl Error for StartError {}

/// For `?` in functions that end calls themselves.
impl From<StaleCall> for Status {
    fn from(error: StaleCall) -> Self {
        Status::internal(error.to_string())
    }
}

/// For `?`: a message that was not accepted now fails with RESOURCE_EXHAUSTED, one of a call that is over with CANCELLED.
impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Blocked => Status::resource_exhausted(error.to_string()),
            SendError::Ended => Status::cancelled(error.to_string()),
            SendError::TooLarge(status) => status,
        }
    }
}

/// For `?`: UNAVAILABLE where another connection might take the call, otherwise what was wrong with it.
impl From<StartError> for Status {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Closed => Status::unavailable(error.to_string()).with_seen(Seen::No),
            StartError::Bad(status) | StartError::TooManyPending(status) => status,
        }
    }
}

/// For `?`: UNAVAILABLE, for reasons of the connection.
impl From<ConnectionError> for Status {
    fn from(error: ConnectionError) -> Self {
        Status::unavailable(error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallId;

    #[test]
    fn errors_of_operations_say_what_to_do() {
        assert!(StaleCall(CallId { slot: 7, generation: 1 }).to_string().starts_with("call 7 has been released"));
        assert!(SendError::Blocked.to_string().contains("Event::Writable"));
        let status = Status::resource_exhausted("too many");
        assert_eq!(StartError::TooManyPending(status.clone()).to_string(), status.to_string());
        assert_eq!(SendError::TooLarge(status.clone()).to_string(), status.to_string());
        assert!(StartError::Closed.to_string().contains("no new calls"));
        assert_eq!(Status::from(StartError::Closed).seen_by_server(), Seen::No);
        assert!(Status::from(ConnectionError::Shutdown).source().is_some());
    }
}
