//! One connection: a task of its own reads it and keeps its time; callers write inline while nobody else writes.
//!
//! One lock. No call of the seam is made and nobody is woken under it: what was decided there is delivered by the one way
//! out of it ([`Driver::unlock`]). The writer's place is free, or taken by whoever is writing, or the task's, from when
//! the pipe had no room until it has taken everything.
//!
//! What it does not do: choose connections, retry, encode. The channel's calls do, on top.

#[cfg(all(test, loom_models))]
mod models;
mod operations;
mod slots;
mod task;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use operations::Opening;
pub(crate) use slots::Restart;
pub(crate) use task::Drive;

use super::wakers::Woken;
use crate::os::{Os, Pipe};
use crate::rules::{Rule, Rules};
use crate::sync::{Guard, Lock};
use proto_core::call::CallId;
use proto_core::channel::Cause;
use proto_core::connection::{Client, Event};
use proto_core::time::Instant;
use proto_core::{Config, Connection, Outgoing, Payload};
use rt_common::observer::Observer;
use rt_common::unwritable::Unwritable;
use slots::Slots;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

/// One connection.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) os: Arc<dyn Os>,
    state: Lock<State>,
    observer: Box<dyn Observer>,
    /// The server has served calls on it: set when it goes away, and when it ends.
    served: AtomicBool,
}

/// The writer's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Free,
    Taken,
    /// The pipe had no room, or others have written enough: the task goes on.
    Task,
}

#[derive(Debug)]
struct State {
    conn: Connection<Client>,
    /// Gone when the connection is over.
    pipe: Option<Arc<dyn Pipe>>,
    /// Belongs to the writer's place.
    outgoing: Outgoing,
    writer: Writer,
    slots: Slots,
    /// The connection's task, until it is woken.
    task: Option<Waker>,
    /// When the task wakes by itself.
    timer_at: Option<Instant>,
    /// The task does not read until there is less unread by the peer.
    paused: bool,
    /// The transport is over: nothing can be written any more.
    broken: bool,
    /// A write failed. What the peer said before is heard first.
    failed: Option<Unwritable>,
    /// The error by which the transport broke, where there is more to it than words.
    cause: Option<Cause>,
    /// Bytes that may have left: those written, and those that a write under way may have taken.
    written: u64,
    exit: Exit,
    rules: Rules,
}

/// What was decided under the lock and is delivered after it.
#[derive(Debug, Default)]
struct Exit {
    woken: Woken,
    ended: Vec<(Weak<dyn Restart>, CallId)>,
    ready: bool,
    draining: bool,
    /// It has served calls.
    served: bool,
    closed: Option<(String, Option<Cause>)>,
    pipe: Option<Arc<dyn Pipe>>,
}

impl fmt::Debug for dyn Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Restart")
    }
}

impl State {
    /// Is there anything to write, and something to write it to?
    fn has_output(&self) -> bool {
        !self.broken && self.failed.is_none() && (!self.outgoing.is_empty() || self.conn.has_output())
    }

    /// Is the pipe to be read? Input whose answers the peer would have to take waits, unless it takes none any more.
    fn wants_input(&self) -> bool {
        !self.broken && !self.conn.is_closed() && (self.failed.is_some() || self.conn.wants_input())
    }

    fn wake_task(&mut self) {
        self.exit.woken.wake(self.task.take());
    }

    /// Events of the core become wake-ups of exactly the tasks that wait for them.
    fn dispatch(&mut self, now: Instant) {
        while let Some(event) = self.conn.poll_event() {
            let woken = &mut self.exit.woken;
            match event {
                Event::Readable(id) => {
                    if let Some(slot) = self.slots.find(id)
                        && self.rules.hold(Rule::ClientMessageWakes)
                    {
                        slot.wakers.readable(woken);
                    }
                }
                Event::Writable(id) => self.writable(now, id),
                Event::Ended(id) => {
                    if let Some(slot) = self.slots.find(id) {
                        if self.rules.hold(Rule::ClientEndWakes) {
                            slot.wakers.all(woken);
                        }
                        let owner = slot.owner.clone().filter(|_| self.rules.hold(Rule::ClientEndTellsOwner));
                        self.exit.ended.extend(owner.map(|owner| (owner, id)));
                    }
                }
                Event::Ready => self.exit.ready = true,
                Event::Draining => {
                    self.exit.draining = true;
                    self.exit.served |= self.conn.has_served();
                }
                Event::Closed => {
                    self.exit.served |= self.conn.has_served();
                    let reason = self.conn.close_reason().map_or_else(String::new, ToString::to_string);
                    self.exit.closed = Some((reason, self.cause.take()));
                }
                _ => {}
            }
        }
    }

