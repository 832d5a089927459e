//! What leaves: frames in one buffer, in order, swapped into the driver's when it asks.

use super::streams::List;
use super::{Connection, Ready};
use crate::buf::{Outgoing, Payload};
use crate::frame::{self, HEAD_LEN, Head, flag, kind};
use crate::time::Instant;
use alloc::vec::Vec;

/// DATA goes straight into the output while less than this stands there; beyond it a stream's queue collects, so that small messages
/// leave in full frames and RST_STREAM and PING never wait behind much.
const DIRECT_BELOW: usize = 16 * 1024;

/// Largest DATA frame that we make: a turn of a stream in the round. (Peers that announce more do not get more.)
pub(super) const MAX_DATA: usize = 16 * 1024;

/// Framed bytes that may always wait before we stop reading, however small `Config::max_unsent` is.
const LEAST_CAP: usize = 64 * 1024;

/// Frames that wait, and where they stand among all the bytes of the connection.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) out: Outgoing,
    /// Bytes handed to the driver before.
    handed: u64,
    /// The transport is gone: nothing leaves any more.
    gone: bool,
    /// Bytes that were written, once the transport is gone and the driver said so.
    written: Option<u64>,
    /// What the driver's buffer had written before it came to us.
    origin: Option<u64>,
    last_data: Option<LastData>,
}

/// The DATA frame at the end of the output: as long as nothing follows, it can grow and end its stream.
#[derive(Clone, Copy, Debug)]
struct LastData {
    stream: u32,
    /// Where its head is in the contiguous part.
    at: usize,
    len: usize,
    /// Where the connection's bytes end behind it.
    end: u64,
}

impl Output {
    pub(super) fn buf_mut(&mut self) -> &mut Vec<u8> {
        self.out.buf_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// The position of the next byte among all of the connection.
    pub(super) fn end(&self) -> u64 {
        self.handed + self.out.len() as u64
    }

    /// Everything before `offset` has left for the peer, as far as anybody knows.
    pub(super) fn has_left(&self, offset: u64) -> bool {
        offset <= self.written.unwrap_or(self.handed)
    }

    /// Everything before `offset` has left, or waits to be handed out.
    pub(super) fn may_leave(&self, offset: u64) -> bool {
        offset <= self.written.unwrap_or(self.end())
    }

    /// The transport is gone, with `written` (a count of the driver's buffer) bytes of ours.
    pub(super) fn lost(&mut self, written: Option<u64>) {
        self.clear();
        self.gone = true;
        self.written = written.map(|count| count.saturating_sub(self.origin.unwrap_or(0)).min(self.handed));
    }

    /// What waits is dropped.
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.last_data = None;
    }

    /// Writes a DATA frame, or appends to the one that ends the output. `len` is within one frame.
    fn data(&mut self, stream: u32, prefix: &[u8], body: &[u8], end_stream: bool, max: usize) {
        let len = prefix.len() + body.len();
        let end = self.end();
        let last = self.last_data.filter(|last| last.stream == stream && last.end == end && last.len + len <= max);
        let (at, before) = match last {
            Some(last) => (last.at, last.len),
            None => (self.out.buf_mut().len(), 0),
        };
        let buf = self.out.buf_mut();
        if last.is_none() {
            frame::data_head(buf, stream, len as u32, end_stream);
        } else {
            let flags = if end_stream { flag::END_STREAM } else { 0 };
            frame::patch_head(buf, at, Head { len: (before + len) as u32, kind: kind::DATA, flags, stream });
        }
        buf.extend_from_slice(prefix);
        buf.extend_from_slice(body);
        self.note_data(stream, at, before + len, end_stream);
    }

    /// A DATA frame with its head at `at` ends the output.
    pub(super) fn note_data(&mut self, stream: u32, at: usize, len: usize, end_stream: bool) {
        let end = self.end();
        self.last_data = (!end_stream).then_some(LastData { stream, at, len, end });
    }

    /// The driver's buffer takes what waits.
    fn hand_to(&mut self, out: &mut Outgoing) {
        self.origin.get_or_insert(out.written());
        self.handed += self.out.len() as u64;
        self.last_data = None;
        self.out.swap_content(out);
    }
}

