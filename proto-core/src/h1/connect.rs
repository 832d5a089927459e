//! A tunnel through an HTTP proxy: the CONNECT request and its answer (RFC 9110 section 9.3.6, RFC 9112).

use super::head::{HeadEnd, MAX_FIELDS, MAX_HEAD};
use super::proxy::Proxy;
use crate::error::printable;
use crate::grpc::user_agent;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Of a text of the proxy so much is shown, bytes.
const SHOWN: usize = 120;

/// Asks an HTTP proxy for a tunnel.
///
/// ```text
///   Asking --2xx--> the tunnel stands: what follows belongs to it
///     |  ^
///     |  +--1xx-- (skipped)
///     +--anything else--> ConnectError
/// ```
///
/// The loop of whoever drives it: write [`transmit`](Self::transmit), telling [`advance`](Self::advance); read, and hand what came to
/// [`receive`](Self::receive), until that says where the tunnel's bytes begin. How long it may take is the driver's to bound. An answer
/// is taken that comes before the request has left.
///
/// ```
/// use proto_core::h1::{Connect, Proxy};
///
/// let proxy = Proxy::parse("http://ada:secret@proxy.example:3128")?;
/// let mut connect = Connect::new("api.example:443", &proxy);
/// assert!(connect.transmit().starts_with(b"CONNECT api.example:443 HTTP/1.1\r\n"));
/// connect.advance(connect.transmit().len());
///
/// assert_eq!(connect.receive(b"HTTP/1.1 200 Connection estab"), Ok(None));
/// assert_eq!(connect.receive(b"lished\r\n\r\nfirst bytes of the server"), Ok(Some(10)));
/// # Ok::<(), proto_core::h1::ProxyError>(())
/// ```
pub struct Connect {
    request: Vec<u8>,
    written: usize,
    has_credentials: bool,
    /// Of the answer that is under way.
    head: Vec<u8>,
    end: HeadEnd,
    /// Bytes received in all, interim answers included.
    received: usize,
    failed: Option<ConnectError>,
}

/// Why there is no tunnel. The texts go on from "connecting through the proxy: ".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// 407: the proxy wants credentials, or others.
    Credentials {
        /// The proxy's `proxy-authenticate`, made printable; empty if it has none.
        challenge: String,
        /// Credentials were sent.
        given: bool,
    },
    /// Another answer than 2xx.
    Refused {
        /// The status code.
        status: u16,
        /// Its reason, made printable; may be empty.
        reason: String,
    },
    /// The answer is not HTTP/1.x.
    NotHttp {
        /// How it begins, made printable.
        begins: String,
        /// It is a TLS record.
        tls: bool,
    },
    /// The answer looks like HTTP/1.x and is not.
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// The head of the answer has no end within 16 KiB, or too many fields.
    TooLong,
    /// The proxy closed the connection.
    Closed {
        /// It had begun to answer.
        begun: bool,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials { challenge, given } => {
                let what = if *given { "does not accept the credentials given" } else { "wants credentials" };
                write!(f, "the proxy {what} (407")?;
                if !challenge.is_empty() {
                    write!(f, "; {challenge}")?;
                }
                f.write_str(")")?;
                if *given { Ok(()) } else { f.write_str("; expected them as in http://user:password@proxy:port") }
            }
            Self::Refused { status, reason } if reason.is_empty() => {
                write!(f, "the proxy answered CONNECT with {status}")
            }
            Self::Refused { status, reason } => write!(f, "the proxy answered CONNECT with {status} {reason}"),
            Self::NotHttp { tls: true, .. } => {
                f.write_str("the proxy answered CONNECT with TLS: it expects TLS itself")
            }
            Self::NotHttp { begins, .. } => write!(f, "the proxy's answer is not HTTP/1.1: it begins with {begins:?}"),
            Self::Malformed { what } => write!(f, "the proxy's answer is malformed: {what}"),
            Self::TooLong => {
                write!(f, "the head of the proxy's answer is longer than {MAX_HEAD} bytes or {MAX_FIELDS} fields")
            }
            Self::Closed { begun: false } => {
                f.write_str("the proxy closed the connection without an answer to CONNECT")
            }
            Self::Closed { begun: true } => f.write_str("the proxy closed the connection within its answer to CONNECT"),
        }
    }
}

impl core::error::Error for ConnectError {}

/// What a complete head says.
enum Answer {
    Interim,
    Open,
}

