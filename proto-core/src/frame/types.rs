//! The typed views, one for each frame type, and how each is read from its payload.

use super::{FrameError, Head, flag};
use crate::error::ErrorCode::{FrameSizeError, ProtocolError};

/// DATA (RFC 9113 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The stream.
    pub stream: u32,
    /// The payload without padding.
    pub data: &'a [u8],
    /// What counts against flow control: the payload, the padding and its length field.
    pub flow_len: u32,
    /// END_STREAM.
    pub end_stream: bool,
}

impl<'a> Data<'a> {
    /// Reads the payload of a DATA frame.
    pub fn read(head: Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        if head.stream == 0 {
            return Err(FrameError::connection(ProtocolError, "DATA on stream 0 (RFC 9113 section 6.1)"));
        }
        let data = unpad(head, payload)?;
        Ok(Data { stream: head.stream, data, flow_len: head.len, end_stream: head.has(flag::END_STREAM) })
    }
}

/// A stream's place in the deprecated priority tree (RFC 9113 section 5.3.2): read, never used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The stream that this one depends on.
    pub on: u32,
    /// Alone?
    pub exclusive: bool,
    /// 1 to 256, minus one, as on the wire.
    pub weight: u8,
}

impl Dependency {
    fn read(bytes: [u8; 5]) -> Self {
        let [a, b, c, d, weight] = bytes;
        let word = u32::from_be_bytes([a, b, c, d]);
        Dependency { on: word & 0x7fff_ffff, exclusive: word >> 31 == 1, weight }
    }
}

/// A piece of a header block.
pub type HeaderBlockFragment<'a> = &'a [u8];

/// HEADERS (RFC 9113 section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The stream.
    pub stream: u32,
    /// The header block, or its start.
    pub fragment: HeaderBlockFragment<'a>,
    /// END_STREAM.
    pub end_stream: bool,
    /// END_HEADERS: no CONTINUATION follows.
    pub end_headers: bool,
    /// With the PRIORITY flag.
    pub dependency: Option<Dependency>,
}

impl<'a> Headers<'a> {
    /// Reads the payload of a HEADERS frame.
    pub fn read(head: Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        if head.stream == 0 {
            return Err(FrameError::connection(ProtocolError, "HEADERS on stream 0 (RFC 9113 section 6.2)"));
        }
        let mut fragment = unpad(head, payload)?;
        let mut dependency = None;
        if head.has(flag::PRIORITY) {
            let Some((bytes, rest)) = fragment.split_first_chunk::<5>() else {
                let what = "HEADERS too short for its priority (RFC 9113 section 6.2)";
                return Err(FrameError::connection(FrameSizeError, what));
            };
            dependency = Some(Dependency::read(*bytes));
            fragment = rest;
        }
        Ok(Headers {
            stream: head.stream,
            fragment,
            end_stream: head.has(flag::END_STREAM),
            end_headers: head.has(flag::END_HEADERS),
            dependency,
        })
    }
}

/// PRIORITY (RFC 9113 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// The stream, which may be in any state.
    pub stream: u32,
    /// What it says.
    pub dependency: Dependency,
}

impl Priority {
    /// Reads the payload of a PRIORITY frame.
    pub fn read(head: Head, payload: &[u8]) -> Result<Self, FrameError> {
        if head.stream == 0 {
            return Err(FrameError::connection(ProtocolError, "PRIORITY on stream 0 (RFC 9113 section 6.3)"));
        }
        let bytes = <[u8; 5]>::try_from(payload).map_err(|_| {
            FrameError::stream(head.stream, FrameSizeError, "PRIORITY is not 5 bytes (RFC 9113 section 6.3)")
        })?;
        Ok(Priority { stream: head.stream, dependency: Dependency::read(bytes) })
    }
}

/// RST_STREAM (RFC 9113 section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamReset {
    /// The stream.
    pub stream: u32,
    /// Why, as on the wire.
    pub code: u32,
}

impl StreamReset {
    /// Reads the payload of an RST_STREAM frame.
    pub fn read(head: Head, payload: &[u8]) -> Result<Self, FrameError> {
        if head.stream == 0 {
            return Err(FrameError::connection(ProtocolError, "RST_STREAM on stream 0 (RFC 9113 section 6.4)"));
        }
        let code = word(payload, "RST_STREAM is not 4 bytes (RFC 9113 section 6.4)")?;
        Ok(StreamReset { stream: head.stream, code })
    }
}

/// SETTINGS (RFC 9113 section 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings<'a> {
    /// It acknowledges ours (and is empty).
    pub ack: bool,
    entries: &'a [u8],
}

impl<'a> Settings<'a> {
    /// Reads the payload of a SETTINGS frame.
    pub fn read(head: Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        if head.stream != 0 {
            return Err(FrameError::connection(ProtocolError, "SETTINGS on a stream (RFC 9113 section 6.5)"));
        }
        let ack = head.has(flag::ACK);
        if ack && !payload.is_empty() {
            let what = "a SETTINGS ack with a payload (RFC 9113 section 6.5)";
            return Err(FrameError::connection(FrameSizeError, what));
        }
        if !payload.len().is_multiple_of(6) {
            let what = "SETTINGS is not a multiple of 6 bytes (RFC 9113 section 6.5)";
            return Err(FrameError::connection(FrameSizeError, what));
        }
        Ok(Settings { ack, entries: payload })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len() / 6
    }

    /// No entries?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// (identifier, value) in order; see [`setting`](super::setting).
    pub fn iter(&self) -> impl Iterator<Item = (u16, u32)> + use<'a> {
        self.entries.chunks_exact(6).map(|entry| {
            let id = u16::from_be_bytes([entry[0], entry[1]]);
            (id, u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]))
        })
    }
}

