//! What a channel's threads do for the pure [`channel::Channel`](proto_core::channel::Channel): carry out its orders,
//! report what came of them, wait.
//!
//! There is no thread of the channel's own (name lookups excepted, and calls that nobody waits for: see `connector`). An
//! attempt to connect belongs to the channel: one of the threads that need a connection *holds* it, waits for its socket and drives its handshake; when that one's time
//! is up, or it is cancelled, the next one takes over. All others park. The channel's lock and a connection's are never
//! held together.

use super::orders::describe;
use super::state::{Duty, Link, Parked, Standing, State};
use crate::client::call::Call;
use crate::client::driver::Driver;
use crate::os::{Os, Pipe, in_force};
use crate::security::{self, ClientSecurity};
use crate::sync::{Guard, Lock};
use proto_core::Status;
use proto_core::channel::{Channel as Core, ConnectionKey, Pick, State as Connectivity, Waiter};
use proto_core::time::{Instant, earliest};
use rt_common::observer;
use rt_common::settings::CallSettings;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

/// The rule's name: see `driver::rules`.
pub(crate) const ATTEMPT_HANDED_ON: &str = "an attempt to connect is handed on";
/// The rule's name.
pub(crate) const CHANGES_WAKE: &str = "a change of the channel wakes who waits for it";

/// All rules of this file.
#[cfg(any(test, feature = "testkit"))]
pub(crate) const RULES: &[&str] = &[
    ATTEMPT_HANDED_ON,
    CHANGES_WAKE,
    super::connector::CONNECTS_APART,
    super::connector::REGISTERED_IN_TIME,
    super::connector::STANDS_BY_AGAIN,
    super::connector::RECALLED,
];

/// What all clones of a channel, and its connections, share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) os: Arc<dyn Os>,
    pub(crate) settings: CallSettings,
    pub(super) security: ClientSecurity,
    pub(super) background_io: bool,
    pub(super) me: Weak<Shared>,
    /// The thread of `connector` is to look again whom it is there for.
    pub(super) recalled: AtomicBool,
    state: Lock<State>,
}
impl Shared {
    pub(super) fn new(
        os: Arc<dyn Os>,
        settings: CallSettings,
        security: ClientSecurity,
        background_io: bool,
        core: Core,
    ) -> Arc<Self> {
        let state = State::new(core);
        Arc::new_cyclic(|me| Shared {
            os,
            settings,
            security,
            background_io,
            me: me.clone(),
            recalled: AtomicBool::new(false),
            state: Lock::new(state),
        })
    }

