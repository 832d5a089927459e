//! Pulling from a client's call as its runtime does: the next message, or the end with all that belongs to it.

use super::{Client, Connection};
use crate::buf::MessageBuf;
use crate::call::{CallId, Recv};
use crate::grpc::{Metadata, Status};
use crate::time::Instant;

/// How a call ended well.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Initial metadata, unless it was taken before.
    pub headers: Option<Metadata>,
    /// Trailing metadata.
    pub trailers: Metadata,
    /// Every request left before the answer came.
    pub all_sent: bool,
}

/// What a pull brought.
#[derive(Clone, Debug)]
#[must_use]
pub enum Pulled {
    /// A message stands in the buffer.
    Message,
    /// The call is over, with status OK. It has been released.
    End(Ended),
    /// The call is over, with this status. It has been released. Initial metadata, if there was any.
    Failed(Status, Option<Metadata>),
    /// Nothing is there yet (or, of a runtime: nothing came in time).
    Nothing,
}

/// The status of a call whose handle was used after its end.
fn released() -> Status {
    Status::internal("the call has been released")
}

impl Connection<Client> {
    /// Pulls the next message of a call into `into`; its end releases it.
    pub fn pull(&mut self, now: Instant, id: CallId, into: &mut MessageBuf) -> Pulled {
        let Ok(mut call) = self.call(id) else { return Pulled::Failed(released(), None) };
        match call.recv(now, into) {
            Recv::Pending => Pulled::Nothing,
            Recv::Message => Pulled::Message,
            Recv::End => {
                let headers = call.take_headers();
                let trailers = call.take_trailers().unwrap_or_default();
                let all_sent = call.all_sent();
                call.release(now);
                Pulled::End(Ended { headers, trailers, all_sent })
            }
            Recv::Failed(status) => {
                let headers = call.take_headers();
                call.release(now);
                Pulled::Failed(status, headers)
            }
        }
    }

    /// The initial metadata of a call, once it is there (a second time it is empty), or how the call failed before. It
    /// is not released.
    pub fn pull_headers(&mut self, id: CallId) -> Option<Result<Metadata, Status>> {
        let Ok(mut call) = self.call(id) else { return Some(Err(released())) };
        if let Some(headers) = call.take_headers() {
            return Some(Ok(headers));
        }
        match call.outcome() {
            Some(status) if status.is_ok() => Some(Ok(Metadata::new())),
            Some(status) => Some(Err(status.clone())),
            None => None,
        }
    }
}
