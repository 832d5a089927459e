//! What all connections of a server share: its services, its limits, who is there, how far its end has come.
//!
//! Locks: one a connection, one here; never two at once, and nothing of others is called under either (`crate::sync`
//! asserts it).

use super::conn::{Conn, Found};
use super::drive::Drive;
use super::limits::{LAST, Limits, NEVER};
use crate::atomics::Shared;
use crate::os::{Os, Pipe};
use crate::rules::{Rule, Rules};
use crate::security::{self, ServerSecurity};
use crate::sync::Lock;
use proto_core::buf::Incoming;
use proto_core::config::Config;
use proto_core::rpc::{AsyncService, Report, Router, ServerCall};
use proto_core::time::Instant;
use rt_common::means::{Means, SLOW};
use rt_common::settings::ServerSettings;
use rt_common::stats::Stats;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Tools that are kept while no connection uses them: about as many as threads that drive connections.
const SPARES: usize = 8;

/// What all connections of a server share.
pub(super) struct Hub {
    pub(super) os: Arc<dyn Os>,
    pub(super) router: Router<Arc<dyn AsyncService>>,
    pub(super) limits: Limits,
    pub(super) settings: ServerSettings,
    security: ServerSecurity,
    pub(super) means: Means,
    pub(super) stats: Stats,
    pub(super) rules: Rules,
    /// When the grace ends, nanoseconds; the largest number: nobody has stopped it.
    stop_at: Shared,
    /// Handlers that have begun and not ended.
    handlers: Shared,
    /// Who waits for the end, how many: without any, nobody has to be told.
    waiting: Shared,
    state: Lock<HubState>,
}

/// Buffers that a connection needs while its task is at work, and not while it is idle.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) input: Incoming,
    pub(super) call: ServerCall,
}

