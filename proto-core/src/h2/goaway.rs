//! GOAWAY both ways (RFC 9113 section 6.8), and the drain that follows.
//!
//! ```text
//!   server:  Open --shutdown--> Announced --PING ack--> Final --last stream gone--> closed
//!                               GOAWAY(2^31-1), PING    GOAWAY(real id)
//!   client:  Open --shutdown--> Final (GOAWAY(0): a server opens no streams)
//! ```

use super::timeouts::Kind;
use super::{Connection, OpenError, Ready, Reset, Side};
use crate::error::{ConnectionError, ErrorCode, printable};
use crate::frame::{self, FrameError, GoAway};
use crate::time::Instant;
use alloc::string::String;
use core::time::Duration;

/// The last stream of a GOAWAY that only warns.
const ALL_STREAMS: u32 = 0x7fff_ffff;

/// Ids of our streams at which we begin to drain: three quarters are used, and a new connection takes over in time.
pub(super) const DRAIN_AT_ID: u32 = 0x6000_0000;

/// Debug data that is kept, bytes.
const MAX_DEBUG: usize = 256;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ours {
    #[default]
    No,
    Announced,
    Final,
}

/// What was said about the end.
#[derive(Debug, Default)]
pub(super) struct GoAwayState {
    ours: Ours,
    /// The last stream of the peer that we will process, once that is final.
    last_accepted: Option<u32>,
    theirs: Option<Theirs>,
    /// Our ids have run out.
    exhausted: bool,
}

#[derive(Debug)]
struct Theirs {
    last: u32,
    code: u32,
    message: String,
}

impl GoAwayState {
    pub(super) fn is_draining(&self) -> bool {
        self.ours != Ours::No || self.theirs.is_some() || self.exhausted
    }

    /// Streams of the peer above our final GOAWAY are not processed, and not answered either.
    pub(super) fn is_beyond(&self, id: u32) -> bool {
        self.last_accepted.is_some_and(|last| id > last)
    }

    /// The reason for an end that was agreed upon.
    fn reason(&self) -> Option<ConnectionError> {
        if self.ours != Ours::No {
            return Some(ConnectionError::Shutdown);
        }
        self.theirs().or_else(|| self.exhausted.then_some(ConnectionError::Shutdown))
    }

    /// What the peer has said about it.
    fn theirs(&self) -> Option<ConnectionError> {
        let theirs = self.theirs.as_ref()?;
        Some(ConnectionError::PeerWentAway { code: theirs.code, message: theirs.message.clone() })
    }
}

impl Connection {
    /// GOAWAY, drain, close; what is left after `grace` is cut.
    pub fn shutdown(&mut self, now: Instant, grace: Duration) {
        self.tick(now);
        if self.closed.is_some() {
            return;
        }
        self.begin_drain();
        if grace.is_zero() {
            return self.cut();
        }
        let due = self.now + grace;
        if self.due_at(Kind::Grace).is_none_or(|earlier| due < earlier) && self.closed.is_none() {
            self.arm(Kind::Grace, due);
        }
    }

    /// The peer's GOAWAY.
    pub(super) fn on_goaway(&mut self, goaway: GoAway<'_>) -> Result<(), FrameError> {
        let mut last = goaway.last_stream;
        if let Some(earlier) = &self.goaway.theirs {
            // Two are usual. RFC 9113 section 6.8: the last stream must not grow. What was given up stays given up.
            self.guards.glitches.charge(self.now)?;
            last = last.min(earlier.last);
        }
        let was_draining = self.is_draining();
        self.goaway.theirs = Some(Theirs { last, code: goaway.code, message: printable(goaway.debug, MAX_DEBUG) });
        self.events.draining |= !was_draining;
        if self.side == Side::Client {
            self.give_up_streams_above(last);
        }
        self.finish_if_drained();
        Ok(())
    }

    /// Streams that the peer will not process (RFC 9113 section 6.8): safe to try elsewhere.
    fn give_up_streams_above(&mut self, last: u32) {
        for slot in self.streams.slots() {
            let stream = &self.streams[slot];
            if stream.id > last && !stream.state.is_closed() {
                let reset = Reset { code: ErrorCode::RefusedStream.to_wire(), by_peer: true, unprocessed: true };
                self.cut_stream(slot, reset);
            }
        }
    }

