//! The simulated network: links as pipes, listeners, names.

use super::world::{State, World};
use crate::os::{BoxFuture, Listener, Pipe};
use proto_core::testkit::{Link, Network, Stuck};
use proto_core::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
pub(super) struct NetState {
    pub(super) settings: Network,
    links: Vec<LinkState>,
    listeners: Vec<ListenerState>,
    hosts: BTreeMap<String, Vec<SocketAddr>>,
    black_holes: Vec<String>,
    /// Nothing arrives while this holds.
    held: bool,
    /// When links break that are made before.
    cuts: Vec<Instant>,
}

struct LinkState {
    bytes: Link,
    /// By side: who waits for input, and who for room.
    readers: [Option<Waker>; 2],
    writers: [Option<Waker>; 2],
}

#[derive(Default)]
struct ListenerState {
    address: String,
    open: bool,
    /// Links on their way, and when they stand.
    pending: VecDeque<(Instant, usize)>,
    acceptor: Option<Waker>,
}

/// One end of a link.
pub(super) struct SimPipe {
    world: Arc<World>,
    link: usize,
    side: usize,
}

impl fmt::Debug for SimPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimPipe({}.{})", self.link, self.side)
    }
}

impl NetState {
    /// Of all links, in the order in which they were made.
    pub(super) fn digest(&self) -> u64 {
        Link::digest(self.links.iter().map(|link| &link.bytes))
    }

    pub(super) fn add_host(&mut self, name: &str, addresses: &[SocketAddr]) {
        self.hosts.insert(name.into(), addresses.to_vec());
    }

    pub(super) fn add_black_hole(&mut self, address: SocketAddr) {
        self.black_holes.push(address.to_string());
    }

    pub(super) fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self.hosts.get(host) {
            Some(found) => {
                Ok(found.iter().map(|a| SocketAddr::new(a.ip(), if port == 0 { a.port() } else { port })).collect())
            }
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such host in the simulation")),
        }
    }

    fn add_link(&mut self, at: Instant) -> usize {
        let mut bytes = Link::new(Some(at));
        self.cuts.iter().filter(|cut| **cut > at).for_each(|cut| bytes.cut(*cut));
        self.links.push(LinkState { bytes, readers: [None, None], writers: [None, None] });
        self.links.len() - 1
    }

    /// Everybody who waits at a link.
    fn wakers(&mut self, link: usize) -> Vec<Waker> {
        let link = &mut self.links[link];
        link.readers.iter_mut().chain(&mut link.writers).filter_map(Option::take).collect()
    }
}

/// Breaks every link that exists at `at`.
pub(super) fn cut(world: &World, at: Instant) {
    let mut state = world.state();
    state.net.cuts.push(at);
    let mut all = Vec::new();
    for link in 0..state.net.links.len() {
        state.net.links[link].bytes.cut(at);
        all.append(&mut state.net.wakers(link));
    }
    drop(state);
    // Who waits looks again, and sets a timer for the new end.
    all.into_iter().for_each(Waker::wake);
}

/// While held, what is written arrives nowhere; afterwards everything does.
pub(super) fn hold(world: &World, held: bool) {
    let mut state = world.state();
    state.net.held = held;
    let mut all = Vec::new();
    if !held {
        let at = state.arrival();
        for link in 0..state.net.links.len() {
            state.net.links[link].bytes.release(at);
            all.append(&mut state.net.wakers(link));
        }
    }
    drop(state);
    all.into_iter().for_each(Waker::wake);
}

/// Two ends that are connected already.
pub(super) fn pair(world: &Arc<World>) -> (SimPipe, SimPipe) {
    let mut state = world.state();
    let now = state.now;
    let link = state.net.add_link(now);
    drop(state);
    (SimPipe { world: world.clone(), link, side: 0 }, SimPipe { world: world.clone(), link, side: 1 })
}

/// Connects: the attempt begins now, polled or not.
pub(super) fn connect(world: Arc<World>, to: String) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
    let mut state = world.state();
    let at = state.arrival();
    let link = state.net.add_link(at);
    let net = &mut state.net;
    let mut acceptor = None;
    if net.black_holes.contains(&to) || net.held {
        net.links[link].bytes.never_stands();
    } else if let Some(listener) = net.listeners.iter_mut().find(|l| l.open && l.address == to) {
        listener.pending.push_back((at, link));
        acceptor = listener.acceptor.take();
    } else {
        net.links[link].bytes.refuse();
    }
    drop(state);
    if let Some(acceptor) = acceptor {
        acceptor.wake();
    }
    let pipe = SimPipe { world, link, side: 0 };
    Box::pin(async move {
        poll_fn(|cx| pipe.poll_stands(cx)).await?;
        Ok(Arc::new(pipe) as Arc<dyn Pipe>)
    })
}

