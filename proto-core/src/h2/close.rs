//! How a connection ends, and how a stream does.

use super::state::{Input, State, Step};
use super::timeouts::Kind;
use super::{Connection, Ready, Reset, Side};
use crate::error::{ConnectionError, ErrorCode};
use crate::frame;
use crate::time::Instant;
use alloc::string::String;

impl Connection {
    /// The peer will send no more.
    pub fn receive_eof(&mut self, now: Instant) {
        self.tick(now);
        if self.closed.is_none() {
            let reason = self.agreed_end().unwrap_or_else(|| self.lost_in_phase());
            self.output.clear();
            self.close(reason);
        }
    }

    /// The transport broke. `written` is `Outgoing::written` where the driver knows it.
    pub fn lost(&mut self, now: Instant, reason: String, written: Option<u64>) {
        self.tick(now);
        self.output.lost(written);
        if self.closed.is_none() {
            // A peer that complained, and went, has told more than its system.
            self.close(self.peers_complaint().unwrap_or(ConnectionError::Lost { reason }));
        }
    }

    /// The peer broke the protocol: GOAWAY with this code, and nothing it sends is parsed any more.
    pub(super) fn fail(&mut self, code: ErrorCode, what: &'static str) {
        if self.closed.is_none() {
            frame::goaway(self.output.buf_mut(), self.last_peer_id, code, what.as_bytes());
            self.close(ConnectionError::PeerMisbehaved { code, what });
        }
    }

    /// The end. Streams that live are cut; what they received stays until they are released.
    pub(super) fn close(&mut self, reason: ConnectionError) {
        if self.closed.is_some() {
            return;
        }
        if self.is_held_back() && reason != ConnectionError::Shutdown {
            // Who has not begun in HTTP/2 is not bidden farewell in it.
            self.output.clear();
        }
        self.events.closed = true;
        self.closed = Some(reason);
        self.timers = crate::timer::Timers::new();
        for slot in self.streams.slots() {
            if self.streams.in_use(slot) && !self.streams[slot].state.is_closed() {
                let unprocessed = self.side == Side::Client && !self.output.may_leave(self.streams[slot].headers_end);
                let reset = Reset { code: ErrorCode::Cancel.to_wire(), by_peer: false, unprocessed };
                self.cut_stream(slot, reset);
            }
        }
    }

    /// We cut a stream short: RST_STREAM, unless it is closed already.
    pub(super) fn reset_stream(&mut self, slot: u32, code: ErrorCode) {
        let stream = &mut self.streams[slot];
        if let Step::To(next) = stream.state.step(Input::SendReset) {
            stream.state = next;
            stream.reset = Some(Reset { code: code.to_wire(), by_peer: false, unprocessed: false });
            let id = stream.id;
            if self.closed.is_none() {
                frame::rst_stream(self.output.buf_mut(), id, code);
                self.watch_output();
            }
            self.drop_unsent(slot);
            self.on_stream_closed(slot);
        }
    }

    /// What waits to be sent on a stream is dropped.
    pub(super) fn drop_unsent(&mut self, slot: u32) {
        let send = &mut self.streams[slot].send;
        let dropped = send.bytes.len();
        send.reset();
        self.streams.queued -= dropped;
        self.streams.update_sendable(slot);
        self.wake_blocked();
    }

    /// Our side of a stream is closed.
    pub(super) fn on_local_end(&mut self, slot: u32) {
        let stream = &mut self.streams[slot];
        if let Step::To(next) = stream.state.step(Input::SendEnd) {
            stream.state = next;
        }
        if stream.state.is_closed() {
            self.on_stream_closed(slot);
        } else if stream.released {
            self.give_up(slot);
        }
    }

    /// Nobody waits for what the peer still sends, or for what we might. Once the server has said all it had to say that is no error,
    /// whoever resets (RFC 9113 section 8.1).
    pub(super) fn give_up(&mut self, slot: u32) {
        let stream = &self.streams[slot];
        let answered = match self.side {
            Side::Server => !stream.state.can_send(),
            Side::Client => stream.recv_ended,
        };
        let code = if answered { ErrorCode::NoError } else { ErrorCode::Cancel };
        self.reset_stream(slot, code);
    }

    /// The stream is closed, one way or another.
    pub(super) fn on_stream_closed(&mut self, slot: u32) {
        self.settle_loan(slot);
        let stream = &self.streams[slot];
        let released = stream.released;
        // A stream of the peer keeps its place until its handler has let go of it, however it closed (see `guards::RapidReset`).
        if self.side == Side::Server && stream.state == State::Ended {
            self.guards.rapid_reset.refund();
        }
        if self.side == Side::Client {
            let was_full = !self.can_open();
            if self.streams.uncount(slot) && was_full && self.can_open() {
                self.events.may_open = true;
            }
        }
        if released {
            self.remove_stream(slot);
        }
    }

    /// The slot is free for another stream.
    pub(super) fn remove_stream(&mut self, slot: u32) {
        let stream = &mut self.streams[slot];
        let dropped = stream.send.bytes.len();
        stream.send.reset();
        // It was settled when the stream closed; what is left belonged to bytes that nobody took.
        let loan = stream.recv.reset();
        self.streams.queued -= dropped;
        self.streams.update_sendable(slot);
        self.disarm_stall(slot);
        self.streams.remove(slot);
        if loan > 0 {
            self.pool.repay(loan);
            self.grant_loans();
        }
        if self.streams.live == 0 {
            self.idle_since = self.now;
            if self.closed.is_none() && self.local.idle_timeout.is_some() && !self.is_armed(Kind::Idle) {
                self.arm_idle();
            }
            self.finish_if_drained();
        }
    }

    /// The application is done with the stream.
    pub(super) fn release_stream(&mut self, slot: u32) {
        let stream = &mut self.streams[slot];
        stream.released = true;
        stream.ready = 0;
        if stream.state.is_closed() {
            return self.remove_stream(slot);
        }
        let will_end = !stream.state.can_send() || stream.send.end != super::send_queue::End::No;
        let waits = stream.state.can_send() && will_end;
        if waits {
            // What is queued goes out first; it must not take for ever. What came is dropped and given back, or two ends that let
            // go of a stream wait for each other.
            let dropped = stream.recv.bytes.len();
            stream.recv.bytes.reset();
            self.on_taken(slot, dropped);
            self.arm_stream_stall(slot);
        } else {
            self.give_up(slot);
        }
    }

    /// Reports a stream as cut by ourselves for the peer's fault.
    pub(super) fn reset_for_fault(&mut self, slot: u32, code: ErrorCode) {
        self.mark(slot, Ready::RESET);
        self.reset_stream(slot, code);
    }
}
