//! What can go wrong with a connection, by whose fault.

use alloc::string::String;
use core::fmt;

/// Error codes of HTTP/2 (RFC 9113 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "the names are the RFC's")]
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

impl ErrorCode {
    const ALL: [(ErrorCode, &'static str); 14] = [
        (ErrorCode::NoError, "NO_ERROR"),
        (ErrorCode::ProtocolError, "PROTOCOL_ERROR"),
        (ErrorCode::InternalError, "INTERNAL_ERROR"),
        (ErrorCode::FlowControlError, "FLOW_CONTROL_ERROR"),
        (ErrorCode::SettingsTimeout, "SETTINGS_TIMEOUT"),
        (ErrorCode::StreamClosed, "STREAM_CLOSED"),
        (ErrorCode::FrameSizeError, "FRAME_SIZE_ERROR"),
        (ErrorCode::RefusedStream, "REFUSED_STREAM"),
        (ErrorCode::Cancel, "CANCEL"),
        (ErrorCode::CompressionError, "COMPRESSION_ERROR"),
        (ErrorCode::ConnectError, "CONNECT_ERROR"),
        (ErrorCode::EnhanceYourCalm, "ENHANCE_YOUR_CALM"),
        (ErrorCode::InadequateSecurity, "INADEQUATE_SECURITY"),
        (ErrorCode::Http11Required, "HTTP_1_1_REQUIRED"),
    ];

    /// The code of this number; `None` for numbers that RFC 9113 does not name.
    pub fn from_wire(code: u32) -> Option<ErrorCode> {
        Self::ALL.get(code as usize).map(|(code, _)| *code)
    }

    /// The number on the wire.
    pub fn to_wire(self) -> u32 {
        self as u32
    }

    /// Its name in RFC 9113, or "unknown code".
    pub fn name_of(code: u32) -> &'static str {
        Self::ALL.get(code as usize).map_or("unknown code", |(_, name)| name)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::name_of(self.to_wire()))
    }
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
    /// The peer is not an HTTP/2 peer.
    NotHttp2 {
        /// Who it is instead, by its first bytes.
        peer: Stranger,
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

/// Who is there in the place of an HTTP/2 peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stranger {
    /// A server that answers in HTTP/1.x: a web server, or a proxy that was taken for the server.
    Http1Server {
        /// Its first line ("HTTP/1.1 400 Bad Request"), made printable, cut to 100 bytes.
        answer: String,
    },
    /// A client that asks in HTTP/1.x. A server answers it so that it understands.
    Http1Client {
        /// Its first line without a query ("GET /index.html HTTP/1.1"), made printable, cut to 100 bytes.
        request: String,
    },
    /// A server that answers plain text with a TLS record.
    TlsServer,
    /// A client that begins a TLS handshake where plain text is spoken.
    TlsClient,
    /// Anybody else.
    Other {
        /// What the first bytes look like.
        looks_like: &'static str,
    },
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http1Server { answer } => {
                write!(f, "the server speaks HTTP/1.1, not HTTP/2: it answered {answer:?}")
            }
            Self::Http1Client { request } => {
                write!(f, "the client speaks HTTP/1.1, not HTTP/2: it asked {request:?}")
            }
            Self::TlsServer => f.write_str("the server expects TLS: it answered plain text with a TLS record"),
            Self::TlsClient => f.write_str("the client speaks TLS, this port does not"),
            Self::Other { looks_like } => write!(f, "the peer does not speak HTTP/2: it sent {looks_like}"),
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerMisbehaved { code, what } => write!(f, "the peer broke the protocol: {what}; ended with {code}"),
            Self::PeerWentAway { code, message } => {
                write!(f, "the peer sent GOAWAY with {} ({code})", ErrorCode::name_of(*code))?;
                if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
            }
            Self::NotHttp2 { peer } => write!(f, "{peer}"),
            Self::Lost { reason } => write!(f, "the connection was lost: {reason}"),
            Self::TimedOut { what } => write!(f, "time ran out waiting for {what}"),
            Self::Shutdown => f.write_str("the connection was shut down on this side"),
        }
    }
}

impl core::error::Error for ConnectionError {}

/// Bytes of the peer as a part of a message, cut to `max`: what is not printable ASCII becomes a dot.
pub(crate) fn printable(bytes: &[u8], max: usize) -> String {
    let shown = &bytes[..bytes.len().min(max)];
    shown.iter().map(|&b| if b == b' ' || b.is_ascii_graphic() { char::from(b) } else { '.' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn codes_have_the_numbers_and_names_of_rfc_9113() {
        for (number, (code, name)) in (0..).zip(ErrorCode::ALL) {
            assert_eq!(ErrorCode::from_wire(number), Some(code));
            assert_eq!(code.to_wire(), number);
            assert_eq!(code.to_string(), name);
        }
        assert_eq!(ErrorCode::from_wire(14), None);
        assert_eq!(ErrorCode::name_of(u32::MAX), "unknown code");
    }

    #[test]
    fn errors_say_what_happened() {
        let went = ConnectionError::PeerWentAway { code: 11, message: "too_many_pings".into() };
        assert_eq!(went.to_string(), "the peer sent GOAWAY with ENHANCE_YOUR_CALM (11): too_many_pings");
        for (peer, text) in [
            (
                Stranger::Http1Server { answer: "HTTP/1.1 400 Bad Request".into() },
                "the server speaks HTTP/1.1, not HTTP/2: it answered \"HTTP/1.1 400 Bad Request\"",
            ),
            (
                Stranger::Http1Client { request: "GET / HTTP/1.1".into() },
                "the client speaks HTTP/1.1, not HTTP/2: it asked \"GET / HTTP/1.1\"",
            ),
            (Stranger::TlsServer, "the server expects TLS: it answered plain text with a TLS record"),
            (Stranger::TlsClient, "the client speaks TLS, this port does not"),
            (Stranger::Other { looks_like: "an HTML page" }, "the peer does not speak HTTP/2: it sent an HTML page"),
        ] {
            assert_eq!(ConnectionError::NotHttp2 { peer }.to_string(), text);
        }
    }
}
