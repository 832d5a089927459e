//! A pipe in TLS around a pipe in plain text.
//!
//! The stage of `proto-tls` decides everything; this moves its bytes. The handshake is driven by `connected`, in both roles.
//! Plaintext counts as written when its record has left (`Outbox`), so nothing is hidden here that somebody would have to
//! flush. What TLS has to say by itself after the handshake (alerts, a close_notify) leaves at once or not at all; a new key is
//! announced with the next write.
//!
//! What it does not do: bound the time of the handshake (the core's timers do), choose settings.

use crate::os::{Os, Pipe, Raw, Ready, StreamError};
use crate::sync::{Guard, Lock};
use bytes::Bytes;
use proto_core::channel::Stage as Progress;
use proto_core::rpc::Peer;
use proto_core::time::Instant;
use proto_tls::{Duplex, Scratch, Stage, Writing};
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
    /// The pipe below stands.
    begun: AtomicBool,
    /// The handshake is over, and everything of it has left.
    stands: AtomicBool,
    certificates: OnceLock<Vec<Bytes>>,
    state: Lock<Duplex>,
}

/// What a read below brought.
enum Got {
    Some { short: bool, plaintext: usize },
    None,
    End,
}

impl TlsPipe {
    pub(crate) fn shared(os: &Arc<dyn Os>, inner: Arc<dyn Pipe>, stage: Stage) -> Arc<dyn Pipe> {
        Arc::new(TlsPipe {
            os: os.clone(),
            inner,
            begun: AtomicBool::new(false),
            stands: AtomicBool::new(false),
            certificates: OnceLock::new(),
            state: Lock::new(Duplex::new(stage)),
        })
    }

    fn lock(&self) -> Guard<'_, Duplex> {
        self.state.lock(&*self.os)
    }

    /// Writes what waits, and this plaintext behind it, until some of the plaintext has left: how much, counted from the
    /// beginning of `plaintext`; 0 when there was nothing to write, or nothing is taken any more.
    fn flush(&self, plaintext: &[&[u8]]) -> io::Result<usize> {
        loop {
            let writing = match plaintext {
                [] => self.lock().begin_own(),
                _ => self.lock().begin_write(plaintext.iter().copied()),
            };
            let outbox = match writing {
                Writing::Busy => return Err(ErrorKind::WouldBlock.into()),
                Writing::Nothing => return Ok(0),
                Writing::This(outbox) => outbox,
            };
            let wrote = self.inner.try_write(&[outbox.bytes()]);
            let accepted = self.lock().end_write(outbox, *wrote.as_ref().unwrap_or(&0));
            match wrote {
                _ if accepted > 0 => return Ok(accepted),
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }

    /// Writes what TLS has to say by itself, if it can.
    fn drain(&self) {
        let _ = self.flush(&[]);
    }

    /// Takes in what one read below brought, and gives what plaintext there is. The alert that answers a fault leaves at once.
    fn take_in(&self, read: io::Result<usize>, bytes: &[u8], buf: &mut [u8]) -> io::Result<Got> {
        let n = match read {
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                return Ok(Got::Some { short: false, plaintext: 0 });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Got::None),
            Err(error) => return Err(error),
        };
        let (plaintext, alert) = match n {
            0 => (0, self.lock().take_in(&[])),
            _ => self.lock().take_through(&bytes[..n], buf),
        };
        if alert {
            self.drain();
        }
        Ok(if n == 0 { Got::End } else { Got::Some { short: n < bytes.len(), plaintext } })
    }

    /// Reads without blocking until the buffer is full or the pipe below is drained.
    fn read_on(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut scratch = Scratch::take();
        let mut n = 0;
        let mut drained = false;
        for _ in 0..READS {
            let out = self.lock().take_out(&mut buf[n..]);
            match out {
                Ok(Some(0)) => return Ok(n),
                Ok(Some(more)) => n += more,
                Ok(None) => {}
                Err(error) => return self.later(n, error.into()),
            }
            if n == buf.len() || n > 0 && drained {
                return Ok(n);
            }
            let room = scratch.room_for(buf.len() - n);
            let read = self.inner.try_read(room);
            match self.take_in(read, room, &mut buf[n..]) {
                // A short read found all that there was; but who has nothing to show for it has to be told so by the system.
                Ok(Got::Some { short, plaintext }) => {
                    n += plaintext;
                    if n == buf.len() || n > 0 && short {
                        return Ok(n);
                    }
                    drained = short;
                }
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

    /// A failure comes after what was read before it.
    fn later(&self, n: usize, error: io::Error) -> io::Result<usize> {
        if n == 0 {
            return Err(error);
        }
        self.lock().tell_again();
        Ok(n)
    }

    /// The pipe below has ended.
    fn end(&self, buf: &mut [u8], n: usize) -> io::Result<usize> {
        let out = self.lock().take_out(&mut buf[n..]);
        match out {
            Ok(more) => Ok(n + more.unwrap_or(0)),
            Err(error) => self.later(n, error.into()),
        }
    }

    /// Where the handshake stands after everything was written that could be; an error once it has failed.
    fn progress(&self) -> io::Result<bool> {
        let mut state = self.lock();
        let stands = state.stands()?;
        if stands {
            let _ = self.certificates.set(state.certificates().to_vec());
            self.stands.store(true, Relaxed);
        }
        Ok(stands)
    }
}

impl Pipe for TlsPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        let mut scratch = Scratch::take();
        loop {
            let out = self.lock().take_out(buf);
            if let Some(n) = out? {
                return Ok(n);
            }
            let room = scratch.room_for(buf.len());
            let read = self.inner.read(room, until);
            match self.take_in(read, room, buf)? {
                Got::Some { plaintext, .. } if plaintext > 0 => return Ok(plaintext),
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
            0 => Err(self.lock().failure().map_or_else(|| ErrorKind::BrokenPipe.into(), |error| error.clone().into())),
            n => Ok(n),
        }
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        if self.stands.load(Relaxed) {
            if read && self.lock().has_input() {
                return Ok(Ready { read: true, ..Ready::default() });
            }
        } else if self.begun.load(Relaxed) {
            // Whoever waits for the handshake waits for what the handshake waits for.
            let has_output = self.lock().has_output();
            return self.inner.wait(true, has_output, until);
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
        if !self.begun.load(Relaxed) {
            if !self.inner.connected()? {
                return Ok(false);
            }
            self.begun.store(true, Relaxed);
        }
        let mut scratch = Scratch::take();
        loop {
            let wrote = self.flush(&[]);
            if self.progress()? {
                return Ok(true);
            }
            let read = self.inner.try_read(&mut scratch);
            match self.take_in(read, &scratch, &mut [])? {
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
        if self.begun.load(Relaxed) { Progress::Tls } else { self.inner.stage() }
    }

    fn close(&self) {
        self.lock().close();
        self.drain();
        self.inner.close();
    }

    fn close_write(&self) -> bool {
        self.lock().close();
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

    fn failure(&self) -> Option<StreamError> {
        self.inner.failure()
    }
}