impl Connection {
    /// Fills an empty `out`; false when there is nothing to send. One that is not empty is left as it is, but once the
    /// transport is lost it is emptied, so that a loop that writes while there is output ends.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
        self.tick(now);
        if self.output.gone {
            out.clear();
            return false;
        }
        if !out.is_empty() {
            return true;
        }
        if self.is_held_back() {
            return false;
        }
        if self.closed.is_none() {
            self.fill_output();
            if self.output.len() > 0 {
                self.give_connection_credit(4);
            }
        }
        if self.output.len() == 0 {
            return false;
        }
        out.clear();
        self.output.hand_to(out);
        self.guards.replies.handed_out();
        self.progress = self.now;
        self.wake_blocked();
        true
    }

    /// Framed bytes that wait for `poll_transmit`.
    pub(crate) fn output_len(&self) -> usize {
        self.output.len()
    }

    /// `poll_transmit` would yield something (O(1)).
    pub fn has_output(&self) -> bool {
        let sendable = self.streams.sendable > 0 && self.send_window.available() > 0 && self.closed.is_none();
        (self.output.len() > 0 || sendable) && !self.is_held_back()
    }

    /// False while so much waits for the peer to read that we stop reading: replies to PING and SETTINGS floods, or frames of any other kind that
    /// it made us write.
    pub fn wants_input(&self) -> bool {
        !self.guards.replies.is_full() && !self.is_output_full()
    }

    /// As many framed bytes wait as senders may have in all. (What is queued unframed does not count: for that the peer's windows are read.)
    fn is_output_full(&self) -> bool {
        self.output.len() >= self.local.max_unsent.max(LEAST_CAP)
    }

    /// Frames were written that are neither replies nor data: a peer that does not read them must do so in time.
    pub(super) fn watch_output(&mut self) {
        if self.is_output_full() {
            self.arm_stall();
        }
    }

    /// A request that is refused at once is answered: the answer, from `before` on, counts as a reply.
    pub(crate) fn count_refusal(&mut self, before: usize) {
        self.guards.replies.add(self.output.len().saturating_sub(before));
        if self.guards.replies.is_full() {
            self.arm_stall();
        }
    }

    /// The largest DATA frame that the peer takes and we make.
    pub(super) fn max_data(&self) -> usize {
        MAX_DATA.min(self.remote.max_frame_size as usize)
    }

    /// A frame that the peer made us send: counted.
    pub(super) fn reply(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let buf = self.output.buf_mut();
        let before = buf.len();
        write(buf);
        let len = buf.len() - before;
        self.guards.replies.add(len);
        if self.guards.replies.is_full() {
            self.arm_stall();
        }
    }

    /// May this stream accept `len` bytes more? If not, it is noted as blocked.
    pub(super) fn admit(&mut self, slot: u32) -> bool {
        let connection_full = self.unsent() >= self.local.max_unsent;
        let send = &mut self.streams[slot].send;
        if !connection_full && send.bytes.len() < self.local.max_unsent_per_call {
            return true;
        }
        send.blocked = true;
        if connection_full {
            self.streams.push(List::Blocked, slot);
            self.arm_stall();
        }
        false
    }

    /// Sends at once if nothing is in the way, else queues.
    pub(super) fn send_or_queue(&mut self, slot: u32, prefix: &[u8], body: Payload<'_>, end_stream: bool) {
        let len = prefix.len() + body.as_slice().len();
        let max = self.max_data();
        let stream = &mut self.streams[slot];
        let fits = len <= stream.send.window.available().min(self.send_window.available()).min(max);
        if stream.send.bytes.is_empty() && fits && self.output.out.copied() < DIRECT_BELOW {
            stream.send.window.sent(len);
            stream.moved = self.now;
            self.send_window.sent(len);
            self.output.data(stream.id, prefix, body.as_slice(), end_stream, max);
            self.guards.pings.sent_on_a_stream();
            if end_stream {
                self.on_local_end(slot);
            }
            return;
        }
        stream.send.push(prefix, body);
        if end_stream {
            stream.send.end = super::send_queue::End::Data;
        }
        self.streams.queued += len;
        self.streams.update_sendable(slot);
    }

    /// END_STREAM with nothing in front of it: on the DATA frame that is the last of the output, or on an empty one.
    pub(super) fn send_end(&mut self, slot: u32) {
        let id = self.streams[slot].id;
        self.output.data(id, &[], &[], true, self.max_data());
        self.guards.pings.sent_on_a_stream();
        self.on_local_end(slot);
    }

    /// There is room again: whoever was refused may try again.
    pub(super) fn wake_blocked(&mut self) {
        if self.unsent() > self.local.max_unsent / 2 {
            return;
        }
        while let Some(slot) = self.streams.pop(List::Blocked) {
            self.wake_if_room(slot);
        }
    }

    /// The stream's queue has shrunk.
    pub(super) fn wake_if_room(&mut self, slot: u32) {
        let send = &mut self.streams[slot].send;
        if !send.blocked || send.bytes.len() > self.local.max_unsent_per_call / 2 {
            return;
        }
        if self.streams.queued + self.output.len() >= self.local.max_unsent {
            self.streams.push(List::Blocked, slot);
            return;
        }
        self.streams[slot].send.blocked = false;
        self.mark(slot, Ready::WRITABLE);
    }

    /// Gives the connection's window back once `1 / part` of it is owed.
    pub(super) fn give_connection_credit(&mut self, part: u32) {
        if let Some(increment) = self.recv_window.give_back((self.local.connection_window / part).max(1)) {
            frame::window_update(self.output.buf_mut(), 0, increment);
        }
    }
}

const _: () = assert!(MAX_DATA + HEAD_LEN < 64 * 1024);
