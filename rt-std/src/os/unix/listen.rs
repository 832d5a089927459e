//! A listening socket as a [`Listener`].

use super::super::{Listener, Pipe, Raw};
use super::Interest;
use super::socket::SocketPipe;
use crate::sync::assert_unlocked;
use rt_common::unix::SocketFile;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

/// A TCP or Unix listener.
#[derive(Debug)]
pub struct SocketListener {
    inner: Inner,
    interest: Interest,
    /// Where it was made by us.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl SocketListener {
    /// Puts the listener into non-blocking mode.
    pub fn tcp(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(SocketListener { inner: Inner::Tcp(listener), interest: Interest::default(), _file: None })
    }

    /// Puts the listener into non-blocking mode.
    pub fn unix(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(SocketListener { inner: Inner::Unix(listener), interest: Interest::default(), _file: None })
    }

    /// Listens at this path; removes the file when dropped.
    pub fn at(path: &Path) -> io::Result<Self> {
        let (listener, file) = rt_common::unix::listen(path)?;
        Ok(SocketListener { _file: Some(file), ..Self::unix(listener)? })
    }
}

impl Listener for SocketListener {
    fn try_accept(&self) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        let accepted = match &self.inner {
            Inner::Tcp(listener) => listener.accept().map(|(stream, _)| SocketPipe::from_tcp(stream)),
            Inner::Unix(listener) => listener.accept().map(|(stream, _)| SocketPipe::from_unix(stream)),
        };
        match accepted {
            Ok(pipe) => Ok(Arc::new(pipe?)),
            Err(error) => {
                self.interest.wants_input();
                Err(error)
            }
        }
    }

    fn raw(&self) -> Raw<'_> {
        let fd = match &self.inner {
            Inner::Tcp(listener) => listener.as_fd(),
            Inner::Unix(listener) => listener.as_fd(),
        };
        Raw::Fd(fd, &self.interest)
    }
}
