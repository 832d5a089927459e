//! What the models of client and server stand on: the seam over the types of the model checker, and how a scene is run.
//!
//! Each task is polled by a thread of the checker's, whenever it is woken. All interleavings of the threads are run in which a
//! thread is preempted a few times at most where it need not wait. Time stands still, so that nothing is saved by a timer: a
//! wake-up that is lost is a deadlock, which the checker reports.
//!
//! What they do not see: rules about time, and atomics that are mere hints.
//!
//! ```text
//! RUSTFLAGS="--cfg loom_models" cargo test -p rt-smol --lib models
//! ```

use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use crate::rules::{Rule, mutant};
use loom::sync::{Condvar, Mutex};
use proto_core::testkit::Words;
use proto_core::time::Instant;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

pub(crate) use rt_common::models::{Thread, check, join, thread};

/// Where the clock of a model stands.
pub(crate) const NOW: Instant = Words::NOW;

/// Where a thread sleeps until its task is woken.
#[derive(Debug, Default)]
struct Seat {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// Polls a task, whenever it is woken, until it is ready.
pub(crate) fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let seat = Arc::new(Seat::default());
    let waker = Waker::from(seat.clone());
    loop {
        if let Poll::Ready(value) = poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        let mut woken = seat.woken.lock().unwrap();
        while !*woken {
            woken = seat.changed.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// The machine: each task is a thread.
#[derive(Debug)]
pub(crate) struct Machine(Option<Rule>);

impl Machine {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Machine(mutant()))
    }
}

#[derive(Debug)]
struct Never;

impl Timer for Never {
    fn set(&mut self, _: Option<Instant>) {}
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Os for Machine {
    fn now(&self) -> Instant {
        NOW
    }
    fn timer(&self) -> Box<dyn Timer> {
        Box::new(Never)
    }
    fn spawn(&self, mut task: BoxFuture<'static, ()>) {
        drop(thread(move || block_on(|cx| task.as_mut().poll(cx))));
    }
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        unreachable!("a connection looks nothing up")
    }
    fn connect(&self, _: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
        unreachable!("a connection connects nowhere")
    }
    fn random(&self) -> u64 {
        1
    }
    fn without_rule(&self) -> Option<Rule> {
        self.0
    }
}
