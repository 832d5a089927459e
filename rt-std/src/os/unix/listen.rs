//! A listening socket as a [`Listener`].

use super::super::{Listener, Pipe, Raw};
use super::socket::SocketPipe;
use crate::sync::assert_unlocked;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

/// A TCP or Unix listener.
#[derive(Debug)]
pub struct SocketListener(Inner);

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl SocketListener {
    /// Puts the listener into non-blocking mode.
    pub fn tcp(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(SocketListener(Inner::Tcp(listener)))
    }

    /// Puts the listener into non-blocking mode.
    pub fn unix(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(SocketListener(Inner::Unix(listener)))
    }
}

impl Listener for SocketListener {
    fn try_accept(&self) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        Ok(Arc::new(match &self.0 {
            Inner::Tcp(listener) => SocketPipe::from_tcp(listener.accept()?.0)?,
            Inner::Unix(listener) => SocketPipe::from_unix(listener.accept()?.0)?,
        }))
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Fd(match &self.0 {
            Inner::Tcp(listener) => listener.as_fd(),
            Inner::Unix(listener) => listener.as_fd(),
        })
    }
}
