//! HTTP/2 frames (RFC 9113 sections 4 and 6) as views over bytes: read in place, written into a buffer.
//!
//! Checks what a frame alone can tell: its length, its stream id, its padding. Whether it may come now is for `h2`.

mod parse;
mod types;
mod write;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;

pub use parse::{Frame, parse};
pub use types::{
    Continuation, Data, Dependency, GoAway, HeaderBlockFragment, Headers, Ping, Priority, PushPromise, Settings,
    StreamReset, WindowUpdate,
};
pub use write::{
    continuation, data_head, goaway, headers_head, patch_head, ping, priority, push_promise, rst_stream, settings,
    settings_ack, window_update,
};

use crate::error::ErrorCode;

/// The length of a frame's head.
pub const HEAD_LEN: usize = 9;

/// The largest payload that a peer accepts until its SETTINGS say otherwise (RFC 9113 section 6.5.2).
pub const DEFAULT_MAX_FRAME_SIZE: u32 = 16_384;

/// The largest payload that can be announced (RFC 9113 section 6.5.2).
pub const MAX_MAX_FRAME_SIZE: u32 = (1 << 24) - 1;

/// What a client sends before its first frame (RFC 9113 section 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (RFC 9113 section 6).
pub mod kind {
    #![allow(missing_docs, reason = "the names are the RFC's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags (RFC 9113 section 6); their meaning depends on the type.
pub mod flag {
    #![allow(missing_docs, reason = "the names are the RFC's")]
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Settings (RFC 9113 section 6.5.2).
pub mod setting {
    #![allow(missing_docs, reason = "the names are the RFC's")]
    pub const HEADER_TABLE_SIZE: u16 = 1;
    pub const ENABLE_PUSH: u16 = 2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    pub const MAX_FRAME_SIZE: u16 = 5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// The nine bytes before every payload (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The payload's length.
    pub len: u32,
    /// The type, see [`kind`].
    pub kind: u8,
    /// See [`flag`].
    pub flags: u8,
    /// The stream, without the reserved bit; 0 is the connection.
    pub stream: u32,
}

impl Head {
    /// Reads a head. `None` while fewer than nine bytes are there.
    pub fn read(bytes: &[u8]) -> Option<Head> {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = *bytes.first_chunk::<HEAD_LEN>()?;
        Some(Head {
            len: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
        })
    }

    /// The bytes of this head.
    pub fn to_bytes(self) -> [u8; HEAD_LEN] {
        let [_, a, b, c] = self.len.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, s0, s1, s2, s3]
    }

    /// Has it this flag?
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// The code that the section names.
    pub code: ErrorCode,
    /// The stream that it ends; `None` ends the connection.
    pub stream: Option<u32>,
    /// What, and which section says so.
    pub what: &'static str,
}

impl FrameError {
    pub(crate) const fn connection(code: ErrorCode, what: &'static str) -> Self {
        FrameError { code, stream: None, what }
    }

    pub(crate) const fn stream(stream: u32, code: ErrorCode, what: &'static str) -> Self {
        FrameError { code, stream: Some(stream), what }
    }
}
