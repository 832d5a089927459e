//! One link of the simulated network, and its two ends as pipes.

use super::net::Net;
use crate::os::{Pipe, Raw, Ready};
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

/// Never arrives, as long as the network is held.
const HELD: Instant = Instant::from_nanos(u64::MAX);

/// One direction: what side `n` has to read.
#[derive(Debug, Default)]
pub(super) struct Half {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    used: usize,
    /// The end can be read from then on.
    closed_at: Option<Instant>,
    /// Threads to look again when anything changes; spurious ones do no harm.
    waiters: Vec<usize>,
    /// Arrivals that a poller has not reported.
    pub(super) news: VecDeque<Instant>,
    /// A write found no room: that there is room again will be news.
    pub(super) no_room: bool,
}

impl Half {
    fn readable_at(&self) -> Option<Instant> {
        let chunk = self.chunks.front().map(|c| c.0);
        match (chunk, self.closed_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A link: side 0 connected, side 1 accepted.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) halves: [Half; 2],
    /// When the connection stands, or turns out to be refused; `None`: never.
    pub(super) stands_at: Option<Instant>,
    pub(super) refused: bool,
    pub(super) cut_at: Option<Instant>,
    wake: [bool; 2],
}

impl Link {
    pub(super) fn new(stands_at: Option<Instant>) -> Self {
        Link { halves: Default::default(), stands_at, refused: false, cut_at: None, wake: [false; 2] }
    }

    pub(super) fn is_cut(&self, now: Instant) -> bool {
        self.cut_at.is_some_and(|at| at <= now)
    }

    /// Something will be to be read, or to be noticed, on both sides at `at`.
    pub(super) fn announce(&mut self, at: Instant, waiters: &mut Vec<usize>) {
        for half in &mut self.halves {
            half.news.push_back(at);
            waiters.append(&mut half.waiters);
        }
    }

    /// Breaks it now.
    pub(super) fn reset(&mut self, now: Instant, waiters: &mut Vec<usize>) {
        self.cut_at = Some(self.cut_at.map_or(now, |t| t.min(now)));
        self.announce(now, waiters);
    }

    /// What was held back arrives at `at`.
    pub(super) fn release(&mut self, at: Instant, waiters: &mut Vec<usize>) {
        for half in &mut self.halves {
            for chunk in &mut half.chunks {
                if chunk.0 == HELD {
                    chunk.0 = at;
                }
            }
            if half.closed_at == Some(HELD) {
                half.closed_at = Some(at);
            }
            half.news.retain(|t| *t != HELD);
            half.news.push_back(at);
            waiters.append(&mut half.waiters);
        }
    }

    /// Room for a write by the other side into what `side` reads.
    pub(super) fn has_room(&self, side: usize, capacity: usize, now: Instant) -> bool {
        let half = &self.halves[side];
        half.used < capacity || half.closed_at.is_some() || self.is_cut(now)
    }

    /// Is there something to read, or an end, now; and if not, when.
    pub(super) fn readable(&self, side: usize, now: Instant) -> (bool, Option<Instant>) {
        let at = self.halves[side].readable_at();
        let at = [at, self.cut_at].into_iter().flatten().min();
        (at.is_some_and(|at| at <= now), at)
    }

    pub(super) fn has_ended(&self, side: usize, now: Instant) -> bool {
        self.halves[side].closed_at.is_some_and(|at| at <= now) || self.is_cut(now)
    }
}

/// One end of a link.
pub(super) struct SimPipe {
    net: Arc<Net>,
    link: usize,
    side: usize,
}

impl fmt::Debug for SimPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimPipe({}.{})", self.link, self.side)
    }
}

impl SimPipe {
    pub(super) fn new(net: &Arc<Net>, link: usize, side: usize) -> Self {
        SimPipe { net: net.clone(), link, side }
    }

    fn reset() -> io::Error {
        io::ErrorKind::ConnectionReset.into()
    }

    /// Waits until ready, woken (if `wakeable`), or `until`.
    fn block(&self, read: bool, write: bool, until: Option<Instant>, wakeable: bool) -> Ready {
        let sched = &self.net.sched;
        loop {
            sched.point();
            if sched.is_over() {
                return Ready { read: true, write: true, woken: true, hup: true };
            }
            let (now, me) = (sched.now(), sched.me());
            let mut ready = Ready::default();
            let mut next = until;
            let mut sooner = |at: Option<Instant>| next = [next, at].into_iter().flatten().min();
            let mut state = self.net.state();
            let capacity = state.settings.capacity;
            let link = &mut state.links[self.link];
            let stands = link.stands_at.is_some_and(|at| at <= now);
            if stands && read {
                let (now_readable, at) = link.readable(self.side, now);
                ready.read = now_readable || link.refused;
                sooner(at);
            }
            if stands && write {
                ready.write = link.refused || link.has_room(1 - self.side, capacity, now);
                sooner(link.cut_at);
            }
            if !stands {
                sooner(link.stands_at);
            }
            ready.hup = (ready.read || ready.write) && link.has_ended(self.side, now);
            if wakeable {
                ready.woken = std::mem::take(&mut link.wake[self.side]);
            }
            if ready.read || ready.write || ready.woken || until.is_some_and(|at| at <= now) {
                return ready;
            }
            for half in &mut link.halves {
                half.waiters.push(me);
            }
            drop(state);
            sched.block(next, if read { "waits for input" } else { "waits for room" });
        }
    }

