//! One HTTP/2 connection (RFC 9113), either side: streams, windows, settings, guards, scheduling. Knows nothing of gRPC.
//!
//! CONTRACT SKELETON: the owner of h2 fills it in, splits it into files, keeps the face.

use crate::buf::{Incoming, MessageBuf, Outgoing, Payload};
use crate::config::Config;
use crate::error::{ConnectionError, ErrorCode};
use crate::hpack::{HeaderList, Known};
use crate::time::Instant;
use alloc::string::String;
use core::time::Duration;

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We open streams.
    Client,
    /// The peer opens streams.
    Server,
}

/// Names a stream of one connection; a key of a released stream finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKey {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// What moved on a stream since it was last reported; bits are merged, one report a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready(pub u8);

impl Ready {
    /// A header block is there (`StreamMut::headers`).
    pub const HEADERS: u8 = 1;
    /// Body bytes arrived.
    pub const DATA: u8 = 2;
    /// The peer half-closed (with or without trailers; all body bytes are there).
    pub const END: u8 = 4;
    /// The stream was reset, by either side, or died with the connection.
    pub const RESET: u8 = 8;
    /// A blocked send may go on.
    pub const WRITABLE: u8 = 16;
    /// Does it have this bit?
    pub fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something moved on a stream.
    Stream {
        /// Which.
        key: StreamKey,
        /// The tag given with `open` or `set_tag` (`u32::MAX` before).
        tag: u32,
        /// What.
        ready: Ready,
    },
    /// The peer's SETTINGS arrived, or a stream ended: `can_open` may have turned true.
    MayOpen,
    /// The peer, or we, began to drain: no new streams. Streams the peer will not process are reset with `REFUSED_STREAM` and `unprocessed`.
    Draining,
    /// It is over; `close_reason` says why.
    Closed,
}

/// How a stream was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The code, as on the wire.
    pub code: u32,
    /// The peer sent it (otherwise we did, or the connection ended).
    pub by_peer: bool,
    /// The peer has certainly not processed the stream (REFUSED_STREAM, beyond GOAWAY's last id, never written).
    pub unprocessed: bool,
}

/// Why no stream can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The peer's limit is reached; `Event::MayOpen` unblocks.
    Full,
    /// The connection drains or is closed, or ids have run out.
    Closed,
}

/// A blocked send: `Ready::WRITABLE` unblocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked;

/// One HTTP/2 connection.
#[derive(Debug)]
pub struct Connection {
    _todo: (),
}

impl Connection {
    /// A connection whose preface and SETTINGS wait to be transmitted.
    pub fn new(side: Side, config: &Config, now: Instant) -> Self {
        let _ = (side, config, now);
        todo!()
    }
    /// Takes bytes from the peer. On an error events decoded before it stand, and a GOAWAY waits to be transmitted.
    pub fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
        let _ = (now, input);
        todo!()
    }
    /// The peer will send no more.
    pub fn receive_eof(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// The transport broke. `written` is `Outgoing::written` where the driver knows it.
    pub fn lost(&mut self, now: Instant, reason: String, written: Option<u64>) {
        let _ = (now, reason, written);
        todo!()
    }
    /// Fills an empty `out`; false when there is nothing to send.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
        let _ = (now, out);
        todo!()
    }
    /// `poll_transmit` would yield something (O(1)).
    pub fn has_output(&self) -> bool {
        todo!()
    }
    /// False while so many replies wait for the peer to read that we stop reading (PING and SETTINGS floods).
    pub fn wants_input(&self) -> bool {
        todo!()
    }
    /// The next event; O(1).
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }
    /// When `handle_timeout` wants to be called; O(1).
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }
    /// Serves what is due; afterwards `poll_timeout() > now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// GOAWAY, drain, close; what is left after `grace` is cut.
    pub fn shutdown(&mut self, now: Instant, grace: Duration) {
        let _ = (now, grace);
        todo!()
    }
    /// A stream may be opened now.
    pub fn can_open(&self) -> bool {
        todo!()
    }
    /// Opens a stream (client): write its fields, then `end`.
    pub fn open(&mut self, now: Instant, tag: u32) -> Result<HeaderBlock<'_>, OpenError> {
        let _ = (now, tag);
        todo!()
    }
    /// A stream by its key.
    pub fn stream(&mut self, key: StreamKey) -> Option<StreamMut<'_>> {
        let _ = key;
        todo!()
    }
    /// Bytes accepted to be sent and not handed to `poll_transmit` yet.
    pub fn unsent(&self) -> usize {
        todo!()
    }
    /// The peer's first SETTINGS have arrived.
    pub fn is_ready(&self) -> bool {
        todo!()
    }
    /// GOAWAY was sent or received, or it is closed.
    pub fn is_draining(&self) -> bool {
        todo!()
    }
    /// Why it ended.
    pub fn close_reason(&self) -> Option<&ConnectionError> {
        todo!()
    }
}