impl Connect {
    /// A request for a tunnel to `to`, `host:port` with brackets around an IPv6 address, as it is written in `:authority`.
    pub fn new(to: &str, proxy: &Proxy) -> Self {
        // Nobody can write a second header or request into the first.
        let to: String = to.chars().filter(|c| c.is_ascii_graphic()).collect();
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {}\r\n", user_agent::value(""));
        if let Some(credentials) = proxy.authorization() {
            request.push_str(&format!("Proxy-Authorization: {credentials}\r\n"));
        }
        request.push_str("\r\n");
        Connect {
            request: request.into_bytes(),
            written: 0,
            has_credentials: proxy.authorization().is_some(),
            head: Vec::new(),
            end: HeadEnd::default(),
            received: 0,
            failed: None,
        }
    }

    /// What is still to be written; empty when all is.
    pub fn transmit(&self) -> &[u8] {
        &self.request[self.written..]
    }

    /// `n` bytes of it were written; more than there were counts as all of them.
    pub fn advance(&mut self, n: usize) {
        self.written = self.request.len().min(self.written.saturating_add(n));
    }

    /// Takes bytes of the proxy. `Ok(None)`: all were eaten, more are needed. `Ok(Some(n))`: the tunnel stands; `n` of these bytes were
    /// eaten, the others came through it.
    ///
    /// # Errors
    /// There will be no tunnel: the same error from then on.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<usize>, ConnectError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.take(bytes);
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    /// The proxy will send no more: why there is no tunnel.
    pub fn receive_eof(&mut self) -> ConnectError {
        let error = self.failed.clone().unwrap_or(ConnectError::Closed { begun: !self.head.is_empty() });
        self.failed = Some(error.clone());
        error
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Option<usize>, ConnectError> {
        let mut rest = bytes;
        loop {
            let end = self.end.find(rest);
            let taken = end.unwrap_or(rest.len());
            let room = MAX_HEAD - self.received;
            let fresh = &rest[..taken.min(room)];
            // Empty lines before an answer are skipped (RFC 9112 section 2.2).
            let blank = fresh.iter().take_while(|b| self.head.is_empty() && matches!(b, b'\r' | b'\n')).count();
            self.head.extend_from_slice(&fresh[blank..]);
            self.received += taken.min(room);
            self.check_beginning()?;
            if taken > room {
                return Err(ConnectError::TooLong);
            }
            rest = &rest[taken..];
            if end.is_none() {
                return Ok(None);
            }
            match self.judge()? {
                Answer::Open => return Ok(Some(bytes.len() - rest.len())),
                Answer::Interim => {
                    self.head.clear();
                    self.end = HeadEnd::default();
                }
            }
        }
    }

    /// What is not HTTP/1.x shows within its first bytes.
    fn check_beginning(&self) -> Result<(), ConnectError> {
        const VERSION: &[u8] = b"HTTP/1.";
        let n = self.head.len().min(VERSION.len());
        if self.head[..n] == VERSION[..n] {
            return Ok(());
        }
        let tls = matches!(self.head[..], [0x15 | 0x16, 3, ..] | [0x15 | 0x16]);
        Err(ConnectError::NotHttp { begins: printable(&self.head, SHOWN), tls })
    }

    /// Looks at a complete head.
    fn judge(&self) -> Result<Answer, ConnectError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        // Fields say nothing here that a tunnel depends on: bad ones are skipped (and a body is not to be expected of 2xx, whatever they
        // say: RFC 9110 section 9.3.6).
        let mut lenient = httparse::ParserConfig::default();
        lenient.ignore_invalid_headers_in_responses(true);
        match lenient.parse_response(&mut answer, &self.head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => {
                return Err(ConnectError::Malformed { what: "it is incomplete".to_string() });
            }
            Err(httparse::Error::TooManyHeaders) => return Err(ConnectError::TooLong),
            Err(error) => return Err(ConnectError::Malformed { what: error.to_string() }),
        }
        match answer.code.unwrap_or_default() {
            // 101 is about upgrades, which were not asked for (RFC 9110 section 15.2.2).
            status @ 100..=199 if status != 101 => Ok(Answer::Interim),
            200..=299 => Ok(Answer::Open),
            407 => {
                let challenge =
                    answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case("proxy-authenticate"));
                let challenge = challenge.map(|field| printable(field.value, SHOWN)).unwrap_or_default();
                Err(ConnectError::Credentials { challenge, given: self.has_credentials })
            }
            status => {
                let reason = printable(answer.reason.unwrap_or_default().as_bytes(), SHOWN);
                Err(ConnectError::Refused { status, reason })
            }
        }
    }
}

/// Without the request, which has credentials in it.
impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("unwritten", &self.transmit().len())
            .field("received", &self.received)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
