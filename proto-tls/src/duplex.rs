//! What a pipe in TLS around another pipe keeps under its lock, whatever its runtime: a stage, the way out of it, and what has
//! been told of its end. The pipe itself moves the bytes, without holding the lock.

use crate::error::TlsError;
use crate::outbox::Outbox;
use crate::stage::Stage;
use bytes::Bytes;

/// A [`Stage`] with its [`Outbox`], for a reader and a writer who come and go.
///
/// The writer: [`begin_write`](Self::begin_write), write without the lock, [`end_write`](Self::end_write). The reader:
/// [`take_out`](Self::take_out); when nothing is there, read without the lock, [`take_in`](Self::take_in), again.
#[derive(Debug)]
pub struct Duplex {
    stage: Stage,
    outbox: Outbox,
    /// Somebody has taken the outbox to write from it.
    writing: bool,
    /// The failure was reported: what still comes is read and dropped.
    told: bool,
    /// Our direction has ended.
    closed: bool,
}

/// What a writer gets to write.
#[derive(Debug)]
pub enum Writing {
    /// Somebody else is at it.
    Busy,
    /// There is nothing to write: nothing was given, or nothing is taken (yet, or any more).
    Nothing,
    /// This; it goes back with [`Duplex::end_write`].
    This(Outbox),
}

impl Duplex {
    /// Over this stage.
    pub fn new(stage: Stage) -> Self {
        Duplex { stage, outbox: Outbox::new(), writing: false, told: false, closed: false }
    }

    /// What is to be written: what waits, and this plaintext behind it. After a write that was not taken whole the same
    /// plaintext is given again, without what `end_write` has reported.
    pub fn begin_write<'a, S>(&mut self, plaintext: S) -> Writing
    where
        S: IntoIterator<Item = &'a [u8]>,
        S::IntoIter: Clone,
    {
        if self.writing {
            return Writing::Busy;
        }
        self.outbox.fill(&mut self.stage, plaintext);
        self.hand_out()
    }

    /// What TLS has to say by itself: the handshake, an alert, a close_notify. Nothing while a record with plaintext stands before it
    /// that did not leave whole: whoever gave that plaintext counts it as unsent, and may have sent it elsewhere.
    pub fn begin_own(&mut self) -> Writing {
        if self.writing {
            return Writing::Busy;
        }
        if self.outbox.holds_plaintext() {
            return Writing::Nothing;
        }
        self.outbox.collect(&mut self.stage);
        self.hand_out()
    }

    fn hand_out(&mut self) -> Writing {
        if self.outbox.is_empty() {
            return Writing::Nothing;
        }
        self.writing = true;
        Writing::This(std::mem::take(&mut self.outbox))
    }

    /// So many bytes were written. How much plaintext has left with them.
    pub fn end_write(&mut self, mut outbox: Outbox, written: usize) -> usize {
        outbox.advance(written);
        let accepted = outbox.take_accepted();
        self.outbox = outbox;
        self.writing = false;
        accepted
    }

    /// Plaintext that is here; `Some(0)` at the end; `None` when more has to be read first.
    ///
    /// # Errors
    /// The failure, once, after everything that was read before it. Later what comes is dropped.
    pub fn take_out(&mut self, buf: &mut [u8]) -> Result<Option<usize>, TlsError> {
        let n = self.stage.read(buf);
        if n > 0 || buf.is_empty() {
            return Ok(Some(n));
        }
        match self.stage.failure() {
            Some(error) if !std::mem::replace(&mut self.told, true) => Err(error.clone()),
            Some(_) => Ok(None),
            None => Ok(self.stage.is_peer_closed().then_some(0)),
        }
    }

    /// The failure that `take_out` gave cannot be reported now: it gives it again.
    pub fn tell_again(&mut self) {
        self.told = false;
    }

    /// Ciphertext that was read; none: the end. True when that was a fault and there is an alert to be written.
    pub fn take_in(&mut self, ciphertext: &[u8]) -> bool {
        if self.closed || self.stage.failure().is_some() {
            return false;
        }
        // `take_out` reports it.
        let result = if ciphertext.is_empty() { self.stage.receive_eof() } else { self.stage.receive(ciphertext) };
        result.is_err() && self.stage.wants_output()
    }

    /// [`take_in`](Self::take_in) of bytes that are some, and [`take_out`](Self::take_out) behind it, with fewer copies: how much
    /// plaintext there was, and whether there is an alert to be written. The end, and a fault, are told by `take_out`.
    pub fn take_through(&mut self, ciphertext: &[u8], buf: &mut [u8]) -> (usize, bool) {
        if self.closed || self.stage.failure().is_some() {
            return (0, false);
        }
        let n = self.stage.receive_into(ciphertext, buf);
        (n, self.stage.failure().is_some() && self.stage.wants_output())
    }

    /// Is the handshake over, and everything of it written?
    ///
    /// # Errors
    /// It has failed. What comes later is dropped.
    pub fn stands(&mut self) -> Result<bool, TlsError> {
        if let Some(error) = self.stage.failure() {
            self.told = true;
            return Err(error.clone());
        }
        Ok(self.stage.is_established() && !self.has_output())
    }

    /// Would `take_out` give something?
    pub fn has_input(&self) -> bool {
        let untold = self.stage.failure().is_some() && !self.told;
        self.stage.has_plaintext() || self.stage.is_peer_closed() || untold
    }

    /// Is there something to be written?
    pub fn has_output(&self) -> bool {
        self.writing || !self.outbox.is_empty() || self.stage.wants_output()
    }

    /// Ends our direction, behind what was taken. HTTP/2 is over then, and whoever reads on waits for the end of the peer's bytes
    /// only: what comes from now on is dropped, and not even deciphered ([`Stage::close`] says why that is better).
    pub fn close(&mut self) {
        self.closed = true;
        self.stage.close();
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&TlsError> {
        self.stage.failure()
    }

    /// The peer's certificates, DER, leaf first.
    pub fn certificates(&self) -> &[Bytes] {
        self.stage.certificates()
    }
}
