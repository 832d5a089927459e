//! A TCP socket as a [`Pipe`]: two threads between it and a pipe in memory.

use super::super::memory::MemoryPipe;
use super::super::{Os, Pipe, Raw, Ready, threads};
use super::PortableOs;
use crate::sync::assert_unlocked;
use proto_core::rpc::Peer;
use proto_core::time::Instant;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of one read and of one write.
const PIECE: usize = 16 * 1024;

/// The system's own time-out of an attempt to connect is not longer anywhere; the channel has a shorter one.
const CONNECT: Duration = Duration::from_secs(130);

/// How long the last words may take to leave after `close`.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A TCP connection.
#[derive(Debug)]
pub struct SocketPipe {
    near: Arc<MemoryPipe>,
    link: Arc<Link>,
    peer: Peer,
}

/// What the threads of a connection and its pipe share.
#[derive(Debug, Default)]
struct Link {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Once it stands.
    stream: Option<Arc<TcpStream>>,
    /// Why it does not stand, or how reading ended: kind and words.
    failed: Option<(ErrorKind, String)>,
    /// The thread that writes has bytes in its hands.
    writing: bool,
    /// The thread that writes has gone.
    written: bool,
    closed: bool,
}

impl Link {
    /// Never held while anything blocks.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: &io::Error) {
        self.lock().failed.get_or_insert_with(|| (error.kind(), error.to_string()));
    }

    /// The thread that writes has gone, and not for want of more.
    fn has_failed_to_write(&self) -> bool {
        let state = self.lock();
        state.written && state.failed.is_some()
    }

    fn error(&self) -> Option<io::Error> {
        self.lock().failed.clone().map(|(kind, words)| io::Error::new(kind, words))
    }
}

impl SocketPipe {
    /// A TCP stream. Puts it into blocking mode.
    pub fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        let peer = stream.peer_addr().map_or(Peer::Unknown, Peer::Tcp);
        let (near, far) = MemoryPipe::pair(&PortableOs::shared());
        let pipe = SocketPipe { near, link: Arc::default(), peer };
        carry(stream, &far, &pipe.link)?;
        Ok(pipe)
    }

    /// Begins a connection, on a thread of its own.
    pub(super) fn connect(to: SocketAddr) -> io::Result<Self> {
        let (near, far) = MemoryPipe::pair(&PortableOs::shared());
        let pipe = SocketPipe { near, link: Arc::default(), peer: Peer::Tcp(to) };
        let (link, near) = (pipe.link.clone(), Arc::downgrade(&pipe.near));
        let run = move || {
            let begun = TcpStream::connect_timeout(&to, CONNECT).and_then(|stream| carry(stream, &far, &link));
            if let Err(error) = begun {
                link.fail(&error);
            }
            if let Some(near) = near.upgrade() {
                near.wake();
            }
        };
        PortableOs.spawn("grpc-connect", Box::new(run))?;
        Ok(pipe)
    }

    fn stands(&self) -> bool {
        self.link.lock().stream.is_some()
    }
}

/// The connection stands: its two threads.
fn carry(stream: TcpStream, far: &Arc<MemoryPipe>, link: &Arc<Link>) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    let (from, into, shared) = (stream.clone(), far.clone(), link.clone());
    PortableOs.spawn("grpc-read", Box::new(move || read(&from, &into, &shared)))?;
    let (into, from, shared) = (stream.clone(), far.clone(), link.clone());
    let spawned = PortableOs.spawn("grpc-write", Box::new(move || write(&into, &from, &shared)));
    let closed = {
        let mut state = link.lock();
        state.stream = Some(stream.clone());
        state.closed
    };
    if spawned.is_err() || closed {
        let _ = stream.shutdown(Shutdown::Both);
    }
    spawned
}

/// From the socket into the pipe.
fn read(mut stream: &TcpStream, far: &MemoryPipe, link: &Link) {
    let mut piece = [0; PIECE];
    loop {
        let n = match stream.read(&mut piece) {
            Ok(0) => return far.end(),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                link.fail(&error);
                return far.end();
            }
        };
        let mut rest = &piece[..n];
        while !rest.is_empty() {
            match far.try_write(&[rest]) {
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => drop(far.wait(false, true, None)),
                // Nobody wants it any more.
                Err(_) => return,
            }
        }
    }
}

/// From the pipe into the socket; at the end of the pipe, that of our direction.
fn write(mut stream: &TcpStream, far: &MemoryPipe, link: &Link) {
    let mut piece = [0; PIECE];
    let result = loop {
        // In hand from before it leaves the pipe, so that it is seen in one or the other.
        link.lock().writing = true;
        match far.try_read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(n) => {
                if let Err(error) = stream.write_all(&piece[..n]) {
                    break Err(error);
                }
            }
            Err(_) => {
                link.lock().writing = false;
                drop(far.wait(true, false, None));
            }
        }
    };
    if let Err(error) = &result {
        link.fail(error);
    }
    let over = result.is_err() || far.is_closed_by_peer();
    let both = {
        let mut state = link.lock();
        (state.writing, state.written) = (false, true);
        over || state.closed
    };
    let _ = stream.shutdown(if both { Shutdown::Both } else { Shutdown::Write });
}

impl Pipe for SocketPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        match self.near.read(buf, until) {
            Ok(0) if !buf.is_empty() => self.link.error().map_or(Ok(0), Err),
            other => other,
        }
    }

    /// After a write has failed, "nothing there" means that nothing comes any more: the socket was shut, and the thread that
    /// reads is on its way with what lay in it.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut read = self.near.try_read(buf);
        let until = Some(threads::now() + LAST_WORDS);
        while read.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
            && self.link.has_failed_to_write()
            && until > Some(threads::now())
        {
            self.near.wait(true, false, until)?;
            read = self.near.try_read(buf);
        }
        match read {
            Ok(0) if !buf.is_empty() => self.link.error().map_or(Ok(0), Err),
            other => other,
        }
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        if let Some(error) = self.link.error() {
            return Err(error);
        }
        self.near.try_write(segments)
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        if self.stands() {
            return self.near.wait(read, write, until);
        }
        // The thread that connects wakes us.
        if self.link.error().is_none() {
            let ready = self.near.wait(false, false, until)?;
            if !self.stands() && self.link.error().is_none() {
                return Ok(ready);
            }
        }
        Ok(Ready { read, write, ..Ready::default() })
    }

    fn wake(&self) {
        self.near.wake();
    }

    fn connected(&self) -> io::Result<bool> {
        assert_unlocked();
        if self.stands() {
            return Ok(true);
        }
        self.link.error().map_or(Ok(false), Err)
    }

    fn close(&self) {
        // First the flag: who writes looks at it after its last byte.
        let stream = {
            let mut state = self.link.lock();
            if std::mem::replace(&mut state.closed, true) {
                return;
            }
            state.stream.clone()
        };
        let said = self.near.is_read();
        self.near.close();
        let Some(stream) = stream else { return };
        let state = self.link.lock();
        let busy = (state.writing || !said) && !state.written;
        drop(state);
        if !busy {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        // The last words are on their way; a peer that does not read them holds nobody for long.
        let late = stream.clone();
        let run = move || {
            std::thread::sleep(LAST_WORDS);
            let _ = late.shutdown(Shutdown::Both);
        };
        if PortableOs.spawn("grpc-close", Box::new(run)).is_err() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn close_write(&self) -> bool {
        self.near.end();
        true
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Memory(&self.near)
    }

    fn peer(&self) -> Peer {
        self.peer.clone()
    }
}

impl Drop for SocketPipe {
    fn drop(&mut self) {
        self.close();
    }
}