pub(super) fn listen(world: &Arc<World>, address: SocketAddr) -> io::Result<SimListener> {
    let address = address.to_string();
    let mut state = world.state();
    if state.net.listeners.iter().any(|l| l.open && l.address == address) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    state.net.listeners.push(ListenerState { address, open: true, ..ListenerState::default() });
    Ok(SimListener { world: world.clone(), index: state.net.listeners.len() - 1 })
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn error(stuck: Stuck) -> io::Error {
    match stuck {
        Stuck::NotYet => io::ErrorKind::WouldBlock.into(),
        Stuck::Reset => reset(),
        Stuck::Closed => io::ErrorKind::BrokenPipe.into(),
    }
}

impl SimPipe {
    fn poll_stands(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.world.state();
        let now = state.now;
        let link = &mut state.net.links[self.link];
        match link.bytes.stands_at() {
            Some(at) if at <= now && link.bytes.is_refused() => {
                Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()))
            }
            Some(at) if at <= now && link.bytes.is_cut(now) => Poll::Ready(Err(reset())),
            Some(at) if at <= now => Poll::Ready(Ok(())),
            at => {
                link.readers[self.side] = Some(cx.waker().clone());
                if let Some(at) = at {
                    state.set_timer(at, cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Ends what these sides read.
    fn shut(&self, readers: &[usize]) {
        let mut state = self.world.state();
        let (now, held, arrival) = (state.now, state.net.held, state.arrival());
        for &reader in readers {
            // Our own end knows at once; the other one when the news arrive.
            let at = match reader == self.side {
                true => now,
                false if held => Link::HELD,
                false => arrival,
            };
            state.net.links[self.link].bytes.close(reader, at, reader != self.side);
        }
        let all = state.net.wakers(self.link);
        drop(state);
        all.into_iter().for_each(Waker::wake);
    }

    fn write(&self, state: &mut State, segments: &[IoSlice<'_>]) -> Result<(usize, Option<Waker>), Stuck> {
        let random = state.random();
        let mut arrival = state.arrival();
        if state.net.held {
            arrival = Link::HELD;
        }
        let (now, settings) = (state.now, state.net.settings.clone());
        let link = &mut state.net.links[self.link];
        if settings.loss > 0 && (random >> 32).is_multiple_of(u64::from(settings.loss)) {
            link.bytes.cut(now);
        }
        let total: usize = segments.iter().map(|s| s.len()).sum();
        let mut most = total.min(link.bytes.room(self.side, settings.capacity));
        if settings.chop && most > 0 && random.is_multiple_of(4) {
            most = 1 + (random >> 8) as usize % most;
        }
        let segments = segments.iter().map(|segment| &**segment);
        let written = link.bytes.write(self.side, now, arrival, segments, settings.capacity, most)?;
        Ok((written, link.readers[1 - self.side].take()))
    }
}

impl Pipe for SimPipe {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.world.state();
        let random = state.random();
        let (now, chop) = (state.now, state.net.settings.chop && random.is_multiple_of(4));
        let most = if chop { 1 + (random >> 8) as usize % 64 } else { usize::MAX };
        let link = &mut state.net.links[self.link];
        match link.bytes.read(self.side, now, buf, most) {
            Ok(n) => {
                // There is room for the other side now.
                let writer = link.writers[1 - self.side].take();
                drop(state);
                if let Some(writer) = writer {
                    writer.wake();
                }
                Poll::Ready(Ok(n))
            }
            Err(Stuck::NotYet) => {
                let at = link.bytes.readable(self.side, now).1;
                let old = link.readers[self.side].replace(cx.waker().clone());
                if let Some(at) = at {
                    state.set_timer(at, cx.waker().clone());
                }
                drop(state);
                drop(old);
                Poll::Pending
            }
            Err(stuck) => Poll::Ready(Err(error(stuck))),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut state = self.world.state();
        match self.write(&mut state, segments) {
            Ok((n, reader)) => {
                drop(state);
                if let Some(reader) = reader {
                    reader.wake();
                }
                Poll::Ready(Ok(n))
            }
            Err(Stuck::NotYet) => {
                let link = &mut state.net.links[self.link];
                let old = link.writers[self.side].replace(cx.waker().clone());
                let cut = link.bytes.cut_at();
                if let Some(at) = cut {
                    state.set_timer(at, cx.waker().clone());
                }
                drop(state);
                drop(old);
                Poll::Pending
            }
            Err(stuck) => {
                let all = state.net.wakers(self.link);
                drop(state);
                all.into_iter().for_each(Waker::wake);
                Poll::Ready(Err(error(stuck)))
            }
        }
    }

    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.world.state();
        let (result, woken) = match self.write(&mut state, segments) {
            Ok((n, reader)) => (Ok(n), reader.into_iter().collect()),
            Err(Stuck::NotYet) => (Err(error(Stuck::NotYet)), Vec::new()),
            Err(stuck) => (Err(error(stuck)), state.net.wakers(self.link)),
        };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    fn poll_close(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut(&[1 - self.side]);
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimPipe {
    fn drop(&mut self) {
        self.shut(&[0, 1]);
    }
}

/// A listener of the simulation. Dropped, it refuses what waits.
pub(super) struct SimListener {
    world: Arc<World>,
    index: usize,
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimListener({})", self.index)
    }
}

impl Listener for SimListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<dyn Pipe>>> {
        let mut state = self.world.state();
        if state.net.settings.accept_errors && state.random().is_multiple_of(8) {
            return Poll::Ready(Err(io::Error::other("too many open files, says the simulation")));
        }
        let now = state.now;
        let listener = &mut state.net.listeners[self.index];
        match listener.pending.front() {
            Some(&(at, link)) if at <= now => {
                listener.pending.pop_front();
                drop(state);
                Poll::Ready(Ok(Arc::new(SimPipe { world: self.world.clone(), link, side: 1 })))
            }
            next => {
                let at = next.map(|(at, _)| *at);
                let old = listener.acceptor.replace(cx.waker().clone());
                if let Some(at) = at {
                    state.set_timer(at, cx.waker().clone());
                }
                drop(state);
                drop(old);
                Poll::Pending
            }
        }
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut state = self.world.state();
        let now = state.now;
        let listener = &mut state.net.listeners[self.index];
        listener.open = false;
        let mut all: Vec<Waker> = listener.acceptor.take().into_iter().collect();
        for (_, link) in std::mem::take(&mut listener.pending) {
            state.net.links[link].bytes.cut(now);
            all.append(&mut state.net.wakers(link));
        }
        drop(state);
        all.into_iter().for_each(Waker::wake);
    }
}
