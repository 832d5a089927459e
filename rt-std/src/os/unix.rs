//! The seam over Unix: threads, sockets, `poll(2)`, epoll on Linux.
//!
//! Sockets stay in blocking mode once they are connected, so that the common call is one blocking `recv`; everything
//! that must not block says so itself (`MSG_DONTWAIT`).

mod connect;
#[cfg(target_os = "linux")]
mod epoll;
mod interest;
mod listen;
#[cfg(any(test, not(target_os = "linux")))]
mod poll;
mod socket;
#[cfg(test)]
mod tests;
mod wake;

pub use interest::Interest;
pub use listen::SocketListener;
pub use socket::SocketPipe;

use super::threads::{self, now};
use super::{Address, Listener, Os, Pipe, Poller, Thread};
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest wait handed to the kernel at once; callers loop. Some systems refuse more than `i32::MAX` milliseconds.
const LONGEST_WAIT: Duration = Duration::from_secs(1_000_000);

/// The real operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealOs;

impl RealOs {
    /// It, as the rest of the crate takes it.
    pub fn shared() -> Arc<dyn Os> {
        static SHARED: OnceLock<Arc<dyn Os>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(RealOs)).clone()
    }
}

/// What is left until `until`, as the kernel takes it.
fn left(until: Option<Instant>) -> Option<rustix::event::Timespec> {
    let left = until?.saturating_duration_since(now()).min(LONGEST_WAIT);
    // Both parts fit: at most a million seconds, less than a thousand million nanoseconds.
    Some(rustix::event::Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ })
}

impl Os for RealOs {
    fn now(&self) -> Instant {
        now()
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

    fn cpu(&self) -> Duration {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        threads::resolve(host, port)
    }

    fn connect(&self, to: &Address) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        Ok(Arc::new(connect::begin(to)?))
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        assert_unlocked();
        #[cfg(target_os = "linux")]
        return Ok(Arc::new(epoll::EpollPoller::new()?));
        #[cfg(not(target_os = "linux"))]
        return Ok(Arc::new(poll::PollPoller::new()?));
    }

    fn listen(&self, listener: TcpListener) -> io::Result<Arc<dyn Listener>> {
        assert_unlocked();
        Ok(Arc::new(SocketListener::tcp(listener)?))
    }

    fn random(&self) -> u64 {
        threads::random()
    }
}
