//! The timers of one machine: when is the next one due, and which.
//!
//! What it is for: every call has a deadline that is set when it starts and cancelled when it ends, nearly always
//! before it is due; a connection has a few timers more. [`Timers`] makes setting and cancelling cost a handful of
//! instructions, and the question "when next?" one look.
//!
//! What it does not do: it reads no clock and does nothing by itself. Who calls it: `h2`, `call` and `channel`, each
//! with a `Timers` of its own.
//!
//! # Keys
//! A timer is a *slot*: a small number that its owner chooses, densely from 0 (a table of slots grows to the largest
//! one used, 16 bytes each). A slot has at most one timer; an owner that needs several kinds for one object takes
//! several slots (`2 * object + kind`). The key's *tag* comes back when the timer is due, and a key with another
//! tag than the one that was set cancels nothing: put the generation of the object there.
//!
//! # The loop
//! ```
//! use proto_core::{Instant, timer::{TimerKey, Timers}};
//!
//! let mut timers = Timers::new();
//! let deadline = TimerKey { slot: 7, tag: 1 };
//! timers.set(deadline, Instant::from_nanos(500));
//! assert_eq!(timers.next(), Some(Instant::from_nanos(500)));   // poll_timeout
//!
//! let now = Instant::from_nanos(600);                           // handle_timeout
//! while let Some(key) = timers.pop_due(now) {
//!     assert_eq!(key, deadline);
//! }
//! assert_eq!(timers.next(), None);
//! ```
//!
//! # How
//! ```text
//!   armed[slot]   the truth: at, tag, serial number of the last `set`
//!   lane          entries whose times come in order (the rule: calls with equal time-outs), a queue
//!   heap          the others
//! ```
//! Cancelling only changes `armed`; the entry left behind is stale, its serial number no longer fits. Stale entries are
//! dropped when they reach an end of the lane or the top of the heap, so that `next` is exact, and all at
//! once when they outnumber the live ones.

use crate::time::{Instant, earliest};
use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Names a timer: see the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey {
    /// Which timer. Dense: the owner's slot number.
    pub slot: u32,
    /// The owner's own: a generation, or a kind.
    pub tag: u32,
}

/// A set of timers, at most one for each slot.
#[derive(Default)]
pub struct Timers {
    armed: Vec<Armed>,
    live: usize,
    serial: u32,
    lane: VecDeque<Entry>,
    heap: BinaryHeap<Reverse<Entry>>,
}

/// What a slot waits for.
#[derive(Clone, Copy, Default)]
struct Armed {
    /// 0 if it waits for nothing.
    serial: u32,
    tag: u32,
    at: Instant,
}

/// Ordered by time; the rest makes the order of equal times the same in every run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    slot: u32,
    serial: u32,
}

/// Stale entries that are always tolerated, so that a machine with few timers never compacts.
const SLACK: usize = 32;

impl Timers {
    /// No timers; memory is taken when they are set.
    pub fn new() -> Self {
        Self::default()
    }

    /// When the next timer is due, exactly; `None` if none is set. O(1).
    #[inline]
    pub fn next(&self) -> Option<Instant> {
        earliest(self.lane.front().map(|entry| entry.at), self.heap.peek().map(|entry| entry.0.at))
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.live
    }

    /// No timer is set.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Sets the slot's timer to `at`, in place of the one that it may have (with whatever tag). Amortised O(1) when
    /// times come in order, else O(log n).
    pub fn set(&mut self, key: TimerKey, at: Instant) {
        let slot = key.slot as usize;
        if slot >= self.armed.len() {
            self.armed.resize(slot + 1, Armed::default());
        }
        let serial = self.next_serial();
        let armed = &mut self.armed[slot];
        let was_set = armed.serial != 0;
        if was_set && armed.at == at {
            // Its entry serves the new tag as well.
            armed.tag = key.tag;
            return;
        }
        *armed = Armed { serial, tag: key.tag, at };
        if was_set {
            self.tidy();
        } else {
            self.live += 1;
        }
        let entry = Entry { at, slot: key.slot, serial };
        match self.lane.back() {
            Some(last) if at < last.at => self.heap.push(Reverse(entry)),
            _ => self.lane.push_back(entry),
        }
    }

    /// Cancels the timer that was set with this key. Says whether there was one. Amortised O(1) when times were set in
    /// order, else O(log n).
    pub fn cancel(&mut self, key: TimerKey) -> bool {
        match self.armed.get_mut(key.slot as usize) {
            Some(armed) if armed.serial != 0 && armed.tag == key.tag => armed.serial = 0,
            _ => return false,
        }
        self.live -= 1;
        self.tidy();
        true
    }

    /// When the timer that was set with this key is due.
    pub fn due_at(&self, key: TimerKey) -> Option<Instant> {
        let armed = self.armed.get(key.slot as usize)?;
        (armed.serial != 0 && armed.tag == key.tag).then_some(armed.at)
    }

    /// Takes the earliest timer that is due at `now`. Call it until it says `None`.
    pub fn pop_due(&mut self, now: Instant) -> Option<TimerKey> {
        if self.next()? > now {
            return None;
        }
        // Both ends are live after every operation, so that the earlier of them is a timer that is set.
        let from_lane = match (self.lane.front(), self.heap.peek()) {
            (Some(lane), Some(heap)) => *lane <= heap.0,
            (lane, _) => lane.is_some(),
        };
        let entry = if from_lane { self.lane.pop_front()? } else { self.heap.pop()?.0 };
        let armed = self.armed.get_mut(entry.slot as usize)?;
        let key = TimerKey { slot: entry.slot, tag: armed.tag };
        armed.serial = 0;
        self.live -= 1;
        self.tidy();
        Some(key)
    }

