//! The stage: one TLS connection between ciphertext and plaintext, without I/O.

use crate::engine;
use crate::error::{Side, TlsError, TlsProblem};
use crate::records::{self, Records, Start};
use bytes::Bytes;
use rustls::{Connection, HandshakeKind, IoState};
use std::fmt;
use std::io::{BufRead, Read};

/// Largest ClientHello that a server takes, bytes. Those of today have 2,000 at most.
pub const MAX_CLIENT_HELLO: usize = 16 * 1024;
/// What a peer may send before the handshake is over, bytes.
pub const MAX_HANDSHAKE: usize = 128 * 1024;

/// Plaintext of one record (RFC 8446 section 5.1).
pub(crate) const RECORD: usize = 16 * 1024;
/// Plaintext that waits to be read before more ciphertext is worked on; rustls' own bound.
const WAITING: usize = 16 * 1024;

/// What becomes of a peer that agrees on no protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Alpn {
    #[default]
    Required,
    Assumed,
}

/// One TLS connection: [`receive`](Self::receive) and [`poll_transmit`](Self::poll_transmit) are the peer's side (ciphertext),
/// [`read`](Self::read) and [`send`](Self::send) ours (plaintext).
///
/// ```text
///                 handshake done, h2 agreed          close
///   Handshaking ----------------------> Established ------> Closed (our direction; the peer's ends with its close_notify)
///        |                                   |
///        +------------- an error ------------+---> Failed: what was read before is still there, then the error
/// ```
///
/// The loop: whatever comes from the peer into `receive`; `read` until it gives nothing; `send`; `poll_transmit` after each of
/// them, since a handshake, an alert or a new key may be on its way out. Any other order is safe. Dropping it erases the keys.
pub struct Stage {
    tls: Connection,
    us: Side,
    /// We have a certificate to show.
    identified: bool,
    alpn: Alpn,
    records: Records,
    /// Ciphertext that came while plaintext waited to be read.
    stash: Vec<u8>,
    /// Plaintext that waits in `tls`.
    waiting: usize,
    /// Bytes of the peer before the handshake was over.
    handshake: usize,
    established: bool,
    certificates: Vec<Bytes>,
    failed: Option<TlsError>,
    closed: bool,
    peer_closed: bool,
    /// What goes out first: words for somebody who does not speak TLS; our last records, once we have closed.
    aside: Vec<u8>,
}

impl Stage {
    pub(crate) fn new(tls: Connection, us: Side, identified: bool, alpn: Alpn) -> Self {
        Stage {
            tls,
            us,
            identified,
            alpn,
            records: Records::default(),
            stash: Vec::new(),
            waiting: 0,
            handshake: 0,
            established: false,
            certificates: Vec::new(),
            failed: None,
            closed: false,
            peer_closed: false,
            aside: Vec::new(),
        }
    }

    /// Takes ciphertext of the peer, all of it. While plaintext waits to be read, more is only kept: who wants bounds reads
    /// between two calls ([`wants_input`](Self::wants_input)).
    ///
    /// # Errors
    /// The connection has failed; every later call says so too. [`poll_transmit`](Self::poll_transmit) may have an alert for the
    /// peer, and [`read`](Self::read) what came before.
    pub fn receive(&mut self, ciphertext: &[u8]) -> Result<(), TlsError> {
        if !self.admit(ciphertext)? {
            return Ok(());
        }
        if !self.stash.is_empty() {
            self.stash.extend_from_slice(ciphertext);
            return Ok(());
        }
        let taken = self.feed(ciphertext)?;
        self.stash.extend_from_slice(&ciphertext[taken..]);
        Ok(())
    }

    /// [`receive`](Self::receive) and [`read`](Self::read) in one, without keeping ciphertext for whose plaintext there is room:
    /// how much plaintext was read. An error is kept for the next call of `receive`, and [`failure`](Self::failure) tells.
    pub fn receive_into(&mut self, ciphertext: &[u8], plaintext: &mut [u8]) -> usize {
        let mut left = match self.admit(ciphertext) {
            Ok(true) => ciphertext,
            _ => &[],
        };
        if !self.stash.is_empty() {
            self.stash.extend_from_slice(std::mem::take(&mut left));
        }
        let mut read = 0;
        loop {
            // After an error nothing counts any more.
            let taken = self.feed(left).unwrap_or(left.len());
            left = &left[taken..];
            let more = self.read(&mut plaintext[read..]);
            read += more;
            if left.is_empty() {
                return read;
            }
            if read == plaintext.len() || taken + more == 0 {
                self.stash.extend_from_slice(left);
                return read;
            }
        }
    }

