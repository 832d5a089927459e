//! The edge-triggered poller of the simulation.

use super::net::{Net, What, what};
use crate::os::{Poller, Raw, Ready};
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct PollerState {
    /// Key, what it stands for, and whether the first report is still due.
    watched: Vec<(u64, usize, bool)>,
    notified: bool,
    /// The thread that waits.
    pub(super) waiter: Option<usize>,
}

pub(super) struct SimPoller {
    net: Arc<Net>,
    index: usize,
}

impl fmt::Debug for SimPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimPoller({})", self.index)
    }
}

impl SimPoller {
    pub(super) fn new(net: &Arc<Net>, index: usize) -> Self {
        SimPoller { net: net.clone(), index }
    }

    /// Puts what is new into `into`; says when something will be.
    fn collect(&self, into: &mut Vec<(u64, Ready)>, now: Instant) -> Option<Instant> {
        let short = self.net.sched.random().is_multiple_of(3);
        let mut state = self.net.state();
        let capacity = state.settings.capacity;
        let mut watched = std::mem::take(&mut state.pollers[self.index].watched);
        let mut next: Option<Instant> = None;
        for (key, raw, first) in &mut watched {
            if short && !into.is_empty() {
                // A short list of events: the others come with the next wait.
                next = Some(now);
                break;
            }
            let (mut ready, news) = match what(*raw) {
                What::Listener(index) => (Ready::default(), &mut state.listeners[index].news),
                What::Pipe(index, side) => {
                    let link = &mut state.links[index];
                    let has_room = link.bytes.is_writable(side, capacity, now);
                    let mut ready = Ready { hup: link.bytes.has_ended(side, now), ..Ready::default() };
                    let other = &mut link.sides[1 - side];
                    if has_room && (*first || std::mem::take(&mut other.no_room)) {
                        ready.write = true;
                    }
                    if *first {
                        ready.read = link.bytes.readable(side, now).0;
                    }
                    (ready, &mut link.sides[side].news)
                }
            };
            *first = false;
            ready.read |= arrived(news, now);
            next = [next, news.front().copied()].into_iter().flatten().min();
            ready.hup &= ready.read;
            if ready.read || ready.write {
                into.push((*key, ready));
            }
        }
        state.pollers[self.index].watched = watched;
        next
    }
}

/// Takes the news that have arrived.
fn arrived(news: &mut VecDeque<Instant>, now: Instant) -> bool {
    let before = news.len();
    news.retain(|at| *at > now);
    news.len() < before
}

impl Poller for SimPoller {
    fn add(&self, key: u64, added: Raw<'_>) -> io::Result<()> {
        assert_unlocked();
        self.net.sched.point();
        let Raw::Sim(raw, _) = added else { return Err(io::ErrorKind::InvalidInput.into()) };
        self.net.state().pollers[self.index].watched.push((key, raw, true));
        self.net.tell(Vec::new());
        Ok(())
    }

    fn remove(&self, key: u64, removed: Raw<'_>) {
        assert_unlocked();
        self.net.sched.point();
        if let Raw::Sim(raw, _) = removed {
            self.net.state().pollers[self.index].watched.retain(|w| (w.0, w.1) != (key, raw));
        }
    }

    fn wait(&self, into: &mut Vec<(u64, Ready)>, until: Option<Instant>) {
        assert_unlocked();
        let sched = &self.net.sched;
        loop {
            sched.point();
            if sched.is_over() {
                return;
            }
            let now = sched.now();
            let next = self.collect(into, now);
            {
                let mut state = self.net.state();
                let poller = &mut state.pollers[self.index];
                assert!(poller.waiter.is_none(), "two threads wait in one poller");
                if std::mem::take(&mut poller.notified) || !into.is_empty() || until.is_some_and(|at| at <= now) {
                    return;
                }
                poller.waiter = Some(sched.me());
            }
            sched.block([next, until].into_iter().flatten().min(), "waits in the poller");
            self.net.state().pollers[self.index].waiter = None;
        }
    }

    fn notify(&self) {
        assert_unlocked();
        self.net.state().pollers[self.index].notified = true;
        self.net.tell(Vec::new());
        self.net.sched.point();
    }
}
