//! The hub: what all workers share, and what happens to a connection's wishes after its unlock.
//!
//! Locks: one a connection, one for the hub, one for a worker's slot; never two at once, and no call of the seam under
//! any (`crate::sync` asserts it). Each unlock has one exit that delivers what was decided under the lock:
//! [`Hub::unlock`] for a connection, [`Hub::done`] for the hub.

use super::conn::Conn;
use super::deliver::Wants;
use super::job::Job;
use super::limits::{Limits, NEVER};
use super::rules::Rule;
use super::services::Services;
use super::state::{HubState, Visit, key};
use super::system::SystemCalls;
use crate::os::{Listener, Os, Poller, Ready};
use crate::security::ServerSecurity;
use crate::sync::{Guard, Lock};
use proto_core::grpc::{Code, Local, Metadata, Origin, Status};
use proto_core::time::Instant;
use rt_common::means::Means;
use rt_common::settings::ServerSettings;
use rt_common::stats::Stats;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Weak};

/// How far a stop has come.
pub(super) mod phase {
    pub(crate) const OPEN: u8 = 0;
    /// GOAWAY to all; running calls go on.
    pub(crate) const DRAINING: u8 = 1;
    /// The grace is over: calls are ended by force.
    pub(crate) const FORCED: u8 = 2;
    /// Handlers that have not returned are left behind.
    pub(crate) const OVER: u8 = 3;
}

/// What all workers of a server share.
pub(crate) struct Hub {
    pub(super) os: Arc<dyn Os>,
    pub(super) poller: Arc<dyn Poller>,
    pub(super) services: Services,
    pub(super) limits: Limits,
    pub(super) settings: ServerSettings,
    pub(super) security: ServerSecurity,
    pub(super) phase: AtomicU8,
    pub(super) means: Means,
    pub(super) stats: Stats,
    pub(super) system: SystemCalls,
    state: Lock<HubState>,
    me: Weak<Hub>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("services", &self.services).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The hub's lock, held.
pub(super) type HubHeld<'a> = Guard<'a, HubState>;

impl Hub {
    pub(super) fn new(
        os: Arc<dyn Os>,
        poller: Arc<dyn Poller>,
        listener: Option<Arc<dyn Listener>>,
        services: Services,
        limits: Limits,
        settings: ServerSettings,
        security: ServerSecurity,
    ) -> io::Result<Arc<Hub>> {
        #[cfg(feature = "testkit")]
        let limits = Limits { without: os.without_rule().and_then(Rule::named), ..limits };
        if let Some(listener) = &listener {
            poller.add(key::LISTENER, listener.raw())?;
        }
        Ok(Arc::new_cyclic(|me| Hub {
            os,
            poller,
            means: Means::new(services.methods(), limits.first_guess),
            services,
            state: Lock::new(HubState::new(&limits, listener)),
            limits,
            settings,
            security,
            phase: AtomicU8::new(phase::OPEN),
            stats: Stats::default(),
            system: SystemCalls::default(),
            me: me.clone(),
        }))
    }

    /// Is this rule switched off (the simulation's own tests only)?
    #[inline]
    pub(super) fn broken(&self, rule: Rule) -> bool {
        #[cfg(feature = "testkit")]
        return self.limits.without == Some(rule);
        #[cfg(not(feature = "testkit"))]
        {
            let _ = rule;
            false
        }
    }

    /// It, shared. `None` only while it is being dropped, when no worker runs any more.
    pub(super) fn me(&self) -> Option<Arc<Hub>> {
        self.me.upgrade()
    }

    pub(super) fn lock(&self) -> HubHeld<'_> {
        self.state.lock(&*self.os)
    }

    /// Unlocks, then delivers the wake-ups.
    pub(super) fn done(&self, mut held: HubHeld<'_>) {
        let wakes = std::mem::take(&mut held.wakes);
        drop(held);
        for thread in &wakes.unpark {
            self.system.unparks.one();
            self.os.unpark(thread);
        }
        for slot in wakes.spawn {
            let worker = slot.worker;
            let Some(hub) = self.me() else { return };
            let run = Box::new(move || hub.worker(&slot));
            if self.os.spawn("grpc-worker", run).is_err() {
                let mut held = self.lock();
                held.coming -= 1;
                held.waking -= 1;
                held.slots.remove(&worker);
            }
        }
        if wakes.notify && !self.broken(Rule::Notify) {
            self.poller.notify();
        }
    }

