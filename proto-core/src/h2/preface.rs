//! The start of a connection (RFC 9113 section 3.4): the preface, the first SETTINGS, and who is there if they do not come.

use super::timeouts::Kind;
use super::{Connection, Side};
use crate::error::ConnectionError;
use crate::error::ErrorCode::ProtocolError;
use crate::frame::{FrameError, Head, PREFACE, flag, kind};

/// How far the peer has come.
///
/// ```text
///   server:  Preface --24 bytes--> Settings --SETTINGS--> Open
///   client:                        Settings --SETTINGS--> Open
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Preface,
    Settings,
    Open,
}

impl Phase {
    pub(super) fn start(side: Side) -> Self {
        match side {
            Side::Client => Phase::Settings,
            Side::Server => Phase::Preface,
        }
    }
}

/// What the start of the input is.
#[derive(Debug)]
enum Start {
    /// More bytes are needed.
    Incomplete,
    /// Good; this many bytes are done with.
    Done(usize),
    /// Not an HTTP/2 peer.
    Stranger(&'static str),
    /// An HTTP/2 peer that does not begin as it must.
    Wrong(FrameError),
}

/// Who does not begin as an HTTP/2 peer must.
#[derive(Debug)]
pub(super) enum Stranger {
    /// Somebody else, who looks like this.
    NotHttp2(&'static str),
    /// An HTTP/2 peer with a fault.
    Wrong(FrameError),
}

/// Looks at the first bytes in `Phase::Preface`.
fn check_preface(bytes: &[u8]) -> Start {
    let n = bytes.len().min(PREFACE.len());
    if bytes[..n] != PREFACE[..n] {
        return Start::Stranger(looks_like(bytes));
    }
    if n < PREFACE.len() { Start::Incomplete } else { Start::Done(n) }
}

/// Looks at the first frame in `Phase::Settings`. It is left where it is.
fn check_first_frame(bytes: &[u8], side: Side) -> Start {
    let Some(head) = Head::read(bytes) else {
        // Not even a head; but a stranger may have said all that it has to say.
        let strange = side == Side::Client && bytes.len() >= 4 && !could_be_settings(bytes);
        return if strange { Start::Stranger(looks_like(bytes)) } else { Start::Incomplete };
    };
    if head.kind == kind::SETTINGS && !head.has(flag::ACK) && head.stream == 0 && head.len <= 0xffff {
        return Start::Done(0);
    }
    // A server was greeted with the right 24 bytes: this is an HTTP/2 peer.
    if side == Side::Server || (head.kind <= kind::CONTINUATION && head.len <= 0xffff && head.stream < 0xffff) {
        let what = "the first frame is not SETTINGS (RFC 9113 section 3.4)";
        return Start::Wrong(FrameError::connection(ProtocolError, what));
    }
    Start::Stranger(looks_like(bytes))
}

/// Bytes that tell a stranger from another. Fewer are waited for: until the end of the stream, or until time runs out.
const ENOUGH_TO_TELL: usize = 16;

/// SETTINGS are short: the length's first byte is 0, the fourth byte is the type (or that of another frame, which is judged later).
fn could_be_settings(bytes: &[u8]) -> bool {
    bytes[0] == 0 && bytes[3] <= kind::CONTINUATION
}

/// What the first bytes of a peer look like that is not an HTTP/2 peer.
fn looks_like(bytes: &[u8]) -> &'static str {
    const METHODS: [&[u8]; 9] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"TRACE "];
    let starts = |with: &[u8]| {
        let n = with.len().min(bytes.len());
        bytes[..n].eq_ignore_ascii_case(&with[..n])
    };
    match bytes {
        [0x16, 3, ..] => "a TLS handshake (this side speaks plain text: is one of the two configured for TLS?)",
        [0x15, 3, ..] => "a TLS alert (the peer expects TLS, or refused it)",
        [b'P', b'R', b'I', ..] => "an HTTP/2 preface with an error in it",
        _ if bytes.len() >= 5 && starts(b"HTTP/1.") => "an HTTP/1.1 response",
        _ if bytes.len() >= 3 && METHODS.iter().any(|method| starts(method)) => "an HTTP/1.1 request",
        _ if starts(b"<!doctype html") || starts(b"<html") => "an HTML page",
        _ if starts(b"SSH-") => "an SSH greeting",
        _ if starts(b"220 ") || starts(b"220-") => "an SMTP or FTP greeting",
        _ if bytes.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "text that is not HTTP",
        _ => "bytes that are no HTTP/2 frame",
    }
}

