//! What the hub's one lock guards: the poller's place, ready connections, waiting calls, free workers, timers; and the
//! rules that decide who is woken, who is made, who ticks.

use super::conn::Conn;
use super::job::Job;
use super::limits::{Limits, NEVER, PATIENCE, SPAN, TICK};
use super::rules::Rule;
use super::watch::Slot;
use crate::os::{Listener, Ready, Thread};
use proto_core::time::Instant;
use rt_common::accept;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Keys of the poller and of the timers; connections count upwards from `FIRST`.
pub(super) mod key {
    /// The listener (poller).
    pub(crate) const LISTENER: u64 = 0;
    /// The end of the grace (timers).
    pub(crate) const STOP: u64 = 1;
    /// Accepting backs off until then (timers).
    pub(crate) const ACCEPT: u64 = 2;
    /// The first connection.
    pub(crate) const FIRST: u64 = 16;
}

/// Who waits for readiness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nobody: somebody must be woken for it.
    Free,
    /// A worker is in the poller until then.
    Waiting(Instant),
    /// A worker has it and is not in the poller: it visits, accepts, or runs a watched bite.
    Held(usize),
}

/// A parked worker.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) thread: Thread,
    pub(super) worker: usize,
    /// It ticks at this point; `NEVER` otherwise.
    pub(super) until: Instant,
}

/// Why a connection is to be visited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visit {
    pub(super) ready: Ready,
    /// A timer of the connection is due.
    pub(super) timer: bool,
    /// It took too long over its handshake while others came.
    pub(super) evicted: bool,
}

/// What was decided under the hub's lock and is delivered after it.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    pub(super) unpark: Vec<Thread>,
    pub(super) spawn: Vec<Arc<Slot>>,
    pub(super) notify: bool,
}

/// The hub's state.
#[derive(Debug)]
pub(super) struct HubState {
    pub(super) place: Place,
    pub(super) ready: VecDeque<(Arc<Conn>, Visit)>,
    /// Unary calls (and calls at their headers) that wait for a worker.
    pub(super) queue: VecDeque<Job>,
    /// Streaming calls that wait for a worker: never long, since one is made for each.
    pub(super) streams_queue: VecDeque<Job>,
    /// The last to park is the first to be woken; the one who ticks is the first of all.
    pub(super) idle: Vec<Idle>,
    pub(super) slots: BTreeMap<usize, Arc<Slot>>,
    pub(super) next_slot: usize,
    pub(super) threads: usize,
    /// Threads asked for, not here yet: they do not count as free.
    pub(super) coming: usize,
    /// Workers in handlers, of each kind, and both.
    pub(super) busy: usize,
    pub(super) unary: usize,
    pub(super) streams: usize,
    /// Bites that the watch looks after.
    pub(super) watched: usize,
    pub(super) tick_until: Instant,
    pub(super) last_bite: Instant,
    pub(super) scan_at: Instant,
    /// Connections with output that a stream's sender holds back.
    pub(super) corked: Vec<Arc<Conn>>,
    /// Workers on their way.
    pub(super) waking: usize,
    pub(super) grown_at: Instant,
    /// The processors were busy with us when last looked at: more threads would not help.
    pub(super) saturated: bool,
    /// When CPU time was last looked at, and what it was.
    pub(super) cpu_at: (Instant, Duration),
    /// What a visit costs, about.
    pub(super) visit_mean: Duration,
    pub(super) timers: BTreeSet<(Instant, u64)>,
    pub(super) conns: BTreeMap<u64, Arc<Conn>>,
    /// Those that have not sent their SETTINGS, oldest first.
    pub(super) pending: BTreeSet<u64>,
    pub(super) next_key: u64,
    pub(super) listener: Option<Arc<dyn Listener>>,
    /// There may be something to accept.
    pub(super) accept: bool,
    /// How long the next accept error makes us wait.
    pub(super) accept_pause: Duration,
    /// When the grace ends; `NEVER` before a stop.
    pub(super) stop: Instant,
    /// Accepting has begun.
    pub(super) open: bool,
    /// No listener: the end comes with that of the last connection.
    pub(super) until_idle: bool,
    pub(super) done: bool,
    pub(super) joiners: Vec<Thread>,
    pub(super) wakes: Wakes,
    #[cfg(feature = "testkit")]
    pub(super) without: Option<Rule>,
}