    /// There is room for a call's messages: first for the one that it was started with.
    fn writable(&mut self, now: Instant, id: CallId) {
        let Some(slot) = self.slots.find(id) else { return };
        let Some(request) = slot.request.take_if(|_| self.rules.hold(Rule::ClientRequestFollows)) else {
            if self.rules.hold(Rule::ClientRoomWakes) {
                slot.wakers.writable(&mut self.exit.woken);
            }
            return;
        };
        let sent = self.conn.call(id).map(|mut call| call.send_last(now, Payload::Shared(&request)));
        if let Ok(Err(proto_core::call::SendError::Blocked)) = sent {
            slot.request = Some(request);
        }
    }

    /// Does the task have to come by? It looks at everything itself when it does.
    fn tell_task(&mut self) {
        let timer = self.conn.poll_timeout();
        let earlier = timer.is_some_and(|at| self.timer_at.is_none_or(|timer_at| at < timer_at));
        let reads_again = self.paused && self.conn.wants_input();
        let earlier = earlier && self.rules.hold(Rule::ClientTimerTells);
        let reads_again = reads_again && self.rules.hold(Rule::ClientReadingToldOf);
        let closed = self.conn.is_closed() && self.rules.hold(Rule::ClientEndTells);
        let failed = self.failed.is_some() && self.rules.hold(Rule::ClientFailureTells);
        if earlier || reads_again || closed || failed {
            self.wake_task();
        }
    }
}

impl Driver {
    /// A connection over a pipe that stands, and its task, which is to be spawned.
    pub(crate) fn new(
        os: Arc<dyn Os>,
        pipe: Arc<dyn Pipe>,
        config: Config,
        observer: Box<dyn Observer>,
    ) -> (Arc<Self>, Drive) {
        let state = State {
            conn: Connection::client(config, os.now()),
            pipe: Some(pipe.clone()),
            outgoing: Outgoing::new(),
            writer: Writer::Free,
            slots: Slots::default(),
            task: None,
            timer_at: None,
            paused: false,
            broken: false,
            failed: None,
            cause: None,
            written: 0,
            exit: Exit::default(),
            rules: Rules::of(&*os),
        };
        let driver = Arc::new(Driver { os, state: Lock::new(state), observer, served: AtomicBool::new(false) });
        let task = Drive::new(driver.clone(), pipe);
        (driver, task)
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// The one way out of the lock: delivers what was decided under it.
    fn unlock(&self, mut state: Guard<'_, State>) {
        let exit = std::mem::take(&mut state.exit);
        drop(state);
        if exit.ready {
            self.observer.ready();
        }
        if exit.served {
            self.served.store(true, Relaxed);
        }
        if exit.draining {
            self.observer.draining();
        }
        if let Some((reason, cause)) = exit.closed {
            self.observer.closed(&reason, cause);
        }
        for (owner, id) in exit.ended {
            if let Some(owner) = owner.upgrade() {
                owner.ended(self, id);
            }
        }
        exit.woken.deliver();
        // The last one closes the socket.
        drop(exit.pipe);
    }

    /// Does something to the connection, and sends what comes of it as far as the pipe takes it now.
    fn with<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.lock();
        let value = act(&mut state, self.os.now());
        self.leave(state);
        value
    }

    /// GOAWAY; calls may run on for `grace`; then it closes.
    pub(crate) fn shutdown(&self, grace: Duration) {
        self.with(|state, now| state.conn.shutdown(now, grace));
    }

    /// Gives it up at once: whoever waits for a call of it learns that.
    pub(crate) fn abort(&self) {
        self.with(|state, now| {
            state.conn.shutdown(now, Duration::ZERO);
            if !state.conn.is_closed() {
                let written = state.written;
                state.conn.lost(now, "the connection was given up".into(), Some(written));
            }
        });
    }

    /// Is it over?
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().conn.is_closed()
    }

    /// When it went away, or ended: had it served calls?
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Relaxed)
    }
}
