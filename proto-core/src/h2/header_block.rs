//! Header blocks on their way out: encoded straight into the output, field by field; the frame's head is patched at the end.

use super::send_queue::End;
use super::state::{Input, Step};
use super::{Connection, OpenError, Side, StreamKey};
use crate::frame::{self, HEAD_LEN, Head, flag, kind};
use crate::hpack::Known;
use crate::time::Instant;
use alloc::vec::Vec;

/// A header block that is being written straight into the output. Dropped without `end`, it is ended without END_STREAM.
#[derive(Debug)]
#[must_use = "a header block goes out with `end`"]
pub struct HeaderBlock<'a> {
    connection: &'a mut Connection,
    slot: u32,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The output; the frame's head is here.
    Output(usize),
    /// Behind queued DATA: kept as fields.
    Queue,
    Done,
}

/// Octets of the longest run that is remembered: one for each field, once the table has settled.
const RUN: usize = 8;

/// A run of fields that recurs from block to block, as it was written last. While the encoder's table stays the same it means
/// the same, and is written again in one piece.
#[derive(Debug, Default)]
pub struct FieldRun {
    /// The encoder's revision plus one; 0: nothing is remembered.
    revision: u64,
    octets: [u8; RUN],
    len: usize,
}

impl FieldRun {
    /// The fields have changed: what is remembered means something else.
    pub fn forget(&mut self) {
        self.revision = 0;
    }
}

impl<'a> HeaderBlock<'a> {
    /// A block of a stream that may send one.
    #[inline]
    pub(super) fn begin(connection: &'a mut Connection, slot: u32) -> Self {
        let target = if connection.streams[slot].send.bytes.is_empty() {
            let buf = connection.output.buf_mut();
            let at = frame::headers_head(buf);
            connection.encoder.begin(buf);
            Target::Output(at)
        } else {
            Target::Queue
        };
        HeaderBlock { connection, slot, target }
    }

    /// A field with a well-known name. Pseudo-headers come first.
    #[inline]
    pub fn field(&mut self, name: Known, value: &[u8]) {
        let connection = &mut *self.connection;
        match self.target {
            Target::Output(_) => connection.encoder.field(connection.output.buf_mut(), name, value),
            _ => connection.streams[self.slot].send.trailers.push(Some(name), &[], value, false),
        }
    }

    /// Fields that recur: `write` writes them (always the same ones into the same `run`, unless it was made to forget), if they
    /// are not remembered.
    #[inline]
    pub fn run(&mut self, run: &mut FieldRun, write: impl FnOnce(&mut Self)) {
        let connection = &mut *self.connection;
        let revision = connection.encoder.revision() + 1;
        if let Target::Output(_) = self.target
            && run.revision == revision
        {
            // Copied whole, which is shorter than copying as much as is needed.
            let buf = connection.output.buf_mut();
            buf.extend_from_slice(&run.octets);
            buf.truncate(buf.len() - (RUN - run.len));
            return;
        }
        self.write_run(run, revision, write);
    }

    fn write_run(&mut self, run: &mut FieldRun, revision: u64, write: impl FnOnce(&mut Self)) {
        let start = self.connection.output.buf_mut().len();
        write(self);
        let written = self.connection.output.buf_mut().get(start..).unwrap_or_default();
        let fits = written.len() <= RUN && matches!(self.target, Target::Output(_));
        run.forget();
        if fits && self.connection.encoder.revision() + 1 == revision {
            run.octets[..written.len()].copy_from_slice(written);
            run.len = written.len();
            run.revision = revision;
        }
    }

    /// Any other field; the name is lower case already.
    pub fn other(&mut self, name: &[u8], value: &[u8], sensitive: bool) {
        let connection = &mut *self.connection;
        match self.target {
            Target::Output(_) => {
                connection.encoder.field_other(connection.output.buf_mut(), name, value, sensitive);
            }
            _ => connection.streams[self.slot].send.trailers.push(None, name, value, sensitive),
        }
    }

    /// Closes the block. Trailers always end the stream.
    pub fn end(mut self, end_stream: bool) -> StreamKey {
        let key = self.connection.streams.key_of(self.slot);
        self.close(end_stream);
        key
    }

    fn close(&mut self, end_stream: bool) {
        match core::mem::replace(&mut self.target, Target::Done) {
            Target::Done => {}
            Target::Queue => self.connection.streams[self.slot].send.end = End::Trailers,
            Target::Output(at) => self.connection.end_headers(self.slot, at, end_stream),
        }
    }
}

impl Drop for HeaderBlock<'_> {
    fn drop(&mut self) {
        self.close(false);
    }
}

impl Connection {
    /// Opens a stream (client): write its fields, then `end`.
    pub fn open(&mut self, now: Instant, tag: u32) -> Result<HeaderBlock<'_>, OpenError> {
        self.tick(now);
        self.check_open()?;
        let id = self.take_id();
        let slot = self.streams.insert(id, self.local.window_in_force(), self.remote.initial_window);
        self.streams[slot].tag = tag;
        self.keepalive_for_stream();
        Ok(HeaderBlock::begin(self, slot))
    }

    /// The block whose head is at `at` is complete.
    fn end_headers(&mut self, slot: u32, at: usize, end_stream: bool) {
        let stream = &mut self.streams[slot];
        let trailers = core::mem::replace(&mut stream.headers_sent, true);
        let end_stream = end_stream || trailers;
        if let Step::To(next) = stream.state.step(Input::SendHeaders) {
            stream.state = next;
        }
        self.finish_block(slot, at, end_stream);
        let end = self.output.end();
        if !trailers && self.side == Side::Client {
            self.streams[slot].headers_end = end;
        }
        self.guards.pings.sent_on_a_stream();
        self.watch_output();
        if end_stream {
            self.on_local_end(slot);
        }
    }

    /// Patches the head at `at`.
    #[inline]
    fn finish_block(&mut self, slot: u32, at: usize, end_stream: bool) {
        let stream = self.streams[slot].id;
        let max = self.remote.max_frame_size;
        let buf = self.output.buf_mut();
        let len = buf.len() - at - HEAD_LEN;
        let flags = if end_stream { flag::END_STREAM } else { 0 };
        match u32::try_from(len) {
            Ok(len) if len <= max => {
                let flags = flags | flag::END_HEADERS;
                frame::patch_head(buf, at, Head { len, kind: kind::HEADERS, flags, stream });
            }
            _ => cut_block(buf, at, Head { len: max, kind: kind::HEADERS, flags, stream }),
        }
    }

    /// The DATA in front of the stream's trailers has been framed: now they are encoded.
    pub(super) fn write_waiting_trailers(&mut self, slot: u32) {
        let buf = self.output.buf_mut();
        let at = frame::headers_head(buf);
        self.encoder.begin(buf);
        let trailers = &mut self.streams[slot].send.trailers;
        trailers.encode(&mut self.encoder, self.output.buf_mut());
        trailers.clear();
        self.streams[slot].send.end = End::No;
        self.finish_block(slot, at, true);
    }
}

/// Cuts a block beyond the peer's frame size (`first.len`) into CONTINUATION frames (RFC 9113 section 6.10).
#[cold]
fn cut_block(buf: &mut Vec<u8>, at: usize, first: Head) {
    frame::patch_head(buf, at, first);
    let max = first.len as usize;
    let rest = buf.split_off(at + HEAD_LEN + max);
    let mut pieces = rest.chunks(max).peekable();
    while let Some(piece) = pieces.next() {
        frame::continuation(buf, first.stream, piece, pieces.peek().is_none());
    }
}
