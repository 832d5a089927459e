//! Who runs which calls: bites by expected cost, and what is given up before one.

use super::conn::Conn;
use super::hub::{Hub, HubHeld};
use super::job::Job;
use super::limits::{BITE, QUIET};
use super::rules::Rule;
use super::run::Bench;
use super::state::Place;
use super::watch::Slot;
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Calls of one bite at most, however fast they are: their replies should leave some time.
const MOST: usize = 256;

impl Hub {
    /// How many calls from the front make a bite, and what they should cost.
    pub(super) fn bite<'a>(&self, jobs: impl Iterator<Item = &'a Job>) -> (usize, Duration) {
        let (mut count, mut cost) = (0, Duration::ZERO);
        for job in jobs {
            let mean = self.means.get(job.method);
            if count > 0 && cost + mean > BITE || count == MOST {
                break;
            }
            count += 1;
            cost += mean;
        }
        (count, cost)
    }

    /// The reader's own bite: the fast calls from anywhere in its batch; when there is none, the first call.
    fn first_bite(&self, jobs: &mut VecDeque<Job>, bite: &mut VecDeque<Job>) -> Duration {
        let mut cost = Duration::ZERO;
        for _ in 0..jobs.len() {
            let Some(job) = jobs.pop_front() else { break };
            let mean = self.means.get(job.method);
            if cost + mean <= BITE && bite.len() < MOST {
                cost += mean;
                bite.push_back(job);
            } else {
                jobs.push_back(job);
            }
        }
        if bite.is_empty() {
            bite.extend(jobs.pop_front());
            cost = BITE * 2;
        }
        cost
    }

    /// Into a handler. A bite that may be slow, or that leaves work behind, gives the poller's place away first; any
    /// other keeps it, and is watched. Says whether it is.
    pub(super) fn enter(
        &self,
        held: &mut HubHeld<'_>,
        worker: usize,
        stream: bool,
        cost: Duration,
        count: usize,
        now: Instant,
    ) -> bool {
        held.busy += 1;
        if stream {
            held.streams += 1
        } else {
            held.unary += 1
        }
        let mine = held.place == Place::Held(worker);
        // After a silence one wake-up is cheaper than a watch that has to be started.
        let lone = count == 1 && now >= held.last_bite + QUIET && !held.idle.is_empty();
        let slow = cost > BITE || !held.queue.is_empty() || lone;
        if mine && slow && !self.broken(Rule::PlaceBeforeSlow) {
            held.place = Place::Free;
        }
        let watched = mine && !slow || count > 1;
        held.last_bite = now;
        if watched {
            held.watched += 1;
            held.tick_until = now + QUIET;
        }
        held.ensure_tick(&self.limits, now);
        held.rouse(&self.limits, now);
        watched
    }

    /// Out of a handler.
    pub(super) fn leave_handlers(&self, stream: bool, watched: bool) {
        let mut held = self.lock();
        held.busy -= 1;
        if stream {
            held.streams -= 1
        } else {
            held.unary -= 1
        }
        if watched {
            held.watched -= 1;
        }
        self.check_done(&mut held);
        self.done(held);
    }

    /// New calls of a connection, in their reader's hands: a first bite for itself, the rest to the queues.
    pub(super) fn begin_batch(&self, conn: &Arc<Conn>, slot: &Arc<Slot>, jobs: Vec<Job>, bench: &mut Bench) {
        let now = self.os.now();
        let (mut unary, streams): (VecDeque<Job>, Vec<Job>) = {
            let (streams, unary): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.stream);
            (unary.into(), streams)
        };
        let mut held = self.lock();
        let mut refused = if streams.is_empty() { Vec::new() } else { self.admit(&mut held, streams) };
        if !unary.is_empty() && !held.may_run() && held.unary < self.limits.cores {
            held.grow(&self.limits, now);
        }
        let (mut bite, mut cost) = (VecDeque::new(), Duration::ZERO);
        if !unary.is_empty() && held.may_run() && held.unary_room(&self.limits) {
            cost = self.first_bite(&mut unary, &mut bite);
        }
        if !unary.is_empty() {
            refused.append(&mut self.admit(&mut held, unary.into()));
        }
        let mut watched = false;
        if bite.is_empty() {
            held.rouse(&self.limits, now);
            held.ensure_tick(&self.limits, now);
        } else {
            watched = self.enter(&mut held, slot.worker, false, cost, bite.len(), now);
        }
        self.done(held);
        self.refuse(refused);
        if !watched {
            // Nobody else would flush the control output (PING and SETTINGS answers) until the handlers have returned.
            self.flush_now(conn);
        }
        if !bite.is_empty() {
            let unflushed = (watched && !self.broken(Rule::RobbedControl)).then(|| conn.clone());
            self.run(slot, bite, watched, unflushed, bench);
        }
    }
}
