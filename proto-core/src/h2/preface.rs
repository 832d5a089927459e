//! The start of a connection (RFC 9113 section 3.4): the preface, the first SETTINGS, and who is there if they do not come.

use super::timeouts::Kind;
use super::{Connection, Side};
use crate::error::ErrorCode::ProtocolError;
use crate::error::{ConnectionError, Stranger, printable};
use crate::frame::{FrameError, Head, PREFACE, flag, kind};
use crate::time::Instant;

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
    Stranger,
    /// An HTTP/2 peer that does not begin as it must.
    Wrong(FrameError),
}

/// Who does not begin as an HTTP/2 peer must.
#[derive(Debug)]
pub(super) enum Fault {
    /// Somebody else.
    NotHttp2(Stranger),
    /// An HTTP/2 peer with a fault.
    Wrong(FrameError),
}

/// Are these the first bytes of a preface, as far as they go?
fn begins_preface(bytes: &[u8]) -> bool {
    let n = bytes.len().min(PREFACE.len());
    bytes[..n] == PREFACE[..n]
}

/// Looks at the first bytes in `Phase::Preface`.
fn check_preface(bytes: &[u8]) -> Start {
    match begins_preface(bytes) {
        false => Start::Stranger,
        true if bytes.len() < PREFACE.len() => Start::Incomplete,
        true => Start::Done(PREFACE.len()),
    }
}

/// Looks at the first frame in `Phase::Settings`. It is left where it is.
fn check_first_frame(bytes: &[u8], side: Side) -> Start {
    let Some(head) = Head::read(bytes) else {
        // Not even a head; but a stranger may have said all that it has to say.
        let strange = side == Side::Client && !could_be_settings(bytes);
        return if strange { Start::Stranger } else { Start::Incomplete };
    };
    if head.kind == kind::SETTINGS && !head.has(flag::ACK) && head.stream == 0 && head.len <= 0xffff {
        return Start::Done(0);
    }
    // A server was greeted with the right 24 bytes: this is an HTTP/2 peer.
    if side == Side::Server || (head.kind <= kind::CONTINUATION && head.len <= 0xffff && head.stream < 0xffff) {
        let what = "the first frame is not SETTINGS (RFC 9113 section 3.4)";
        return Start::Wrong(FrameError::connection(ProtocolError, what));
    }
    Start::Stranger
}

/// Bytes that tell a stranger from another who is neither of HTTP/1.x nor of TLS. Fewer are waited for: until the end of the stream, or
/// until time runs out.
const ENOUGH_TO_TELL: usize = 16;

/// Of a first line so much is waited for.
const LONGEST_LINE: usize = 256;

/// Of a first line so much is shown.
const SHOWN_LINE: usize = 100;

/// SETTINGS are short: the length's first byte is 0, the fourth byte is the type (or that of another frame, which is judged later).
fn could_be_settings(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|&length| length == 0) && bytes.get(3).is_none_or(|&kind| kind <= kind::CONTINUATION)
}

/// The first bytes of a peer that is not an HTTP/2 peer: who it looks like, and whether more bytes would say more.
fn who_is_it(bytes: &[u8], side: Side) -> (Stranger, bool) {
    const METHODS: [&[u8]; 9] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"TRACE "];
    let starts = |with: &[u8]| {
        let n = with.len().min(bytes.len());
        bytes[..n].eq_ignore_ascii_case(&with[..n])
    };
    let end = bytes.iter().position(|&b| b == b'\n');
    let line = bytes[..end.unwrap_or(bytes.len())].trim_ascii_end();
    let has_line = end.is_some() || bytes.len() >= LONGEST_LINE;
    match (bytes, side) {
        // A record of a handshake, or an alert; then the version (RFC 8446 section 5.1).
        ([0x16 | 0x15, 3, ..], Side::Client) => return (Stranger::TlsServer, true),
        ([0x16 | 0x15, 3, ..], Side::Server) => return (Stranger::TlsClient, true),
        (_, Side::Client) if bytes.len() >= 5 && starts(b"HTTP/1.") => {
            return (Stranger::Http1Server { answer: printable(line, SHOWN_LINE) }, has_line);
        }
        (_, Side::Server) if bytes.len() >= 3 && METHODS.iter().any(|method| starts(method)) => {
            // A query may hold what is nobody else's business.
            let request = line.split(|&b| b == b'?').next().unwrap_or(line);
            return (Stranger::Http1Client { request: printable(request, SHOWN_LINE) }, has_line);
        }
        _ => {}
    }
    let looks_like = match bytes {
        [b'P', b'R', b'I', ..] => "an HTTP/2 preface with an error in it",
        _ if bytes.len() >= 5 && starts(b"HTTP/1.") => "an HTTP/1.1 response",
        _ if bytes.len() >= 3 && METHODS.iter().any(|method| starts(method)) => "an HTTP/1.1 request",
        _ if starts(b"<!doctype html") || starts(b"<html") => "an HTML page",
        _ if starts(b"SSH-") => "an SSH greeting",
        _ if starts(b"220 ") || starts(b"220-") => "an SMTP or FTP greeting",
        _ if bytes.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "text that is not HTTP",
        _ => "bytes that are no HTTP/2 frame",
    };
    (Stranger::Other { looks_like }, bytes.len() >= ENOUGH_TO_TELL)
}

