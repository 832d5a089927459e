//! Start, timers, stop, the end.

use super::hub::{Hub, HubHeld, phase};
use super::limits::{LAST, LATEST, NEVER};
use super::rules::Rule;
use super::state::{HubState, Visit, key};
use proto_core::time::Instant;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Hub {
    /// Starts the first two workers: one waits, one runs.
    pub(super) fn start(&self) -> io::Result<()> {
        let now = self.os.now();
        let mut held = self.lock();
        held.grow(&self.limits, now);
        held.grow(&self.limits, now);
        self.done(held);
        let held = self.lock();
        if held.threads + held.coming > 0 {
            return Ok(());
        }
        drop(held);
        Err(io::Error::other("the system has no thread to give"))
    }

    /// Accepts from now on. Connections that came before have been waiting.
    pub(super) fn open(&self) {
        let mut held = self.lock();
        held.open = true;
        held.accept = held.listener.is_some();
        held.nudge(Instant::ZERO);
        self.done(held);
    }

    /// The end comes with that of the last connection. The calling thread is one of the workers until then.
    pub(super) fn work_until_idle(&self) {
        let mut held = self.lock();
        held.until_idle = true;
        self.check_done(&mut held);
        let slot = held.add_slot();
        held.coming += 1;
        held.waking += 1;
        self.done(held);
        self.worker(&slot);
    }

    /// GOAWAY to all, no new connections; what is not over after `grace` is ended by force. Later calls may only
    /// shorten the grace. Returns at once.
    pub(super) fn stop(&self, grace: Duration) {
        let end = (self.os.now() + grace).min(LATEST);
        let mut held = self.lock();
        if self.phase.load(Relaxed) >= phase::FORCED || held.done {
            return;
        }
        let first = held.stop == NEVER;
        let old = held.stop;
        held.timers.remove(&(old, key::STOP));
        held.stop = end.min(old);
        let end = held.stop;
        held.timers.insert((end, key::STOP));
        let mut listener = None;
        if first {
            self.phase.store(phase::DRAINING, Relaxed);
            listener = held.listener.take();
            all_ready(&mut held);
        }
        held.nudge(if self.broken(Rule::StopNudges) { NEVER } else { Instant::ZERO });
        self.check_done(&mut held);
        self.done(held);
        if let Some(listener) = listener {
            self.poller.remove(key::LISTENER, listener.raw());
            // Closed here, unless a worker is in its `accept`.
            drop(listener);
        }
    }

    /// Timers that are due: connections are to be visited, accepting goes on, the grace has ended.
    pub(super) fn due(&self, held: &mut HubHeld<'_>, now: Instant) {
        while let Some(&(at, key)) = held.timers.first().filter(|timer| timer.0 <= now) {
            held.timers.remove(&(at, key));
            match key {
                key::STOP => self.grace_over(held, now),
                key::ACCEPT => held.accept = held.listener.is_some(),
                _ => {
                    if let Some(conn) = held.conns.get(&key).cloned() {
                        held.ready.push_back((conn, Visit { timer: true, ..Visit::default() }));
                    }
                }
            }
        }
    }

    /// First the calls are ended; handlers that have not returned some time after that are left behind.
    fn grace_over(&self, held: &mut HubHeld<'_>, now: Instant) {
        if self.phase.load(Relaxed) == phase::DRAINING {
            self.phase.store(phase::FORCED, Relaxed);
            held.timers.insert((now + LAST, key::STOP));
            all_ready(held);
        } else {
            self.phase.store(phase::OVER, Relaxed);
        }
        self.check_done(held);
    }

    /// Blocks until the end. How many handlers did not return.
    pub(super) fn join(&self) -> usize {
        loop {
            let mut held = self.lock();
            if held.done {
                return held.busy;
            }
            let me = self.os.me();
            held.joiners.push(me);
            drop(held);
            self.os.park(None);
        }
    }
}

/// Every connection is to look at the phase.
fn all_ready(held: &mut HubHeld<'_>) {
    let HubState { conns, ready, .. } = &mut **held;
    ready.extend(conns.values().map(|conn| (conn.clone(), Visit::default())));
}
