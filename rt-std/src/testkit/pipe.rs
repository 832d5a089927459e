//! One link of the simulated network, and its two ends as pipes.

use super::net::Net;
use crate::os::{Pipe, Raw, Ready};
use crate::sync::assert_unlocked;
use proto_core::testkit::{Link as Bytes, Stuck};
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

/// What one side waits for.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Threads to look again when anything changes; spurious ones do no harm.
    waiters: Vec<usize>,
    /// Arrivals that a poller has not reported.
    pub(super) news: VecDeque<Instant>,
    /// A write by the other side found no room: that there is room again will be news to it.
    pub(super) no_room: bool,
}

/// A link, and who waits at it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) bytes: Bytes,
    pub(super) sides: [Side; 2],
    wake: [bool; 2],
}

impl Link {
    pub(super) fn new(stands_at: Option<Instant>) -> Self {
        Link { bytes: Bytes::new(stands_at), sides: Default::default(), wake: [false; 2] }
    }

    /// Something will be to be read, or to be noticed, on both sides at `at`.
    pub(super) fn announce(&mut self, at: Instant, waiters: &mut Vec<usize>) {
        for side in &mut self.sides {
            side.news.push_back(at);
            waiters.append(&mut side.waiters);
        }
    }

    /// Breaks it now.
    pub(super) fn reset(&mut self, now: Instant, waiters: &mut Vec<usize>) {
        self.bytes.cut(now);
        self.announce(now, waiters);
    }

    /// What was held back arrives at `at`.
    pub(super) fn release(&mut self, at: Instant, waiters: &mut Vec<usize>) {
        self.bytes.release(at);
        for side in &mut self.sides {
            side.news.retain(|t| *t != Bytes::HELD);
            side.news.push_back(at);
            waiters.append(&mut side.waiters);
        }
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

    fn error(stuck: Stuck) -> io::Error {
        match stuck {
            Stuck::NotYet => io::ErrorKind::WouldBlock.into(),
            Stuck::Reset => Self::reset(),
            Stuck::Closed => io::ErrorKind::BrokenPipe.into(),
        }
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
            let stands = link.bytes.stands_at().is_some_and(|at| at <= now);
            if stands && read {
                let (now_readable, at) = link.bytes.readable(self.side, now);
                ready.read = now_readable;
                sooner(at);
            }
            if stands && write {
                ready.write = link.bytes.is_writable(self.side, capacity, now);
                sooner(link.bytes.cut_at());
            }
            if !stands {
                sooner(link.bytes.stands_at());
            }
            ready.hup = (ready.read || ready.write) && link.bytes.has_ended(self.side, now);
            if wakeable {
                ready.woken = std::mem::take(&mut link.wake[self.side]);
            }
            if ready.read || ready.write || ready.woken || until.is_some_and(|at| at <= now) {
                return ready;
            }
            for side in &mut link.sides {
                side.waiters.push(me);
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
                Bytes::HELD
            } else {
                arrival
            };
            if link.bytes.close(side, at, side != self.side)
                && let Some(at) = link.bytes.closed_at(side)
            {
                link.sides[side].news.push_back(at);
            }
            waiters.append(&mut link.sides[side].waiters);
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
        let most = if chop { 1 + (random >> 8) as usize % 64 } else { usize::MAX };
        let n = link.bytes.read(self.side, now, buf, most).map_err(Self::error)?;
        if n == 0 {
            return Ok(0);
        }
        let side = &mut link.sides[self.side];
        if n < buf.len() && link.bytes.has_arrived(self.side, now) {
            // A short read tells the reader that nothing is left: the rest arrives, so to speak, a moment later.
            side.news.push_front(now);
        }
        let waiters = std::mem::take(&mut side.waiters);
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
            arrival = Bytes::HELD;
        }
        let (capacity, loss, chop) = (state.settings.capacity, state.settings.loss, state.settings.chop);
        let link = &mut state.links[self.link];
        if loss > 0 && (random >> 32).is_multiple_of(u64::from(loss)) {
            link.reset(now, &mut waiters);
        }
        let total: usize = segments.iter().map(|s| s.len()).sum();
        let mut most = total.min(link.bytes.room(self.side, capacity));
        if chop && most > 0 && random.is_multiple_of(4) {
            most = 1 + (random >> 8) as usize % most;
        }
        let written =
            link.bytes.write(self.side, now, arrival, segments.iter().copied(), capacity, most).map_err(Self::error);
        let arrives = link.bytes.last_arrival(self.side);
        let side = &mut link.sides[1 - self.side];
        let n = match written {
            Ok(n) => n,
            Err(error) => {
                side.no_room |= error.kind() == io::ErrorKind::WouldBlock;
                drop(state);
                self.net.tell(waiters);
                self.net.sched.point();
                return Err(error);
            }
        };
        // A short write says that there is no more room; that there is will be news.
        side.no_room |= n < total;
        side.news.extend(arrives);
        waiters.append(&mut side.waiters);
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
            for side in &mut link.sides {
                waiters.append(&mut side.waiters);
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
        let link = &state.links[self.link].bytes;
        match link.stands_at() {
            Some(at) if at <= now && link.is_refused() => Err(io::ErrorKind::ConnectionRefused.into()),
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
