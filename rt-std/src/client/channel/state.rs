//! What the lock of a channel guards.

use super::super::call::Call;
use super::super::driver::Driver;
use crate::os::{Pipe, Thread};
use proto_core::channel::{Channel as Core, ConnectionKey, Order, State as Connectivity};
use proto_core::time::Instant;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

#[derive(Debug)]
pub(super) struct State {
    pub(super) core: Core,
    /// Attempts and connections.
    pub(super) links: BTreeMap<ConnectionKey, Link>,
    /// The connection that takes calls, without asking the core each time.
    pub(super) current: Option<Arc<Driver>>,
    /// Threads that are parked here.
    pub(super) parked: Vec<Parked>,
    pub(super) next_parked: u64,
    /// The core's generation of which they know.
    pub(super) generation: u64,
    /// Somebody carries out orders.
    pub(super) carrying_out: bool,
    /// Calls that are to start once there is a connection.
    pub(super) standing: Vec<Standing>,
    /// The thread of `connector` is there, or about to be.
    pub(super) connector: bool,
}

/// A call that stands by.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) call: Weak<Call>,
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Parked {
    pub(super) id: u64,
    pub(super) thread: Thread,
    pub(super) woken: bool,
}

#[derive(Debug)]
pub(super) enum Link {
    /// The socket is on its way.
    Connecting { pipe: Arc<dyn Pipe>, held: bool },
    /// The transport stands, the peer's SETTINGS are awaited.
    Handshake { driver: Arc<Driver>, held: bool },
    /// Calls go there, or went there.
    Ready { driver: Arc<Driver> },
}

/// What a thread that has to wait does meanwhile.
pub(super) enum Duty {
    Connect(ConnectionKey, Arc<dyn Pipe>),
    Handshake(ConnectionKey, Arc<Driver>),
    /// Watches the connection that is ready.
    Watch(Arc<Driver>),
    Park,
}

impl State {
    pub(super) fn new(core: Core) -> Self {
        State {
            generation: core.generation(),
            core,
            links: BTreeMap::new(),
            current: None,
            parked: Vec::new(),
            next_parked: 0,
            carrying_out: false,
            standing: Vec::new(),
            connector: false,
        }
    }

    pub(super) fn connectivity(&self) -> Connectivity {
        self.core.state()
    }

    pub(super) fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    pub(super) fn current(&self) -> Option<&Arc<Driver>> {
        self.current.as_ref()
    }

    /// The next order, for a thread that will `perform` it; none while another one is at it.
    pub(super) fn next_order(&mut self) -> Option<Order> {
        let order = if self.carrying_out { None } else { self.core.poll_order() };
        self.carrying_out |= order.is_some();
        order
    }

    /// What became of the calls of this connection, for the core to judge it by.
    pub(super) fn note_calls(&mut self, now: Instant, key: ConnectionKey) {
        if matches!(self.links.get(&key), Some(Link::Ready { driver }) if driver.has_served()) {
            self.core.call_ended(now);
        }
    }

    pub(super) fn wake_all(&mut self, wake: &mut Vec<Thread>) {
        for parked in self.parked.iter_mut().filter(|p| !p.woken) {
            parked.woken = true;
            wake.push(parked.thread.clone());
        }
    }

    pub(super) fn has_free_attempt(&self) -> bool {
        let free =
            |link: &Link| matches!(link, Link::Connecting { held: false, .. } | Link::Handshake { held: false, .. });
        self.links.values().any(free)
    }

    pub(super) fn duty(&mut self) -> Duty {
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

    /// It starts once there is a connection. (Never twice in the list.)
    pub(super) fn stand_by(&mut self, new: Standing) {
        self.standing.retain(|old| old.call.strong_count() > 0 && !old.call.ptr_eq(&new.call));
        self.standing.push(new);
    }

    pub(super) fn forget_current(&mut self, key: ConnectionKey) {
        let Some(Link::Ready { driver }) = self.links.get(&key) else { return };
        if self.current.as_ref().is_some_and(|current| Arc::ptr_eq(driver, current)) {
            self.current = None;
        }
    }
}
