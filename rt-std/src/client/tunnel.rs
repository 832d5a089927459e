//! A pipe through an HTTP proxy: asks for a tunnel while it connects, and is the tunnel afterwards.
//!
//! What it does not do: choose the proxy, bound the time (the pure channel does both), TLS (which goes inside the tunnel).

use crate::os::{Pipe, Raw, Ready};
use crate::sync::Lock;
use proto_core::channel::Stage;
use proto_core::h1::Connect;
use proto_core::rpc::Peer;
use proto_core::time::Instant;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Read at once while the proxy answers: an answer is short.
const CHUNK: usize = 4 * 1024;

/// A pipe to a proxy that becomes one to the server behind it.
#[derive(Debug)]
pub(crate) struct TunnelPipe {
    inner: Arc<dyn Pipe>,
    /// The tunnel stands, and nothing that came through it lies here.
    through: AtomicBool,
    state: Lock<State>,
}

/// Touched by whoever holds the attempt, later by whoever holds the reader's place.
#[derive(Debug)]
enum State {
    /// The socket to the proxy is on its way.
    Socket(Connect),
    /// The proxy is asked.
    Asking(Connect),
    /// What came through the tunnel behind the proxy's answer; its first bytes were taken.
    Open { left: Vec<u8>, taken: usize },
    /// Somebody is at it, or it has failed.
    Away,
}

impl TunnelPipe {
    pub(crate) fn shared(inner: Arc<dyn Pipe>, connect: Connect) -> Arc<dyn Pipe> {
        Arc::new(TunnelPipe { inner, through: AtomicBool::new(false), state: Lock::new(State::Socket(connect)) })
    }

    fn is_through(&self) -> bool {
        self.through.load(Relaxed)
    }

    /// Writes and reads what can be written and read now. What came through the tunnel, once it stands.
    fn ask(&self, connect: &mut Connect) -> io::Result<Option<Vec<u8>>> {
        while !connect.transmit().is_empty() {
            match self.inner.try_write(&[connect.transmit()]) {
                Ok(n @ 1..) => connect.advance(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Full; or broken, and what the proxy said before it closed lies in the socket still.
                Ok(0) | Err(_) => break,
            }
        }
        let mut chunk = [0; CHUNK];
        loop {
            match self.inner.try_read(&mut chunk) {
                Ok(0) => return Err(io::Error::other(connect.receive_eof())),
                Ok(n) => {
                    if let Some(eaten) = connect.receive(&chunk[..n]).map_err(io::Error::other)? {
                        return Ok(Some(chunk[eaten..n].to_vec()));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes that came with the proxy's answer.
    fn take_left(&self, buf: &mut [u8]) -> Option<usize> {
        if self.is_through() {
            return None;
        }
        let mut state = self.state.take();
        let State::Open { left, taken } = &mut *state else { return None };
        let rest = &left[*taken..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        *taken += n;
        if *taken == left.len() {
            *left = Vec::new();
            *taken = 0;
            self.through.store(true, Relaxed);
        }
        Some(n).filter(|n| *n > 0)
    }
}

impl Pipe for TunnelPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        match self.take_left(buf) {
            Some(n) => Ok(n),
            None => self.inner.read(buf, until),
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.take_left(buf) {
            Some(n) => Ok(n),
            None => self.inner.try_read(buf),
        }
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        self.inner.try_write(segments)
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        if self.is_through() {
            return self.inner.wait(read, write, until);
        }
        let (read, write) = match &*self.state.take() {
            State::Socket(_) => (false, true),
            State::Asking(connect) => (true, !connect.transmit().is_empty()),
            State::Open { .. } if read => return Ok(Ready { read: true, ..Ready::default() }),
            State::Open { .. } | State::Away => (read, write),
        };
        self.inner.wait(read, write, until)
    }

    fn wake(&self) {
        self.inner.wake();
    }

    fn connected(&self) -> io::Result<bool> {
        if self.is_through() {
            return Ok(true);
        }
        let state = std::mem::replace(&mut *self.state.take(), State::Away);
        let mut connect = match state {
            State::Socket(connect) => {
                if !self.inner.connected()? {
                    *self.state.take() = State::Socket(connect);
                    return Ok(false);
                }
                connect
            }
            State::Asking(connect) => connect,
            open @ State::Open { .. } => {
                *self.state.take() = open;
                return Ok(true);
            }
            State::Away => return Ok(false),
        };
        let came = self.ask(&mut connect)?;
        let stands = came.is_some();
        let next = match came {
            None => State::Asking(connect),
            Some(left) => {
                self.through.store(left.is_empty(), Relaxed);
                State::Open { left, taken: 0 }
            }
        };
        *self.state.take() = next;
        Ok(stands)
    }

    fn stage(&self) -> Stage {
        match &*self.state.take() {
            State::Socket(_) => Stage::Socket,
            _ => Stage::Tunnel,
        }
    }

    fn close(&self) {
        self.inner.close();
    }

    fn close_write(&self) -> bool {
        self.inner.close_write()
    }

    fn raw(&self) -> Raw<'_> {
        self.inner.raw()
    }

    fn peer(&self) -> Peer {
        self.inner.peer()
    }
}