impl Connection {
    /// Looks at what comes before the first SETTINGS are complete. `Ok(Some(n))`: go on behind `n` bytes; `Ok(None)`: wait for more.
    pub(super) fn greet(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let start = match self.phase {
            Phase::Open => return Ok(Some(0)),
            Phase::Preface => check_preface(bytes),
            Phase::Settings => check_first_frame(bytes, self.side),
        };
        match start {
            Start::Incomplete => Ok(None),
            Start::Done(n) => {
                if self.phase == Phase::Preface {
                    self.phase = Phase::Settings;
                }
                Ok(Some(n))
            }
            Start::Stranger => match who_is_it(bytes, self.side) {
                (peer, true) => Err(Fault::NotHttp2(peer)),
                (peer, false) => {
                    self.suspect = Some(peer);
                    Ok(None)
                }
            },
            Start::Wrong(fault) => Err(Fault::Wrong(fault)),
        }
    }

    /// Server: a preface is still to come, and these first bytes do not begin one.
    #[inline]
    pub(crate) fn is_met_by_stranger(&self, bytes: &[u8]) -> bool {
        self.phase == Phase::Preface && self.closed.is_none() && !begins_preface(bytes)
    }

    /// The peer looks like this so far (`None`: as its first bytes say); more bytes are to tell.
    pub(crate) fn suspect(&mut self, now: Instant, peer: Option<Stranger>, bytes: &[u8]) {
        self.tick(now);
        self.heard = self.now;
        self.suspect = Some(peer.unwrap_or_else(|| who_is_it(bytes, self.side).0));
    }

    /// Server: the peer is this one; these are the last words to it, in its own language.
    pub(crate) fn dismiss(&mut self, now: Instant, peer: Stranger, last_words: &[u8]) {
        self.tick(now);
        self.close(ConnectionError::NotHttp2 { peer });
        self.output.buf_mut().extend_from_slice(last_words);
    }

    /// Nothing is sent to a peer that has not sent its preface: it may be one that would not understand it.
    #[inline]
    pub(super) fn is_held_back(&self) -> bool {
        self.phase == Phase::Preface && self.closed.is_none()
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
        if let Some(peer) = &self.suspect {
            return ConnectionError::NotHttp2 { peer: peer.clone() };
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

    /// Who it is, and after how many bytes that was certain.
    fn stranger(bytes: &[u8], side: Side) -> (Stranger, usize) {
        for n in 1..=bytes.len() {
            let start = match side {
                Side::Server => check_preface(&bytes[..n]),
                Side::Client => check_first_frame(&bytes[..n], side),
            };
            match start {
                Start::Incomplete => {}
                Start::Stranger => {
                    if let (peer, true) = who_is_it(&bytes[..n], side) {
                        return (peer, n);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        (who_is_it(bytes, side).0, bytes.len() + 1)
    }

    fn other(looks_like: &'static str) -> Stranger {
        Stranger::Other { looks_like }
    }

    #[test]
    fn strangers_at_a_server_are_told_apart_as_early_as_can_be() {
        let request = |line: &str| Stranger::Http1Client { request: line.into() };
        for (bytes, peer, after) in [
            (&b"GET / HTTP/1.1\r\n"[..], request("GET / HTTP/1.1"), 16),
            (b"POST /a HTTP/1.1\nhost", request("POST /a HTTP/1.1"), 17),
            (b"\x16\x03\x01\x02\x00\x01", Stranger::TlsClient, 2),
            (b"PRI * HTTP/1.1\r\n", other("an HTTP/2 preface with an error in it"), 16),
            (b"\x00\xff\x12", other("bytes that are no HTTP/2 frame"), 4),
            (b"hello\r\n", other("text that is not HTTP"), 8),
        ] {
            assert_eq!(stranger(bytes, Side::Server), (peer, after));
        }
    }

    #[test]
    fn strangers_at_a_client_are_told_apart_as_early_as_can_be() {
        let answer = |line: &str| Stranger::Http1Server { answer: line.into() };
        let long = [b"HTTP/1.1 200 ", &[b'x'; 300][..]].concat();
        for (bytes, peer, after) in [
            (&b"HTTP/1.1 400 Bad Request\r\nServer: x"[..], answer("HTTP/1.1 400 Bad Request"), 26),
            (b"HTTP/1.0 200 OK\n", answer("HTTP/1.0 200 OK"), 16),
            (b"HTTP/1.1 4", answer("HTTP/1.1 4"), 11),
            (&long, answer(&alloc::format!("HTTP/1.1 200 {}", "x".repeat(87))), 256),
            (b"\x15\x03\x01\x00\x02\x02\x46", Stranger::TlsServer, 2),
            (b"\x16\x03", Stranger::TlsServer, 2),
            (b"<!DOCTYPE html><html>", other("an HTML page"), 16),
            (b"SSH-2.0-OpenSSH", other("an SSH greeting"), 16),
            (b"\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad", other("bytes that are no HTTP/2 frame"), 11),
        ] {
            assert_eq!(stranger(bytes, Side::Client), (peer, after));
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
