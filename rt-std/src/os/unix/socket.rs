//! A connected stream socket (TCP or Unix) as a [`Pipe`].

use super::super::{Pipe, Raw, Ready};
use super::Interest;
use super::wake::Wake;
use super::{left, now};
use crate::sync::assert_unlocked;
use proto_core::rpc::Peer;
use proto_core::time::Instant;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, set_tcp_nodelay, socket_error};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv, send, sendmsg, shutdown};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// With less time left than this a read polls first: the resolution of `SO_RCVTIMEO` is a scheduler tick, 10 ms in
/// the worst case.
const SHORT: Duration = Duration::from_millis(16);

/// Segments of one write.
const MAX_SEGMENTS: usize = 64;

#[cfg(not(any(target_vendor = "apple", target_os = "redox")))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(any(target_vendor = "apple", target_os = "redox"))]
const SEND: SendFlags = SendFlags::DONTWAIT;

/// A stream socket.
#[derive(Debug)]
pub struct SocketPipe {
    fd: OwnedFd,
    tcp: bool,
    peer: Peer,
    /// The `SO_RCVTIMEO` that stands, nanoseconds; 0 is none. Only the holder of the reader's place touches it.
    timeout: AtomicU64,
    /// The non-blocking connect is over and the socket is in blocking mode.
    connected: AtomicBool,
    /// Made at the first `wait` or `wake`; `None` when the system had no descriptor left.
    wake: OnceLock<Option<Wake>>,
    interest: Interest,
}

impl SocketPipe {
    /// A socket that a listener accepted, or that is connected otherwise. Puts it into blocking mode.
    pub fn connected(fd: OwnedFd, tcp: bool, peer: Peer) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, false)?;
        let pipe = Self::new(fd, tcp, peer);
        pipe.stands()?;
        Ok(pipe)
    }

    /// A TCP stream.
    pub fn from_tcp(stream: std::net::TcpStream) -> io::Result<Self> {
        let peer = stream.peer_addr().map_or(Peer::Unknown, Peer::Tcp);
        Self::connected(stream.into(), true, peer)
    }

    /// A Unix stream.
    pub fn from_unix(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        let path = stream.peer_addr().ok().and_then(|a| a.as_pathname().map(|p| p.display().to_string()));
        Self::connected(stream.into(), false, Peer::Unix(path.unwrap_or_default()))
    }

    /// A socket whose non-blocking connect is under way.
    pub(super) fn connecting(fd: OwnedFd, tcp: bool, peer: Peer) -> io::Result<Self> {
        let pipe = Self::new(fd, tcp, peer);
        // Made now: a client cannot do without, and here is somebody to tell.
        let _ = pipe.wake.set(Some(Wake::new()?));
        Ok(pipe)
    }

    fn new(fd: OwnedFd, tcp: bool, peer: Peer) -> Self {
        let (timeout, connected, wake) = (AtomicU64::new(0), AtomicBool::new(false), OnceLock::new());
        SocketPipe { fd, tcp, peer, timeout, connected, wake, interest: Interest::default() }
    }

    /// The connection stands: no delay for small writes, no signal for broken ones.
    fn stands(&self) -> io::Result<()> {
        if self.tcp {
            set_tcp_nodelay(&self.fd, true)?;
        }
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&self.fd, true)?;
        self.connected.store(true, Relaxed);
        Ok(())
    }

    fn wake_handle(&self) -> Option<&Wake> {
        self.wake.get_or_init(|| Wake::new().ok()).as_ref()
    }
}

impl Pipe for SocketPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        assert_unlocked();
        let mut timeout = 0;
        if let Some(until) = until {
            let left = until.saturating_duration_since(now());
            if left < SHORT {
                return if self.wait(true, false, Some(until))?.read {
                    self.try_read(buf)
                } else {
                    Err(io::ErrorKind::WouldBlock.into())
                };
            }
            // Rounded down to a power of two: few distinct values, so that it is rarely set anew; the caller loops.
            let nanos = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
            timeout = 1u64 << nanos.ilog2();
        }
        if self.timeout.load(Relaxed) != timeout {
            let value = (timeout != 0).then(|| Duration::from_nanos(timeout));
            set_socket_timeout(&self.fd, Timeout::Recv, value)?;
            self.timeout.store(timeout, Relaxed);
        }
        loop {
            match recv(&self.fd, &mut *buf, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                other => return Ok(other?.0),
            }
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        assert_unlocked();
        loop {
            match recv(&self.fd, &mut *buf, RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                other => {
                    if !matches!(other, Ok((n, _)) if n == buf.len()) {
                        self.interest.wants_input();
                    }
                    return Ok(other?.0);
                }
            }
        }
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        assert_unlocked();
        loop {
            let wrote = match segments {
                [] => return Ok(0),
                [one] => send(&self.fd, one, SEND),
                many => {
                    let n = many.len().min(MAX_SEGMENTS);
                    let mut slices = [IoSlice::new(&[]); MAX_SEGMENTS];
                    for (slice, segment) in slices.iter_mut().zip(many) {
                        *slice = IoSlice::new(segment);
                    }
                    sendmsg(&self.fd, &slices[..n], &mut SendAncillaryBuffer::default(), SEND)
                }
            };
            match wrote {
                Err(Errno::INTR) => {}
                other => {
                    if !matches!(other, Ok(n) if n == segments.iter().map(|s| s.len()).sum()) {
                        self.interest.wants_room();
                    }
                    return Ok(other?);
                }
            }
        }
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        assert_unlocked();
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, read);
        interest.set(PollFlags::OUT, write);
        let wake = self.wake_handle();
        let mut fds = [
            PollFd::from_borrowed_fd(self.fd.as_fd(), interest),
            // Without a wake handle the socket stands in its place, asked for nothing.
            match wake {
                Some(wake) => PollFd::from_borrowed_fd(wake.as_fd(), PollFlags::IN),
                None => PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::empty()),
            },
        ];
        match poll(&mut fds, left(until).as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ready::default()),
            Err(error) => return Err(error.into()),
        }
        let over = PollFlags::HUP | PollFlags::ERR;
        let (got, handle) = (fds[0].revents(), fds[1].revents());
        let woken = match wake {
            Some(wake) if !handle.is_empty() => {
                wake.clear();
                true
            }
            _ => false,
        };
        Ok(Ready {
            read: got.intersects(PollFlags::IN | over),
            write: got.intersects(PollFlags::OUT | over),
            woken,
            hup: got.intersects(over),
        })
    }

    fn wake(&self) {
        assert_unlocked();
        if let Some(wake) = self.wake_handle() {
            wake.wake();
        }
    }

    fn connected(&self) -> io::Result<bool> {
        assert_unlocked();
        if self.connected.load(Relaxed) {
            return Ok(true);
        }
        let mut fds = [PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::OUT)];
        let zero = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut fds, Some(&zero))? == 0 {
            return Ok(false);
        }
        socket_error(&self.fd)??;
        rustix::io::ioctl_fionbio(&self.fd, false)?;
        self.stands()?;
        Ok(true)
    }

    fn close(&self) {
        assert_unlocked();
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    fn close_write(&self) -> bool {
        assert_unlocked();
        // Fails when the peer has reset the connection: the next read tells.
        let _ = shutdown(&self.fd, Shutdown::Write);
        true
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Fd(self.fd.as_fd(), &self.interest)
    }

    fn peer(&self) -> Peer {
        self.peer.clone()
    }
}
