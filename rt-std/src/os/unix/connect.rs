//! Non-blocking connect.

use super::super::Address;
use super::socket::SocketPipe;
use proto_core::rpc::Peer;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect};
use std::io;
use std::os::fd::OwnedFd;

/// Begins a connection; the pipe's `connected` tells when it stands.
pub(super) fn begin(to: &Address) -> io::Result<SocketPipe> {
    let (fd, tcp, peer, begun) = match to {
        Address::Tcp(address) => {
            let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let fd = open(family)?;
            let begun = connect(&fd, address);
            (fd, true, Peer::Tcp(*address), begun)
        }
        Address::Unix(path) => {
            let fd = open(AddressFamily::UNIX)?;
            let begun = connect(&fd, &SocketAddrUnix::new(path.as_path())?);
            (fd, false, Peer::Unix(path.display().to_string()), begun)
        }
    };
    match begun {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => SocketPipe::connecting(fd, tcp, peer),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "linux")]
fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    Ok(socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?)
}

#[cfg(not(target_os = "linux"))]
fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    let fd = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok(fd)
}
