//! What a channel's threads do for the pure [`channel::Channel`](proto_core::channel::Channel): carry out its orders,
//! report what came of them, wait.
//!
//! There is no thread of the channel's own (name lookups excepted). An attempt to connect belongs to the channel: one of
//! the threads that need a connection *holds* it, waits for its socket and drives its handshake; when that one's time
//! is up, or it is cancelled, the next one takes over. All others park. The channel's lock and a connection's are never
//! held together.

use super::observer::Link as ObserverLink;
use super::settings::Settings;
use crate::client::call::Call;
use crate::client::driver::{Driver, earliest};
use crate::os::{self, Os, Pipe, Thread, in_force};
use crate::sync::{Guard, Lock};
use proto_core::Status;
use proto_core::channel::{Address, Channel as Core, ConnectionKey, Order, Pick, State as Connectivity, Waiter};
use proto_core::time::Instant;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The rule's name: see `driver::rules`.
pub(crate) const ATTEMPT_HANDED_ON: &str = "an attempt to connect is handed on";
/// The rule's name.
pub(crate) const CHANGES_WAKE: &str = "a change of the channel wakes who waits for it";

/// All rules of this file.
#[cfg(any(test, feature = "testkit"))]
pub(crate) const RULES: &[&str] = &[ATTEMPT_HANDED_ON, CHANGES_WAKE];

/// What all clones of a channel, and its connections, share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) os: Arc<dyn Os>,
    pub(crate) settings: Settings,
    me: Weak<Shared>,
    state: Lock<State>,
}

#[derive(Debug)]
pub(super) struct State {
    core: Core,
    /// Attempts and connections.
    links: BTreeMap<ConnectionKey, Link>,
    /// The connection that takes calls, without asking the core each time.
    current: Option<Arc<Driver>>,
    /// Threads that are parked here.
    parked: Vec<Parked>,
    next_parked: u64,
    /// The core's generation of which they know.
    generation: u64,
    /// Somebody carries out orders.
    carrying_out: bool,
    /// Calls that are to start once there is a connection.
    pending: Vec<Weak<Call>>,
}

#[derive(Debug)]
struct Parked {
    id: u64,
    thread: Thread,
    woken: bool,
}

#[derive(Debug)]
enum Link {
    /// The socket is on its way.
    Connecting { pipe: Arc<dyn Pipe>, held: bool },
    /// The transport stands, the peer's SETTINGS are awaited.
    Handshake { driver: Arc<Driver>, held: bool },
    /// Calls go there, or went there.
    Ready { driver: Arc<Driver> },
}

/// What a thread that has to wait does meanwhile.
enum Duty {
    Connect(ConnectionKey, Arc<dyn Pipe>),
    Handshake(ConnectionKey, Arc<Driver>),
    /// Watches the connection that is ready.
    Watch(Arc<Driver>),
    Park,
}

impl Shared {
    pub(super) fn new(os: Arc<dyn Os>, settings: Settings, core: Core) -> Arc<Self> {
        let state = State {
            generation: core.generation(),
            core,
            links: BTreeMap::new(),
            current: None,
            parked: Vec::new(),
            next_parked: 0,
            carrying_out: false,
            pending: Vec::new(),
        };
        Arc::new_cyclic(|me| Shared { os, settings, me: me.clone(), state: Lock::new(state) })
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock(&*self.os)
    }

