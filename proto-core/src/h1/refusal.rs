//! An HTTP/1.x request where an HTTP/2 preface is expected: recognised, and answered in its own language.
//!
//! Somebody opened a browser, used curl, or put a proxy in between that turns HTTP/2 into HTTP/1.1. The answer says so.

use super::head::{HeadEnd, MAX_FIELDS, MAX_HEAD};
use crate::error::printable;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Longest method that is taken for one, bytes (the longest registered one has 17: UPDATEREDIRECTREF).
const MAX_METHOD: usize = 24;

/// Longest first line that is waited for, bytes (RFC 9112 section 3: at least 8000).
const MAX_LINE: usize = 8 * 1024;

/// Of the first line so much is told, bytes.
const SHOWN: usize = 100;

const PLAIN: &str = "This is a gRPC server: on this port it speaks HTTP/2 from the first byte on (prior knowledge), not HTTP/1.1.\n\
                     Call it with a gRPC client; grpcurl is one for the command line.\n";

const GRPC: &str = "This gRPC request came over HTTP/1.1, and gRPC needs HTTP/2.\n\
                    Either its client speaks HTTP/1.1, or a proxy on the way has turned HTTP/2 into HTTP/1.1: it has to pass \
                    HTTP/2 on (in nginx: grpc_pass in the place of proxy_pass).\n";

const GRPC_WEB: &str = "This is a gRPC-Web request over HTTP/1.1, and this port speaks gRPC over HTTP/2 alone.\n\
                        A proxy in front of it can translate (Envoy with its grpc_web filter is one).\n";

/// The search for an HTTP/1.x request in the first bytes of a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusal {
    /// Bytes that were looked at.
    seen: usize,
    /// Where the first line begins: behind the empty lines before it.
    start: usize,
    /// Where it ends.
    line_end: Option<usize>,
    end: HeadEnd,
}

/// What the first bytes of a peer are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// No HTTP/1.x request.
    Other,
    /// Perhaps one; certainly if there is a first line. More bytes are needed.
    Begun(Option<String>),
    /// One: its first line, without a query, and the answer.
    Request { line: String, answer: Vec<u8> },
}

impl Refusal {
    /// Looks at all the bytes that have come, none of which is taken away; each is looked at once.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Look {
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        let end = self.end.find(fresh).map(|n| self.seen + n);
        if self.line_end.is_none() && !self.look_at_line(bytes) {
            return Look::Other;
        }
        self.seen = bytes.len();
        let line = &bytes[self.start..self.line_end.unwrap_or(bytes.len())];
        match end {
            Some(end) => Look::Request { line: shown(line), answer: answer(&bytes[..end]) },
            None if bytes.len() > MAX_HEAD => Look::Request { line: shown(line), answer: answer(bytes) },
            None => Look::Begun(self.line_end.map(|_| shown(line))),
        }
    }

    /// Could the first line be that of a request?
    fn look_at_line(&mut self, bytes: &[u8]) -> bool {
        if self.start == self.seen {
            self.start += bytes[self.seen..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        }
        let from = self.start.max(self.seen);
        self.line_end = bytes[from..].iter().position(|&b| b == b'\n').map(|n| from + n);
        let line = &bytes[self.start..self.line_end.unwrap_or(bytes.len())];
        let method = line.iter().take(MAX_METHOD + 1).position(|&b| b == b' ');
        let begun = &line[..method.unwrap_or(line.len().min(MAX_METHOD + 1))];
        let is_method = method != Some(0)
            && begun.len() <= MAX_METHOD
            && begun.iter().all(|&b| b.is_ascii_alphabetic() || b == b'-');
        let complete = self.line_end.is_none() || is_request_line(line);
        is_method && complete && self.start <= MAX_LINE && line.len() <= MAX_LINE
    }
}

/// `method SP target SP version` (RFC 9112 section 3), of a version that is ours to refuse.
fn is_request_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let parts = line.iter().filter(|&&b| b == b' ').count();
    parts >= 2 && (line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"))
}

/// The first line for humans; a query may hold what is nobody else's business.
fn shown(line: &[u8]) -> String {
    let line = line.trim_ascii_end();
    let (before, query) = line.split_at(line.iter().position(|&b| b == b'?').unwrap_or(line.len()));
    let version = query.iter().rposition(|&b| b == b' ').map_or(&[][..], |at| &query[at..]);
    printable(&[before, version].concat(), SHOWN)
}

