//! One connection, driven by the threads that use it: no thread of its own.
//!
//! Two places: the *reader's*, whose holder (the leader) reads for everyone, and the *writer's*. Who needs one and finds
//! it free takes it; who finds both taken parks, and is woken when its own call moves, or to take a place over. The
//! rules stand in `places`, named in `rules`. One lock; no system call under it; wake-ups are collected under it and
//! delivered after it ([`Driver::unlock`]).
//!
//! What it does not do: choose connections, retry, encode. The channel's calls do, on top.

pub(crate) mod background;
mod exchange;
mod input;
#[cfg(all(test, loom_models))]
mod models;
mod places;
pub(crate) mod rules;
#[cfg(all(test, feature = "testkit"))]
mod tests;
mod waiters;

pub(crate) use exchange::First;
pub(crate) use places::Wait;
pub(crate) use waiters::Direction;

use crate::os::{Os, Pipe, Thread};
use crate::sync::{Guard, Lock};
use proto_core::call::{CallId, CallOptions, Head};
use proto_core::channel::Cause;
use proto_core::connection::{Client, Event, StartError};
use proto_core::time::Instant;
use proto_core::{Config, Connection, Incoming, Outgoing, Status};
use rt_common::observer::Observer;
use rt_common::unwritable::Unwritable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use waiters::Waiters;

/// A connection that nobody has read for so long is read once before it takes a call: a GOAWAY or FIN that came
/// meanwhile costs a reconnect then, and not a call.
const IDLE: Duration = Duration::from_millis(100);

/// One connection and its threads.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) os: Arc<dyn Os>,
    pipe: Arc<dyn Pipe>,
    state: Lock<State>,
    observer: Box<dyn Observer>,
    /// The server has served calls on it: set when it goes away, and when it ends.
    served: AtomicBool,
}

/// The reader's place.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Free,
    Taken { call: Option<CallId>, until: Option<Instant>, plain: bool },
}

/// The writer's place.
#[derive(Clone, Copy, Debug)]
enum Writer {
    Free,
    Taken {
        call: Option<CallId>,
    },
    /// Its holder waits for room, and somebody else reads.
    Blocked {
        call: Option<CallId>,
    },
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) conn: Connection<Client>,
    /// Belongs to the writer's place.
    outgoing: Outgoing,
    /// Belongs to the reader's place.
    incoming: Incoming,
    reader: Reader,
    writer: Writer,
    waiters: Waiters,
    /// When somebody last looked into the socket.
    last_read: Instant,
    /// Reads in a row for which a timer that was due has waited.
    reads_past_due: u8,
    /// The transport is over: nothing can be written any more.
    broken: bool,
    /// How writing failed: the peer takes nothing any more. What it said before, an answer or a GOAWAY, is still read, by
    /// whoever holds the reader's place; the transport is over when that has come to its end.
    unwritable: Option<Unwritable>,
    /// The pipe was closed, or is about to be.
    closed: bool,
    /// Bytes that may have left: those written, and those that a write under way may have taken.
    written: u64,
    /// What the writer's call waits for has moved while it was in a write.
    writer_told: bool,
    /// Who was meant by the last signals of the wake handle, until they come by.
    signalled: Signalled,
    /// The background thread holds the reader's place.
    background_leads: bool,
    /// The background thread, while it is parked.
    background: Option<Thread>,
    /// The error by which the transport broke, where there is more to it than words.
    cause: Option<Cause>,
    exit: Exit,
}

#[derive(Clone, Copy, Debug, Default)]
struct Signalled {
    reader: bool,
    writer: bool,
}

/// What was decided under the lock and is delivered after it.
#[derive(Debug, Default)]
struct Exit {
    first: Option<Thread>,
    more: Vec<Thread>,
    signal: bool,
    close: bool,
    ready: bool,
    draining: bool,
    /// It has served calls.
    served: bool,
    closed: Option<(String, Option<Cause>)>,
}

