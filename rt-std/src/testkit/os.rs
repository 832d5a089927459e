//! The seam in the simulation.

use super::net::Net;
use super::sched::Sched;
use crate::os::{Address, Os, Pipe, Poller, Thread};
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Threads, time and names of one simulation.
pub(super) struct SimOs {
    pub(super) sched: Arc<Sched>,
    pub(super) net: Arc<Net>,
}

impl fmt::Debug for SimOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimOs").field("now", &self.sched.now()).finish_non_exhaustive()
    }
}

impl Os for SimOs {
    fn now(&self) -> Instant {
        self.sched.now()
    }

    fn me(&self) -> Thread {
        Thread::Sim(self.sched.me())
    }

    fn park(&self, until: Option<Instant>) {
        assert_unlocked();
        self.sched.park(until);
    }

    fn unpark(&self, thread: &Thread) {
        assert_unlocked();
        if let Thread::Sim(thread) = thread {
            self.sched.unpark(*thread);
        }
    }

    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        assert_unlocked();
        if self.sched.is_over() || self.sched.refuses_thread() {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the simulation has no thread to give"));
        }
        spawn(&self.sched, name, run)
    }

    fn cpu(&self) -> Duration {
        self.sched.cpu()
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_unlocked();
        self.net.resolve(host, port)
    }

    fn connect(&self, to: &Address) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        self.net.connect(to)
    }

    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        assert_unlocked();
        Ok(self.net.poller())
    }

    fn random(&self) -> u64 {
        self.sched.random()
    }

    fn yield_point(&self) {
        self.sched.point();
    }

    fn without_rule(&self) -> Option<&'static str> {
        self.sched.without_rule()
    }
}

/// Starts a thread of the simulation.
pub(super) fn spawn(sched: &Arc<Sched>, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    let me = sched.enter(name);
    let inner = sched.clone();
    let body = move || {
        inner.body(me, run);
    };
    // A small stack: there are many threads, and thousands of seeds.
    let started = std::thread::Builder::new().name(name.into()).stack_size(512 * 1024).spawn(body);
    if started.is_err() {
        sched.leave(me);
    }
    started.map(drop)
}
