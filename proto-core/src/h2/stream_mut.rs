//! One stream as its owner sees it: pull what came, send, reset, release.

use super::header_block::HeaderBlock;
use super::send_queue::End;
use super::{Blocked, Connection, Reset, Side, StreamKey};
use crate::buf::{COPY_UP_TO, MessageBuf, Payload, Piece};
use crate::error::ErrorCode;
use crate::frame;
use crate::hpack::HeaderList;

/// A part of a message at least this long is handed out by reference: a quarter of a chunk, bar what stands before a message's first byte.
const SHARE_FROM: usize = COPY_UP_TO - 64;

/// One stream, borrowed from its connection.
#[derive(Debug)]
pub struct StreamMut<'a> {
    connection: &'a mut Connection,
    slot: u32,
}

impl<'a> StreamMut<'a> {
    pub(super) fn new(connection: &'a mut Connection, slot: u32) -> Self {
        StreamMut { connection, slot }
    }

    fn get(&self) -> &super::streams::Stream {
        &self.connection.streams[self.slot]
    }

    /// Its key.
    pub fn key(&self) -> StreamKey {
        self.connection.streams.key_of(self.slot)
    }

    /// Its id on the wire.
    pub fn id(&self) -> u32 {
        self.get().id
    }

    /// The number that events about this stream carry.
    pub fn set_tag(&mut self, tag: u32) {
        self.connection.streams[self.slot].tag = tag;
    }

    /// The first (final, not 1xx) header block, until the stream is released.
    pub fn headers(&self) -> Option<&HeaderList> {
        let stream = self.get();
        stream.has_headers.then_some(&stream.headers)
    }

    /// The trailers, until the stream is released.
    pub fn trailers(&self) -> Option<&HeaderList> {
        let stream = self.get();
        stream.has_trailers.then_some(&stream.trailers)
    }

    /// Body bytes received and not taken.
    pub fn available(&self) -> usize {
        self.get().recv.bytes.len()
    }

    /// Copies up to `into.len()` of them without taking; returns how many.
    pub fn peek(&self, into: &mut [u8]) -> usize {
        self.peek_at(0, into)
    }

    /// The same, from the byte `at` on.
    #[inline]
    pub fn peek_at(&self, at: usize, into: &mut [u8]) -> usize {
        self.get().recv.bytes.peek(at, into)
    }

    /// Takes the next `skip` bytes away and then moves `n` bytes to `into`; credit goes back to the peer.
    ///
    /// Large payloads move by reference, small ones are copied; so are small parts of large ones, since a message may be kept for long
    /// and must not pin a chunk for little.
    pub fn take(&mut self, skip: usize, n: usize, into: &mut MessageBuf) {
        let recv = &mut self.connection.streams[self.slot].recv;
        let mut taken = recv.bytes.take(skip, |_| {});
        taken += recv.bytes.take(n, |piece| match piece {
            Piece::Copied(bytes) => into.extend_from_slice(bytes),
            Piece::Shared(bytes) if bytes.len() < SHARE_FROM => into.extend_from_slice(&bytes),
            Piece::Shared(bytes) => into.push(bytes),
        });
        self.connection.on_taken(self.slot, taken);
    }

    /// The application waits for a message of which `missing` bytes have not arrived: borrow what the window does not allow,
    /// whole, from the connection's pool.
    ///
    /// More than the whole pool (`Config::loan_pool`) cannot be borrowed; take what has arrived then, and ask again.
    ///
    /// `missing` is to be what is missing of that one message, and no more: what is lent beyond it stays with the stream, and two streams
    /// that hold such remainders may wait for each other's.
    pub fn want(&mut self, missing: usize) {
        self.connection.lend(self.slot, missing as u64, true);
    }

    /// The same for a message that nobody waits for yet: it may come early if that leaves room for the others.
    pub fn expect(&mut self, missing: usize) {
        self.connection.lend(self.slot, missing as u64, false);
    }

    /// The peer has half-closed and everything it sent is here.
    pub fn is_ended(&self) -> bool {
        self.get().recv_ended
    }

    /// Its first header block had END_STREAM: there is no body, and there are no trailers.
    pub fn ended_by_headers(&self) -> bool {
        self.get().ended_by_headers
    }

    /// How it was cut short, if it was. What had arrived before can still be taken.
    pub fn reset_reason(&self) -> Option<Reset> {
        self.get().reset
    }

