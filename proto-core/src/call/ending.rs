//! How calls end: by the peer, the deadline, a broken rule, the application.

use super::state::{Call, bit};
use crate::connection::machine::{Machine, Side};
use crate::error::ErrorCode;
use crate::grpc::status::local;
use crate::grpc::{Code, Metadata, Seen, Status};
use crate::time::Instant;

impl Machine {
    /// The verdict that the peer, or the end of the connection, brought. What arrived before can still be pulled.
    pub(crate) fn end_by_peer(&mut self, slot: u32, status: Status) {
        self.calls[slot].all_sent = self.everything_sent(slot);
        self.calls[slot].verdict = Some(status);
        self.stop_timer(slot);
        self.drop_held(slot);
    }

    /// This side's own verdict: a broken rule, a limit. The peer is told: by RST_STREAM(CANCEL) from a client, by
    /// trailers from a server.
    pub(crate) fn fail(&mut self, now: Instant, slot: u32, status: Status) {
        if self.calls[slot].is_over() {
            return;
        }
        match self.side {
            Side::Client => self.cut(slot, ErrorCode::Cancel),
            Side::Server => self.answer(slot, &status, &Metadata::new()),
        }
        self.conclude(slot, status);
        self.raise(slot, bit::ENDED);
        self.pump(now);
    }

    /// The deadline has passed: RST_STREAM(CANCEL) from a client. A server says so in trailers, unless
    /// replies are queued: a client whose clock is behind takes a bare reset for CANCELLED (C core did, in a third of
    /// the calls).
    pub(crate) fn on_deadline(&mut self, now: Instant, slot: u32) {
        if self.calls.get(slot).is_none_or(Call::is_over) {
            return;
        }
        let status = local::deadline(self.phase(slot), self.seen(slot));
        let stream = self.calls[slot].stream.and_then(|key| self.h2.stream(key));
        if self.side == Side::Server && stream.is_some_and(|stream| stream.unsent() == 0) {
            self.answer(slot, &status, &Metadata::new());
        } else {
            self.cut(slot, ErrorCode::Cancel);
        }
        self.conclude(slot, status);
        self.raise(slot, bit::ENDED);
        self.pump(now);
    }

    /// The application ends it, with this status at home.
    pub(crate) fn cancel(&mut self, now: Instant, slot: u32, status: Status) {
        if self.calls[slot].is_over() {
            return;
        }
        let (phase, seen) = (self.phase(slot), self.seen(slot));
        let status = match status.code() {
            Code::Ok => local::cancelled(phase, seen),
            _ => status.completed(phase, seen),
        };
        self.cut(slot, ErrorCode::Cancel);
        self.conclude(slot, status);
        // Somebody else may be waiting for the call.
        self.raise(slot, bit::ENDED);
        self.pump(now);
    }

    /// The application is done with the call: a call that is not over is cancelled, and the slot recycled.
    pub(crate) fn release(&mut self, now: Instant, slot: u32) {
        self.h2.tick(now);
        if !self.calls[slot].is_over() {
            let status = local::cancelled(self.phase(slot), Seen::Maybe);
            self.cut(slot, ErrorCode::Cancel);
            self.conclude(slot, status);
        }
        if let Some(stream) = self.calls[slot].stream.take().and_then(|key| self.h2.stream(key)) {
            stream.release();
        }
        self.stop_waiting(slot);
        self.calls.remove(slot);
        self.pump(now);
    }

    /// The verdict stands, and what arrived is no longer wanted.
    pub(crate) fn conclude(&mut self, slot: u32, status: Status) {
        self.end_by_peer(slot, status);
        let call = &mut self.calls[slot];
        call.input_dropped = true;
        call.send_closed = true;
        // A server's call that is over before it was accepted stays in the queue: see `accept`.
        if self.side == Side::Client {
            self.stop_waiting(slot);
        }
    }

    /// Cuts the stream short, where there is one.
    fn cut(&mut self, slot: u32, code: ErrorCode) {
        if let Some(mut stream) = self.calls[slot].stream.and_then(|key| self.h2.stream(key)) {
            stream.reset(code);
        }
    }

    /// Lets go of messages that waited for a stream.
    fn drop_held(&mut self, slot: u32) {
        let held = &mut self.calls[slot].held;
        self.held -= held.len();
        held.bytes.clear();
        held.large = None;
    }

    /// Client: has everything that was accepted left, and the half-close too?
    pub(crate) fn everything_sent(&self, slot: u32) -> bool {
        let call = &self.calls[slot];
        match call.stream {
            _ if call.is_over() => call.all_sent,
            Some(key) => call.send_closed && self.h2.is_sent(key),
            None => false,
        }
    }
}
