//! What the lock of a channel guards.

use super::pending::Pending;
use super::watch::Watchers;
use crate::client::driver::Driver;
use crate::client::wakers::Woken;
use crate::rules::{Rule, Rules};
use proto_core::channel::{Channel as Core, ConnectionKey, State as Connectivity};
use proto_core::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

#[derive(Debug)]
pub(super) struct State {
    pub(super) core: Core,
    /// Attempts and connections.
    pub(super) links: BTreeMap<ConnectionKey, Link>,
    /// The connection that takes calls, without asking the core each time.
    pub(super) current: Option<Arc<Driver>>,
    /// The core's generation of which everybody knows.
    pub(super) generation: u64,
    pub(super) watchers: Watchers,
    pub(super) pending: Pending,
    pub(super) task: Task,
    /// When the task wakes by itself.
    pub(super) timer_at: Option<Instant>,
    /// Those that are woken at the unlock.
    pub(super) woken: Woken,
    pub(super) rules: Rules,
}

/// The channel's task.
#[derive(Debug)]
pub(super) enum Task {
    /// There is none yet: the first who needs one spawns it.
    None,
    /// It was spawned, and is to be woken by this, if it does not run.
    Runs(Option<Waker>),
    /// It has ended with the channel, or its executor has.
    Ended,
}

#[derive(Debug)]
pub(super) enum Link {
    /// The socket is on its way.
    Connecting,
    /// The transport stands, the peer's SETTINGS are awaited.
    Handshake(Arc<Driver>),
    /// Calls go there, or went there.
    Ready(Arc<Driver>),
}

impl Link {
    pub(super) fn driver(&self) -> Option<&Arc<Driver>> {
        match self {
            Link::Connecting => None,
            Link::Handshake(driver) | Link::Ready(driver) => Some(driver),
        }
    }
}

impl State {
    pub(super) fn new(core: Core, rules: Rules) -> Self {
        State {
            generation: core.generation(),
            core,
            links: BTreeMap::new(),
            current: None,
            watchers: Watchers::default(),
            pending: Pending::default(),
            task: Task::None,
            timer_at: None,
            woken: Woken::default(),
            rules,
        }
    }

    /// The task has something to do.
    pub(super) fn wake_task(&mut self) {
        if let Task::Runs(waker) = &mut self.task {
            self.woken.wake(waker.take());
        }
    }

    /// Its executor is gone: nobody connects any more.
    pub(super) fn has_no_task(&self) -> bool {
        matches!(self.task, Task::Ended)
    }

    /// Connectivity, for the application: without anybody who connects there is no connecting.
    pub(super) fn connectivity(&self) -> Connectivity {
        match self.core.state() {
            Connectivity::Idle | Connectivity::Connecting if self.has_no_task() => Connectivity::TransientFailure,
            state => state,
        }
    }

    /// Everybody who waits for the channel itself looks again.
    pub(super) fn wake_watchers(&mut self) {
        if self.rules.broken(Rule::ChannelChangeTellsWatchers) {
            return;
        }
        for waker in self.watchers.take() {
            self.woken.wake(Some(waker));
        }
    }

    /// When the task has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let (core, call) = (self.core.poll_timeout(), self.pending.next_deadline());
        [core, call].into_iter().flatten().min()
    }

    /// What became of the calls of this connection, for the core to judge it by.
    pub(super) fn note_calls(&mut self, now: Instant, key: ConnectionKey) {
        if matches!(self.links.get(&key), Some(Link::Ready(driver)) if driver.has_served()) {
            self.core.call_ended(now);
        }
    }

    pub(super) fn forget_current(&mut self, key: ConnectionKey) {
        let Some(Link::Ready(driver)) = self.links.get(&key) else { return };
        if self.current.as_ref().is_some_and(|current| Arc::ptr_eq(driver, current)) {
            self.current = None;
        }
    }
}