    /// Looks at ciphertext before it is fed. False: nobody can tell yet whether it is TLS.
    fn admit(&mut self, ciphertext: &[u8]) -> Result<bool, TlsError> {
        self.check()?;
        if !self.records.has_started() {
            match self.records.greet(self.us, ciphertext) {
                Start::Tls => {}
                // Not fed: what a stranger says is nothing for rustls.
                Start::Strange => return Ok(false),
                Start::Stranger(what) => return Err(self.turn_away(what)),
                Start::Hello(size) if self.us == Side::Server && size > MAX_CLIENT_HELLO => {
                    return Err(self.too_large("a ClientHello", MAX_CLIENT_HELLO));
                }
                Start::Hello(_) => {}
                Start::Gone => return Err(self.fail(TlsError::new(self.us, TlsProblem::ClosedInHandshake))),
            }
        }
        self.records.follow(ciphertext);
        Ok(true)
    }

    /// The peer's bytes are over.
    ///
    /// # Errors
    /// They ended inside the handshake, or inside a record. An end without a close_notify between two records is none: HTTP/2
    /// knows by itself which calls were complete ([`is_peer_closed`](Self::is_peer_closed) tells).
    pub fn receive_eof(&mut self) -> Result<(), TlsError> {
        self.check()?;
        let problem = match self.records.judge(self.us, true) {
            Start::Stranger(what) => TlsProblem::NotTls(what),
            _ if !self.established => TlsProblem::ClosedInHandshake,
            _ if self.records.is_inside() && !self.is_peer_closed() => TlsProblem::Truncated,
            _ => return Ok(()),
        };
        Err(self.fail(TlsError::new(self.us, problem)))
    }

    /// Plaintext, as much as there is room for; 0: none has come.
    pub fn read(&mut self, into: &mut [u8]) -> usize {
        let mut read = 0;
        loop {
            // The only errors are "nothing there" and the end: no bytes in either case.
            let n = self.tls.reader().read(&mut into[read..]).unwrap_or(0);
            self.waiting = self.waiting.saturating_sub(n);
            read += n;
            if self.failed.is_some() {
                self.count_waiting();
            }
            if n > 0 && read < into.len() {
                continue;
            }
            if read == into.len() || self.stash.is_empty() || self.failed.is_some() {
                return read;
            }
            let stash = std::mem::take(&mut self.stash);
            // An error is kept for the next call of `receive`, or of `failure`.
            let taken = self.feed(&stash).unwrap_or(stash.len());
            self.stash.extend_from_slice(&stash[taken..]);
            if self.waiting == 0 {
                return read;
            }
        }
    }

