//! The network of a simulation: links with a capacity, a delay and faults on the seed; addresses, names, listeners.

use super::pipe::{Link, SimPipe};
use super::poller::{PollerState, SimPoller};
use super::sched::Sched;
use crate::os::{Address, Listener, Pipe, Poller, Raw};
use crate::sync::assert_unlocked;
pub use proto_core::testkit::Network;
use proto_core::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Numbers of listeners, beside those of pipes, in [`Raw::Sim`].
const LISTENERS: usize = usize::MAX / 2;

#[derive(Debug, Default)]
pub(super) struct ListenerState {
    address: String,
    /// Links on their way, and when they stand.
    pub(super) pending: VecDeque<(Instant, usize)>,
    /// Arrivals that a poller has not reported.
    pub(super) news: VecDeque<Instant>,
    open: bool,
}

#[derive(Debug, Default)]
pub(super) struct NetState {
    pub(super) settings: Network,
    pub(super) links: Vec<Link>,
    pub(super) listeners: Vec<ListenerState>,
    pub(super) pollers: Vec<PollerState>,
    hosts: BTreeMap<String, Vec<SocketAddr>>,
    black_holes: Vec<String>,
    /// Nothing arrives while this holds.
    pub(super) held: bool,
    /// When links break that are made before.
    cuts: Vec<Instant>,
}

/// The network. Its lock is never held across a switch of threads.
pub(super) struct Net {
    pub(super) sched: Arc<Sched>,
    state: Mutex<NetState>,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Net")
    }
}

