//! Tasks that wait for a change of the channel itself.

use super::runtime::Shared;
use super::state::State;
use crate::client::wakers::keep;
use proto_core::time::Instant;
use std::collections::BTreeMap;
use std::task::{Context, Waker};

/// Those that wait, by number.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    last: u64,
    waiting: BTreeMap<u64, Option<Waker>>,
}

impl Watchers {
    /// All of them are to look again.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Waker> + '_ {
        self.waiting.values_mut().filter_map(Option::take)
    }
}

/// One of them; dropped, it waits no more.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Shared {
    /// A watch for one task.
    pub(super) fn watch(&self) -> Watch<'_> {
        let mut state = self.lock();
        state.watchers.last += 1;
        let number = state.watchers.last;
        state.watchers.waiting.insert(number, None);
        Watch { shared: self, number }
    }
}

impl Watch<'_> {
    /// Looks at the channel; the task is woken when something has changed after that.
    pub(super) fn look<T>(&mut self, cx: &Context<'_>, look: impl FnOnce(&mut State, Instant) -> T) -> T {
        self.shared.with(|state, now| {
            let value = look(state, now);
            let place = state.watchers.waiting.entry(self.number).or_default();
            let old = keep(place, cx);
            state.woken.forget(old);
            value
        })
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // Dropped after the unlock.
        let waker = self.shared.lock().watchers.waiting.remove(&self.number);
        drop(waker);
    }
}