/// The answer to the request with this head, which may have been cut.
fn answer(head: &[u8]) -> Vec<u8> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(head);
    // RFC 9110 section 15.6.6: a major version that is not spoken here, and what is.
    let (status, text) = match parsed {
        _ if head.len() > MAX_HEAD => ("431 Request Header Fields Too Large", PLAIN),
        Err(httparse::Error::TooManyHeaders) => ("431 Request Header Fields Too Large", PLAIN),
        Ok(httparse::Status::Complete(_)) => ("505 HTTP Version Not Supported", text_for(request.headers)),
        Ok(httparse::Status::Partial) | Err(_) => ("400 Bad Request", PLAIN),
    };
    let body = if request.method == Some("HEAD") { "" } else { text };
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What there is to say to this request.
fn text_for(fields: &[httparse::Header<'_>]) -> &'static str {
    const GRPC_TYPE: &[u8] = b"application/grpc";
    let kind = fields.iter().find(|field| field.name.eq_ignore_ascii_case("content-type"));
    let kind = kind.map(|field| field.value.to_ascii_lowercase()).unwrap_or_default();
    match kind.strip_prefix(GRPC_TYPE) {
        Some([] | [b'+' | b';' | b' ', ..]) => GRPC,
        Some([b'-', b'w', b'e', b'b', ..]) => GRPC_WEB,
        _ => PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    /// What becomes of these bytes, whole and in single bytes: the same.
    fn look(bytes: &[u8]) -> Look {
        let whole = Refusal::default().look(bytes);
        let mut single = Refusal::default();
        let ends = |look: &Look| !matches!(look, Look::Begun(_));
        let by_one = (1..=bytes.len()).map(|n| single.look(&bytes[..n])).find(ends);
        match (&whole, by_one) {
            (Look::Begun(_), by_one) => assert_eq!(by_one, None),
            (whole, by_one) => assert_eq!(Some(whole), by_one.as_ref()),
        }
        whole
    }

    fn answered(bytes: &[u8]) -> (String, String) {
        match look(bytes) {
            Look::Request { line, answer } => (line, String::from_utf8(answer).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_answered_with_what_is_spoken_here() {
        let (line, answer) = answered(b"GET /index.html?token=secret HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(line, "GET /index.html HTTP/1.1");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{head}");
        assert!(head.contains("\r\nconnection: close") && head.contains("\r\ncontent-type: text/plain"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert_eq!(body, PLAIN);
    }

    #[test]
    fn head_gets_no_body() {
        let (_, answer) = answered(b"HEAD / HTTP/1.0\r\n\r\n");
        assert!(answer.ends_with("\r\n\r\n") && answer.contains(&format!("content-length: {}\r\n", PLAIN.len())));
    }

    #[test]
    fn grpc_over_http_1_is_told_what_went_wrong() {
        for (kind, text) in [
            ("application/grpc", GRPC),
            ("Application/gRPC+proto", GRPC),
            ("application/grpc; x", GRPC),
            ("application/grpc-web+proto", GRPC_WEB),
            ("application/grpc-web-text", GRPC_WEB),
            ("application/grpcfoo", PLAIN),
            ("application/json", PLAIN),
        ] {
            let request = format!("\r\nPOST /a.B/C HTTP/1.1\r\nConTent-Type:  {kind}\r\n\r\nbody");
            let (line, answer) = answered(request.as_bytes());
            assert_eq!(line, "POST /a.B/C HTTP/1.1");
            assert!(answer.ends_with(text), "{kind}: {answer}");
        }
    }

    #[test]
    fn requests_that_are_not_well_formed_are_told_so() {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_string(), "400 Bad Request"),
            ("GET / / HTTP/1.1\r\n\r\n".to_string(), "400 Bad Request"),
            (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1)), "431 "),
            (format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(MAX_HEAD)), "431 "),
            (format!("GET / HTTP/1.1\r\na: {}", "b".repeat(MAX_HEAD)), "431 "),
        ] {
            let answer = match Refusal::default().look(request.as_bytes()) {
                Look::Request { answer, .. } => String::from_utf8(answer).unwrap(),
                other => panic!("{other:?}"),
            };
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
    }

    #[test]
    fn what_is_incomplete_is_waited_for_within_bounds() {
        for (bytes, line) in [
            (&b""[..], None),
            (b"\r\n", None),
            (b"G", None),
            (b"GET /a?b", None),
            (b"PROPFIND / HTTP/1.1\r\nhost", Some("PROPFIND / HTTP/1.1")),
        ] {
            assert_eq!(look(bytes), Look::Begun(line.map(ToString::to_string)));
        }
        assert_eq!(look(&[b'a'; MAX_METHOD]), Look::Begun(None));
        assert_eq!(look(&[b'a'; MAX_METHOD + 1]), Look::Other);
        assert_eq!(look(&[b"GET /", &[b'a'; MAX_LINE][..]].concat()), Look::Other);
        assert_eq!(look(&[b'\n'; MAX_LINE + 1]), Look::Other);
    }

    #[test]
    fn what_is_no_request_is_left_to_others() {
        for bytes in [
            &b"\x16\x03\x01"[..],
            b"hello world\r\n",
            b"hello\r\n",
            b"GET / HTTP/2.0\r\n",
            b"GET /\r\n",
            b"PRI * HTTP/2.0\r\n\r\nXX",
            b" GET / HTTP/1.1\r\n",
            b"SSH-2.0-x\r\n",
        ] {
            assert_eq!(look(bytes), Look::Other, "{bytes:?}");
        }
    }
}