    /// The one way out of the lock: wakes those whom the change concerns, or one for an attempt that nobody holds.
    fn unlock(&self, mut state: Guard<'_, State>) {
        let generation = state.core.generation();
        let changed = generation != state.generation;
        state.generation = generation;
        let mut wake = Vec::new();
        if changed && in_force(&*self.os, CHANGES_WAKE) {
            state.wake_all(&mut wake);
        } else if state.has_free_attempt() && in_force(&*self.os, ATTEMPT_HANDED_ON) {
            // One that is woken already will come by.
            if let (Some(parked), false) = (state.parked.last_mut(), state.parked.iter().any(|p| p.woken)) {
                parked.woken = true;
                wake.push(parked.thread.clone());
            }
        }
        drop(state);
        for thread in wake {
            self.os.unpark(&thread);
        }
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
                if deadline.is_some_and(|at| at <= now) { Err(self.lock().core.deadline_exceeded(now)) } else { Ok(None) }
            }
        }
    }

    /// The connection that takes calls now, if there is one; otherwise sees to it that there will be one, without
    /// waiting, and starts `call` then.
    pub(crate) fn acquire_now(&self, waiter: &mut Waiter, call: &Arc<Call>) -> Result<Option<Arc<Driver>>, Status> {
        if let Some(driver) = &self.lock().current {
            return Ok(Some(driver.clone()));
        }
        self.with(|state, now| match state.core.pick(now, waiter) {
            Pick::Ready(key) => match state.links.get(&key) {
                Some(Link::Ready { driver }) => Ok(Some(driver.clone())),
                _ => Ok(None),
            },
            Pick::Fail(status) => Err(status),
            Pick::Wait => {
                state.pending.retain(|call| call.strong_count() > 0);
                state.pending.push(Arc::downgrade(call));
                Ok(None)
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
            if !state.carrying_out && state.core.has_order() {
                self.unlock(state);
                self.carry_out();
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
                    driver.wait_connection(next, |conn, _| (conn.is_ready() || conn.is_closed() || stop()).then_some(()));
                    self.lay_down(key);
                }
                Duty::Watch(driver) => {
                    self.unlock(state);
                    driver.wait_connection(next, |conn, _| (conn.is_draining() || conn.is_closed() || stop()).then_some(()));
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
        let mut state = self.lock();
        let now = self.os.now();
        // An order may have ended the attempt meanwhile.
        if let Some(Link::Connecting { pipe, held }) = state.links.get_mut(&key) {
            *held = false;
            match stands {
                Ok(false) => {}
                Ok(true) => {
                    let pipe = pipe.clone();
                    state.core.handle_connected(now, key);
                    let driver = self.driver(key, pipe);
                    state.links.insert(key, Link::Handshake { driver, held: false });
                }
                Err(error) => {
                    state.links.remove(&key);
                    state.core.handle_failed(now, key, &describe(&error));
                }
            }
        }
        self.unlock(state);
    }

    fn driver(&self, key: ConnectionKey, pipe: Arc<dyn Pipe>) -> Arc<Driver> {
        let mut config = self.settings.connection.clone();
        config.seed = self.os.random();
        Driver::new(self.os.clone(), pipe, config, Box::new(ObserverLink { shared: self.me.clone(), key }))
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

    /// Carries out what the core orders, one thread at a time; who finds another one at it leaves its orders to that one.
    pub(super) fn carry_out(&self) {
        loop {
            let mut state = self.lock();
            let order = if state.carrying_out { None } else { state.core.poll_order() };
            state.carrying_out |= order.is_some();
            self.unlock(state);
            let Some(order) = order else { return };
            self.perform(order);
            let mut state = self.lock();
            state.carrying_out = false;
            self.unlock(state);
        }
    }

    fn perform(&self, order: Order) {
        match order {
            Order::Resolve { host, port } => self.resolve(host, port),
            Order::Connect { key, address } => {
                let begun = seam_address(&address).and_then(|address| self.os.connect(&address));
                let mut state = self.lock();
                let now = self.os.now();
                match begun {
                    Ok(pipe) => {
                        state.links.insert(key, Link::Connecting { pipe, held: false });
                    }
                    Err(error) => state.core.handle_failed(now, key, &describe(&error)),
                }
                self.unlock(state);
            }
            Order::Abort { key } => {
                let link = self.lock().links.remove(&key);
                match link {
                    Some(Link::Connecting { pipe, .. }) => pipe.wake(),
                    Some(Link::Handshake { driver, .. } | Link::Ready { driver }) => driver.abort(),
                    None => {}
                }
            }
            Order::Close { key, grace } => {
                let driver = {
                    let mut state = self.lock();
                    state.current = None;
                    match state.links.get(&key) {
                        Some(Link::Handshake { driver, .. } | Link::Ready { driver }) => Some(driver.clone()),
                        _ => None,
                    }
                };
                if let Some(driver) = driver {
                    if grace.is_zero() { driver.abort() } else { driver.shutdown(grace) }
                }
            }
        }
    }

    /// A lookup has no time-out, so it has a thread of its own, which may outlive the channel.
    fn resolve(&self, host: String, port: u16) {
        let (os, shared) = (self.os.clone(), self.me.clone());
        let run = move || {
            let found = os.resolve(&host, port);
            if let Some(shared) = shared.upgrade() {
                shared.resolved(found);
            }
        };
        if let Err(error) = self.os.spawn("grpc-resolve", Box::new(run)) {
            let error = io::Error::new(error.kind(), format!("no thread for the lookup: {error}"));
            self.resolved(Err(error));
        }
    }

    fn resolved(&self, found: io::Result<Vec<std::net::SocketAddr>>) {
        let result = match found {
            Ok(addresses) => Ok(addresses.into_iter().map(Address::Tcp).collect()),
            Err(error) => Err(describe(&error)),
        };
        self.with(|state, now| state.core.handle_resolved(now, result));
    }

    /// The peer's SETTINGS came.
    pub(super) fn ready(&self, key: ConnectionKey) {
        let pending = self.with(|state, now| {
            let driver = match state.links.remove(&key) {
                Some(Link::Handshake { driver, .. } | Link::Ready { driver }) => driver,
                // Given up meanwhile.
                _ => return Vec::new(),
            };
            state.core.handle_ready(now, key);
            state.current = Some(driver.clone());
            state.links.insert(key, Link::Ready { driver });
            std::mem::take(&mut state.pending)
        });
        for call in pending.iter().filter_map(Weak::upgrade) {
            call.try_start();
        }
    }

    /// A connection takes no new calls.
    pub(crate) fn draining(&self, key: ConnectionKey) {
        self.with(|state, now| {
            state.forget_current(key);
            state.core.handle_draining(now, key);
        });
    }

    /// A connection is over.
    pub(super) fn closed(&self, key: ConnectionKey, reason: &str) {
        self.with(|state, now| {
            state.forget_current(key);
            match state.links.remove(&key) {
                Some(Link::Ready { .. }) | None => state.core.handle_closed(now, key, reason),
                Some(_) => state.core.handle_failed(now, key, reason),
            }
        });
    }

    /// This connection would not take a call: it drains or is closed.
    pub(crate) fn refused(&self, driver: &Arc<Driver>) {
        let (key, is_closed) = (self.key_of(driver), driver.is_closed());
        match key {
            Some(key) if is_closed => self.closed(key, "the connection was lost"),
            Some(key) => self.draining(key),
            None => {}
        }
    }

    fn key_of(&self, wanted: &Arc<Driver>) -> Option<ConnectionKey> {
        let state = self.lock();
        let mut links = state.links.iter();
        links.find(|(_, link)| matches!(link, Link::Ready { driver } if Arc::ptr_eq(driver, wanted))).map(|(key, _)| *key)
    }

    /// Lets every thread that waits here look again (something outside has changed: a call was cancelled).
    pub(crate) fn wake_all(&self) {
        let (mut wake, mut pipes, mut drivers) = (Vec::new(), Vec::new(), Vec::new());
        {
            let mut state = self.lock();
            state.wake_all(&mut wake);
            for link in state.links.values() {
                match link {
                    Link::Connecting { pipe, held: true } => pipes.push(pipe.clone()),
                    Link::Handshake { driver, held: true } => drivers.push(driver.clone()),
                    _ => {}
                }
            }
        }
        wake.iter().for_each(|thread| self.os.unpark(thread));
        pipes.iter().for_each(|pipe| pipe.wake());
        drivers.iter().for_each(|driver| driver.poke());
    }

    /// Ends the channel; waits up to `grace` for its calls.
    pub(super) fn shutdown(&self, grace: Duration) {
        let until = self.os.now() + grace;
        let drivers: Vec<Arc<Driver>> = self.with(|state, now| {
            state.core.shutdown(now, grace);
            state.current = None;
            let drivers = state.links.values().filter_map(|link| match link {
                Link::Ready { driver } | Link::Handshake { driver, .. } => Some(driver.clone()),
                Link::Connecting { .. } => None,
            });
            drivers.collect()
        });
        for driver in drivers {
            if !grace.is_zero() {
                driver.wait_connection(Some(until), |conn, _| conn.is_closed().then_some(()));
            }
            driver.abort();
        }
    }
}

impl State {
    pub(super) fn connectivity(&self) -> Connectivity {
        self.core.state()
    }

    pub(super) fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    pub(super) fn current(&self) -> Option<&Arc<Driver>> {
        self.current.as_ref()
    }

    fn wake_all(&mut self, wake: &mut Vec<Thread>) {
        for parked in self.parked.iter_mut().filter(|p| !p.woken) {
            parked.woken = true;
            wake.push(parked.thread.clone());
        }
    }

    fn has_free_attempt(&self) -> bool {
        let free = |link: &Link| matches!(link, Link::Connecting { held: false, .. } | Link::Handshake { held: false, .. });
        self.links.values().any(free)
    }

    fn duty(&mut self) -> Duty {
        for (key, link) in &mut self.links {
            match link {
                Link::Connecting { pipe, held } if !*held => {
                    *held = true;
                    return Duty::Connect(*key, pipe.clone());
                }
                Link::Handshake { driver, held } if !*held => {
                    *held = true;
                    return Duty::Handshake(*key, driver.clone());
                }
                _ => {}
            }
        }
        match &self.current {
            Some(driver) => Duty::Watch(driver.clone()),
            None => Duty::Park,
        }
    }

    fn forget_current(&mut self, key: ConnectionKey) {
        if let (Some(Link::Ready { driver }), Some(current)) = (self.links.get(&key), &self.current) {
            if Arc::ptr_eq(driver, current) {
                self.current = None;
            }
        }
    }
}

/// An error of the system, in its words and without its number.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

fn seam_address(address: &Address) -> io::Result<os::Address> {
    match address {
        Address::Tcp(address) => Ok(os::Address::Tcp(*address)),
        #[cfg(unix)]
        Address::Unix(path) => Ok(os::Address::Unix(path.into())),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system")),
    }
}