    /// Encrypts the beginning of this plaintext into one record, for `poll_transmit`. How many bytes of it were taken, up to
    /// 16 KiB; 0 before the handshake is over, after the end, and while 64 KiB of ciphertext have not been taken.
    pub fn send<'a>(&mut self, plaintext: impl IntoIterator<Item = &'a [u8]>) -> usize {
        if !self.established || self.closed || self.failed.is_some() {
            return 0;
        }
        engine::write_record(&mut self.tls, plaintext.into_iter())
    }

    /// Appends ciphertext for the peer. True if there was any.
    pub fn poll_transmit(&mut self, into: &mut Vec<u8>) -> bool {
        let before = into.len();
        into.append(&mut std::mem::take(&mut self.aside));
        if !self.closed {
            engine::transmit(&mut self.tls, into);
        }
        into.len() > before
    }

    /// Is there ciphertext for the peer?
    pub fn wants_output(&self) -> bool {
        !self.aside.is_empty() || !self.closed && self.tls.wants_write()
    }

    /// Is everything that was received worked on, so that more may be received without bounds being stretched?
    pub fn wants_input(&self) -> bool {
        self.stash.is_empty()
    }

    /// Would [`read`](Self::read) give something, or get on with what was kept?
    pub fn has_plaintext(&self) -> bool {
        self.waiting > 0 || !self.stash.is_empty() && self.failed.is_none()
    }

    /// Ends our direction: a close_notify follows what was sent (RFC 8446 section 6.1), and nothing follows it, not even an
    /// alert. The peer's may go on.
    ///
    /// Where rustls is built with debug assertions, a bad record that comes after it makes the panic hook speak, though nothing
    /// panics beyond [`receive`](Self::receive) and [`read`](Self::read), which report it as any other fault. With
    /// `panic = "abort"` such a build needs [`Duplex`](crate::Duplex), or a loop that reads no more once it has closed.
    pub fn close(&mut self) {
        if self.closed {
            return;
        }
        if self.failed.is_none() {
            self.tls.send_close_notify();
        }
        // At once, since what rustls still queues later (alerts, new keys) has no place behind a close_notify.
        engine::transmit(&mut self.tls, &mut self.aside);
        self.closed = true;
    }

    /// The handshake is over, and plaintext may be sent. What it left for the peer may still be on its way out.
    pub fn is_established(&self) -> bool {
        self.established && self.failed.is_none()
    }

    /// The peer has ended its direction properly (close_notify); what it sent before may still have to be read.
    pub fn is_peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&TlsError> {
        self.failed.as_ref()
    }

    /// The peer's certificates, DER, leaf first; none before the handshake is over, and where none were asked for.
    pub fn certificates(&self) -> &[Bytes] {
        &self.certificates
    }

    /// The session is one of before: no certificates were exchanged anew.
    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The version agreed on: "TLSv1_3".
    pub fn version(&self) -> Option<&'static str> {
        self.tls.protocol_version().and_then(|version| version.as_str())
    }

    fn check(&self) -> Result<(), TlsError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Works on ciphertext until plaintext waits. How much was taken.
    fn feed(&mut self, ciphertext: &[u8]) -> Result<usize, TlsError> {
        let mut left = ciphertext;
        while !left.is_empty() && self.waiting < WAITING {
            let before = left.len();
            match self.tls.read_tls(&mut left) {
                // After a close_notify nothing counts any more.
                Ok(0) => left = &[],
                Ok(_) => {}
                Err(_) => return Err(self.too_large("one TLS message", RECORD * 4)),
            }
            if !self.established {
                self.handshake += before - left.len();
                if self.handshake > MAX_HANDSHAKE {
                    return Err(self.too_large("a TLS handshake", MAX_HANDSHAKE));
                }
            }
            self.advance()?;
        }
        Ok(ciphertext.len() - left.len())
    }

    /// Works on what rustls was given.
    fn advance(&mut self) -> Result<(), TlsError> {
        match self.process() {
            Ok(state) => {
                self.waiting = state.plaintext_bytes_to_read();
                self.peer_closed = state.peer_has_closed();
            }
            Err(error) => {
                self.count_waiting();
                return Err(self.fail(error));
            }
        }
        if !self.established && !self.tls.is_handshaking() {
            self.establish()?;
        }
        if !self.established && self.peer_closed {
            return Err(self.fail(TlsError::new(self.us, TlsProblem::ClosedInHandshake)));
        }
        Ok(())
    }

    fn process(&mut self) -> Result<IoState, TlsError> {
        let outcome =
            if self.closed { engine::process_closed(&mut self.tls) } else { Some(self.tls.process_new_packets()) };
        match outcome {
            Some(outcome) => outcome.map_err(|error| TlsError::of(self.us, error, self.identified)),
            None => Err(TlsError::new(self.us, TlsProblem::Broken)),
        }
    }

    /// After an error: what was read before it counts (the first piece of it, again and again).
    fn count_waiting(&mut self) {
        self.waiting = self.tls.reader().fill_buf().map_or(0, <[u8]>::len);
    }

    /// The handshake is over: was it a good one?
    fn establish(&mut self) -> Result<(), TlsError> {
        if self.tls.alpn_protocol() != Some(crate::ALPN) && self.alpn == Alpn::Required {
            self.tls.send_close_notify();
            return Err(self.fail(TlsError::new(self.us, TlsProblem::NoHttp2)));
        }
        self.established = true;
        let chain = self.tls.peer_certificates().unwrap_or_default();
        self.certificates = chain.iter().map(|der| Bytes::copy_from_slice(der)).collect();
        Ok(())
    }

    fn fail(&mut self, error: TlsError) -> TlsError {
        self.stash = Vec::new();
        self.failed.get_or_insert(error).clone()
    }

    fn too_large(&mut self, what: &'static str, limit: usize) -> TlsError {
        self.fail(TlsError::new(self.us, TlsProblem::TooLarge { what, limit }))
    }

    /// The peer does not speak TLS. A client is told so in its own language.
    fn turn_away(&mut self, what: &'static str) -> TlsError {
        if self.us == Side::Server {
            self.aside.extend_from_slice(records::answer(what));
        }
        self.fail(TlsError::new(self.us, TlsProblem::NotTls(what)))
    }
}

/// No keys.
impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("us", &self.us)
            .field("established", &self.established)
            .field("version", &self.version())
            .field("waiting", &self.waiting)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
