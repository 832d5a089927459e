//! What all clones of a channel, its calls, its connections and its task share: where a call goes, and what became of
//! connections. What the core orders is carried out by the task (`task`), but for the ends of connections.

use super::state::{Link, State, Task};
use super::task::Tend;
use crate::client::call::Call;
use crate::client::driver::Driver;
use crate::os::Os;
use crate::rules::{Rule, Rules};
use crate::security::ClientSecurity;
use crate::sync::{Guard, Lock};
use proto_core::Status;
use proto_core::channel::{Cause, Channel as Core, ConnectionKey, Order, Pick, State as Connectivity, Waiter};
use proto_core::time::Instant;
use rt_common::observer::Connections;
use rt_common::settings::CallSettings;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The shared part of a channel.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) os: Arc<dyn Os>,
    pub(crate) settings: CallSettings,
    pub(super) security: ClientSecurity,
    pub(super) me: Weak<Shared>,
    state: Lock<State>,
}

impl Shared {
    pub(super) fn new(os: Arc<dyn Os>, settings: CallSettings, security: ClientSecurity, core: Core) -> Arc<Self> {
        let state = State::new(core, Rules::of(&*os));
        Arc::new_cyclic(|me| Shared { os, settings, security, me: me.clone(), state: Lock::new(state) })
    }

    pub(super) fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// The one way out of the lock after a change: wakes whom it concerns, and spawns the task if there is something for it.
    pub(super) fn unlock(&self, mut state: Guard<'_, State>) {
        let generation = state.core.generation();
        let changed = std::mem::replace(&mut state.generation, generation) != generation;
        let due = state.due();
        let earlier = due.is_some_and(|due| state.timer_at.is_none_or(|at| due < at));
        if changed {
            state.wake_watchers();
        }
        let told = changed && state.rules.hold(Rule::ChannelChangeTells);
        if told || earlier && state.rules.hold(Rule::ChannelTimerTells) {
            state.wake_task();
        }
        let ends = state.core.state() == Connectivity::Shutdown;
        let spawns = matches!(state.task, Task::None) && (changed || earlier) && !ends;
        if spawns {
            state.task = Task::Runs(None);
        }
        let woken = std::mem::take(&mut state.woken);
        drop(state);
        woken.deliver();
        if let (true, Some(shared)) = (spawns, self.me.upgrade()) {
            self.os.spawn(Box::pin(Tend::new(shared)));
        }
    }

