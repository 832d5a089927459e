//! A channel over scripted pipes: its tasks are polled when they are woken, and in the middle of a write whatever a test
//! says may happen, as if on another thread.

use crate::client::channel::Channel;
use crate::client::peer::Peer;
use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use crate::scripted::{Counter, ScriptPipe, Still};
use proto_core::error::ErrorCode;
use proto_core::frame;
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::future::{pending, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

/// A machine on which connections lead to these pipes, in order; then they are never made.
#[derive(Debug)]
struct Machine {
    still: Arc<Still>,
    pipes: Mutex<VecDeque<ScriptPipe>>,
    /// What is spawned runs at once, as if on another thread that is quick.
    eager: Mutex<Option<Arc<Tasks>>>,
}

impl Os for Machine {
    fn now(&self) -> Instant {
        self.still.now()
    }
    fn timer(&self) -> Box<dyn Timer> {
        self.still.timer()
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.still.spawn(task);
        let eager = self.eager.lock().unwrap().clone();
        if let Some(tasks) = eager {
            tasks.run(&self.still);
        }
    }
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = ["10.0.0.1:1", "10.0.0.2:1"].map(|text| text.parse().expect("an address"));
        Box::pin(ready(Ok(addresses.to_vec())))
    }
    fn connect(&self, _: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
        match self.pipes.lock().unwrap().pop_front() {
            Some(pipe) => Box::pin(ready(Ok(Arc::new(pipe) as Arc<dyn Pipe>))),
            None => Box::pin(pending()),
        }
    }
    fn random(&self) -> u64 {
        1
    }
    fn without_rule(&self) -> Option<crate::rules::Rule> {
        self.still.without_rule()
    }
}

/// A task, with its wake-ups, and how many of them it has seen.
type Task = (BoxFuture<'static, ()>, Arc<Counter>, usize);

/// The tasks that live.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Vec<Task>>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tasks")
    }
}

impl Tasks {
    /// Polls those that were woken, until all rest. A task that is being polled further up is left alone.
    fn run(&self, still: &Still) {
        loop {
            let mut tasks = self.0.lock().unwrap();
            let new = still.take_spawned().into_iter().map(|task| {
                let counter = Arc::<Counter>::default();
                Waker::from(counter.clone()).wake();
                (task, counter, 0)
            });
            tasks.extend(new);
            let Some(at) = tasks.iter().position(|(_, counter, seen)| counter.count() > *seen) else { return };
            let (mut task, counter, _) = tasks.swap_remove(at);
            drop(tasks);
            let seen = counter.count();
            let waker = Waker::from(counter.clone());
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.0.lock().unwrap().push((task, counter, seen));
            }
        }
    }

    /// Wake-ups of those that live.
    fn wakes(&self) -> usize {
        self.0.lock().unwrap().iter().map(|(_, counter, _)| counter.count()).sum()
    }

    /// Their timers may have fired.
    fn wake_all(&self) {
        for (_, counter, _) in &*self.0.lock().unwrap() {
            Waker::from(counter.clone()).wake();
        }
    }
}

/// The world of a test.
pub(super) struct World {
    machine: Arc<Machine>,
    clock: Arc<AtomicU64>,
    tasks: Arc<Tasks>,
    pub(super) peers: Vec<Peer>,
}

impl World {
    /// With so many servers, one behind the other.
    pub(super) fn new(servers: usize) -> World {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let pipes: Vec<_> = (0..servers).map(|_| ScriptPipe::default()).collect();
        let still = Still::new(clock.clone());
        let peers = pipes.iter().map(|pipe| Peer::new(pipe.clone(), still.now())).collect();
        let machine = Machine { still, pipes: Mutex::new(pipes.into()), eager: Mutex::default() };
        World { machine: Arc::new(machine), clock, tasks: Arc::default(), peers }
    }

    pub(super) fn channel(&self, target: &str) -> Channel {
        let builder = Channel::builder(target).connect_timeout(Duration::from_secs(3600));
        builder.os(self.machine.clone()).build().expect("a target")
    }

    /// A channel that is connected to the first server.
    pub(super) fn connected(&mut self) -> Channel {
        let channel = self.channel("10.0.0.1:1");
        channel.state(true);
        self.run();
        assert_eq!(channel.state(false), crate::State::Ready);
        channel
    }

    /// Tasks run while they are spawned.
    pub(super) fn be_eager(&self) {
        *self.machine.eager.lock().unwrap() = Some(self.tasks.clone());
    }

    /// Servers read and tasks run until all rest.
    pub(super) fn run(&mut self) {
        self.run_but(usize::MAX);
    }

    /// The same without one of the servers.
    pub(super) fn run_but(&mut self, without: usize) {
        for _ in 0..8 {
            self.tasks.run(&self.machine.still);
            let peers = self.peers.iter_mut().enumerate().filter(|(n, _)| *n != without);
            peers.for_each(|(_, peer)| peer.serve(self.machine.still.now()));
        }
        self.tasks.run(&self.machine.still);
    }

    /// How often tasks were woken.
    pub(super) fn wakes(&self) -> usize {
        self.tasks.wakes()
    }

    /// When the first timer fires.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.machine.still.next_timer()
    }

    pub(super) fn pass(&mut self, time: Duration) {
        // Seconds fit.
        self.clock.fetch_add(time.as_nanos() as u64, SeqCst);
        self.tasks.wake_all();
        self.run();
    }

    pub(super) fn now(&self) -> Instant {
        self.machine.now()
    }

    /// While the n-th connection is written to the next time, this happens, and then tasks run.
    pub(super) fn during_next_write(&self, n: usize, act: impl FnOnce() + Send + 'static) {
        let (tasks, still) = (self.tasks.clone(), self.machine.still.clone());
        self.peers[n].pipe.during_next_write(move || {
            act();
            tasks.run(&still);
        });
    }

    /// What the n-th server says to refuse all calls.
    pub(super) fn goodbye(&self, n: usize) -> impl FnOnce() + Send + 'static {
        let pipe = self.peers[n].pipe.clone();
        move || {
            let mut goaway = Vec::new();
            frame::goaway(&mut goaway, 0, ErrorCode::NoError, b"");
            pipe.feed(&goaway);
        }
    }
}
