//! What a call has sent, as long as it may have to be sent again.

use bytes::Bytes;
use proto_core::channel::{Attempt, Decision, Next, Replay, Retry, Script};
use proto_core::time::Instant;
use proto_core::{Payload, Status};

pub(super) enum Sent {
    /// The one message of a client that does not stream.
    One { message: Option<Bytes>, retry: Retry, committed: bool },
    /// The messages of one that does.
    Many(Box<Replay>),
}

impl Sent {
    /// `limit`: bytes that are kept of what is streamed.
    pub(super) fn new(message: Option<Bytes>, limit: usize) -> Self {
        match message {
            Some(_) => Sent::One { message, retry: Retry::new(), committed: false },
            None => Sent::Many(Box::new(Replay::new(limit))),
        }
    }

    /// What an attempt starts with. The message is to be put back.
    pub(super) fn opening(&mut self) -> (Option<Bytes>, Script) {
        match self {
            // Committed, the call is never started again.
            Sent::One { message, .. } => (Some(message.take().unwrap_or_default()), Script::default()),
            Sent::Many(replay) => (None, replay.script()),
        }
    }

    /// The message of `opening`, for the next attempt.
    pub(super) fn put_back(&mut self, opening: Option<Bytes>) {
        if let Sent::One { message, committed: false, .. } = self {
            *message = opening;
        }
    }

    /// The present attempt of a client that streams.
    pub(super) fn attempt(&self) -> Option<Attempt> {
        match self {
            Sent::One { .. } => None,
            Sent::Many(replay) => Some(replay.attempt()),
        }
    }

    /// This attempt accepted a message; false: it is over, and the message with it.
    pub(super) fn sent(&mut self, attempt: Option<Attempt>, message: Payload<'_>) -> bool {
        match (self, attempt) {
            (Sent::Many(replay), Some(attempt)) => replay.sent(attempt, message),
            _ => true,
        }
    }

    /// The half-close: goes with the present attempt, or the next one.
    pub(super) fn end(&mut self) {
        if let Sent::Many(replay) = self {
            let attempt = replay.attempt();
            replay.ended(attempt);
        }
    }

    /// Was it half-closed by its handle?
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Sent::Many(replay) if replay.has_ended())
    }

    /// Something of the reply is there.
    pub(super) fn commit(&mut self) {
        match self {
            Sent::One { message, committed, .. } => {
                *committed = true;
                *message = None;
            }
            Sent::Many(replay) => replay.commit(),
        }
    }

    /// The present attempt failed with this status: once more?
    pub(super) fn again(&mut self, now: Instant, deadline: Option<Instant>, status: &Status) -> bool {
        match self {
            Sent::One { committed: true, .. } => false,
            Sent::One { retry, .. } => retry.decide(now, deadline, status) == Decision::Again,
            Sent::Many(replay) => replay.after(replay.attempt(), now, deadline, status) == Next::Again,
        }
    }
}
