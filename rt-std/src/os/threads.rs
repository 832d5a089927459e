//! What every system's seam takes from the standard library: time, threads, names, random numbers.

use super::Thread;
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::OnceLock;

/// Monotonic time since the first question.
pub(super) fn now() -> Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(std::time::Instant::now).elapsed();
    // One second past zero, so that "a moment ago" is a point in time from the start.
    Instant::from_nanos(1_000_000_000) + elapsed
}

pub(super) fn me() -> Thread {
    Thread::Os(std::thread::current())
}

pub(super) fn park(until: Option<Instant>) {
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

pub(super) fn unpark(thread: &Thread) {
    assert_unlocked();
    if let Thread::Os(thread) = thread {
        thread.unpark();
    }
}

pub(super) fn spawn(name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    assert_unlocked();
    std::thread::Builder::new().name(name.into()).spawn(run).map(drop)
}

pub(super) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    assert_unlocked();
    Ok((host, port).to_socket_addrs()?.collect())
}

pub(super) fn random() -> u64 {
    // Keyed by the system's randomness; a new key each time.
    RandomState::new().build_hasher().finish()
}