/// PUSH_PROMISE (RFC 9113 section 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushPromise<'a> {
    /// The stream it was sent on.
    pub stream: u32,
    /// The stream it promises.
    pub promised: u32,
    /// The header block, or its start.
    pub fragment: HeaderBlockFragment<'a>,
    /// END_HEADERS: no CONTINUATION follows.
    pub end_headers: bool,
}

impl<'a> PushPromise<'a> {
    /// Reads the payload of a PUSH_PROMISE frame.
    pub fn read(head: Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        if head.stream == 0 {
            return Err(FrameError::connection(ProtocolError, "PUSH_PROMISE on stream 0 (RFC 9113 section 6.6)"));
        }
        let Some((id, fragment)) = unpad(head, payload)?.split_first_chunk::<4>() else {
            let what = "PUSH_PROMISE too short for its stream id (RFC 9113 section 6.6)";
            return Err(FrameError::connection(FrameSizeError, what));
        };
        let promised = u32::from_be_bytes(*id) & 0x7fff_ffff;
        if promised == 0 || promised % 2 == 1 {
            let what = "PUSH_PROMISE of a stream that no server opens (RFC 9113 section 5.1.1)";
            return Err(FrameError::connection(ProtocolError, what));
        }
        Ok(PushPromise { stream: head.stream, promised, fragment, end_headers: head.has(flag::END_HEADERS) })
    }
}

/// PING (RFC 9113 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// It answers ours.
    pub ack: bool,
    /// Echoed as it is.
    pub payload: [u8; 8],
}

impl Ping {
    /// Reads the payload of a PING frame.
    pub fn read(head: Head, payload: &[u8]) -> Result<Self, FrameError> {
        if head.stream != 0 {
            return Err(FrameError::connection(ProtocolError, "PING on a stream (RFC 9113 section 6.7)"));
        }
        let payload = <[u8; 8]>::try_from(payload)
            .map_err(|_| FrameError::connection(FrameSizeError, "PING is not 8 bytes (RFC 9113 section 6.7)"))?;
        Ok(Ping { ack: head.has(flag::ACK), payload })
    }
}

/// GOAWAY (RFC 9113 section 6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// The last stream that the sender may have processed.
    pub last_stream: u32,
    /// Why, as on the wire.
    pub code: u32,
    /// For humans.
    pub debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    /// Reads the payload of a GOAWAY frame.
    pub fn read(head: Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        if head.stream != 0 {
            return Err(FrameError::connection(ProtocolError, "GOAWAY on a stream (RFC 9113 section 6.8)"));
        }
        let Some(([a, b, c, d, e, f, g, h], debug)) = payload.split_first_chunk::<8>() else {
            let what = "GOAWAY is shorter than 8 bytes (RFC 9113 section 6.8)";
            return Err(FrameError::connection(FrameSizeError, what));
        };
        let last_stream = u32::from_be_bytes([*a, *b, *c, *d]) & 0x7fff_ffff;
        Ok(GoAway { last_stream, code: u32::from_be_bytes([*e, *f, *g, *h]), debug })
    }
}

/// WINDOW_UPDATE (RFC 9113 section 6.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowUpdate {
    /// The stream; 0 is the connection.
    pub stream: u32,
    /// 1 to 2^31-1.
    pub increment: u32,
}

impl WindowUpdate {
    /// Reads the payload of a WINDOW_UPDATE frame.
    pub fn read(head: Head, payload: &[u8]) -> Result<Self, FrameError> {
        let increment = word(payload, "WINDOW_UPDATE is not 4 bytes (RFC 9113 section 6.9)")? & 0x7fff_ffff;
        if increment == 0 {
            let what = "WINDOW_UPDATE of 0 (RFC 9113 section 6.9)";
            return Err(FrameError { code: ProtocolError, stream: (head.stream != 0).then_some(head.stream), what });
        }
        Ok(WindowUpdate { stream: head.stream, increment })
    }
}

/// CONTINUATION (RFC 9113 section 6.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continuation<'a> {
    /// The stream, that of the HEADERS before.
    pub stream: u32,
    /// The next piece of the block.
    pub fragment: HeaderBlockFragment<'a>,
    /// END_HEADERS: the last one.
    pub end_headers: bool,
}

impl<'a> Continuation<'a> {
    /// Reads the payload of a CONTINUATION frame.
    pub fn read(head: Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        if head.stream == 0 {
            return Err(FrameError::connection(ProtocolError, "CONTINUATION on stream 0 (RFC 9113 section 6.10)"));
        }
        Ok(Continuation { stream: head.stream, fragment: payload, end_headers: head.has(flag::END_HEADERS) })
    }
}

/// The payload between the padding's length and the padding.
fn unpad(head: Head, payload: &[u8]) -> Result<&[u8], FrameError> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let Some((&pad, rest)) = payload.split_first() else {
        let what = "a padded frame without the padding's length (RFC 9113 section 6.1)";
        return Err(FrameError::connection(FrameSizeError, what));
    };
    match rest.len().checked_sub(usize::from(pad)) {
        Some(len) => Ok(&rest[..len]),
        None => Err(FrameError::connection(ProtocolError, "more padding than payload (RFC 9113 section 6.1)")),
    }
}

fn word(payload: &[u8], what: &'static str) -> Result<u32, FrameError> {
    match <[u8; 4]>::try_from(payload) {
        Ok(bytes) => Ok(u32::from_be_bytes(bytes)),
        Err(_) => Err(FrameError::connection(FrameSizeError, what)),
    }
}
