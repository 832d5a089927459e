//! The outside of a stream of TLS: the first bytes, which tell who is there, and where records end.

use crate::error::Side;

/// Bytes of the beginning that are looked at: the head of a record, and that of a handshake message (RFC 8446 sections
/// 5.1 and 4).
const START: usize = 9;

/// Follows the records that come in.
#[derive(Debug, Default)]
pub(crate) struct Records {
    start: [u8; START],
    started: usize,
    head: [u8; 5],
    in_head: usize,
    /// Of the record whose head is complete.
    left: usize,
}

/// What the first bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// TLS, as far as can be seen.
    Tls,
    /// Not TLS, but what it is cannot be told yet.
    Strange,
    /// Not TLS, but this.
    Stranger(&'static str),
    /// TLS that begins with a handshake message of so many bytes.
    Hello(usize),
    /// TLS that begins with its end, a close_notify. rustls would wait for more.
    Gone,
}

impl Records {
    /// Looks at the first bytes, as far as they have come. To be asked before `follow` is told of them.
    pub(crate) fn greet(&mut self, us: Side, bytes: &[u8]) -> Start {
        let n = bytes.len().min(START - self.started);
        self.start[self.started..self.started + n].copy_from_slice(&bytes[..n]);
        self.started += n;
        self.judge(us, false)
    }

    /// The first bytes, judged; `all` when no more will come.
    pub(crate) fn judge(&self, us: Side, all: bool) -> Start {
        let seen = &self.start[..self.started];
        // Content types are change_cipher_spec to application_data; the version has always been 3.x.
        let tls =
            seen.first().is_none_or(|kind| (20..=23).contains(kind)) && seen.get(1).is_none_or(|major| *major == 3);
        match seen {
            _ if !tls && (seen.len() == START || all) => Start::Stranger(looks_like(us, seen)),
            _ if !tls => Start::Strange,
            [21, _, _, 0, 2, 1, 0, ..] => Start::Gone,
            [22, _, _, _, _, 1, a, b, c] => {
                Start::Hello(usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c))
            }
            _ => Start::Tls,
        }
    }

    /// The beginning has been seen whole: `greet` has nothing more to look at.
    pub(crate) fn has_started(&self) -> bool {
        self.started == START
    }

    /// These bytes went in.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let n = bytes.len().min(self.head.len() - self.in_head);
                self.head[self.in_head..self.in_head + n].copy_from_slice(&bytes[..n]);
                self.in_head += n;
                bytes = &bytes[n..];
                if self.in_head == self.head.len() {
                    self.in_head = 0;
                    self.left = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
                }
            } else {
                let n = bytes.len().min(self.left);
                self.left -= n;
                bytes = &bytes[n..];
            }
        }
    }

    /// The last byte was inside a record.
    pub(crate) fn is_inside(&self) -> bool {
        self.in_head > 0 || self.left > 0
    }
}

const PLAIN_HTTP2: &str = "HTTP/2 in plain text";
const PLAIN_HTTP1: &str = "an HTTP/1.1 request in plain text";

fn looks_like(us: Side, bytes: &[u8]) -> &'static str {
    match (us, bytes) {
        (Side::Server, [b'P', b'R', b'I', b' ', ..]) => PLAIN_HTTP2,
        (Side::Client, [b'H', b'T', b'T', b'P', b'/', ..]) => "an HTTP/1.1 response in plain text",
        // A SETTINGS frame is short and on stream 0 (RFC 9113 section 6.5).
        (Side::Client, [0, 0, _, 4, _, 0, 0, 0, 0]) => "HTTP/2 in plain text (is the target to be http:// instead?)",
        (Side::Server, _) if is_request(bytes) => PLAIN_HTTP1,
        (_, []) => "nothing",
        (_, bytes) if bytes.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => "plain text",
        _ => "bytes that are no TLS record",
    }
}

fn is_request(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"TRACE "];
    METHODS.iter().any(|method| bytes.starts_with(method))
}

/// A fatal alert, unexpected_message, which HTTP/2 clients that know no TLS take for what it is: the other end speaks TLS. (A
/// GOAWAY would make them connect again at once.)
const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 10];
const HTTP1: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 35\r\nconnection: close\r\n\r\n\
    this port speaks gRPC and TLS only\n";

/// What a client that does not speak TLS is told, in its own language if possible.
pub(crate) fn answer(looks_like: &str) -> &'static [u8] {
    match looks_like {
        PLAIN_HTTP1 => HTTP1,
        _ => ALERT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told_apart_whole_or_byte_by_byte() {
        for (us, bytes, what) in [
            (Side::Server, &b"PRI * HTTP/2.0\r\n"[..], "HTTP/2 in plain text"),
            (Side::Server, b"GET / HTTP/1.1\r\n", "an HTTP/1.1 request in plain text"),
            (Side::Server, b"OPTIONS * HTTP/1.1\r\n", "an HTTP/1.1 request in plain text"),
            (Side::Server, b"hello you there", "plain text"),
            (Side::Server, &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0], "bytes that are no TLS record"),
            (Side::Client, b"HTTP/1.1 400 Bad", "an HTTP/1.1 response in plain text"),
            (
                Side::Client,
                &[0, 0, 18, 4, 0, 0, 0, 0, 0, 0],
                "HTTP/2 in plain text (is the target to be http:// instead?)",
            ),
        ] {
            assert_eq!(Records::default().greet(us, bytes), Start::Stranger(what));
            let mut slow = Records::default();
            for (i, byte) in bytes.iter().take(START).enumerate() {
                let start = slow.greet(us, &[*byte]);
                assert_eq!(start, if i + 1 < START { Start::Strange } else { Start::Stranger(what) });
            }
        }
    }

    #[test]
    fn a_greeting_that_ends_early_is_judged_by_what_there_is() {
        let mut records = Records::default();
        assert_eq!(records.greet(Side::Client, b"HTTP/"), Start::Strange);
        assert_eq!(records.judge(Side::Client, true), Start::Stranger("an HTTP/1.1 response in plain text"));
    }

    #[test]
    fn an_alert_alone_is_tls_and_a_hello_says_how_long_it_is() {
        assert_eq!(Records::default().greet(Side::Client, &[21, 3, 3, 0, 2, 2, 40]), Start::Tls);
        assert_eq!(Records::default().greet(Side::Server, &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]), Start::Hello(508));
    }

    #[test]
    fn the_ends_of_records_are_found_however_the_bytes_come() {
        let stream = [&[23, 3, 3, 0, 2, 1, 2][..], &[23, 3, 3, 0, 0], &[23, 3, 3, 0, 1, 9]].concat();
        let ends = [0, 7, 12, 18];
        for step in 1..=stream.len() {
            let (mut records, mut at) = (Records::default(), 0);
            for piece in stream.chunks(step) {
                assert_eq!(records.is_inside(), !ends.contains(&at), "at {at} in steps of {step}");
                records.follow(piece);
                at += piece.len();
            }
            assert!(!records.is_inside());
        }
    }
}
