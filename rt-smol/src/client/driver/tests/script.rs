//! A connection over a scripted pipe, with the core's server at the other end.

use super::super::{Drive, Driver, Observer};
use crate::client::peer::Peer;
use crate::os::{Os, Pipe};
pub(super) use crate::scripted::Counter;
use crate::scripted::{ScriptPipe, Still};
use proto_core::Config;
use proto_core::time::Instant;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

#[derive(Debug)]
struct Deaf;

impl Observer for Deaf {
    fn ready(&self) {}
    fn draining(&self) {}
    fn closed(&self, _: &str, _: Option<proto_core::channel::Cause>) {}
}

/// A connection, its task, and a server.
pub(super) struct Rig {
    pub(super) driver: Arc<Driver>,
    pub(super) pipe: ScriptPipe,
    pub(super) polls: usize,
    pub(super) peer: Peer,
    clock: Arc<AtomicU64>,
    task: Option<Pin<Box<Drive>>>,
    held: Weak<dyn Pipe>,
    counter: Arc<Counter>,
    seen: usize,
}

impl Rig {
    /// After the handshake.
    pub(super) fn connected() -> Rig {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let os: Arc<dyn Os> = Still::new(clock.clone());
        let pipe = ScriptPipe::default();
        let held: Arc<dyn Pipe> = Arc::new(pipe.clone());
        let weak = Arc::downgrade(&held);
        let peer = Peer::new(pipe.clone(), os.now());
        let (driver, task) = Driver::new(os, held, Config::default(), Box::new(Deaf));
        let mut rig = Rig {
            driver,
            pipe,
            polls: 0,
            peer,
            clock,
            task: Some(Box::pin(task)),
            held: weak,
            counter: Arc::default(),
            seen: 0,
        };
        rig.poll();
        for _ in 0..3 {
            rig.run();
            rig.serve();
        }
        rig.run();
        rig.seen = rig.counter.count();
        rig
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.load(SeqCst))
    }

    /// Time passes; timers fire.
    pub(super) fn pass(&mut self, time: Duration) {
        // Seconds fit.
        self.clock.fetch_add(time.as_nanos() as u64, SeqCst);
        self.poll();
        self.run();
    }

    /// Polls the connection's task as an executor does: when it was woken, until it rests.
    pub(super) fn run(&mut self) {
        while self.woken() > 0 {
            self.poll();
        }
    }

    /// Polls the connection's task.
    fn poll(&mut self) {
        self.polls += 1;
        self.seen = self.counter.count();
        let waker = Waker::from(self.counter.clone());
        if let Some(task) = &mut self.task
            && task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            self.task = None;
        }
    }

    /// How often the task was woken since its last poll.
    pub(super) fn woken(&self) -> usize {
        self.counter.count() - self.seen
    }

    pub(super) fn is_finished(&self) -> bool {
        self.task.is_none()
    }

    pub(super) fn drop_task(&mut self) {
        self.task = None;
    }

    pub(super) fn pipe_is_dropped(&self) -> bool {
        self.held.strong_count() == 0
    }

    /// The server reads everything and answers nothing but what HTTP/2 wants.
    pub(super) fn serve(&mut self) {
        self.peer.serve(self.now());
    }

    /// The server answers the call that came as the n-th.
    pub(super) fn reply_to(&mut self, n: usize, body: &[u8]) {
        self.peer.reply_to(self.now(), n, body);
    }

    /// The server ends the call that came as the n-th well.
    pub(super) fn finish(&mut self, n: usize) {
        self.peer.finish(self.now(), n);
    }
}