    pub(super) fn lock(&self) -> Guard<'_, State> {
        self.state.lock(&*self.os)
    }

    /// The one way out of the lock: wakes those whom the change concerns, or one for an attempt that nobody holds.
    pub(super) fn unlock(&self, mut state: Guard<'_, State>) {
        let generation = state.core.generation();
        let changed = generation != state.generation;
        state.generation = generation;
        let mut wake = Vec::new();
        if changed && in_force(&*self.os, CHANGES_WAKE) {
            state.wake_all(&mut wake);
        } else if state.has_free_attempt() && in_force(&*self.os, ATTEMPT_HANDED_ON) {
            // One that is woken already will come by.
            let coming = state.parked.iter().any(|p| p.woken);
            if let (Some(parked), false) = (state.parked.last_mut(), coming) {
                parked.woken = true;
                wake.push(parked.thread.clone());
            }
        }
        drop(state);
        for thread in wake {
            self.os.unpark(&thread);
        }
    }

    /// The target, and connectivity, for humans.
    pub(super) fn summary(&self) -> (String, Connectivity) {
        let state = self.lock();
        (state.core.target().to_string(), state.core.state())
    }

    /// Does something to the core, then what follows from it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.lock();
        let now = self.os.now();
        let value = act(&mut state, now);
        self.unlock(state);
        self.carry_out();
        value
    }

    /// A connection for a call. `Ok(None)` when `until` has passed, or `stop` says so.
    pub(crate) fn acquire(
        &self,
        waiter: &mut Waiter,
        deadline: Option<Instant>,
        until: Option<Instant>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Arc<Driver>>, Status> {
        if let Some(driver) = &self.lock().current {
            return Ok(Some(driver.clone()));
        }
        let picked = self.drive(earliest(deadline, until), stop, |state, now| match state.core.pick(now, waiter) {
            Pick::Ready(key) => match state.links.get(&key) {
                Some(Link::Ready { driver }) => Some(Ok(driver.clone())),
                _ => {
                    // Not ours any more: the report that says so is on its way.
                    state.core.handle_closed(now, key, "the connection is gone");
                    None
                }
            },
            Pick::Fail(status) => Some(Err(status)),
            Pick::Wait => None,
        });
        match picked {
            Some(result) => result.map(Some),
            None if stop() => Ok(None),
            None => {
                let now = self.os.now();
                if deadline.is_some_and(|at| at <= now) {
                    Err(self.lock().core.deadline_exceeded(now))
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// The connection that takes calls now, if there is one; otherwise begins to connect, without waiting, and has `call`
    /// stand by. Who brings the connection about starts it.
    pub(crate) fn acquire_now(&self, waiter: &mut Waiter, call: &Arc<Call>) -> Result<Option<Arc<Driver>>, Status> {
        if let Some(driver) = &self.lock().current {
            return Ok(Some(driver.clone()));
        }
        let deadline = call.deadline();
        self.with(|state, now| {
            loop {
                match state.core.pick(now, waiter) {
                    Pick::Ready(key) => match state.links.get(&key) {
                        Some(Link::Ready { driver }) => return Ok(Some(driver.clone())),
                        // As in `acquire`.
                        _ => state.core.handle_closed(now, key, "the connection is gone"),
                    },
                    Pick::Fail(status) => return Err(status),
                    Pick::Wait if deadline.is_some_and(|at| at <= now) => {
                        return Err(state.core.deadline_exceeded(now));
                    }
                    Pick::Wait => {
                        state.stand_by(Standing { call: Arc::downgrade(call), deadline });
                        return Ok(None);
                    }
                }
            }
        })
    }

    /// Does the channel's work until `check` yields, `stop` says so, or `until` passes.
    pub(super) fn drive<T>(
        &self,
        until: Option<Instant>,
        stop: &dyn Fn() -> bool,
        mut check: impl FnMut(&mut State, Instant) -> Option<T>,
    ) -> Option<T> {
        loop {
            let mut state = self.lock();
            let now = self.os.now();
            let value = check(&mut state, now);
            if value.is_some() || stop() || until.is_some_and(|at| at <= now) {
                self.unlock(state);
                self.carry_out();
                return value;
            }
            if let Some(order) = state.next_order() {
                self.unlock(state);
                self.perform(order);
                continue;
            }
            let next = earliest(until, state.core.poll_timeout());
            match state.duty() {
                Duty::Connect(key, pipe) => {
                    self.unlock(state);
                    self.connect(key, &*pipe, next);
                }
                Duty::Handshake(key, driver) => {
                    self.unlock(state);
                    driver
                        .wait_connection(next, |conn, _| (conn.is_ready() || conn.is_closed() || stop()).then_some(()));
                    self.lay_down(key);
                }
                Duty::Watch(driver) => {
                    self.unlock(state);
                    driver.wait_connection(next, |conn, _| {
                        (conn.is_draining() || conn.is_closed() || stop()).then_some(())
                    });
                }
                Duty::Park => self.park(state, next),
            }
            self.serve_time();
        }
    }

    fn park(&self, mut state: Guard<'_, State>, until: Option<Instant>) {
        let id = state.next_parked;
        state.next_parked += 1;
        state.parked.push(Parked { id, thread: self.os.me(), woken: false });
        self.unlock(state);
        self.os.park(until);
        let mut state = self.lock();
        state.parked.retain(|p| p.id != id);
        self.unlock(state);
    }

    /// Holds an attempt while its socket is on its way.
    fn connect(&self, key: ConnectionKey, pipe: &dyn Pipe, until: Option<Instant>) {
        let waited = pipe.wait(false, true, until);
        let stands = waited.and_then(|_| pipe.connected());
        let stage = pipe.stage();
        let mut state = self.lock();
        let now = self.os.now();
        // An order may have ended the attempt meanwhile.
        if let Some(Link::Connecting { pipe, held }) = state.links.get_mut(&key) {
            *held = false;
            match stands {
                Ok(false) => state.core.handle_stage(key, stage),
                Ok(true) => {
                    let pipe = pipe.clone();
                    state.core.handle_connected(key);
                    let driver = self.driver(key, pipe);
                    state.links.insert(key, Link::Handshake { driver, held: false });
                }
                Err(error) => {
                    state.links.remove(&key);
                    if let Some(cause) = security::cause(&error) {
                        state.core.handle_cause(key, cause);
                    }
                    state.core.handle_failed(now, key, &describe(&error));
                }
            }
        }
        self.unlock(state);
    }

    pub(super) fn driver(&self, key: ConnectionKey, pipe: Arc<dyn Pipe>) -> Arc<Driver> {
        let mut config = self.settings.connection.clone();
        config.seed = self.os.random();
        Driver::new(self.os.clone(), pipe, config, Box::new(observer::Link { channel: self.me.clone(), key }))
    }

    /// Ceases to hold an attempt in its handshake.
    fn lay_down(&self, key: ConnectionKey) {
        let mut state = self.lock();
        if let Some(Link::Handshake { held, .. }) = state.links.get_mut(&key) {
            *held = false;
        }
        self.unlock(state);
    }

    fn serve_time(&self) {
        let mut state = self.lock();
        let now = self.os.now();
        if state.core.poll_timeout().is_some_and(|at| at <= now) {
            state.core.handle_timeout(now);
        }
        self.unlock(state);
    }
}
