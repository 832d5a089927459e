//! Where somebody listens.

use std::fmt;
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