    /// What a connection asks for after its unlock. Hands back the calls that are too many.
    pub(super) fn take_wishes(&self, conn: &Arc<Conn>, wants: Wants) -> Vec<Job> {
        let now = self.os.now();
        let mut held = self.lock();
        for job in wants.admitted {
            if job.stream { held.streams_queue.push_back(job) } else { held.queue.push_back(job) }
        }
        let refused = self.admit(&mut held, wants.fresh);
        if let Some((old, due)) = wants.timer {
            held.timers.remove(&(old, conn.key));
            if due != NEVER {
                held.timers.insert((due, conn.key));
                held.nudge(due);
            }
        }
        if wants.kick {
            let ready = Ready { read: true, write: true, ..Ready::default() };
            held.ready.push_back((conn.clone(), Visit { ready, ..Visit::default() }));
            held.nudge(Instant::ZERO);
        }
        if wants.greeted {
            held.pending.remove(&conn.key);
        }
        if wants.cork {
            held.corked.push(conn.clone());
        }
        if wants.close {
            held.conns.remove(&conn.key);
            held.pending.remove(&conn.key);
            self.check_done(&mut held);
        }
        held.rouse(&self.limits, now);
        held.ensure_tick(&self.limits, now);
        self.done(held);
        refused
    }

    /// Calls to the queues; hands back those that are too many.
    pub(super) fn admit(&self, held: &mut HubHeld<'_>, jobs: Vec<Job>) -> Vec<Job> {
        let mut refused = Vec::new();
        // Those for which there is a thread, or will be in a moment, wait for nobody.
        let most = self.limits.max_handler_threads.saturating_add(self.limits.max_queued(held.conns.len()));
        for job in jobs {
            if job.stream {
                if held.streams + held.streams_queue.len() < self.limits.max_streaming_handlers {
                    held.streams_queue.push_back(job);
                } else {
                    refused.push(job);
                }
            } else if held.unary + held.queue.len() < most || self.broken(Rule::QueueBounded) {
                held.queue.push_back(job);
            } else {
                refused.push(job);
            }
        }
        refused
    }

    /// Ends calls that are too many, with a status that names the setting. Never REFUSED_STREAM: its transparent
    /// retries would make a storm of an overload.
    pub(super) fn refuse(&self, mut jobs: Vec<Job>) {
        while let Some(job) = jobs.pop() {
            let now = self.os.now();
            let (setting, limit) = if job.stream {
                ("max_streaming_handlers", self.limits.max_streaming_handlers)
            } else {
                let connections = self.lock().conns.len();
                ("max_queued_calls", self.limits.max_queued(connections))
            };
            let message = format!("the server is busy: {limit} calls are served or wait already ({setting})");
            let status =
                Status::new(Code::ResourceExhausted, message).with_origin(Origin::Local(Local::Limit { setting }));
            self.stats.refused.one();
            let mut conn = self.conn(&job.conn);
            if let Ok(mut call) = conn.core.call(job.id) {
                call.finish(now, &status, &Metadata::new());
            }
            conn.release_call(now, job.id);
            let conn = self.flush(&job.conn, conn);
            jobs.append(&mut self.deliver(&job.conn, conn));
        }
    }

    /// All connections are closed and all handlers have returned, or the grace is over: the end.
    pub(super) fn check_done(&self, held: &mut HubHeld<'_>) {
        let handlers = held.busy == 0 || self.phase.load(Relaxed) == phase::OVER;
        let ending = held.stop != NEVER || held.until_idle;
        if !ending || !held.conns.is_empty() || held.done || !handlers {
            return;
        }
        held.done = true;
        let HubState { idle, wakes, joiners, .. } = &mut **held;
        wakes.unpark.extend(idle.drain(..).map(|idle| idle.thread));
        wakes.unpark.append(joiners);
        held.nudge(Instant::ZERO);
    }
}