impl HubState {
    pub(super) fn new(limits: &Limits, listener: Option<Arc<dyn Listener>>) -> Self {
        let _ = limits;
        HubState {
            place: Place::Free,
            ready: VecDeque::new(),
            queue: VecDeque::new(),
            streams_queue: VecDeque::new(),
            idle: Vec::new(),
            slots: BTreeMap::new(),
            next_slot: 0,
            threads: 0,
            coming: 0,
            busy: 0,
            unary: 0,
            streams: 0,
            watched: 0,
            tick_until: Instant::ZERO,
            last_bite: Instant::ZERO,
            scan_at: Instant::ZERO,
            corked: Vec::new(),
            waking: 0,
            grown_at: Instant::ZERO,
            saturated: true,
            cpu_at: (Instant::ZERO, Duration::ZERO),
            visit_mean: Duration::ZERO,
            timers: BTreeSet::new(),
            conns: BTreeMap::new(),
            pending: BTreeSet::new(),
            next_key: key::FIRST,
            listener,
            accept: false,
            accept_pause: accept::PAUSE,
            stop: NEVER,
            open: false,
            until_idle: false,
            done: false,
            joiners: Vec::new(),
            wakes: Wakes::default(),
            #[cfg(feature = "testkit")]
            without: limits.without,
        }
    }

    /// Is this rule switched off (tests only)?
    #[inline]
    fn broken(&self, rule: Rule) -> bool {
        #[cfg(feature = "testkit")]
        return self.without == Some(rule);
        #[cfg(not(feature = "testkit"))]
        {
            let _ = rule;
            false
        }
    }

    /// A worker may enter a handler only if another one stays free: it, or the one on its way.
    pub(super) fn may_run(&self) -> bool {
        let free = if self.broken(Rule::LastFreeWorker) { 1 } else { 2 };
        self.threads - self.busy >= free
    }

    /// One more unary handler is allowed.
    pub(super) fn unary_room(&self, limits: &Limits) -> bool {
        let more = usize::from(self.broken(Rule::LastFreeWorker));
        self.unary < limits.max_handler_threads + more
    }

    /// Somebody has to look around every tick: bites or corks are watched, or calls wait for a thread.
    pub(super) fn wants_tick(&self, limits: &Limits, now: Instant) -> bool {
        let waiting = !self.queue.is_empty() && self.unary_room(limits) || !self.streams_queue.is_empty();
        let grow = waiting && self.threads < limits.max_threads() && !self.broken(Rule::GrowWhileStuck);
        let watch = self.watched > 0 || now < self.tick_until || !self.corked.is_empty();
        watch && !self.broken(Rule::WatchTicks) || grow
    }

    fn parked_ticker(&self) -> bool {
        self.idle.first().is_some_and(|idle| idle.until != NEVER)
    }

    /// When to return from the wait or the park, as the one who ticks.
    pub(super) fn tick(&self, limits: &Limits, now: Instant) -> Instant {
        if self.wants_tick(limits, now) && !self.parked_ticker() { now + TICK } else { NEVER }
    }

    /// Somebody who is free must look again within a tick.
    pub(super) fn ensure_tick(&mut self, limits: &Limits, now: Instant) {
        if !self.wants_tick(limits, now) || self.parked_ticker() {
            return;
        }
        match self.place {
            Place::Waiting(until) if until > now + TICK => {
                self.place = Place::Waiting(now);
                self.wakes.notify = true;
            }
            Place::Held(_) if !self.idle.is_empty() => {
                self.idle[0].until = now + TICK;
                self.wakes.unpark.push(self.idle[0].thread.clone());
            }
            _ => {}
        }
    }

