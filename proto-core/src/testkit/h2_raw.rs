//! One HTTP/2 connection whose peer is a script: bytes in by hand, frames out as they are.

use super::{Chop, Clock, Endpoint};
use crate::buf::{Incoming, Outgoing};
use crate::config::Config;
use crate::error::ConnectionError;
use crate::frame::{self, HEAD_LEN, Head, flag, kind};
use crate::h2::{Connection, Event, Side};
use crate::hpack::{Decoder, Encoder, HeaderList};
use alloc::vec::Vec;

/// A frame that the connection sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// Its head.
    pub head: Head,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl RawFrame {
    /// The code of an RST_STREAM or GOAWAY.
    pub fn code(&self) -> Option<u32> {
        let at = match self.head.kind {
            kind::RST_STREAM => 0,
            kind::GOAWAY => 4,
            _ => return None,
        };
        self.payload.get(at..at + 4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// A connection, of HTTP/2 or of gRPC, and the script's side of the wire.
#[derive(Debug)]
pub struct H2Raw<C = Connection> {
    /// The end under test.
    pub connection: C,
    /// Its time.
    pub clock: Clock,
    /// How it gets the script's bytes.
    pub chop: Chop,
    side: Side,
    incoming: Incoming,
    /// What the connection's frames go through.
    pub outgoing: Outgoing,
    sent: Vec<u8>,
    encoder: Encoder,
    decoder: Decoder,
    greeted: bool,
}

impl H2Raw {
    /// A connection of this side; nothing was exchanged.
    pub fn new(side: Side, config: &Config) -> Self {
        H2Raw::over(side, Connection::new(side, config, Clock::new().now()))
    }

    /// A connection after preface, SETTINGS and acks both ways.
    pub fn open(side: Side, config: &Config) -> Self {
        let mut raw = H2Raw::new(side, config);
        raw.greet();
        raw.events();
        raw
    }

    /// The connection's events so far.
    pub fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.connection.poll_event()).collect()
    }
}

impl<C: Endpoint> H2Raw<C> {
    /// Any connection, made at the time of a new [`Clock`]; nothing was exchanged.
    pub fn over(side: Side, connection: C) -> Self {
        H2Raw {
            connection,
            clock: Clock::new(),
            chop: Chop::Whole,
            side,
            incoming: Incoming::new(),
            outgoing: Outgoing::new(),
            sent: Vec::new(),
            encoder: Encoder::new(4096),
            decoder: Decoder::new(4096, 64 * 1024),
            greeted: false,
        }
    }

    /// Exchanges preface, SETTINGS and acks.
    pub fn greet(&mut self) {
        let mut hello = Vec::new();
        if self.side == Side::Server {
            hello.extend_from_slice(frame::PREFACE);
        }
        frame::settings(&mut hello, &[]);
        frame::settings_ack(&mut hello);
        // What a fault is shows in the connection.
        let _ = self.send(&hello);
        self.frames();
    }

    /// The script sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(self.chop.next(rest.len()));
            rest = tail;
            self.incoming.extend_from_slice(piece);
            self.connection.receive(self.clock.now(), &mut self.incoming)?;
        }
        Ok(())
    }

    /// The script sends what `write` writes.
    pub fn send_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), ConnectionError> {
        let mut bytes = Vec::new();
        write(&mut bytes);
        self.send(&bytes)
    }

    /// The script sends any frame.
    pub fn send_frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<(), ConnectionError> {
        let head = Head { len: payload.len() as u32, kind, flags, stream };
        self.send_with(|out| {
            out.extend_from_slice(&head.to_bytes());
            out.extend_from_slice(payload);
        })
    }

    /// The fields as a header block of the script's encoder. It must be sent.
    pub fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for (name, value) in fields {
            self.encoder.field_other(&mut block, name.as_bytes(), value.as_bytes(), false);
        }
        block
    }

    /// The script sends HEADERS with these fields.
    pub fn send_headers(&mut self, stream: u32, fields: &[(&str, &str)], end: bool) -> Result<(), ConnectionError> {
        let block = self.block(fields);
        let flags = flag::END_HEADERS | if end { flag::END_STREAM } else { 0 };
        self.send_frame(kind::HEADERS, flags, stream, &block)
    }

    /// The script sends a proper request.
    pub fn send_request(&mut self, stream: u32, end: bool) -> Result<(), ConnectionError> {
        self.send_headers(stream, &[(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")], end)
    }

    /// The script sends DATA.
    pub fn send_data(&mut self, stream: u32, data: &[u8], end: bool) -> Result<(), ConnectionError> {
        self.send_frame(kind::DATA, if end { flag::END_STREAM } else { 0 }, stream, data)
    }

    /// The frames that the connection has sent since the last call.
    pub fn frames(&mut self) -> Vec<RawFrame> {
        while self.connection.poll_transmit(self.clock.now(), &mut self.outgoing) {
            let mut segment = [&[][..]; 1];
            self.outgoing.segments(&mut segment);
            self.sent.extend_from_slice(segment[0]);
            let n = segment[0].len();
            self.outgoing.advance(n);
        }
        let mut rest = &self.sent[..];
        if self.side == Side::Client && !self.greeted && rest.starts_with(frame::PREFACE) {
            rest = &rest[frame::PREFACE.len()..];
            self.greeted = true;
        }
        let mut frames = Vec::new();
        while let Some(head) = Head::read(rest) {
            let end = HEAD_LEN + head.len as usize;
            let Some(payload) = rest.get(HEAD_LEN..end) else { break };
            frames.push(RawFrame { head, payload: payload.to_vec() });
            rest = &rest[end..];
        }
        self.sent = rest.to_vec();
        frames
    }

    /// The fields of a HEADERS frame without CONTINUATION. Every one must be read, in order.
    pub fn fields(&mut self, frame: &RawFrame) -> HeaderList {
        let mut list = HeaderList::new();
        // An error shows as a list without fields.
        let _ = self.decoder.decode(&frame.payload, &mut list);
        list
    }
}
