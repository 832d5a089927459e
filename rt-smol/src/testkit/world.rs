//! What everything in a simulation shares: time, chance, timers, the network.

use super::net::NetState;
use super::tasks::Tasks;
use crate::rules::Rule;
use proto_core::testkit::{Network, Random};
use proto_core::time::Instant;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// Where the clock starts.
const START: Instant = Instant::from_nanos(1_000_000_000);

/// One simulated machine and network.
pub(super) struct World {
    pub(super) tasks: Tasks,
    state: Mutex<State>,
}

/// Its lock is never held while a task runs or is woken.
pub(super) struct State {
    pub(super) now: Instant,
    random: Random,
    timers: BTreeMap<(Instant, u64), Waker>,
    next_timer: u64,
    pub(super) net: NetState,
    /// The rule of the runtime that is switched off.
    pub(super) without_rule: Option<Rule>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let state = State {
            now: START,
            random: Random::seed(seed),
            timers: BTreeMap::new(),
            next_timer: 0,
            net: NetState::default(),
            without_rule: None,
        };
        Arc::new(World { tasks: Tasks::default(), state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Instant {
        self.state().now
    }

    pub(super) fn random(&self) -> u64 {
        self.state().random.next_u64()
    }

    /// Goes on to the next timer and wakes who waits for it. False: there is none.
    pub(super) fn pass_time(&self) -> bool {
        let mut state = self.state();
        let Some((&(at, _), _)) = state.timers.first_key_value() else { return false };
        state.now = state.now.max(at);
        let later = state.timers.split_off(&(at + Duration::from_nanos(1), 0));
        let due = std::mem::replace(&mut state.timers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
        true
    }

    /// Forgets all timers, and with them what they keep.
    pub(super) fn end(&self) {
        let timers = std::mem::take(&mut self.state().timers);
        drop(timers);
    }
}

impl State {
    pub(super) fn settings(&self) -> &Network {
        &self.net.settings
    }

    pub(super) fn random(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// When something sent now arrives.
    pub(super) fn arrival(&mut self) -> Instant {
        let random = self.random.next_u64();
        self.net.settings.arrival(self.now, random)
    }

    /// Wakes it at this time, unless the timer is taken back.
    pub(super) fn set_timer(&mut self, at: Instant, waker: Waker) -> (Instant, u64) {
        let key = (at, self.next_timer);
        self.next_timer += 1;
        self.timers.insert(key, waker);
        key
    }

    /// Takes a timer back. Whoever gets the waker drops it without the lock.
    pub(super) fn take_timer(&mut self, key: (Instant, u64)) -> Option<Waker> {
        self.timers.remove(&key)
    }
}
