//! A pipe in TLS around a pipe in plain text.
//!
//! The stage of `proto-tls` decides everything; this moves its bytes. The handshake is driven by `connected`, in both roles.
//! Plaintext counts as written when its record has left ([`Outbox`]), so nothing is hidden here that somebody would have to
//! flush. What TLS has to say by itself after the handshake (alerts, a close_notify) leaves at once or not at all; a new key is
//! announced with the next write.
//!
//! What it does not do: bound the time of the handshake (the core's timers do), choose settings.

use crate::os::{Os, Pipe, Raw, Ready};
use crate::sync::{Guard, Lock};
use bytes::Bytes;
use proto_core::channel::Stage as Progress;
use proto_core::rpc::Peer;
use proto_core::time::Instant;
use proto_tls::{Outbox, Scratch, Stage, TlsError};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Reads in a row that bring no plaintext; then others have a turn.
const READS: usize = 16;

/// TLS over another pipe.
#[derive(Debug)]
pub(crate) struct TlsPipe {
    os: Arc<dyn Os>,
    inner: Arc<dyn Pipe>,
    /// The handshake is over, and everything of it has left.
    stands: AtomicBool,
    certificates: OnceLock<Vec<Bytes>>,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    outbox: Outbox,
    /// The pipe below stands.
    begun: bool,
    /// Somebody has taken the outbox to write from it.
    writing: bool,
    /// The failure was reported: what still comes is read and dropped.
    told: bool,
}

/// What a read below brought.
enum Got {
    Some { short: bool },
    None,
    End,
}

fn failed(error: &TlsError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error.clone())
}

impl TlsPipe {
    pub(crate) fn shared(os: &Arc<dyn Os>, inner: Arc<dyn Pipe>, stage: Stage) -> Arc<dyn Pipe> {
        let state = State { stage, outbox: Outbox::new(), begun: false, writing: false, told: false };
        let (stands, certificates) = (AtomicBool::new(false), OnceLock::new());
        Arc::new(TlsPipe { os: os.clone(), inner, stands, certificates, state: Lock::new(state) })
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock(&*self.os)
    }