    /// Does something to the channel, then tells whom it concerns.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.lock();
        let value = act(&mut state, self.os.now());
        self.unlock(state);
        value
    }

    /// The same, for reports: the task looks what follows.
    fn report(&self, act: impl FnOnce(&mut State, Instant)) {
        self.with(|state, now| {
            act(state, now);
            if state.rules.hold(Rule::ChannelChangeTells) {
                state.wake_task();
            }
            // `shutdown` waits for the last link to go.
            state.wake_watchers();
        });
    }

    /// The target, and connectivity, for humans.
    pub(super) fn summary(&self) -> (String, Connectivity) {
        let state = self.lock();
        (state.core.target().to_string(), state.connectivity())
    }

    pub(super) fn state(&self, try_to_connect: bool) -> Connectivity {
        self.with(|state, now| {
            if try_to_connect {
                state.core.connect(now);
            }
            state.connectivity()
        })
    }

    /// The connection that takes calls now, if there is one; otherwise the call gets a place among those that the task
    /// starts when there is one, or ends.
    pub(crate) fn acquire(
        &self,
        waiter: &mut Waiter,
        place: &mut Option<u64>,
        call: &Call,
    ) -> Result<Option<Arc<Driver>>, Status> {
        if let Some(driver) = &self.lock().current {
            return Ok(Some(driver.clone()));
        }
        self.with(|state, now| match state.core.pick(now, waiter) {
            Pick::Ready(key) => match state.links.get(&key) {
                Some(Link::Ready(driver)) => Ok(Some(driver.clone())),
                _ => {
                    // Not ours any more: the report that says so is on its way.
                    state.core.handle_closed(now, key, "the connection is gone");
                    place.get_or_insert_with(|| state.pending.add(call.weak(), call.deadline()));
                    Ok(None)
                }
            },
            Pick::Fail(status) => Err(status),
            Pick::Wait if call.deadline().is_some_and(|at| at <= now) => Err(state.core.deadline_exceeded(now)),
            Pick::Wait if state.has_no_task() => Err(executor_gone()),
            Pick::Wait => {
                place.get_or_insert_with(|| state.pending.add(call.weak(), call.deadline()));
                Ok(None)
            }
        })
    }

    /// A call gives up its place.
    pub(crate) fn forget(&self, place: u64) {
        self.lock().pending.remove(place);
    }

    /// This connection would not take a call: it drains or is closed.
    pub(crate) fn refused(&self, driver: &Arc<Driver>) {
        let is_closed = driver.is_closed();
        let key = {
            let state = self.lock();
            let mut links = state.links.iter();
            links.find(|(_, link)| matches!(link, Link::Ready(its) if Arc::ptr_eq(its, driver))).map(|(key, _)| *key)
        };
        match key {
            Some(key) if is_closed => self.closed(key, "the connection was lost", None),
            Some(key) => self.draining(key),
            None => {}
        }
    }

    /// Ends the channel: attempts at once, connections after `grace`.
    pub(super) fn shutdown(&self, grace: Duration) {
        self.with(|state, _| {
            state.core.shutdown(grace);
            state.current = None;
        });
        // The task may not come by any more: its executor may be gone.
        self.end_links();
    }

    /// Cuts what is left of it.
    pub(super) fn abort(&self) {
        let drivers: Vec<_> = self.lock().links.values().filter_map(|link| link.driver().cloned()).collect();
        drivers.iter().for_each(|driver| driver.abort());
    }

    /// Carries the orders out that need no waiting. After a shutdown there are no others.
    fn end_links(&self) {
        loop {
            let order = self.lock().core.poll_order();
            match order {
                Some(order) => drop(self.end_link(order)),
                None => return,
            }
        }
    }

    /// Carries an order out that ends something; another one is given back.
    pub(super) fn end_link(&self, order: Order) -> Option<Order> {
        match order {
            Order::Abort { key } => {
                let link = self.with(|state, _| {
                    // `shutdown` waits for the last one to go.
                    state.wake_watchers();
                    state.links.remove(&key)
                });
                if let Some(driver) = link.as_ref().and_then(Link::driver) {
                    driver.abort();
                }
            }
            Order::Close { key, grace } => {
                let driver = {
                    let mut state = self.lock();
                    state.forget_current(key);
                    state.links.get(&key).and_then(Link::driver).cloned()
                };
                if let Some(driver) = driver {
                    if grace.is_zero() { driver.abort() } else { driver.shutdown(grace) }
                }
            }
            order => return Some(order),
        }
        None
    }
}

impl Connections for Shared {
    fn ready(&self, key: ConnectionKey) {
        self.report(|state, now| {
            let driver = match state.links.remove(&key) {
                Some(Link::Handshake(driver) | Link::Ready(driver)) => driver,
                // Given up meanwhile.
                _ => return,
            };
            state.core.handle_ready(now, key);
            if state.core.current() == Some(key) {
                state.current = Some(driver.clone());
            }
            state.links.insert(key, Link::Ready(driver));
        });
    }

    fn draining(&self, key: ConnectionKey) {
        self.report(|state, now| {
            state.note_calls(now, key);
            state.forget_current(key);
            state.core.handle_draining(now, key);
        });
    }

    fn closed(&self, key: ConnectionKey, reason: &str, cause: Option<Cause>) {
        self.report(|state, now| {
            if let Some(cause) = cause {
                state.core.handle_cause(key, cause);
            }
            state.note_calls(now, key);
            state.forget_current(key);
            match state.links.remove(&key) {
                Some(Link::Ready(_)) | None => state.core.handle_closed(now, key, reason),
                Some(_) => state.core.handle_failed(now, key, reason),
            }
        });
    }
}

/// The end of a call that nobody is left to connect for.
pub(super) fn executor_gone() -> Status {
    use proto_core::grpc::{Local, Origin, Seen};
    let status = Status::unavailable("connecting: the executor has dropped the channel's task");
    status.with_origin(Origin::Local(Local::Connect)).with_seen(Seen::No)
}
