//! Entries in order of time, as a queue: the cheap place for timers that are set in the order in which they come due.

use crate::time::Instant;
use alloc::vec::Vec;

/// Ordered by time, and equal times by the order of setting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) at: Instant,
    pub(super) serial: u32,
    pub(super) slot: u32,
}

/// A queue in order of time.
#[derive(Default)]
pub(super) struct Lane {
    /// The queue is what stands from `front` on.
    pub(super) entries: Vec<Entry>,
    front: usize,
}

/// How far from its end the lane takes an entry in between. It covers the few calls with a longer time-out than the
/// others; with many such, the heap is cheaper than moving them.
const REACH: usize = 8;

impl Lane {
    #[inline]
    pub(super) fn front(&self) -> Option<&Entry> {
        self.entries.get(self.front)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.front
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.front = 0;
    }

    /// Puts the entry where its time belongs, if that is at the end or near it.
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        if self.entries.len() == self.entries.capacity() && self.front > self.len() {
            self.entries.drain(..self.front);
            self.front = 0;
        }
        match self.entries.last() {
            Some(last) if entry.at < last.at => self.insert_before_last(entry),
            _ => {
                self.entries.push(entry);
                true
            }
        }
    }

    #[inline(never)]
    fn insert_before_last(&mut self, entry: Entry) -> bool {
        let end = self.entries.len();
        let reach = self.len().min(REACH);
        let later = self.entries.iter().rev().take(reach).take_while(|other| entry.at < other.at).count();
        // The last one looked at is later too, and there are more: the place is out of reach.
        if later == REACH && self.len() > REACH {
            return false;
        }
        self.entries.insert(end - later, entry);
        true
    }

    /// Drops entries from the front while they are stale.
    #[inline]
    pub(super) fn pop_while(&mut self, stale: impl Fn(&Entry) -> bool) {
        while self.front().is_some_and(&stale) {
            self.front += 1;
        }
        if self.front == self.entries.len() {
            self.clear();
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        self.entries.drain(..self.front);
        self.front = 0;
        self.entries.retain(keep);
    }
}
