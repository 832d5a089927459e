//! For this crate's own tests: what is inside a server, and settings that only they turn.

use super::builder::ServerBuilder;
use super::hub::Hub;
use super::limits::Limits;
use super::serve::Running;
use std::sync::Arc;
use std::time::Duration;

/// Settings of the scheduling that a simulation turns, to reach its corners with little traffic.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "they are documented in `limits` and `state`")]
pub struct Tuning {
    pub cores: usize,
    pub hold_above: usize,
    pub first_guess: Duration,
    pub help_above: Duration,
    pub read_size: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        let Limits { hold_above, first_guess, help_above, read_size, .. } = Limits::default();
        Tuning { cores: 2, hold_above, first_guess, help_above, read_size }
    }
}

impl Tuning {
    /// Puts it into the builder.
    pub fn apply(self, mut builder: ServerBuilder) -> ServerBuilder {
        let Tuning { cores, hold_above, first_guess, help_above, read_size } = self;
        let old = std::mem::take(&mut builder.limits);
        builder.limits = Limits { cores, hold_above, first_guess, help_above, read_size, ..old };
        builder
    }
}

/// How many of each there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are documented in `limits` and `state`")]
pub struct Counts {
    pub busy: usize,
    pub unary: usize,
    pub streams: usize,
    pub queued: usize,
    pub connections: usize,
    pub threads: usize,
    pub reads: u64,
    pub writes: u64,
    pub waits: u64,
    pub unparks: u64,
}

/// A look inside a running server.
#[derive(Clone, Debug)]
pub struct Probe(Arc<Hub>);

impl Probe {
    /// Of this server.
    pub fn of(running: &Running) -> Self {
        Probe(running.hub().clone())
    }

    /// What there is now.
    pub fn counts(&self) -> Counts {
        let hub = &self.0;
        let (reads, writes, waits) = (hub.system.reads.get(), hub.system.writes.get(), hub.system.waits.get());
        let unparks = hub.system.unparks.get();
        let held = hub.lock();
        Counts {
            busy: held.busy,
            unary: held.unary,
            streams: held.streams,
            queued: held.queue.len() + held.streams_queue.len(),
            connections: held.conns.len(),
            threads: held.threads,
            reads,
            writes,
            waits,
            unparks,
        }
    }

    /// Lets the server believe that a method takes this long.
    ///
    /// # Panics
    /// When there is no such method.
    pub fn set_mean(&self, path: &str, time: Duration) {
        match self.0.services.find(path) {
            Ok(found) => self.0.means.set(found.index, time),
            Err(unknown) => panic!("{unknown}"),
        }
    }

    /// Bytes that the sockets of all connections have not taken, the most that any connection has.
    pub fn most_unsent(&self) -> usize {
        let conns: Vec<_> = self.0.lock().conns.values().cloned().collect();
        conns.iter().map(|conn| self.0.conn(conn).unsent()).max().unwrap_or(0)
    }
}
