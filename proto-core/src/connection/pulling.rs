//! Pulling from a client's call, and pushing to it, as its runtime does: the next message, or the end with all that belongs
//! to it.

use super::{Client, Connection};
use crate::buf::{MessageBuf, Payload};
use crate::call::{CallId, Recv, SendError};
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
    /// The call is over, with this status. It has been released, unless it is kept ([`Connection::pull_keeping`]). Initial
    /// metadata, if there was any.
    Failed(Status, Option<Metadata>),
    /// Nothing is there yet (or, of a runtime: nothing came in time).
    Nothing,
}

/// What came of pushing a message.
#[derive(Clone, Debug)]
#[must_use]
pub enum Sent {
    /// The connection has it.
    Accepted {
        /// Something of the reply is there.
        answered: bool,
    },
    /// There is no room: `Event::Writable` comes.
    Blocked,
    /// It can never be sent, and the call has failed of it.
    TooLarge(Status),
    /// The call is over, with this status. `None`: it was released, or this side has finished sending.
    Ended(Option<Status>),
}

/// The status of a call whose handle was used after its end.
fn released() -> Status {
    Status::internal("the call has been released")
}

impl Connection<Client> {
    /// Pulls the next message of a call into `into`; its end releases it.
    pub fn pull(&mut self, now: Instant, id: CallId, into: &mut MessageBuf) -> Pulled {
        let pulled = self.pull_keeping(now, id, into);
        if let (Pulled::Failed(..), Ok(call)) = (&pulled, self.call(id)) {
            call.release(now);
        }
        pulled
    }

    /// The same for a call that is shared by two halves: when it has failed, it is not released, so that the other half still
    /// learns of what. Whoever judges the end (`channel::Replay::after`) releases it afterwards.
    pub fn pull_keeping(&mut self, now: Instant, id: CallId, into: &mut MessageBuf) -> Pulled {
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
            Recv::Failed(status) => Pulled::Failed(status, call.take_headers()),
        }
    }

    /// Sends a message; `last` half-closes with it.
    pub fn push(&mut self, now: Instant, id: CallId, message: Payload<'_>, last: bool) -> Sent {
        let Ok(mut call) = self.call(id) else { return Sent::Ended(None) };
        match if last { call.send_last(now, message) } else { call.send(now, message) } {
            Ok(()) => Sent::Accepted { answered: call.headers().is_some() },
            Err(SendError::Blocked) => Sent::Blocked,
            Err(SendError::TooLarge(status)) => Sent::TooLarge(status),
            Err(SendError::Ended) => Sent::Ended(call.outcome().cloned()),
        }
    }

    /// Has the server done something for this connection's calls: answered one, or gone on with one while it goes away? A
    /// connection that has is no reason to wait before the next (`channel::Channel::call_ended`).
    /// Visits every call if none was answered.
    pub fn has_served(&self) -> bool {
        let machine = &self.machine;
        let goes_on = |slot: u32| !machine.calls[slot].is_over() && machine.calls[slot].stream.is_some();
        machine.has_answers || machine.calls.slots().any(goes_on)
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