fn key(address: &Address) -> String {
    match address {
        Address::Tcp(address) => address.to_string(),
        #[cfg(unix)]
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

impl NetState {
    /// A new link, which stands at `at` unless something else is decided.
    fn link(&self, at: Instant) -> Link {
        let mut link = Link::new(Some(at));
        self.cuts.iter().filter(|cut| **cut > at).for_each(|cut| link.bytes.cut(*cut));
        link
    }
}

impl Net {
    pub(super) fn new(sched: &Arc<Sched>) -> Arc<Self> {
        Arc::new(Net { sched: sched.clone(), state: Mutex::default() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, NetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of all links, in the order in which they were made.
    pub(super) fn digest(&self) -> u64 {
        proto_core::testkit::Link::digest(self.state().links.iter().map(|link| &link.bytes))
    }

    pub(super) fn set(&self, settings: Network) {
        self.sched.set_spawn_errors(settings.spawn_errors);
        self.state().settings = settings;
    }

    pub(super) fn add_host(&self, name: &str, addresses: &[SocketAddr]) {
        self.state().hosts.insert(name.into(), addresses.to_vec());
    }

    pub(super) fn add_black_hole(&self, address: SocketAddr) {
        self.state().black_holes.push(address.to_string());
    }

    pub(super) fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let until = self.sched.now() + self.state().settings.resolve_delay;
        while self.sched.now() < until && !self.sched.is_over() {
            self.sched.block(Some(until), "resolving");
        }
        match self.state().hosts.get(host) {
            Some(found) => {
                Ok(found.iter().map(|a| SocketAddr::new(a.ip(), if port == 0 { a.port() } else { port })).collect())
            }
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such host in the simulation")),
        }
    }

    pub(super) fn listen(self: &Arc<Self>, address: &Address) -> io::Result<Arc<SimListener>> {
        let address = key(address);
        let mut state = self.state();
        if state.listeners.iter().any(|l| l.open && l.address == address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.listeners.push(ListenerState { address, open: true, ..ListenerState::default() });
        Ok(Arc::new(SimListener { net: self.clone(), index: state.listeners.len() - 1 }))
    }

    pub(super) fn connect(self: &Arc<Self>, to: &Address) -> io::Result<Arc<dyn Pipe>> {
        self.sched.point();
        let at = self.arrival();
        let to = key(to);
        let mut state = self.state();
        let mut link = state.link(at);
        let index = state.links.len();
        if state.black_holes.contains(&to) || state.held {
            link.bytes.never_stands();
        } else if let Some(listener) = state.listeners.iter_mut().find(|l| l.open && l.address == to) {
            listener.pending.push_back((at, index));
            listener.news.push_back(at);
        } else {
            link.bytes.refuse();
        }
        state.links.push(link);
        drop(state);
        self.tell(Vec::new());
        Ok(Arc::new(SimPipe::new(self, index, 0)))
    }

    /// Two ends that are connected already.
    pub(super) fn pair(self: &Arc<Self>) -> (Arc<dyn Pipe>, Arc<dyn Pipe>) {
        let now = self.sched.now();
        let mut state = self.state();
        let link = state.link(now);
        state.links.push(link);
        let index = state.links.len() - 1;
        (Arc::new(SimPipe::new(self, index, 0)), Arc::new(SimPipe::new(self, index, 1)))
    }

    pub(super) fn poller(self: &Arc<Self>) -> Arc<dyn Poller> {
        let mut state = self.state();
        state.pollers.push(PollerState::default());
        Arc::new(SimPoller::new(self, state.pollers.len() - 1))
    }

    /// Breaks every link that exists at `at`; those that stand later are not touched.
    pub(super) fn cut(&self, at: Instant) {
        let mut waiters = Vec::new();
        let mut state = self.state();
        state.cuts.push(at);
        for link in &mut state.links {
            link.bytes.cut(at);
            link.announce(at, &mut waiters);
        }
        drop(state);
        self.tell(waiters);
    }

    /// While held, what is written arrives nowhere; afterwards everything does.
    pub(super) fn hold(&self, held: bool) {
        let arrival = self.arrival();
        let mut waiters = Vec::new();
        let mut state = self.state();
        state.held = held;
        if !held {
            for link in &mut state.links {
                link.release(arrival, &mut waiters);
            }
        }
        drop(state);
        self.tell(waiters);
    }

    /// When something sent now arrives.
    pub(super) fn arrival(&self) -> Instant {
        let settings = self.state().settings.clone();
        let random = if settings.jitter.is_zero() { 0 } else { self.sched.random() };
        settings.arrival(self.sched.now(), random)
    }

    /// Lets these threads, and whoever waits in a poller, look again. Called without the lock.
    pub(super) fn tell(&self, waiters: Vec<usize>) {
        let pollers: Vec<usize> = self.state().pollers.iter().filter_map(|p| p.waiter).collect();
        for thread in waiters.into_iter().chain(pollers) {
            self.sched.ready(thread);
        }
    }
}

/// A listener of the simulation. Dropped, it refuses what waits.
pub(super) struct SimListener {
    net: Arc<Net>,
    index: usize,
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimListener({})", self.index)
    }
}

impl Listener for SimListener {
    fn try_accept(&self) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        self.net.sched.point();
        let now = self.net.sched.now();
        let fails = self.net.sched.random().is_multiple_of(8);
        let mut state = self.net.state();
        if fails && state.settings.accept_errors {
            return Err(io::Error::other("too many open files, says the simulation"));
        }
        let pending = &mut state.listeners[self.index].pending;
        match pending.front() {
            Some((at, link)) if *at <= now => {
                let link = *link;
                pending.pop_front();
                Ok(Arc::new(SimPipe::new(&self.net, link, 1)))
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Sim(LISTENERS + self.index, PhantomData)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut waiters = Vec::new();
        let mut state = self.net.state();
        let listener = &mut state.listeners[self.index];
        listener.open = false;
        let now = self.net.sched.now();
        for (_, link) in std::mem::take(&mut listener.pending) {
            state.links[link].reset(now, &mut waiters);
        }
        drop(state);
        self.net.tell(waiters);
    }
}

/// What a number in [`Raw::Sim`] stands for.
pub(super) enum What {
    /// Link and side.
    Pipe(usize, usize),
    Listener(usize),
}

pub(super) fn what(raw: usize) -> What {
    if raw >= LISTENERS { What::Listener(raw - LISTENERS) } else { What::Pipe(raw / 2, raw % 2) }
}