impl Exit {
    fn unpark(&mut self, thread: Thread) {
        if self.first.is_none() {
            self.first = Some(thread);
        } else {
            self.more.push(thread);
        }
    }
}

impl State {
    /// May the socket be read? Input whose answers the peer would have to take waits, unless it takes none any more.
    fn wants_input(&self) -> bool {
        self.unwritable.is_some() || self.conn.wants_input()
    }

    /// Is there anything to write, and something to write it to?
    fn has_output(&self) -> bool {
        !self.broken && self.unwritable.is_none() && (!self.outgoing.is_empty() || self.conn.has_output())
    }

    fn wake(&mut self, key: waiters::Key) {
        if let Some(thread) = self.waiters.wake(key) {
            self.exit.unpark(thread);
        }
    }

    fn signal_reader(&mut self) {
        self.signalled.reader = true;
        self.exit.signal = true;
    }

    fn signal_writer(&mut self) {
        self.signalled.writer = true;
        self.exit.signal = true;
    }

    /// Events of the core become wake-ups of exactly the threads that wait for them.
    fn dispatch(&mut self, os: &dyn Os) {
        while let Some(event) = self.conn.poll_event() {
            match event {
                Event::Readable(id) => self.moved(os, id, true, false),
                Event::Writable(id) => self.moved(os, id, false, true),
                Event::Ended(id) => self.moved(os, id, true, true),
                Event::Ready => {
                    self.exit.ready = true;
                    self.wake_connection_waiters();
                }
                Event::Draining => {
                    self.exit.draining = true;
                    self.exit.served = self.conn.has_served();
                    self.wake_connection_waiters();
                }
                Event::Closed => {
                    let reason = self.conn.close_reason().map_or_else(String::new, ToString::to_string);
                    self.exit.closed = Some((reason, self.cause.take()));
                    self.exit.served |= self.conn.has_served();
                    self.wake_connection_waiters();
                    if let Some(thread) = self.background.take() {
                        self.exit.unpark(thread);
                    }
                }
                _ => {}
            }
        }
    }

    /// Something happened to a call: who waits for that, wherever it waits, looks again.
    fn moved(&mut self, os: &dyn Os, id: CallId, recv: bool, send: bool) {
        for (direction, wanted) in [(Direction::Recv, recv), (Direction::Send, send)] {
            if let (true, Some(key)) = (wanted, self.waiters.find(id, direction)) {
                self.wake(key);
            }
        }
        if !crate::os::in_force(os, rules::LEADER_TOLD_OF_ITS_CALL) {
            return;
        }
        // The holder of a place is not parked. A plain reader needs no word: only the peer and time end its call.
        if matches!(self.reader, Reader::Taken { call, plain: false, .. } if call == Some(id)) {
            self.signal_reader();
        }
        self.tell_writer(Some(id));
    }

    /// Is this the writer's call (or does it wait for the connection itself)? Then it looks again.
    fn tell_writer(&mut self, about: Option<CallId>) {
        match self.writer {
            Writer::Blocked { call } if call == about => self.signal_writer(),
            // It may be about to wait for room.
            Writer::Taken { call } if call == about => self.writer_told = true,
            _ => {}
        }
    }

    fn wake_connection_waiters(&mut self) {
        for key in self.waiters.of_connection() {
            self.wake(key);
        }
        if matches!(self.reader, Reader::Taken { call: None, .. }) {
            self.signal_reader();
        }
        self.tell_writer(None);
    }
}

impl Driver {
    /// A new connection over a pipe that stands. Nothing is written until somebody waits.
    pub(crate) fn new(os: Arc<dyn Os>, pipe: Arc<dyn Pipe>, config: Config, observer: Box<dyn Observer>) -> Arc<Self> {
        let now = os.now();
        let state = State {
            conn: Connection::client(config, now),
            outgoing: Outgoing::new(),
            incoming: Incoming::new(),
            reader: Reader::Free,
            writer: Writer::Free,
            waiters: Waiters::default(),
            last_read: now,
            reads_past_due: 0,
            broken: false,
            unwritable: None,
            closed: false,
            written: 0,
            writer_told: false,
            signalled: Signalled::default(),
            background_leads: false,
            background: None,
            cause: None,
            exit: Exit::default(),
        };
        Arc::new(Driver { os, pipe, state: Lock::new(state), observer, served: AtomicBool::new(false) })
    }

