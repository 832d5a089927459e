//! Where somebody listens.

use proto_core::channel::Address as CoreAddress;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Where to connect, or where somebody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl Address {
    /// The port of a TCP address.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Tcp(address) => Some(address.port()),
            #[cfg(unix)]
            Address::Unix(_) => None,
        }
    }
}

/// Of an address that the core orders to connect to.
impl TryFrom<&CoreAddress> for Address {
    type Error = io::Error;

    fn try_from(address: &CoreAddress) -> io::Result<Self> {
        match address {
            CoreAddress::Tcp(address) => Ok(Address::Tcp(*address)),
            #[cfg(unix)]
            CoreAddress::Unix(path) => Ok(Address::Unix(path.into())),
            #[cfg(not(unix))]
            CoreAddress::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system")),
        }
    }
}

/// As a target: "127.0.0.1:50051", "unix:/run/hello.sock".
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(f, "{address}"),
            #[cfg(unix)]
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
