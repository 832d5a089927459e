//! What a worker does next: accept, visit a connection, run calls, wait in the poller, park.

use super::conn::Conn;
use super::hub::{Hub, HubHeld};
use super::job::Job;
use super::limits::{BITE, LINGER, NEVER, TICK};
use super::rules::Rule;
use super::run::Bench;
use super::state::{Idle, Place, Visit, key};
use super::watch::Slot;
use crate::os::Ready;
use proto_core::buf::Incoming;
use proto_core::time::Instant;
use rt_common::means::SLOW;
use std::collections::VecDeque;
use std::sync::Arc;

/// A worker's next step, decided under the hub's lock and done without it.
enum Step {
    Exit,
    /// Look after the others: their slots, and connections whose output is held back.
    Scan(Vec<Arc<Slot>>, Vec<Arc<Conn>>),
    Accept,
    Visit(Arc<Conn>, Visit),
    Wait(Instant),
    /// Calls, and whether the watch looks after them.
    Run(VecDeque<Job>, bool),
    Park(Instant),
}

/// `until` as the seam takes it.
fn some(until: Instant) -> Option<Instant> {
    (until != NEVER).then_some(until)
}

impl Hub {
    /// A worker's life.
    pub(super) fn worker(&self, slot: &Arc<Slot>) {
        let mut spare = Incoming::new();
        let mut bench = Bench::default();
        let mut events: Vec<(u64, Ready)> = Vec::new();
        // It was counted as on its way; and since when it has had nothing to do.
        let (mut arrived, mut bored) = (true, None);
        let mut held = self.lock();
        held.coming -= 1;
        held.threads += 1;
        drop(held);
        loop {
            let now = self.os.now();
            let mut held = self.lock_and_look_at_cpu(now);
            held.waking -= usize::from(std::mem::take(&mut arrived));
            let step = self.next(&mut held, slot.worker, now, bored);
            self.done(held);
            if !matches!(step, Step::Park(_)) {
                bored = None;
            }
            match step {
                Step::Exit => return,
                Step::Scan(slots, corked) => self.scan(&slots, corked, now),
                Step::Accept => self.accept(),
                Step::Visit(conn, visit) => {
                    let jobs = self.guarded(&conn, || self.visit(&conn, visit, &mut spare));
                    if let Some(jobs) = jobs.filter(|jobs| !jobs.is_empty()) {
                        self.begin_batch(&conn, slot, jobs, &mut bench);
                    }
                    let took = self.os.now() - now;
                    let mut held = self.lock();
                    held.visit_mean = (held.visit_mean * 7 + took.min(SLOW)) / 8;
                }
                Step::Run(bite, watched) => self.run(slot, bite, watched, None, &mut bench),
                Step::Wait(until) => self.wait(slot.worker, until, &mut events),
                Step::Park(until) => {
                    self.os.park(some(until));
                    bored.get_or_insert(now);
                    arrived = self.unparked(slot.worker);
                }
            }
        }
    }

    /// The lock; before that, when calls wait, a look at how busy the processors are with us.
    fn lock_and_look_at_cpu(&self, now: Instant) -> HubHeld<'_> {
        let held = self.lock();
        if !held.wants_cpu(now) {
            return held;
        }
        drop(held);
        let cpu = self.os.cpu();
        let mut held = self.lock();
        if held.wants_cpu(now) {
            held.cpu(&self.limits, now, cpu);
        }
        held
    }

    /// Back from the park: was this worker woken for something (and is it counted as on its way)?
    fn unparked(&self, worker: usize) -> bool {
        let mut held = self.lock();
        match held.idle.iter().position(|idle| idle.worker == worker) {
            Some(at) => {
                held.idle.remove(at);
                false
            }
            None => !held.done,
        }
    }

    /// In the poller: what is ready goes to the list.
    fn wait(&self, worker: usize, until: Instant, events: &mut Vec<(u64, Ready)>) {
        self.system.waits.one();
        self.poller.wait(events, some(until));
        let mut held = self.lock();
        held.place = Place::Held(worker);
        for (key, ready) in events.drain(..) {
            if key == key::LISTENER {
                held.accept = true;
            } else if let Some(conn) = held.conns.get(&key).cloned() {
                held.ready.push_back((conn, Visit { ready, ..Visit::default() }));
            }
        }
    }

    fn next(&self, held: &mut HubHeld<'_>, worker: usize, now: Instant, bored: Option<Instant>) -> Step {
        let mine = held.place == Place::Held(worker);
        if held.done {
            return self.leave(held, worker);
        }
        if (held.watched > 0 || !held.corked.is_empty()) && now >= held.scan_at && !self.broken(Rule::WatchTicks) {
            held.scan_at = now + TICK;
            return Step::Scan(held.slots.values().cloned().collect(), std::mem::take(&mut held.corked));
        }
        if held.place == Place::Free {
            held.place = Place::Held(worker);
        }
        if mine || held.place == Place::Held(worker) {
            return self.next_at_poller(held, now);
        }
        if held.may_run() {
            if let Some(job) = held.streams_queue.pop_front() {
                let watched = self.enter(held, worker, true, BITE * 2, 1, now);
                return Step::Run(VecDeque::from([job]), watched);
            }
            if held.unary_room(&self.limits) && !held.queue.is_empty() {
                let (count, cost) = self.bite(held.queue.iter());
                let bite = held.queue.drain(..count).collect();
                let watched = self.enter(held, worker, false, cost, count, now);
                return Step::Run(bite, watched);
            }
        }
        if let Some((conn, visit)) = held.ready.pop_front() {
            held.rouse(&self.limits, now);
            return Step::Visit(conn, visit);
        }
        held.rouse(&self.limits, now);
        if bored.is_some_and(|since| now >= since + LINGER) && held.may_go_home(&self.limits) {
            return self.leave(held, worker);
        }
        self.park(held, worker, now, bored)
    }

    /// With the poller's place: timers, then connections, then the poller.
    fn next_at_poller(&self, held: &mut HubHeld<'_>, now: Instant) -> Step {
        self.due(held, now);
        if held.open && std::mem::take(&mut held.accept) {
            return Step::Accept;
        }
        let step = match held.ready.pop_front() {
            Some((conn, visit)) => Step::Visit(conn, visit),
            None => {
                let timer = held.timers.first().map_or(NEVER, |timer| timer.0);
                let until = timer.min(held.tick(&self.limits, now));
                held.place = Place::Waiting(until);
                Step::Wait(until)
            }
        };
        held.rouse(&self.limits, now);
        step
    }

    fn leave(&self, held: &mut HubHeld<'_>, worker: usize) -> Step {
        if held.place == Place::Held(worker) {
            held.place = Place::Free;
        }
        held.threads -= 1;
        held.slots.remove(&worker);
        Step::Exit
    }

    fn park(&self, held: &mut HubHeld<'_>, worker: usize, now: Instant, bored: Option<Instant>) -> Step {
        let until = held.tick(&self.limits, now);
        let idle = Idle { thread: self.os.me(), worker, until };
        if until == NEVER {
            held.idle.push(idle);
            // It comes back by itself once, to see whether it is needed at all.
            let home = bored.map_or(now, |since| since) + LINGER;
            let surplus = held.threads > self.limits.cores.max(2);
            return Step::Park(if surplus { home.max(now) } else { NEVER });
        }
        held.idle.insert(0, idle);
        Step::Park(until)
    }
}
