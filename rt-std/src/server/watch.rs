//! The watch: a worker that is stuck in a bite loses its unflushed replies, the rest of its bite and the poller's place;
//! what a stream's sender holds back is written in time.

use super::conn::Conn;
use super::hub::Hub;
use super::job::Job;
use super::limits::{BITE, TICK};
use super::rules::Rule;
use super::state::Place;
use crate::sync::{Guard, Lock};
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a worker in a bite leaves in view, to be robbed of.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) worker: usize,
    state: Lock<SlotState>,
}

#[derive(Debug, Default)]
pub(super) struct SlotState {
    /// When the handler that runs was entered.
    pub(super) since: Instant,
    /// The watch looks after this bite.
    pub(super) watched: bool,
    /// The calls after the one that runs.
    pub(super) batch: VecDeque<Job>,
    /// Replies, or control output, of this connection wait for a flush.
    pub(super) unflushed: Option<Arc<Conn>>,
    /// The method of the handler that runs.
    pub(super) method: usize,
}

impl Slot {
    pub(super) fn new(worker: usize) -> Self {
        Slot { worker, state: Lock::default() }
    }
}

impl Hub {
    pub(super) fn slot<'a>(&self, slot: &'a Slot) -> Guard<'a, SlotState> {
        slot.state.lock(&*self.os)
    }

    /// One round of the watch.
    pub(super) fn scan(&self, slots: &[Arc<Slot>], corked: Vec<Arc<Conn>>, now: Instant) {
        for slot in slots {
            self.scan_slot(slot, now);
        }
        if !corked.is_empty() {
            self.scan_corked(corked);
        }
    }

    fn scan_slot(&self, slot: &Slot, now: Instant) {
        let mut state = self.slot(slot);
        if !state.watched || state.since + TICK > now {
            return;
        }
        state.watched = false;
        let rest = if self.broken(Rule::WatchTakesBite) { VecDeque::new() } else { std::mem::take(&mut state.batch) };
        let unflushed = state.unflushed.take();
        let method = state.method;
        drop(state);
        self.stats.slow_handlers.one();
        self.means.caught(method);
        if let Some(conn) = unflushed.filter(|_| !self.broken(Rule::WatchFlushes)) {
            self.flush_now(&conn);
        }
        let now = self.os.now();
        let mut held = self.lock();
        held.watched -= 1;
        for job in rest.into_iter().rev() {
            held.queue.push_front(job);
        }
        if held.place == Place::Held(slot.worker) && !self.broken(Rule::WatchTakesPlace) {
            held.place = Place::Free;
        }
        held.rouse(&self.limits, now);
        self.done(held);
    }

    /// Output that a sender has held back for long enough leaves. A connection stays on the list while its senders are
    /// at it, so that a steady stream does not sign on and off with the hub for each message.
    fn scan_corked(&self, corked: Vec<Arc<Conn>>) {
        let mut stay = Vec::new();
        for conn in corked {
            let now = self.os.now();
            let mut held = self.conn(&conn);
            let old = held.corked.is_some_and(|since| now >= since + BITE);
            if old && !self.broken(Rule::WatchFlushesCorks) {
                held = self.flush(&conn, held);
            }
            // Back on the list by the unlock, if it is still corked.
            held.cork_listed = !held.dead && now < held.sent_at + TICK * 2;
            if held.cork_listed {
                stay.push(conn.clone());
            }
            self.unlock(&conn, held);
        }
        if !stay.is_empty() {
            let now = self.os.now();
            let mut held = self.lock();
            held.corked.append(&mut stay);
            held.ensure_tick(&self.limits, now);
            self.done(held);
        }
    }
}
