//! Calls that wait for a connection, in the order in which they came; each has its deadline.

use crate::client::call::Call;
use proto_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Weak;

/// The calls.
#[derive(Debug, Default)]
pub(super) struct Pending {
    last: u64,
    calls: BTreeMap<u64, (Weak<Call>, Option<Instant>)>,
    deadlines: BTreeSet<(Instant, u64)>,
}

impl Pending {
    /// A call waits; its place.
    pub(super) fn add(&mut self, call: Weak<Call>, deadline: Option<Instant>) -> u64 {
        self.last += 1;
        self.calls.insert(self.last, (call, deadline));
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, self.last));
        }
        self.last
    }

    /// It does not wait any more.
    pub(super) fn remove(&mut self, place: u64) {
        if let Some((_, Some(deadline))) = self.calls.remove(&place) {
            self.deadlines.remove(&(deadline, place));
        }
    }

    /// The first deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Those whose deadline has passed; they do not count any more.
    pub(super) fn late(&mut self, now: Instant) -> Vec<Weak<Call>> {
        let mut late = Vec::new();
        while let Some((deadline, place)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(deadline, place));
            late.extend(self.calls.get(&place).map(|(call, _)| call.clone()));
        }
        late
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Weak<Call>> {
        self.calls.values().map(|(call, _)| call.clone()).collect()
    }
}