    /// Wakes, or makes, one more worker when there is something for it; it does the same when it arrives.
    pub(super) fn rouse(&mut self, limits: &Limits, now: Instant) {
        let queue = !self.queue.is_empty() && self.unary_room(limits) && !self.broken(Rule::WakeNext);
        let stream = !self.streams_queue.is_empty();
        let place = self.place == Place::Free && !self.broken(Rule::FreePlaceWakes);
        let backlog = (self.visit_mean + Duration::from_nanos(1)) * u32::try_from(self.ready.len()).unwrap_or(u32::MAX);
        let help = !self.ready.is_empty() && backlog > limits.help_above && self.awake() < limits.cores;
        if self.waking > 0 || self.done || !(queue || stream || place || help) {
            return;
        }
        let run = (queue || stream) && self.may_run();
        if (place || help || run)
            && let Some(idle) = self.idle.pop()
        {
            self.waking += 1;
            return self.wakes.unpark.push(idle.thread);
        }
        let age = self.queue.front().map_or(Duration::ZERO, |job| now - job.at);
        // One a tick while handlers block; one per PATIENCE while they burn: a preempted holder of a writer's place holds up replies.
        let gap = if self.saturated { PATIENCE } else { TICK };
        let stuck = age >= gap && self.grown_at + gap <= now && !self.broken(Rule::GrowWhileStuck);
        if self.free_awake() == 0 && (stream || place || queue && (self.unary < limits.cores || stuck)) {
            self.grow(limits, now);
        }
    }

    /// Asks for one more thread. False at the limit.
    pub(super) fn grow(&mut self, limits: &Limits, now: Instant) -> bool {
        if self.threads + self.coming >= limits.max_threads() || self.done {
            return false;
        }
        self.coming += 1;
        self.waking += 1;
        self.grown_at = now;
        let slot = self.add_slot();
        self.wakes.spawn.push(slot);
        true
    }

    /// What a new worker will be robbed of.
    pub(super) fn add_slot(&mut self) -> Arc<Slot> {
        let slot = Arc::new(Slot::new(self.next_slot));
        self.next_slot += 1;
        self.slots.insert(slot.worker, slot.clone());
        slot
    }

    /// A worker goes: it has had nothing to do for long, and enough free ones stay.
    pub(super) fn may_go_home(&self, limits: &Limits) -> bool {
        self.threads > limits.cores.max(2) && self.threads - self.busy > 2 && !matches!(self.place, Place::Free)
    }

    fn in_poller(&self) -> usize {
        usize::from(matches!(self.place, Place::Waiting(_)))
    }

    fn awake(&self) -> usize {
        self.threads + self.coming - self.streams - self.idle.len() - self.in_poller()
    }

    /// Free workers that are neither parked nor in the poller: they will come and look by themselves.
    fn free_awake(&self) -> usize {
        self.threads - self.busy - self.idle.len() - self.in_poller()
    }

    /// CPU time is worth a look: calls wait, and the last look is old.
    pub(super) fn wants_cpu(&self, now: Instant) -> bool {
        !self.queue.is_empty() && now >= self.cpu_at.0 + SPAN
    }

    /// The process has used this much CPU time. A window that began while nobody waited says nothing: it counts as saturated.
    pub(super) fn cpu(&mut self, limits: &Limits, now: Instant, cpu: Duration) {
        let (window, used) = (now - self.cpu_at.0, cpu.saturating_sub(self.cpu_at.1));
        let cores = u32::try_from(limits.cores).unwrap_or(u32::MAX);
        self.saturated = used.saturating_mul(10) >= window.saturating_mul(cores).saturating_mul(8) || window > 2 * SPAN;
        self.cpu_at = (now, cpu);
    }

    /// The waiter must come back: something is ready, or due before it would.
    pub(super) fn nudge(&mut self, due: Instant) {
        if matches!(self.place, Place::Waiting(until) if until > due) {
            self.place = Place::Waiting(due);
            self.wakes.notify = true;
        }
    }
}
