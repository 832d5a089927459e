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

use super::{Address, Os, Pipe, Poller, Thread};
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
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

/// Monotonic time since the first question.
pub(crate) fn now() -> Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(std::time::Instant::now).elapsed();
    // One second past zero, so that "a moment ago" is a point in time from the start.
    Instant::from_nanos(1_000_000_000) + elapsed
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
        Thread::Os(std::thread::current())
    }

    fn park(&self, until: Option<Instant>) {
        assert_unlocked();
        match until {
            None => std::thread::park(),
            Some(until) => {
                let left = until.saturating_duration_since(now());
                if !left.is_zero() {
                    std::thread::park_timeout(left);
                }
            }
        }
    }

    fn unpark(&self, thread: &Thread) {
        assert_unlocked();
        if let Thread::Os(thread) = thread {
            thread.unpark();
        }
    }

    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        assert_unlocked();
        std::thread::Builder::new().name(name.into()).spawn(run).map(drop)
    }

    fn cpu(&self) -> Duration {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_unlocked();
        Ok((host, port).to_socket_addrs()?.collect())
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

    fn random(&self) -> u64 {
        // Keyed by the system's randomness; a new key each time.
        RandomState::new().build_hasher().finish()
    }
}