/// What its lock guards.
#[derive(Default)]
struct HubState {
    conns: BTreeMap<u64, Arc<Conn>>,
    /// Those that have not sent their SETTINGS, in the order in which they came.
    pending: BTreeSet<u64>,
    next_key: u64,
    /// The listener is there.
    listening: bool,
    /// The task that accepts.
    acceptor: Option<Waker>,
    /// Who waits for the end.
    joiners: BTreeMap<u64, Waker>,
    spares: Vec<Tools>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("services", &self.router).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Hub {
    pub(super) fn new(
        os: Arc<dyn Os>,
        router: Router<Arc<dyn AsyncService>>,
        limits: Limits,
        settings: ServerSettings,
        security: ServerSecurity,
    ) -> Arc<Hub> {
        Arc::new(Hub {
            rules: Rules::of(&*os),
            os,
            // Unknown methods count as fast: handlers that are futures promise to be.
            means: Means::new(router.methods(), Duration::ZERO),
            router,
            limits,
            settings,
            security,
            stats: Stats::default(),
            stop_at: Shared::new(NEVER.as_nanos()),
            handlers: Shared::new(0),
            waiting: Shared::new(0),
            state: Lock::default(),
        })
    }

    /// When the grace ends; `NEVER`: nobody has stopped it.
    pub(super) fn stop_at(&self) -> Instant {
        Instant::from_nanos(self.stop_at.get())
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop_at() != NEVER
    }

    /// GOAWAY to all, no new connections; what is not over after `grace` is ended by force, by each connection's task.
    /// Later calls may only shorten the grace. Returns at once.
    pub(super) fn stop(&self, grace: Duration) {
        let end = (self.os.now() + grace).as_nanos().min(NEVER.as_nanos() - 1);
        if self.stop_at.at_most(end) <= end {
            return;
        }
        let conns = self.connections();
        let mut held = self.state.lock();
        let mut wake: Vec<_> = std::mem::take(&mut held.joiners).into_values().collect();
        wake.extend(held.acceptor.take().filter(|_| self.rules.hold(Rule::ServerStopTellsAcceptor)));
        drop(held);
        for waker in wake {
            waker.wake();
        }
        for conn in conns.into_iter().filter(|_| self.rules.hold(Rule::ServerStopTells)) {
            let mut held = conn.lock();
            held.kick();
            conn.unlock(held);
        }
    }

    /// A new connection: the task that drives it. `None`: one too many, or the server stops, and it is closed at once: its
    /// client gets an answer, not a silence.
    pub(super) fn adopt(self: &Arc<Self>, pipe: Arc<dyn Pipe>) -> Option<Drive> {
        let now = self.os.now();
        let config = Config { seed: self.os.random(), ..self.settings.connection.clone() };
        let hub = Arc::downgrade(self);
        let failed = move || {
            if let Some(hub) = hub.upgrade() {
                hub.stats.tls_failures.one();
            }
        };
        let Ok(pipe) = security::dress_accepted(&self.security, pipe, failed) else {
            // Settings of rustls itself that contradict each other: dropping the pipe closes it.
            self.stats.tls_failures.one();
            return None;
        };
        let mut held = self.state.lock();
        if self.is_stopping() || held.conns.len() >= self.settings.max_connections {
            drop(held);
            self.stats.connections_refused.one();
            return None;
        }
        let key = held.next_key;
        held.next_key += 1;
        let conn = Arc::new(Conn::new(key, self.clone(), pipe.clone(), config, now));
        held.conns.insert(key, conn.clone());
        held.pending.insert(key);
        // The oldest handshake gives way, not the newest: whoever means it well is through within a round trip.
        let too_many = held.pending.len() > self.settings.max_pending_handshakes;
        let oldest = if too_many { held.pending.pop_first() } else { None };
        let oldest = oldest.and_then(|key| held.conns.get(&key).cloned());
        drop(held);
        if let Some(oldest) = oldest {
            self.stats.connections_refused.one();
            let mut held = oldest.lock();
            held.evicted = true;
            if self.rules.hold(Rule::ServerEvictionTells) {
                held.kick();
            }
            oldest.unlock(held);
        }
        self.stats.connections.one();
        Some(Drive::new(conn, pipe))
    }

    /// The same, on the executor.
    pub(super) fn serve(self: &Arc<Self>, pipe: Arc<dyn Pipe>) {
        if let Some(drive) = self.adopt(pipe) {
            self.os.spawn(Box::pin(drive));
        }
    }

    /// Its SETTINGS are here.
    pub(super) fn greeted(&self, key: u64) {
        self.state.lock().pending.remove(&key);
    }

    /// The connection is over.
    pub(super) fn remove(&self, key: u64) {
        let mut held = self.state.lock();
        held.pending.remove(&key);
        let conn = held.conns.remove(&key);
        let told = self.rules.hold(Rule::ServerConnectionTellsJoiners);
        let wake = if told { self.joiners(&mut held) } else { Vec::new() };
        drop(held);
        drop(conn);
        wake.into_iter().for_each(Waker::wake);
    }

    /// A handler's first poll is over, which began at `since`.
    pub(super) fn polled_first(&self, found: &Found, since: Instant) {
        let took = self.os.now() - since;
        self.means.sample(found.index, took);
        if took > SLOW {
            self.stats.slow_handlers.one();
        }
    }

    /// A place for one more handler, if there is one. Not to be dropped under a lock.
    pub(super) fn handler(self: &Arc<Self>) -> Option<Place> {
        self.handlers.add_one_below(self.limits.max_concurrent_handlers as u64).then(|| Place(self.clone()))
    }

    /// Those that are there.
    pub(super) fn connections(&self) -> Vec<Arc<Conn>> {
        self.state.lock().conns.values().cloned().collect()
    }

    /// Handlers that have begun and not ended.
    pub(super) fn running(&self) -> usize {
        // No more than memory holds.
        self.handlers.get() as usize
    }

    fn joiners(&self, held: &mut HubState) -> Vec<Waker> {
        if self.is_stopping() || held.conns.is_empty() {
            std::mem::take(&mut held.joiners).into_values().collect()
        } else {
            Vec::new()
        }
    }

    /// Somebody listens now, or no more.
    pub(super) fn listening(&self, listening: bool) {
        let mut held = self.state.lock();
        held.listening = listening;
        let spent = held.acceptor.take();
        let wake = if listening { Vec::new() } else { self.joiners(&mut held) };
        drop(held);
        drop(spent);
        wake.into_iter().for_each(Waker::wake);
    }

    /// The task that accepts is woken by a stop.
    pub(super) fn accepting(&self, cx: &Context<'_>) {
        let old = self.state.lock().acceptor.replace(cx.waker().clone());
        drop(old);
    }

    /// What a connection's task works with.
    pub(super) fn tools(&self) -> Tools {
        self.state.lock().spares.pop().unwrap_or_default()
    }

    /// Gives it back, empty.
    pub(super) fn spare(&self, tools: Tools) {
        let mut held = self.state.lock();
        let room = held.spares.len() < SPARES;
        let left = if room {
            held.spares.push(tools);
            None
        } else {
            Some(tools)
        };
        drop(held);
        drop(left);
    }

    /// Waits until nobody is served any more and, with `stopped`, until somebody has stopped it. Handlers that have not
    /// come back soon after the grace are left behind, and counted.
    pub(super) async fn ended(&self, stopped: bool) -> Report {
        let mut timer = self.os.timer();
        let mut joiner = Joiner::new(self);
        let left_behind = poll_fn(|cx| {
            loop {
                joiner.register(cx);
                let stop_at = self.stop_at();
                let (conns, listening) = {
                    let held = self.state.lock();
                    (held.conns.len(), held.listening)
                };
                let handlers = self.running();
                let may = stop_at != NEVER || !stopped;
                if may && conns == 0 && !listening && handlers == 0 {
                    return Poll::Ready(0);
                }
                if stop_at == NEVER {
                    return Poll::Pending;
                }
                let last = stop_at + LAST;
                if self.os.now() >= last {
                    return Poll::Ready(handlers);
                }
                timer.set(Some(last));
                if timer.poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
        self.stats.report(left_behind)
    }
}

/// A handler's place; given back when dropped.
pub(super) struct Place(Arc<Hub>);

impl Drop for Place {
    fn drop(&mut self) {
        let last = self.0.handlers.take_one() == 1;
        if last && self.0.waiting.get() > 0 && self.0.rules.hold(Rule::ServerHandlerTellsJoiners) {
            let mut held = self.0.state.lock();
            let wake = self.0.joiners(&mut held);
            drop(held);
            wake.into_iter().for_each(Waker::wake);
        }
    }
}

/// Who waits for the end; takes itself off the list when dropped.
struct Joiner<'a> {
    hub: &'a Hub,
    key: Option<u64>,
}

impl<'a> Joiner<'a> {
    fn new(hub: &'a Hub) -> Self {
        hub.waiting.add_one();
        Joiner { hub, key: None }
    }

    fn register(&mut self, cx: &Context<'_>) {
        let waker = cx.waker().clone();
        let mut held = self.hub.state.lock();
        let next = held.next_key;
        let key = *self.key.get_or_insert(next);
        held.next_key = held.next_key.max(key + 1);
        let old = held.joiners.insert(key, waker);
        drop(held);
        drop(old);
    }
}

impl Drop for Joiner<'_> {
    fn drop(&mut self) {
        self.hub.waiting.take_one();
        if let Some(key) = self.key {
            let old = self.hub.state.lock().joiners.remove(&key);
            drop(old);
        }
    }
}
