//! What can go wrong, by whose fault. (The owner of the h2 layer refines this.)

use alloc::string::String;

/// Error codes of HTTP/2 (RFC 9113 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum ErrorCode {
    NoError = 0,
    ProtocolError = 1,
    InternalError = 2,
    FlowControlError = 3,
    SettingsTimeout = 4,
    StreamClosed = 5,
    FrameSizeError = 6,
    RefusedStream = 7,
    Cancel = 8,
    CompressionError = 9,
    ConnectError = 10,
    EnhanceYourCalm = 11,
    InadequateSecurity = 12,
    Http11Required = 13,
}

/// Why a connection ended. Says who, what, and in which phase.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke the protocol; we answered with GOAWAY and this code.
    PeerMisbehaved {
        /// The code of our GOAWAY.
        code: ErrorCode,
        /// What was wrong, with the section that says so.
        what: &'static str,
    },
    /// The peer sent GOAWAY.
    PeerWentAway {
        /// Its code, as sent.
        code: u32,
        /// Its debug data, made printable, cut to 256 bytes.
        message: String,
    },
    /// The peer is not an HTTP/2 peer (HTTP/1.1, TLS, noise): the first bytes, and what they look like.
    NotHttp2 {
        /// What the bytes look like.
        looks_like: &'static str,
    },
    /// The transport ended without a GOAWAY.
    Lost {
        /// The transport's own words, where it had any.
        reason: String,
    },
    /// Time ran out: handshake, settings ack, keepalive.
    TimedOut {
        /// What was waited for.
        what: &'static str,
    },
    /// We shut it down ourselves.
    Shutdown,
}

impl core::fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl core::error::Error for ConnectionError {}
