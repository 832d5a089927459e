//! The end of a channel whose one connection cannot be made again: a byte stream that has ended.

use super::state::State;
use proto_core::Status;
use proto_core::channel::{Cause, State as Connectivity};
use proto_core::grpc::{Local, Origin, Seen};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why there will be no other connection.
#[derive(Clone, Debug)]
pub(super) struct StreamEnded {
    reason: String,
    cause: Option<Cause>,
}

impl fmt::Display for StreamEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the channel's byte stream has ended: {}", self.reason)
    }
}

impl Error for StreamEnded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| -> &(dyn Error + 'static) { cause.error() })
    }
}

impl State {
    /// The stream of a channel that has one is gone, or takes no more calls: no call waits for another. Those that run on it
    /// may come to their end.
    pub(super) fn end_with_stream(&mut self, reason: &str, cause: Option<Cause>) {
        if self.core.state() != Connectivity::Shutdown {
            self.ended = Some(StreamEnded { reason: reason.into(), cause });
            self.core.shutdown(Duration::MAX);
        }
    }

    /// What a call hears that the channel does not take: of the stream's end, where that was it.
    pub(super) fn refusal(&self, status: Status) -> Status {
        let Some(ended) = &self.ended else { return status };
        let status = Status::unavailable(ended.to_string()).with_source(ended.clone());
        status.with_origin(Origin::Local(Local::Connect)).with_seen(Seen::No)
    }
}
