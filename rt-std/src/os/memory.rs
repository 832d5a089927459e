//! Connections inside this process: two ends that hand bytes to each other, and a poller for them.
//!
//! For channels that reach a service without a socket, and for byte streams that no poller can watch. They stand on
//! nothing but the seam's own `park` and `unpark`, so they work the same in a simulation.

use super::{Os, Pipe, Poller, Raw, Ready, Thread};
use crate::sync::{Guard, Lock, assert_unlocked};
use proto_core::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Weak};

/// Bytes that a direction holds before a writer has to wait.
const CAPACITY: usize = 64 * 1024;

/// What one side has to read.
#[derive(Debug, Default)]
struct Half {
    bytes: VecDeque<u8>,
    /// A write found no room: that there is room again is news.
    no_room: bool,
}

#[derive(Debug, Default)]
struct State {
    /// By the side that reads.
    halves: [Half; 2],
    /// Closed by that side.
    closed: [bool; 2],
    /// That side will write no more.
    ended: [bool; 2],
    /// That side takes no more, though it is not closed: who writes to it waits.
    deaf: [bool; 2],
    woken: [bool; 2],
    /// Threads that wait on either side; all look again whenever anything changes.
    waiters: Vec<Thread>,
    watchers: [Option<(Weak<MemoryPoller>, u64)>; 2],
}

impl State {
    fn readable(&self, side: usize) -> bool {
        !self.halves[side].bytes.is_empty() || self.closed[0] || self.closed[1] || self.ended[1 - side]
    }

    fn writable(&self, side: usize) -> bool {
        let room = self.halves[1 - side].bytes.len() < CAPACITY && !self.deaf[1 - side];
        room || self.closed[0] || self.closed[1]
    }
}

#[derive(Debug)]
struct Shared {
    os: Arc<dyn Os>,
    state: Lock<State>,
}

/// One end of a connection inside this process. Dropped, it is closed.
#[derive(Debug)]
pub struct MemoryPipe {
    shared: Arc<Shared>,
    side: usize,
}

/// Who is to be told of a change, after the unlock.
struct News {
    waiters: Vec<Thread>,
    pollers: Vec<(Arc<MemoryPoller>, u64, Ready)>,
}

impl MemoryPipe {
    /// Two connected ends.
    pub fn pair(os: &Arc<dyn Os>) -> (Arc<MemoryPipe>, Arc<MemoryPipe>) {
        let shared = Arc::new(Shared { os: os.clone(), state: Lock::default() });
        let end = |side| Arc::new(MemoryPipe { shared: shared.clone(), side });
        (end(0), end(1))
    }

    fn lock(&self) -> Guard<'_, State> {
        self.shared.state.lock(&*self.shared.os)
    }

    /// Unlocks; tells the threads that wait, and the pollers of the sides in `to`.
    fn tell(&self, mut state: Guard<'_, State>, to: &[(usize, Ready)]) {
        let pollers = to.iter().filter_map(|(side, ready)| {
            let (poller, key) = state.watchers[*side].as_ref()?;
            Some((poller.upgrade()?, *key, *ready))
        });
        let pollers = pollers.collect();
        let news = News { waiters: std::mem::take(&mut state.waiters), pollers };
        drop(state);
        for thread in news.waiters {
            self.shared.os.unpark(&thread);
        }
        for (poller, key, ready) in news.pollers {
            poller.report(key, ready);
        }
    }

    /// This side writes no more: the other one reads what was written, and then the end.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.ended[self.side], true) {
            self.tell(state, &[(1 - self.side, Ready { read: true, hup: true, ..Ready::default() })]);
        }
    }

    /// This side reads no more, and drops what lies there: the other one finds no room until either closes.
    pub(super) fn take_no_more(&self) {
        let mut state = self.lock();
        state.deaf[self.side] = true;
        state.halves[self.side].bytes.clear();
    }

    /// Does anything lie here to be read?
    pub(super) fn has_input(&self) -> bool {
        !self.lock().halves[self.side].bytes.is_empty()
    }

    /// Has the other side closed it?
    pub(super) fn is_closed_by_peer(&self) -> bool {
        self.lock().closed[1 - self.side]
    }

    /// Has the other side read everything that was written here?
    #[cfg(any(not(unix), test, feature = "testkit"))]
    pub(super) fn is_read(&self) -> bool {
        self.lock().halves[1 - self.side].bytes.is_empty()
    }

    /// Parks until something has changed, or `until`. False once that has passed.
    fn park(&self, mut state: Guard<'_, State>, until: Option<Instant>) -> bool {
        let os = &self.shared.os;
        if until.is_some_and(|until| os.now() >= until) {
            return false;
        }
        let me = os.me();
        state.waiters.push(me.clone());
        drop(state);
        os.park(until);
        // Nobody has taken it off the list if nothing has changed: an idle stream comes here a hundred times a second.
        self.lock().waiters.retain(|waiter| !waiter.is(&me));
        true
    }
}