    /// Writes response headers or trailers. Trailers (after data) wait behind data that is queued; `None` once our side is closed.
    pub fn send_headers(self) -> Option<HeaderBlock<'a>> {
        let stream = self.get();
        if !stream.state.can_send() || stream.send.end != End::No {
            return None;
        }
        Some(HeaderBlock::begin(self.connection, self.slot))
    }

    /// Sends `prefix` and `body` as DATA: straight into the output when nothing is queued and windows allow, queued otherwise.
    /// `force` accepts beyond the caps (the final reply of a unary call).
    ///
    /// On a stream whose sending side is closed, or whose headers were not sent, nothing happens.
    pub fn send_data(
        &mut self,
        prefix: &[u8],
        body: Payload<'_>,
        end_stream: bool,
        force: bool,
    ) -> Result<(), Blocked> {
        let stream = self.get();
        if !stream.state.can_send() || stream.send.end != End::No || !stream.headers_sent {
            return Ok(());
        }
        if prefix.is_empty() && body.as_slice().is_empty() {
            if end_stream {
                self.end();
            }
            return Ok(());
        }
        if !force && !self.connection.admit(self.slot) {
            return Err(Blocked);
        }
        self.connection.send_or_queue(self.slot, prefix, body, end_stream);
        Ok(())
    }

    /// Half-close: END_STREAM on the last queued DATA, or on an empty one.
    pub fn end(&mut self) {
        let stream = &mut self.connection.streams[self.slot];
        if !stream.state.can_send() || stream.send.end != End::No || !stream.headers_sent {
            return;
        }
        if stream.send.bytes.is_empty() {
            self.connection.send_end(self.slot);
        } else {
            stream.send.end = End::Data;
        }
    }

    /// Bytes accepted on this stream and not framed yet.
    pub fn unsent(&self) -> usize {
        self.get().send.bytes.len()
    }

    /// May `send_data` be called with a message now? If not, `Ready::WRITABLE` is owed from here on.
    pub fn admit(&mut self) -> bool {
        self.connection.admit(self.slot)
    }

    /// Cuts the stream short; queued data is dropped.
    pub fn reset(&mut self, code: ErrorCode) {
        self.connection.reset_stream(self.slot, code);
    }

    /// The peer may have seen this stream's HEADERS, or will yet (see `Connection::lost`).
    pub fn maybe_seen(&self) -> bool {
        let Connection { side, output, closed, .. } = &*self.connection;
        let end = self.get().headers_end;
        *side == Side::Server || output.has_left(end) || (closed.is_some() && output.may_leave(end))
    }

    /// The application is done with it: the slot is recycled once both sides are closed (an open one is reset with CANCEL,
    /// or NO_ERROR where we have ended and the peer has not). What is queued in front of our end still goes out.
    pub fn release(self) {
        self.connection.release_stream(self.slot);
    }
}

impl Connection {
    /// Would `send_data` accept a message on this stream now?
    pub fn can_send(&self, key: StreamKey) -> bool {
        let Some(slot) = self.streams.slot_of(key) else { return false };
        let stream = &self.streams[slot];
        stream.state.can_send()
            && stream.send.end == End::No
            && stream.send.bytes.len() < self.local.max_unsent_per_call
            && self.unsent() < self.local.max_unsent
    }

    /// Our side of this stream has ended, and everything before the end has been framed.
    pub fn is_sent(&self, key: StreamKey) -> bool {
        self.streams.slot_of(key).is_some_and(|slot| {
            let stream = &self.streams[slot];
            stream.headers_sent && !stream.state.can_send() && stream.reset.is_none()
        })
    }

    /// `n` bytes of a stream were taken: loans go back to the pool, the rest to the peer.
    pub(super) fn on_taken(&mut self, slot: u32, n: usize) {
        let half = (self.local.stream_window / 2).max(1);
        let recv = &mut self.streams[slot].recv;
        let repaid = recv.taken(n);
        self.give_stream_credit(slot, half);
        if repaid > 0 {
            self.pool.repay(repaid);
            self.grant_loans();
        }
    }

    /// Nothing more will come on a stream: what it borrowed and does not need goes to others.
    pub(super) fn settle_loan(&mut self, slot: u32) {
        let window = self.local.stream_window;
        let recv = &mut self.streams[slot].recv;
        let returned = recv.unneeded_loan(window);
        if core::mem::take(&mut recv.waits_for_loan) {
            self.pool.forget(self.streams.key_of(slot));
        } else if returned == 0 {
            return;
        }
        self.pool.repay(returned);
        self.grant_loans();
    }

    /// Announces what is owed to a stream, once it is at least `least`.
    pub(super) fn give_stream_credit(&mut self, slot: u32, least: u32) {
        let stream = &mut self.streams[slot];
        if !stream.state.can_receive() || self.closed.is_some() {
            return;
        }
        if let Some(increment) = stream.recv.window.give_back(least) {
            frame::window_update(self.output.buf_mut(), stream.id, increment);
        }
    }

    /// Somebody waits for `missing` more bytes: what the window does not allow is borrowed, whole.
    fn lend(&mut self, slot: u32, missing: u64, waited_for: bool) {
        // What our SETTINGS will take from the window once they are acknowledged is no room for a message: a loan that counted on it would not
        // cover the message then, and nobody would ask again.
        let missing = missing.saturating_add(u64::from(self.local.unacked_reduction()));
        let stream = &self.streams[slot];
        if !stream.state.can_receive() || stream.recv.window.lacks(missing) == 0 {
            return;
        }
        if stream.recv.waits_for_loan {
            if waited_for {
                self.pool.hurry(self.streams.key_of(slot));
                self.grant_loans();
            }
            return;
        }
        // What is owed counts first.
        self.give_stream_credit(slot, 1);
        let beyond = self.streams[slot].recv.window.lacks(missing);
        if beyond == 0 {
            return;
        }
        match self.pool.borrow(self.streams.key_of(slot), beyond, waited_for) {
            0 => self.streams[slot].recv.waits_for_loan = true,
            amount => self.grant(slot, amount),
        }
    }

    fn grant(&mut self, slot: u32, amount: u32) {
        let stream = &mut self.streams[slot];
        stream.recv.loan += amount;
        stream.recv.window.grow(i64::from(amount));
        if self.closed.is_none() {
            frame::window_update(self.output.buf_mut(), stream.id, amount);
        }
    }

    /// Loans came back: whose turn has come gets its own.
    pub(super) fn grant_loans(&mut self) {
        while let Some((key, amount)) = self.pool.next_granted() {
            match self.streams.slot_of(key) {
                Some(slot) if self.streams[slot].state.can_receive() => {
                    self.streams[slot].recv.waits_for_loan = false;
                    self.grant(slot, amount);
                }
                found => {
                    if let Some(slot) = found {
                        self.streams[slot].recv.waits_for_loan = false;
                    }
                    self.pool.repay(amount);
                }
            }
        }
    }
}