    /// Says that no more streams are welcome.
    pub(super) fn begin_drain(&mut self) {
        if self.goaway.ours != Ours::No || self.closed.is_some() {
            return;
        }
        self.events.draining |= !self.is_draining();
        // Before the peer's SETTINGS there is nobody to agree with.
        if self.side == Side::Server && self.is_ready() {
            self.goaway.ours = Ours::Announced;
            frame::goaway(self.output.buf_mut(), ALL_STREAMS, ErrorCode::NoError, b"");
            self.send_drain_ping();
        } else {
            self.goaway_final();
        }
    }

    /// The real last id; what comes above it is ignored.
    pub(super) fn goaway_final(&mut self) {
        if self.goaway.ours != Ours::Final {
            self.goaway.ours = Ours::Final;
            // A server opens no streams: nothing of its can be beyond a client's last.
            self.goaway.last_accepted = (self.side == Side::Server).then_some(self.last_peer_id);
            frame::goaway(self.output.buf_mut(), self.last_peer_id, ErrorCode::NoError, b"");
            self.finish_if_drained();
        }
    }

    /// Nothing is left to wait for: the connection ends as was agreed.
    pub(super) fn finish_if_drained(&mut self) {
        if self.closed.is_some() || self.streams.live > 0 {
            return;
        }
        let agreed = self.goaway.theirs.is_some() || self.goaway.exhausted || self.goaway.ours == Ours::Final;
        if let Some(reason) = self.goaway.reason().filter(|_| agreed) {
            self.say_goodbye();
            self.close(reason);
        }
    }

    /// The grace is over: what is left is cut.
    pub(super) fn cut(&mut self) {
        if self.closed.is_none() {
            self.say_goodbye();
            self.close(ConnectionError::Shutdown);
        }
    }

    /// The last GOAWAY, if it was not sent.
    fn say_goodbye(&mut self) {
        if self.goaway.ours != Ours::Final {
            self.goaway.ours = Ours::Final;
            frame::goaway(self.output.buf_mut(), self.last_peer_id, ErrorCode::NoError, b"");
        }
    }

    /// The error for a transport that ended: expected, if an end was agreed upon. Where streams live yet it was the peer
    /// that did not wait for them, whatever this side had said.
    pub(super) fn agreed_end(&self) -> Option<ConnectionError> {
        let lives = |slot| self.streams.in_use(slot) && !self.streams[slot].state.is_closed();
        if self.streams.slots().any(lives) { self.goaway.theirs() } else { self.goaway.reason() }
    }

    /// The peer's own words for an end that was a mistake.
    pub(super) fn peers_complaint(&self) -> Option<ConnectionError> {
        self.goaway.theirs().filter(|theirs| !matches!(theirs, ConnectionError::PeerWentAway { code: 0, .. }))
    }

    /// The peer's GOAWAY, as the end that it leads to.
    pub(crate) fn peers_goaway(&self) -> Option<ConnectionError> {
        self.goaway.theirs()
    }

    /// The peer has sent GOAWAY. Who only drains may do so on its own account.
    pub(crate) fn peer_went_away(&self) -> bool {
        self.goaway.theirs.is_some()
    }

    /// The connection drains because the ids of our streams have run out, and the peer had nothing to do with it.
    pub(crate) fn ids_ran_out(&self) -> bool {
        self.goaway.exhausted && !self.peer_went_away()
    }

    /// A stream may be opened now.
    pub fn can_open(&self) -> bool {
        self.check_open().is_ok()
    }

    pub(super) fn check_open(&self) -> Result<(), OpenError> {
        if self.side == Side::Server || self.is_draining() {
            return Err(OpenError::Closed);
        }
        if self.streams.counted >= self.remote.max_concurrent_streams as usize {
            return Err(OpenError::Full);
        }
        Ok(())
    }

    /// The id of a stream that we open. When ids run short the connection drains by itself.
    pub(super) fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 2;
        if self.next_id >= DRAIN_AT_ID && !self.goaway.exhausted {
            self.events.draining |= !self.is_draining();
            self.goaway.exhausted = true;
        }
        id
    }

    /// Passes over stream ids, as if they had been used: to see what comes when they run out. For tests.
    #[cfg(any(test, feature = "testkit"))]
    pub fn skip_ids(&mut self, next: u32) {
        self.next_id = self.next_id.max(next | 1);
    }

    /// The peer, or the end of the connection, cuts a stream.
    pub(super) fn cut_stream(&mut self, slot: u32, reset: Reset) {
        let stream = &mut self.streams[slot];
        stream.state = if reset.by_peer { super::state::State::ResetByPeer } else { super::state::State::ResetHere };
        stream.reset = Some(reset);
        self.drop_unsent(slot);
        self.mark(slot, Ready::RESET);
        self.on_stream_closed(slot);
    }
}