    /// Ends what these sides read.
    fn shut(&self, sides: &[usize]) {
        let arrival = self.net.arrival();
        let now = self.net.sched.now();
        let mut waiters = Vec::new();
        let mut state = self.net.state();
        let held = state.held;
        let link = &mut state.links[self.link];
        for &side in sides {
            // Our own end knows at once; the other one when the news arrive.
            let at = if side == self.side {
                now
            } else if held {
                HELD
            } else {
                arrival
            };
            let half = &mut link.halves[side];
            let at = half.chunks.back().map_or(at, |last| if side == self.side { at } else { at.max(last.0) });
            if half.closed_at.is_none() {
                half.closed_at = Some(at);
                half.news.push_back(at);
            }
            waiters.append(&mut half.waiters);
        }
        drop(state);
        self.net.tell(waiters);
    }
}

impl Pipe for SimPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        assert_unlocked();
        loop {
            match self.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if until.is_some_and(|at| at <= self.net.sched.now()) {
                        return Err(error);
                    }
                    self.block(true, false, until, false);
                }
                other => return other,
            }
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        assert_unlocked();
        self.net.sched.point();
        if self.net.sched.is_over() {
            return Err(Self::reset());
        }
        let now = self.net.sched.now();
        let random = self.net.sched.random();
        let mut state = self.net.state();
        let chop = state.settings.chop && random.is_multiple_of(4);
        let link = &mut state.links[self.link];
        if link.is_cut(now) || link.refused {
            return Err(Self::reset());
        }
        let half = &mut link.halves[self.side];
        let mut room = buf.len();
        if chop {
            room = room.min(1 + (random >> 8) as usize % 64);
        }
        let mut n = 0;
        while let Some((at, chunk)) = half.chunks.front_mut() {
            if *at > now || n == room {
                break;
            }
            let take = chunk.len().min(room - n);
            buf[n..n + take].copy_from_slice(&chunk[..take]);
            chunk.drain(..take);
            n += take;
            if chunk.is_empty() {
                half.chunks.pop_front();
            }
        }
        if n == 0 {
            let ended = half.chunks.is_empty() && half.closed_at.is_some_and(|at| at <= now);
            return if ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        half.used -= n;
        if n < buf.len() && half.readable_at().is_some_and(|at| at <= now) {
            // A short read tells the reader that nothing is left: the rest arrives, so to speak, a moment later.
            half.news.push_front(now);
        }
        let waiters = std::mem::take(&mut half.waiters);
        drop(state);
        self.net.tell(waiters);
        self.net.sched.point();
        Ok(n)
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        assert_unlocked();
        self.net.sched.point();
        if self.net.sched.is_over() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let now = self.net.sched.now();
        let random = self.net.sched.random();
        let mut arrival = self.net.arrival();
        let mut waiters = Vec::new();
        let mut state = self.net.state();
        if state.held {
            arrival = HELD;
        }
        let (capacity, loss, chop) = (state.settings.capacity, state.settings.loss, state.settings.chop);
        let link = &mut state.links[self.link];
        if loss > 0 && (random >> 32).is_multiple_of(u64::from(loss)) {
            link.reset(now, &mut waiters);
        }
        if link.is_cut(now) || link.refused {
            drop(state);
            self.net.tell(waiters);
            return Err(Self::reset());
        }
        let half = &mut link.halves[1 - self.side];
        if half.closed_at.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let total: usize = segments.iter().map(|s| s.len()).sum();
        let mut n = total.min(capacity.saturating_sub(half.used));
        if n == 0 && total > 0 {
            half.no_room = true;
            drop(state);
            self.net.sched.point();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if chop && n > 0 && random.is_multiple_of(4) {
            n = 1 + (random >> 8) as usize % n;
        }
        // A short write says that there is no more room; that there is will be news.
        half.no_room |= n < total;
        let mut bytes = Vec::with_capacity(n);
        for segment in segments {
            let take = segment.len().min(n - bytes.len());
            bytes.extend_from_slice(&segment[..take]);
        }
        if let Some(last) = half.chunks.back() {
            arrival = arrival.max(last.0);
        }
        half.used += n;
        half.chunks.push_back((arrival, bytes));
        half.news.push_back(arrival);
        waiters.append(&mut half.waiters);
        drop(state);
        self.net.tell(waiters);
        self.net.sched.point();
        Ok(n)
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        assert_unlocked();
        Ok(self.block(read, write, until, true))
    }

    fn wake(&self) {
        assert_unlocked();
        let mut waiters = Vec::new();
        {
            let mut state = self.net.state();
            let link = &mut state.links[self.link];
            link.wake[self.side] = true;
            for half in &mut link.halves {
                waiters.append(&mut half.waiters);
            }
        }
        self.net.tell(waiters);
        self.net.sched.point();
    }

    fn connected(&self) -> io::Result<bool> {
        assert_unlocked();
        self.net.sched.point();
        let now = self.net.sched.now();
        let state = self.net.state();
        let link = &state.links[self.link];
        match link.stands_at {
            Some(at) if at <= now && link.refused => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(at) if at <= now && link.is_cut(now) => Err(Self::reset()),
            Some(at) => Ok(at <= now),
            None => Ok(false),
        }
    }

    fn close(&self) {
        assert_unlocked();
        self.shut(&[0, 1]);
    }

    fn close_write(&self) -> bool {
        assert_unlocked();
        self.shut(&[1 - self.side]);
        true
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Sim(self.link * 2 + self.side, PhantomData)
    }
}

impl Drop for SimPipe {
    fn drop(&mut self) {
        self.shut(&[0, 1]);
    }
}
