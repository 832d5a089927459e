//! What a client that streams has sent, kept until nobody can need it again: for transparent retries (gRFC A6) of calls
//! that began and that the server certainly did not process.
//!
//! Pure bookkeeping, called by the runtimes' calls. It decides with [`Retry`](super::Retry), knows no connection but the
//! one it is played to, and never waits. What it does not do: keep the one message of a unary or server-streaming call
//! (its caller has that anyway).

use super::retry::{Decision, Retry};
use crate::buf::Payload;
use crate::call::CallMut;
use crate::connection::Client;
use crate::grpc::Status;
use crate::grpc::message::{PREFIX, prefix};
use crate::time::Instant;
use alloc::vec::Vec;
use bytes::Bytes;
use core::mem;

/// The default limit of [`Replay`], bytes: 256 KiB for a call, as gRPC keeps for its retries (gRFC A6, "Memory
/// management").
pub const REPLAY_LIMIT: usize = 256 * 1024;

/// One try of a call, on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt(u32);

/// What follows from the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// The caller sends the call again: pick, start it, play the [`Script`] to it.
    Again,
    /// Somebody else does, or has done, so: that attempt is over already.
    Moved,
    /// The status stands.
    GiveUp,
}

/// The requests of one call whose client streams, and its transparent retries. One value for a call, shared by its halves
/// (under the runtime's lock).
///
/// The rules of its user, who may send and receive from two threads at once:
///
/// - What a connection has accepted is told by [`sent`](Self::sent), with the attempt that took it, *afterwards*. `false`:
///   that attempt is over, and what it took went with it; the same message goes to the present attempt.
/// - The same with the half-close and [`ended`](Self::ended).
/// - Once anything of the reply is there, [`commit`](Self::commit).
/// - At the end of an attempt, [`after`](Self::after); only who is told [`Next::Again`] starts the call again. A new
///   attempt starts with [`script`](Self::script), played in the same breath in which the call is started, so that
///   nothing else gets in between.
///
/// ```
/// use proto_core::channel::{Next, REPLAY_LIMIT, Replay};
/// use proto_core::grpc::{Local, Origin, Seen, Status};
/// use proto_core::{Instant, Payload};
///
/// let mut replay = Replay::new(REPLAY_LIMIT);
/// let first = replay.attempt();
/// assert!(replay.sent(first, Payload::Slice(b"hello")));
///
/// let refused = Status::unavailable("REFUSED_STREAM").with_origin(Origin::Local(Local::GoneAway)).with_seen(Seen::No);
/// assert_eq!(replay.after(first, Instant::ZERO, None, &refused), Next::Again);
/// assert_eq!(replay.script().len(), 10); // "hello" in its frame
/// assert!(!replay.sent(first, Payload::Slice(b"lost with the first attempt")));
/// ```
#[derive(Debug)]
pub struct Replay {
    retry: Retry,
    attempt: Attempt,
    /// Bytes that may be kept.
    limit: usize,
    /// Nothing can be sent again any more.
    committed: bool,
    /// What was sent before the present attempt, and large messages since: framed messages, one after the other.
    chunks: Vec<Bytes>,
    /// What was sent behind them.
    tail: Vec<u8>,
    len: usize,
    ended: bool,
}

impl Replay {
    /// Nothing sent yet. `limit`: as many bytes of framed messages are kept at most; a call that sends more cannot be
    /// sent again ([`REPLAY_LIMIT`] by default; zero: none).
    pub fn new(limit: usize) -> Self {
        Replay {
            retry: Retry::new(),
            attempt: Attempt(0),
            limit,
            committed: false,
            chunks: Vec::new(),
            tail: Vec::new(),
            len: 0,
            ended: false,
        }
    }

    /// The present attempt.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Bytes kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The call cannot be sent again any more.
    pub fn is_committed(&self) -> bool {
        self.committed
    }

    /// This attempt accepted a message. `false`: it is over, and the message with it.
    pub fn sent(&mut self, attempt: Attempt, message: Payload<'_>) -> bool {
        if attempt != self.attempt {
            return false;
        }
        if self.committed {
            return true;
        }
        let body = message.as_slice();
        // Accepted messages are shorter than 4 GiB: the format has no room for more.
        let Ok(length) = u32::try_from(body.len()) else { return true };
        let len = self.len.saturating_add(PREFIX).saturating_add(body.len());
        if len > self.limit {
            self.commit();
            return true;
        }
        self.len = len;
        self.tail.extend_from_slice(&prefix(length));
        match message {
            Payload::Shared(bytes) if bytes.len() > crate::call::LARGE => {
                self.seal();
                self.chunks.push(bytes.clone());
            }
            _ => self.tail.extend_from_slice(body),
        }
        true
    }

    /// This attempt accepted the half-close. `false`: it is over.
    pub fn ended(&mut self, attempt: Attempt) -> bool {
        let current = attempt == self.attempt;
        self.ended |= current;
        current
    }

    /// The requests have ended: the half-close goes with every attempt.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Something of the reply is there, or will not be waited for: the call is never sent again, and nothing kept.
    pub fn commit(&mut self) {
        self.committed = true;
        (self.chunks, self.tail, self.len) = (Vec::new(), Vec::new(), 0);
    }

    /// This attempt ended with `status`: is the call sent again? As [`Retry::decide`], unless it is committed.
    pub fn after(&mut self, attempt: Attempt, now: Instant, deadline: Option<Instant>, status: &Status) -> Next {
        if attempt != self.attempt {
            return Next::Moved;
        }
        if self.committed || self.retry.decide(now, deadline, status) == Decision::GiveUp {
            self.commit();
            return Next::GiveUp;
        }
        // Only equality is asked, so it may wrap.
        self.attempt = Attempt(self.attempt.0.wrapping_add(1));
        Next::Again
    }

    /// What the present attempt starts with: all that the ones before it accepted.
    pub fn script(&mut self) -> Script {
        self.seal();
        Script { chunks: self.chunks.clone(), ended: self.ended }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(mem::take(&mut self.tail).into());
        }
    }
}

/// What a new attempt starts with; holds references, no copies.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Script {
    chunks: Vec<Bytes>,
    ended: bool,
}

impl Script {
    /// Bytes of it, framed.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    /// Without messages; it may still end the requests.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Plays it to a call that was just started. Always accepted, beyond the caps of unsent bytes too: it is bounded, it
    /// was accepted before, and messages that follow wait for room. Until it has left, the connection holds as much again
    /// (by reference what is large).
    pub fn play(&self, now: Instant, call: &mut CallMut<'_, Client>) {
        call.resend(now, &self.chunks, self.ended);
    }
}
