//! TCP and Unix sockets as a [`Pipe`] and a [`Listener`], on async-io's reactor.

use super::{Listener, Pipe};
use async_io::Async;
use futures_lite::{AsyncRead, AsyncWrite};
use proto_core::rpc::Peer;
#[cfg(unix)]
use rt_common::unix::SocketFile;
use std::fmt;
use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A connected socket.
#[derive(Debug)]
pub struct SocketPipe {
    stream: Stream,
    peer: Peer,
}

#[derive(Debug)]
enum Stream {
    Tcp(Async<TcpStream>),
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

impl SocketPipe {
    /// Takes a connected TCP stream over, without Nagle's delay.
    ///
    /// # Errors
    /// The system refuses: there are too many descriptors, say.
    pub fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        Self::tcp(Async::new(stream)?)
    }

    fn tcp(stream: Async<TcpStream>) -> io::Result<Self> {
        stream.get_ref().set_nodelay(true)?;
        let peer = stream.get_ref().peer_addr().map_or(Peer::Unknown, Peer::Tcp);
        Ok(SocketPipe { stream: Stream::Tcp(stream), peer })
    }

    pub(super) async fn connect_tcp(address: SocketAddr) -> io::Result<Self> {
        Self::tcp(Async::<TcpStream>::connect(address).await?)
    }

    /// Takes a connected Unix stream over.
    ///
    /// # Errors
    /// The system refuses: there are too many descriptors, say.
    #[cfg(unix)]
    pub fn from_unix(stream: UnixStream) -> io::Result<Self> {
        Ok(Self::unix(Async::new(stream)?))
    }

    #[cfg(unix)]
    fn unix(stream: Async<UnixStream>) -> Self {
        let path = stream.get_ref().peer_addr().ok();
        let path = path.as_ref().and_then(|a| a.as_pathname()).map(|path| path.display().to_string());
        SocketPipe { stream: Stream::Unix(stream), peer: Peer::Unix(path.unwrap_or_default()) }
    }

    #[cfg(unix)]
    pub(super) async fn connect_unix(path: &std::path::Path) -> io::Result<Self> {
        Ok(Self::unix(Async::<UnixStream>::connect(path).await?))
    }
}

impl Pipe for SocketPipe {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Tcp(stream) => Pin::new(&mut &*stream).poll_read(cx, buf),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(&mut &*stream).poll_read(cx, buf),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Tcp(stream) => Pin::new(&mut &*stream).poll_write_vectored(cx, segments),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(&mut &*stream).poll_write_vectored(cx, segments),
        }
    }

    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => (&mut stream.get_ref()).write_vectored(segments),
            #[cfg(unix)]
            Stream::Unix(stream) => (&mut stream.get_ref()).write_vectored(segments),
        }
    }

    fn poll_close(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The system keeps what was written and sends it before the end.
        Poll::Ready(match &self.stream {
            Stream::Tcp(stream) => stream.get_ref().shutdown(Shutdown::Write),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.get_ref().shutdown(Shutdown::Write),
        })
    }

    fn peer(&self) -> Peer {
        self.peer.clone()
    }
}

/// A TCP or Unix listener.
pub struct SocketListener {
    inner: Inner,
    /// Where it was made by us.
    #[cfg(unix)]
    _file: Option<SocketFile>,
}

enum Inner {
    Tcp(Async<TcpListener>),
    #[cfg(unix)]
    Unix(Async<UnixListener>),
}

impl SocketListener {
    /// Takes a listener over, in whatever mode it is.
    ///
    /// # Errors
    /// The system refuses: there are too many descriptors, say.
    pub fn tcp(listener: TcpListener) -> io::Result<Self> {
        Ok(SocketListener {
            inner: Inner::Tcp(Async::new(listener)?),
            #[cfg(unix)]
            _file: None,
        })
    }

    /// Takes a listener over, in whatever mode it is.
    ///
    /// # Errors
    /// The system refuses: there are too many descriptors, say.
    #[cfg(unix)]
    pub fn unix(listener: UnixListener) -> io::Result<Self> {
        Ok(SocketListener { inner: Inner::Unix(Async::new(listener)?), _file: None })
    }

    /// Listens at this path; removes the file when dropped.
    ///
    /// # Errors
    /// The system refuses: the file exists, its directory does not.
    #[cfg(unix)]
    pub fn at(path: &Path) -> io::Result<Self> {
        let (listener, file) = rt_common::unix::listen(path)?;
        Ok(SocketListener { _file: Some(file), ..Self::unix(listener)? })
    }
}

impl Listener for SocketListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<dyn Pipe>>> {
        loop {
            let accepted = match &self.inner {
                Inner::Tcp(listener) => listener.get_ref().accept().map(|(stream, _)| SocketPipe::from_tcp(stream)),
                #[cfg(unix)]
                Inner::Unix(listener) => listener.get_ref().accept().map(|(stream, _)| SocketPipe::from_unix(stream)),
            };
            match accepted {
                Ok(pipe) => return Poll::Ready(Ok(Arc::new(pipe?))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(match &self.inner {
                Inner::Tcp(listener) => listener.poll_readable(cx),
                #[cfg(unix)]
                Inner::Unix(listener) => listener.poll_readable(cx),
            })?;
        }
    }
}

impl fmt::Debug for SocketListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Tcp(listener) => listener.fmt(f),
            #[cfg(unix)]
            Inner::Unix(listener) => listener.fmt(f),
        }
    }
}