impl Connection {
    /// Looks at what comes before the first SETTINGS are complete. `Ok(Some(n))`: go on behind `n` bytes; `Ok(None)`: wait for more.
    pub(super) fn greet(&mut self, bytes: &[u8]) -> Result<Option<usize>, Stranger> {
        let start = match self.phase {
            Phase::Open => return Ok(Some(0)),
            Phase::Preface => check_preface(bytes),
            Phase::Settings => check_first_frame(bytes, self.side),
        };
        match start {
            Start::Incomplete => Ok(None),
            Start::Stranger(what) if bytes.len() < ENOUGH_TO_TELL => {
                self.suspect = Some(what);
                Ok(None)
            }
            Start::Done(n) => {
                if self.phase == Phase::Preface {
                    self.phase = Phase::Settings;
                }
                Ok(Some(n))
            }
            Start::Stranger(what) => Err(Stranger::NotHttp2(what)),
            Start::Wrong(fault) => Err(Stranger::Wrong(fault)),
        }
    }

    /// The peer's first SETTINGS are here.
    pub(super) fn on_ready(&mut self) {
        self.phase = Phase::Open;
        self.disarm(Kind::Handshake);
        if !self.local.acked {
            self.arm(Kind::SettingsAck, self.now + self.local.settings_ack_timeout);
        }
    }

    /// The error for a connection that the peer closed, by how far it had come.
    pub(super) fn lost_in_phase(&self) -> ConnectionError {
        if let Some(looks_like) = self.suspect {
            return ConnectionError::NotHttp2 { looks_like };
        }
        let reason = match (self.phase, self.side) {
            (Phase::Preface, _) => "the peer closed it before its HTTP/2 preface was complete",
            (Phase::Settings, Side::Client) => {
                "the peer closed it without having sent SETTINGS (is it an HTTP/2 server?)"
            }
            (Phase::Settings, Side::Server) => "the peer closed it after its preface, before its SETTINGS",
            (Phase::Open, _) => "the peer closed it without GOAWAY",
        };
        ConnectionError::Lost { reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(start: Start) -> &'static str {
        match start {
            Start::Stranger(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn strangers_at_a_server_are_told_apart() {
        for (bytes, what) in [
            (&b"GET / HTTP/1.1\r\n"[..], "an HTTP/1.1 request"),
            (b"POST /a HTTP/1.1\r\n", "an HTTP/1.1 request"),
            (
                b"\x16\x03\x01\x02\x00\x01",
                "a TLS handshake (this side speaks plain text: is one of the two configured for TLS?)",
            ),
            (b"PRI * HTTP/1.1", "an HTTP/2 preface with an error in it"),
            (b"\x00\xff\x12", "bytes that are no HTTP/2 frame"),
            (b"hello\r\n", "text that is not HTTP"),
        ] {
            assert_eq!(stranger(check_preface(bytes)), what);
        }
    }

    #[test]
    fn strangers_at_a_client_are_told_apart() {
        for (bytes, what) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "an HTTP/1.1 response"),
            (b"HTTP/1.0 200 OK\r\n", "an HTTP/1.1 response"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "a TLS alert (the peer expects TLS, or refused it)"),
            (b"<!DOCTYPE html><html>", "an HTML page"),
            (b"SSH-2.0-OpenSSH", "an SSH greeting"),
            (b"\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad", "bytes that are no HTTP/2 frame"),
        ] {
            assert_eq!(stranger(check_first_frame(bytes, Side::Client)), what);
        }
    }

    #[test]
    fn a_preface_in_pieces_is_waited_for() {
        for n in 0..24 {
            assert!(matches!(check_preface(&PREFACE[..n]), Start::Incomplete));
        }
        assert!(matches!(check_preface(PREFACE), Start::Done(24)));
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        for n in 0..9 {
            assert!(matches!(check_first_frame(&settings[..n], Side::Client), Start::Incomplete));
        }
        assert!(matches!(check_first_frame(&settings, Side::Client), Start::Done(0)));
    }

    #[test]
    fn an_http2_peer_that_begins_wrongly_is_told_so() {
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
        assert!(matches!(check_first_frame(&ping, Side::Client), Start::Wrong(_)));
        let ack = [0, 0, 0, 4, 1, 0, 0, 0, 0];
        assert!(matches!(check_first_frame(&ack, Side::Server), Start::Wrong(_)));
    }
}