    /// One write below, of what waits and of this plaintext behind it. How much plaintext has left, counted from the beginning
    /// of `plaintext`; 0 when there was nothing to write, or nothing is taken any more.
    fn flush(&self, plaintext: &[&[u8]]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.writing {
            return Err(ErrorKind::WouldBlock.into());
        }
        loop {
            let State { stage, outbox, .. } = &mut *state;
            outbox.fill(stage, plaintext.iter().copied());
            if outbox.is_empty() {
                return Ok(0);
            }
            let mut outbox = std::mem::take(outbox);
            state.writing = true;
            drop(state);
            let wrote = self.inner.try_write(&[outbox.bytes()]);
            state = self.lock();
            outbox.advance(*wrote.as_ref().unwrap_or(&0));
            let accepted = outbox.take_accepted();
            state.outbox = outbox;
            state.writing = false;
            match wrote {
                _ if accepted > 0 => return Ok(accepted),
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }

    /// Writes everything that waits, as far as there is room. What was encrypted is the caller's no more.
    fn drain(&self) {
        while matches!(self.flush(&[]), Ok(1..)) {}
    }

    /// Gives what one read below brought to the stage. A fault of the peer's stays with the stage; its alert leaves at once.
    fn take_in(&self, read: io::Result<usize>, bytes: &[u8]) -> io::Result<Got> {
        let n = match read {
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Got::Some { short: false }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Got::None),
            Err(error) => return Err(error),
        };
        let mut state = self.lock();
        let was_good = state.stage.failure().is_none();
        // The failure is asked for where it is reported.
        let _ = if n == 0 { state.stage.receive_eof() } else { state.stage.receive(&bytes[..n]) };
        let alert = was_good && state.stage.failure().is_some() && state.stage.wants_output();
        drop(state);
        if alert {
            self.drain();
        }
        Ok(if n == 0 { Got::End } else { Got::Some { short: n < bytes.len() } })
    }

    /// Plaintext that is here already; the end, or a failure that was not reported, if there is none.
    fn take_out(&self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let mut state = self.lock();
        let n = state.stage.read(buf);
        if n > 0 || buf.is_empty() {
            return Ok(Some(n));
        }
        if let Some(error) = state.stage.failure().filter(|_| !state.told).map(failed) {
            state.told = true;
            return Err(error);
        }
        Ok(state.stage.is_peer_closed().then_some(0))
    }

    /// Reads without blocking until the buffer is full or the pipe below is drained.
    fn read_on(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut scratch = Scratch::take();
        let mut n = 0;
        let mut drained = false;
        for _ in 0..READS {
            match self.take_out(&mut buf[n..]) {
                Ok(Some(0)) => return Ok(n),
                Ok(Some(more)) => n += more,
                Ok(None) => {}
                // What was read before it comes first; it is told next time.
                Err(_) if n > 0 => {
                    self.lock().told = false;
                    return Ok(n);
                }
                Err(error) => return Err(error),
            }
            if n == buf.len() || n > 0 && drained {
                return Ok(n);
            }
            let read = self.inner.try_read(&mut scratch);
            match self.take_in(read, &scratch) {
                // A short read found all that there was; but who has nothing to show for it has to be told so by the system.
                Ok(Got::Some { short }) => drained = short,
                Ok(Got::None) if n > 0 => return Ok(n),
                Ok(Got::None) => return Err(ErrorKind::WouldBlock.into()),
                Ok(Got::End) => return self.end(buf, n),
                Err(_) if n > 0 => return Ok(n),
                Err(error) => return Err(error),
            }
        }
        // Perhaps there is more: the caller looks again.
        if n > 0 { Ok(n) } else { Err(ErrorKind::Interrupted.into()) }
    }

    /// The pipe below has ended.
    fn end(&self, buf: &mut [u8], n: usize) -> io::Result<usize> {
        match self.take_out(&mut buf[n..]) {
            Ok(more) => Ok(n + more.unwrap_or(0)),
            Err(_) if n > 0 => {
                self.lock().told = false;
                Ok(n)
            }
            Err(error) => Err(error),
        }
    }

    /// Where the handshake stands after everything was written that could be; an error once it has failed.
    fn progress(&self) -> io::Result<bool> {
        let mut state = self.lock();
        if let Some(error) = state.stage.failure().map(failed) {
            state.told = true;
            return Err(error);
        }
        let stands = state.stage.is_established() && state.outbox.is_empty() && !state.stage.wants_output();
        if stands {
            let _ = self.certificates.set(state.stage.certificates().to_vec());
            self.stands.store(true, Relaxed);
        }
        Ok(stands)
    }
}

impl Pipe for TlsPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        let mut scratch = Scratch::take();
        loop {
            if let Some(n) = self.take_out(buf)? {
                return Ok(n);
            }
            let read = self.inner.read(&mut scratch, until);
            match self.take_in(read, &scratch)? {
                Got::Some { .. } => {}
                Got::None => return Err(ErrorKind::WouldBlock.into()),
                Got::End => return self.end(buf, 0),
            }
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_on(buf)
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        if segments.iter().all(|segment| segment.is_empty()) {
            return Ok(0);
        }
        match self.flush(segments)? {
            0 => Err(self.lock().stage.failure().map_or_else(|| ErrorKind::BrokenPipe.into(), failed)),
            n => Ok(n),
        }
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        let (mut read, mut write) = (read, write);
        if self.stands.load(Relaxed) {
            let here = read && {
                let state = self.lock();
                let untold = state.stage.failure().is_some() && !state.told;
                state.stage.has_plaintext() || state.stage.is_peer_closed() || untold
            };
            if here {
                return Ok(Ready { read: true, ..Ready::default() });
            }
        } else {
            let state = self.lock();
            if state.begun {
                // Whoever waits for the handshake waits for what the handshake waits for.
                read = true;
                write = !state.outbox.is_empty() || state.stage.wants_output();
            }
        }
        self.inner.wait(read, write, until)
    }

    fn wake(&self) {
        self.inner.wake();
    }

    fn connected(&self) -> io::Result<bool> {
        if self.stands.load(Relaxed) {
            return Ok(true);
        }
        let begun = self.lock().begun;
        if !begun {
            if !self.inner.connected()? {
                return Ok(false);
            }
            self.lock().begun = true;
        }
        let mut scratch = Scratch::take();
        loop {
            let wrote = self.flush(&[]);
            if self.progress()? {
                return Ok(true);
            }
            let read = self.inner.try_read(&mut scratch);
            match self.take_in(read, &scratch)? {
                Got::Some { .. } => {}
                Got::End => {
                    return if self.progress()? { Ok(true) } else { Err(ErrorKind::UnexpectedEof.into()) };
                }
                Got::None => match wrote {
                    // What the peer said before it closed has been read.
                    Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                    _ => return Ok(false),
                },
            }
        }
    }

    fn stage(&self) -> Progress {
        if self.lock().begun { Progress::Tls } else { self.inner.stage() }
    }

    fn close(&self) {
        self.lock().stage.close();
        self.drain();
        self.inner.close();
    }

    fn close_write(&self) -> bool {
        self.lock().stage.close();
        self.drain();
        self.inner.close_write()
    }

    fn raw(&self) -> Raw<'_> {
        self.inner.raw()
    }

    fn peer(&self) -> Peer {
        self.inner.peer()
    }

    fn certificates(&self) -> &[Bytes] {
        self.certificates.get().map_or(&[], Vec::as_slice)
    }
}