    pub(super) fn lock(&self) -> Guard<'_, State> {
        self.state.lock(&*self.os)
    }

    /// The one way out of the lock: delivers what was decided under it.
    fn unlock(&self, mut state: Guard<'_, State>) {
        let exit = std::mem::take(&mut state.exit);
        drop(state);
        if let Some(thread) = exit.first {
            self.os.unpark(&thread);
        }
        for thread in exit.more {
            self.os.unpark(&thread);
        }
        if exit.signal {
            self.pipe.wake();
        }
        if exit.close {
            self.pipe.close();
        }
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
    }

    /// Does something to the connection, and sends what comes of it as far as the socket takes it. Does not block.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Connection<Client>, Instant) -> T) -> T {
        let mut state = self.lock();
        let now = self.os.now();
        let value = act(&mut state.conn, now);
        state.dispatch(&*self.os);
        self.leave(state);
        value
    }

    /// Starts a call and leaves the lock held, so that its first message goes into the same write. An idle connection is
    /// drained first.
    pub(super) fn start(
        &self,
        head: Head<'_>,
        options: &CallOptions,
    ) -> Result<(Guard<'_, State>, CallId), StartError> {
        let mut state = self.lock();
        if self.is_idle(&state) && crate::os::in_force(&*self.os, rules::IDLE_DRAINED) {
            state = self.drain(state);
        }
        match state.conn.start(self.os.now(), head, options) {
            Ok(id) => Ok((state, id)),
            Err(error) => {
                state.dispatch(&*self.os);
                self.leave(state);
                Err(error)
            }
        }
    }

    /// Ends a call with this status, from any thread, and wakes who waits for it.
    pub(crate) fn cancel(&self, id: CallId, status: Status) {
        let mut state = self.lock();
        let now = self.os.now();
        if let Ok(mut call) = state.conn.call(id) {
            call.cancel(now, status);
        }
        // The core reports what happens to calls, not what the application does to them.
        state.moved(&*self.os, id, true, true);
        state.dispatch(&*self.os);
        self.leave(state);
    }

    /// The application is done with a call; one that is not over is cancelled.
    pub(crate) fn release(&self, id: CallId) {
        self.with(|conn, now| {
            if let Ok(call) = conn.call(id) {
                call.release(now);
            }
        });
    }

    /// GOAWAY; calls may run on for `grace`; then it closes, if somebody is there to see to it (`wait_closed`).
    pub(crate) fn shutdown(&self, grace: Duration) {
        self.with(|conn, now| conn.shutdown(now, grace));
    }

    /// Gives it up at once: whoever is inside comes out.
    pub(crate) fn abort(&self) {
        let mut state = self.lock();
        let now = self.os.now();
        state.conn.shutdown(now, Duration::ZERO);
        if !state.conn.is_closed() {
            let written = state.written;
            state.conn.lost(now, "the connection was given up".into(), Some(written));
        }
        state.dispatch(&*self.os);
        self.leave(state);
    }

    /// Is it over?
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().conn.is_closed()
    }

    /// When it went away, or ended: had it served calls?
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Relaxed)
    }

    /// Looks into the socket, if nobody has for a while, without waiting.
    pub(crate) fn look(&self) {
        let mut state = self.lock();
        if self.is_idle(&state) {
            state = self.drain(state);
        }
        self.leave(state);
    }

    /// Has nobody read for a while?
    pub(super) fn is_idle(&self, state: &State) -> bool {
        self.os.now() - state.last_read >= IDLE && matches!(state.reader, Reader::Free)
    }

    /// Lets those look again who wait for the connection itself.
    pub(crate) fn poke(&self) {
        let mut state = self.lock();
        state.wake_connection_waiters();
        self.unlock(state);
    }
}
