//! Whose bytes go next: a fair round over the streams that have bytes and window, one full DATA frame a turn.
//!
//! Control frames never wait here: they are in the output before any queued DATA is.

use super::Connection;
use super::send_queue::End;
use super::streams::List;
use super::transmit::MAX_DATA;
use crate::buf::Piece;
use crate::frame;

/// What one `poll_transmit` hands out at most, bytes that were copied.
const MAX_COPIED: usize = 64 * 1024;

/// What one `poll_transmit` hands out at most, bytes by reference.
const MAX_SHARED: usize = 256 * 1024;

/// A shared piece shorter than this is copied: a memcpy costs less than a segment more in the `writev`.
const COPY_BELOW: usize = 2 * 1024;

impl Connection {
    /// Frames what is queued, while windows and the bounds of one write allow.
    pub(super) fn fill_output(&mut self) {
        while self.streams.sendable > 0 && self.has_room() {
            // `sendable` counts streams that are in the list.
            let Some(slot) = self.streams.pop(List::Sending) else { return };
            if self.streams[slot].send.sendable {
                self.send_one_frame(slot);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.send_window.available() > 0
            && self.output.out.copied() + MAX_DATA <= MAX_COPIED
            && self.output.out.shared() < MAX_SHARED
    }

    /// One turn of a stream that can send.
    fn send_one_frame(&mut self, slot: u32) {
        let max = self.max_data();
        let stream = &mut self.streams[slot];
        let send = &mut stream.send;
        let n = send.bytes.len().min(send.window.available()).min(self.send_window.available()).min(max);
        let last = n == send.bytes.len();
        let end_stream = last && send.end == End::Data;
        let out = &mut self.output.out;
        let at = out.buf_mut().len();
        frame::data_head(out.buf_mut(), stream.id, n as u32, end_stream);
        send.bytes.take(n, |piece| match piece {
            Piece::Copied(bytes) => out.buf_mut().extend_from_slice(bytes),
            Piece::Shared(bytes) if bytes.len() < COPY_BELOW => out.buf_mut().extend_from_slice(&bytes),
            Piece::Shared(bytes) => out.push_shared(bytes),
        });
        send.window.sent(n);
        stream.moved = self.now;
        self.send_window.sent(n);
        self.output.note_data(self.streams[slot].id, at, n, end_stream);
        self.guards.pings.sent_on_a_stream();
        self.after_turn(slot, n, last);
    }

    fn after_turn(&mut self, slot: u32, n: usize, last: bool) {
        self.streams.queued -= n;
        self.streams.update_sendable(slot);
        let end = self.streams[slot].send.end;
        if last && end != End::No {
            if end == End::Trailers {
                self.write_waiting_trailers(slot);
            }
            return self.on_local_end(slot);
        }
        if self.streams[slot].send.sendable {
            // It stays sendable, so that `update_sendable` did not list it: to the end of the round.
            self.streams.push(List::Sending, slot);
        }
        self.wake_if_room(slot);
    }
}
