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
//!   lane          entries whose times come in order or nearly so (the rule: calls with equal time-outs), a queue
//!   heap          the others
//! ```
//! Cancelling only changes `armed`; the entry left behind is stale, its serial number no longer fits. Stale entries are
//! dropped when they reach the front of the lane or the top of the heap, so that `next` is exact, and all at once
//! when they outnumber the live ones.

mod lane;

use crate::time::{Instant, earliest};
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use lane::{Entry, Lane};

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
    lane: Lane,
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

impl Entry {
    /// Is it about another setting than the one that stands?
    fn is_stale(&self, armed: &[Armed]) -> bool {
        armed.get(self.slot as usize).is_none_or(|armed| armed.serial != self.serial)
    }
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
    /// times come in order or nearly so, else O(log n).
    pub fn set(&mut self, key: TimerKey, at: Instant) {
        let slot = key.slot as usize;
        if slot >= self.armed.len() {
            self.armed.resize(slot + 1, Armed::default());
        }
        let armed = &mut self.armed[slot];
        let old = armed.serial;
        if old != 0 && armed.at == at {
            // Its entry serves the new tag as well.
            armed.tag = key.tag;
            return;
        }
        // It comes round after 2^32 settings; by then every entry of today is gone, since they are dropped when
        // they outnumber the slots in use.
        self.serial = self.serial.wrapping_add(1).max(1);
        let entry = Entry { at, serial: self.serial, slot: key.slot };
        *armed = Armed { serial: self.serial, tag: key.tag, at };
        self.live += 1;
        if old != 0 {
            self.retire(old);
        }
        if !self.lane.insert(entry) {
            self.heap.push(Reverse(entry));
        }
    }

    /// Cancels the timer that was set with this key. Says whether there was one. Amortised O(1) when times were set in
    /// order or nearly so, else O(log n).
    pub fn cancel(&mut self, key: TimerKey) -> bool {
        match self.armed.get_mut(key.slot as usize) {
            Some(armed) if armed.serial != 0 && armed.tag == key.tag => {
                let serial = core::mem::take(&mut armed.serial);
                self.retire(serial);
                true
            }
            _ => false,
        }
    }

    /// When the timer that was set with this key is due.
    pub fn due_at(&self, key: TimerKey) -> Option<Instant> {
        let armed = self.armed.get(key.slot as usize)?;
        (armed.serial != 0 && armed.tag == key.tag).then_some(armed.at)
    }

    /// Takes the earliest timer that is due at `now`; of equal ones that which was set first. Call it until it says
    /// `None`.
    pub fn pop_due(&mut self, now: Instant) -> Option<TimerKey> {
        // Both ends are live after every operation, so that the earlier of them is a timer that is set.
        let entry = match (self.lane.front(), self.heap.peek()) {
            (Some(lane), Some(heap)) => *lane.min(&heap.0),
            (Some(lane), None) => *lane,
            (None, Some(heap)) => heap.0,
            (None, None) => return None,
        };
        if entry.at > now {
            return None;
        }
        let key = TimerKey { slot: entry.slot, tag: self.armed.get(entry.slot as usize)?.tag };
        self.cancel(key);
        Some(key)
    }

    /// The timer with this serial number, no longer armed, is no more: drops its entry if it stands at the front of
    /// the lane or at the top of the heap, and whatever stale ones come to stand there; and all stale ones once they
    /// outnumber the live ones.
    fn retire(&mut self, serial: u32) {
        self.live -= 1;
        if self.live == 0 {
            self.lane.clear();
            self.heap.clear();
            return;
        }
        let armed = &self.armed;
        if self.lane.front().is_some_and(|entry| entry.serial == serial) {
            self.lane.pop_while(|entry| entry.is_stale(armed));
        } else if self.heap.peek().is_some_and(|entry| entry.0.serial == serial) {
            while self.heap.peek().is_some_and(|entry| entry.0.is_stale(armed)) {
                self.heap.pop();
            }
        }
        if self.lane.len() + self.heap.len() > 2 * self.live + SLACK {
            self.lane.retain(|entry| !entry.is_stale(armed));
            self.heap.retain(|entry| !entry.0.is_stale(armed));
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
        for (slot, nanos) in [(0, 50), (1, 10), (5, 30), (3, 20), (4, 60), (2, 30)] {
            timers.set(key(slot, slot + 100), at(nanos));
        }
        assert_eq!((timers.next(), timers.len()), (Some(at(10)), 6));
        assert_eq!(timers.pop_due(at(9)), None);
        let mut due = Vec::new();
        while let Some(key) = timers.pop_due(at(50)) {
            assert_eq!(key.tag, key.slot + 100);
            due.push(key.slot);
        }
        // Of equal ones the first that was set.
        assert_eq!(due, [1, 3, 5, 2, 0]);
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
        assert!(timers.lane.entries.capacity() + timers.heap.capacity() <= 1024);
        assert_eq!(timers.next(), Some(at(1)));
    }

    #[test]
    fn calls_in_a_row_reuse_the_lane() {
        let mut timers = Timers::new();
        for i in 0..10_000u32 {
            timers.set(key(i % 10, i), at(u64::from(i)));
            if i >= 9 {
                assert!(timers.cancel(key((i - 9) % 10, i - 9)));
            }
        }
        assert!(timers.lane.entries.capacity() <= 64 && timers.heap.is_empty());
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