    /// The next serial number, never 0. It comes round after 2^32 settings; by then every entry of today is gone, since
    /// entries that outnumber the slots in use are dropped.
    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1).max(1);
        self.serial
    }

    /// Drops stale entries where they are in the way: at the ends of the lane, at the top of the heap, and
    /// everywhere once they outnumber the live ones.
    fn tidy(&mut self) {
        if self.live == 0 {
            self.lane.clear();
            self.heap.clear();
            return;
        }
        let armed = &self.armed;
        let is_stale = |entry: &Entry| armed.get(entry.slot as usize).is_none_or(|armed| armed.serial != entry.serial);
        if self.lane.len() + self.heap.len() > 2 * self.live + SLACK {
            self.lane.retain(|entry| !is_stale(entry));
            self.heap.retain(|entry| !is_stale(&entry.0));
            return;
        }
        while self.lane.front().is_some_and(is_stale) {
            self.lane.pop_front();
        }
        while self.lane.back().is_some_and(is_stale) {
            self.lane.pop_back();
        }
        while self.heap.peek().is_some_and(|entry| is_stale(&entry.0)) {
            self.heap.pop();
        }
    }
}

impl core::fmt::Debug for Timers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Timers").field("len", &self.live).field("next", &self.next()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn key(slot: u32, tag: u32) -> TimerKey {
        TimerKey { slot, tag }
    }

    fn stored(timers: &Timers) -> usize {
        timers.lane.len() + timers.heap.len()
    }

    #[test]
    fn timers_come_due_in_order_of_time() {
        let mut timers = Timers::new();
        for (slot, nanos) in [(0, 50), (1, 10), (2, 30), (3, 20), (4, 60), (5, 30)] {
            timers.set(key(slot, slot + 100), at(nanos));
        }
        assert_eq!((timers.next(), timers.len()), (Some(at(10)), 6));
        assert_eq!(timers.pop_due(at(9)), None);
        let mut due = Vec::new();
        while let Some(key) = timers.pop_due(at(50)) {
            assert_eq!(key.tag, key.slot + 100);
            due.push(key.slot);
        }
        assert_eq!(due, [1, 3, 2, 5, 0]);
        assert_eq!((timers.next(), timers.len()), (Some(at(60)), 1));
    }

    #[test]
    fn a_stale_key_cancels_nothing() {
        let mut timers = Timers::new();
        timers.set(key(3, 1), at(10));
        timers.set(key(3, 2), at(20));
        assert!(!timers.cancel(key(3, 1)) && !timers.cancel(key(9, 2)));
        assert_eq!((timers.due_at(key(3, 2)), timers.due_at(key(3, 1))), (Some(at(20)), None));
        assert!(timers.cancel(key(3, 2)) && !timers.cancel(key(3, 2)));
        assert!(timers.is_empty() && timers.next().is_none());
    }

    #[test]
    fn setting_the_same_time_again_takes_the_new_tag() {
        let mut timers = Timers::new();
        timers.set(key(0, 1), at(10));
        timers.set(key(0, 2), at(10));
        assert_eq!(stored(&timers), 1);
        assert_eq!(timers.pop_due(at(10)), Some(key(0, 2)));
        assert_eq!(timers.pop_due(at(10)), None);
    }

    #[test]
    fn churn_does_not_grow_the_store() {
        let mut timers = Timers::new();
        // One that stays at the front, one that flips between two times, and calls that come and go out of order.
        timers.set(key(0, 0), at(1));
        for i in 0..100_000u64 {
            timers.set(key(1, 0), at(1_000_000 + i % 2));
            timers.set(key(2 + (i % 50) as u32, i as u32), at(2_000_000 + i * 7919 % 1000));
            if i >= 50 {
                timers.cancel(key(2 + ((i + 1) % 50) as u32, (i - 49) as u32));
            }
            assert!(stored(&timers) <= 2 * timers.len() + SLACK + 1, "{} for {}", stored(&timers), timers.len());
        }
        assert!(timers.lane.capacity() + timers.heap.capacity() <= 1024);
        assert_eq!(timers.next(), Some(at(1)));
    }

    /// Against an ordered map, with seeded operations: the next time is exact after every one.
    #[test]
    fn timers_behave_like_an_ordered_map() {
        for seed in 1..=20u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut roll = |bound: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % bound
            };
            let (mut timers, mut model) = (Timers::new(), BTreeMap::new());
            let (mut now, slots) = (0, 1 + roll(40));
            for step in 0..5_000u32 {
                let slot = roll(slots) as u32;
                match roll(10) {
                    0..5 => {
                        let time = at(now + if roll(4) == 0 { roll(1000) } else { 500 });
                        timers.set(key(slot, step), time);
                        model.insert(slot, (time, step));
                    }
                    5..9 => {
                        let tag = model.get(&slot).map_or(step, |&(_, tag)| tag);
                        assert_eq!(timers.cancel(key(slot, tag)), model.remove(&slot).is_some());
                    }
                    _ => {
                        now += roll(400);
                        while let Some(popped) = timers.pop_due(at(now)) {
                            let (time, tag) = model.remove(&popped.slot).unwrap();
                            assert!(time <= at(now) && tag == popped.tag);
                        }
                        assert!(model.values().all(|&(time, _)| time > at(now)));
                    }
                }
                assert_eq!(timers.next(), model.values().map(|&(time, _)| time).min());
                assert_eq!(timers.len(), model.len());
            }
        }
    }
}
