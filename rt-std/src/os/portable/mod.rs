//! The seam over nothing but the standard library, for systems other than Unix (Windows).
//!
//! The standard library can neither wait for a socket with a wake-up nor for many at once, and a receive that timed out
//! leaves a socket of Windows in doubt. So each connection has two threads that block in its socket, one in either
//! direction, and carry bytes from and to a pipe in memory ([`MemoryPipe`](super::memory::MemoryPipe)); everything else
//! waits there. That costs two threads, 128 KiB and one more copy a connection: fit for clients, and for servers of some
//! hundred connections. It is tested on Unix, where it runs as well.
//!
//! What differs from Unix: what a connection has accepted to be written may still lie in the pipe when the connection is
//! lost; it counts as written, so a call whose bytes never left is not known to be unseen. There are no Unix sockets, and
//! the server does not see how busy the processors are with it.

mod listen;
mod socket;
#[cfg(test)]
mod tests;

pub use listen::SocketListener;
pub use socket::SocketPipe;

use super::memory::MemoryPoller;
use super::{Address, Listener, Os, Pipe, Poller, Thread, threads};
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The real operating system, by way of the standard library.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableOs;

impl PortableOs {
    /// It, as the rest of the crate takes it.
    pub fn shared() -> Arc<dyn Os> {
        static SHARED: OnceLock<Arc<dyn Os>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(PortableOs)).clone()
    }
}

impl Os for PortableOs {
    fn now(&self) -> Instant {
        threads::now()
    }

    fn me(&self) -> Thread {
        threads::me()
    }

    fn park(&self, until: Option<Instant>) {
        threads::park(until);
    }

    fn unpark(&self, thread: &Thread) {
        threads::unpark(thread);
    }

    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        threads::spawn(name, run)
    }

    /// Not known here: the server takes the processors for free.
    fn cpu(&self) -> Duration {
        Duration::ZERO
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        threads::resolve(host, port)
    }

    fn connect(&self, to: &Address) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        match to {
            Address::Tcp(address) => Ok(Arc::new(SocketPipe::connect(*address)?)),
            #[cfg(unix)]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn listen(&self, listener: TcpListener) -> io::Result<Arc<dyn Listener>> {
        Ok(Arc::new(SocketListener::tcp(listener)?))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        Ok(MemoryPoller::new(PortableOs::shared()))
    }

    fn random(&self) -> u64 {
        threads::random()
    }
}