/// A header block that is being written straight into the output. Dropped without `end`, it is ended without END_STREAM.
#[derive(Debug)]
#[must_use = "a header block goes out with `end`"]
pub struct HeaderBlock<'a> {
    _connection: &'a mut Connection,
}

impl HeaderBlock<'_> {
    /// A field with a well-known name. Pseudo-headers come first.
    pub fn field(&mut self, name: Known, value: &[u8]) {
        let _ = (name, value);
        todo!()
    }
    /// Any other field; the name is lower case already.
    pub fn other(&mut self, name: &[u8], value: &[u8], sensitive: bool) {
        let _ = (name, value, sensitive);
        todo!()
    }
    /// Closes the block.
    pub fn end(self, end_stream: bool) -> StreamKey {
        let _ = end_stream;
        todo!()
    }
}

/// One stream, borrowed from its connection.
#[derive(Debug)]
pub struct StreamMut<'a> {
    _connection: &'a mut Connection,
    key: StreamKey,
}

impl<'a> StreamMut<'a> {
    /// Its key.
    pub fn key(&self) -> StreamKey {
        self.key
    }
    /// Its id on the wire.
    pub fn id(&self) -> u32 {
        todo!()
    }
    /// The number that events about this stream carry.
    pub fn set_tag(&mut self, tag: u32) {
        let _ = tag;
        todo!()
    }
    /// The first (final, not 1xx) header block, until the stream is released.
    pub fn headers(&self) -> Option<&HeaderList> {
        todo!()
    }
    /// The trailers, until the stream is released.
    pub fn trailers(&self) -> Option<&HeaderList> {
        todo!()
    }
    /// Body bytes received and not taken.
    pub fn available(&self) -> usize {
        todo!()
    }
    /// Copies up to `into.len()` of them without taking; returns how many.
    pub fn peek(&self, into: &mut [u8]) -> usize {
        let _ = into;
        todo!()
    }
    /// Takes the next `skip` bytes away and then moves `n` bytes to `into`; credit goes back to the peer.
    pub fn take(&mut self, skip: usize, n: usize, into: &mut MessageBuf) {
        let _ = (skip, n, into);
        todo!()
    }
    /// The application waits for a message of which `missing` bytes have not arrived: borrow window for it (mechanics 3).
    pub fn want(&mut self, missing: usize) {
        let _ = missing;
        todo!()
    }
    /// The peer has half-closed and everything it sent is here.
    pub fn is_ended(&self) -> bool {
        todo!()
    }
    /// How it was cut short, if it was.
    pub fn reset_reason(&self) -> Option<Reset> {
        todo!()
    }
    /// Writes response headers or trailers. Trailers (after data) wait behind data that is queued; `None` once our side is closed.
    pub fn send_headers(self) -> Option<HeaderBlock<'a>> {
        todo!()
    }
    /// Sends `prefix` and `body` as DATA: straight into the output when nothing is queued and windows allow, queued otherwise.
    /// `force` accepts beyond the caps (the final reply of a unary call).
    pub fn send_data(
        &mut self,
        prefix: &[u8],
        body: Payload<'_>,
        end_stream: bool,
        force: bool,
    ) -> Result<(), Blocked> {
        let _ = (prefix, body, end_stream, force);
        todo!()
    }
    /// Half-close: END_STREAM on the last queued DATA, or on an empty one.
    pub fn end(&mut self) {
        todo!()
    }
    /// Bytes accepted on this stream and not framed yet.
    pub fn unsent(&self) -> usize {
        todo!()
    }
    /// Cuts the stream short; queued data is dropped.
    pub fn reset(&mut self, code: ErrorCode) {
        let _ = code;
        todo!()
    }
    /// The peer may have seen this stream's HEADERS (see `Connection::lost`).
    pub fn maybe_seen(&self) -> bool {
        todo!()
    }
    /// The application is done with it: the slot is recycled once both sides are closed (an open one is reset with CANCEL,
    /// or NO_ERROR where we have ended and the peer has not).
    pub fn release(self) {
        todo!()
    }
}