impl Pipe for MemoryPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        loop {
            match self.try_read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            let state = self.lock();
            if !state.readable(self.side) && !self.park(state, until) {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.closed[self.side] {
            return Ok(0);
        }
        let half = &mut state.halves[self.side];
        let count = half.bytes.len().min(buf.len());
        if count == 0 && !buf.is_empty() {
            let over = state.closed[1 - self.side] || state.ended[1 - self.side];
            return if over { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let (front, back) = half.bytes.as_slices();
        let from_front = count.min(front.len());
        buf[..from_front].copy_from_slice(&front[..from_front]);
        buf[from_front..count].copy_from_slice(&back[..count - from_front]);
        half.bytes.drain(..count);
        if half.bytes.len() >= CAPACITY / 2 || !std::mem::take(&mut half.no_room) {
            return Ok(count);
        }
        self.tell(state, &[(1 - self.side, Ready { write: true, ..Ready::default() })]);
        Ok(count)
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.closed[0] || state.closed[1] || state.ended[self.side] {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let capacity = if state.deaf[1 - self.side] { 0 } else { CAPACITY };
        let half = &mut state.halves[1 - self.side];
        let mut written = 0;
        for segment in segments {
            let count = segment.len().min(capacity.saturating_sub(half.bytes.len()));
            half.bytes.extend(&segment[..count]);
            written += count;
        }
        let wanted: usize = segments.iter().map(|segment| segment.len()).sum();
        half.no_room |= written < wanted;
        if written == 0 && wanted > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.tell(state, &[(1 - self.side, Ready { read: true, ..Ready::default() })]);
        Ok(written)
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        loop {
            let mut state = self.lock();
            let ready = Ready {
                read: read && state.readable(self.side),
                write: write && state.writable(self.side),
                woken: std::mem::take(&mut state.woken[self.side]),
                hup: state.closed[1 - self.side],
            };
            if ready.read || ready.write || ready.woken {
                return Ok(ready);
            }
            state.halves[1 - self.side].no_room |= write;
            if !self.park(state, until) {
                return Ok(Ready::default());
            }
        }
    }

    fn wake(&self) {
        let mut state = self.lock();
        state.woken[self.side] = true;
        self.tell(state, &[]);
    }

    fn connected(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn close(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.closed[self.side], true) {
            return;
        }
        let over = Ready { read: true, write: true, woken: false, hup: true };
        self.tell(state, &[(0, over), (1, over)]);
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Memory(self)
    }
}

impl Drop for MemoryPipe {
    fn drop(&mut self) {
        self.close();
    }
}

/// A poller of [`MemoryPipe`]s, and of nothing else.
#[derive(Debug)]
pub struct MemoryPoller {
    os: Arc<dyn Os>,
    state: Lock<PollerState>,
    me: Weak<MemoryPoller>,
}

#[derive(Debug, Default)]
struct PollerState {
    ready: BTreeMap<u64, Ready>,
    notified: bool,
    waiter: Option<Thread>,
}

impl MemoryPoller {
    /// It watches nothing yet.
    pub fn new(os: Arc<dyn Os>) -> Arc<Self> {
        Arc::new_cyclic(|me| MemoryPoller { os, state: Lock::default(), me: me.clone() })
    }

    fn report(&self, key: u64, ready: Ready) {
        let mut state = self.state.lock(&*self.os);
        let all = state.ready.entry(key).or_default();
        all.read |= ready.read;
        all.write |= ready.write;
        all.hup |= ready.hup;
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            self.os.unpark(&waiter);
        }
    }
}

impl Poller for MemoryPoller {
    fn add(&self, key: u64, what: Raw<'_>) -> io::Result<()> {
        let Raw::Memory(pipe) = what else { return Err(ErrorKind::InvalidInput.into()) };
        let mut state = pipe.lock();
        state.watchers[pipe.side] = Some((self.me.clone(), key));
        let (read, write) = (state.readable(pipe.side), state.writable(pipe.side));
        let hup = state.closed[1 - pipe.side];
        drop(state);
        if read || write {
            self.report(key, Ready { read, write, woken: false, hup });
        }
        Ok(())
    }

    fn remove(&self, key: u64, what: Raw<'_>) {
        if let Raw::Memory(pipe) = what {
            pipe.lock().watchers[pipe.side] = None;
        }
        self.state.lock(&*self.os).ready.remove(&key);
    }

    fn wait(&self, into: &mut Vec<(u64, Ready)>, until: Option<Instant>) {
        assert_unlocked();
        loop {
            let mut state = self.state.lock(&*self.os);
            into.extend(std::mem::take(&mut state.ready));
            if std::mem::take(&mut state.notified) || !into.is_empty() || until.is_some_and(|u| self.os.now() >= u) {
                state.waiter = None;
                return;
            }
            state.waiter = Some(self.os.me());
            drop(state);
            self.os.park(until);
        }
    }

    fn notify(&self) {
        let mut state = self.state.lock(&*self.os);
        state.notified = true;
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            self.os.unpark(&waiter);
        }
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests;
