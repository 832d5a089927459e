//! One connection: its lock, what stands under it, and how events of the core become jobs and wake-ups.
//!
//! The places (who reads, who writes) are in `places`, the unlock is in `deliver`, what handlers do with their call in
//! `handle`.

use super::calls::{Calls, Direction, Stage};
use super::handle::Handle;
use super::hub::Hub;
use super::job::Job;
use super::limits::NEVER;
use super::rules::Rule;
use crate::os::{Pipe, Thread};
use crate::sync::{Guard, Lock};
use proto_core::buf::{Incoming, Outgoing};
use proto_core::call::CallId;
use proto_core::config::Config;
use proto_core::connection::{Connection, Event, Server};
use proto_core::grpc::{Metadata, Status};
use proto_core::rpc::{Context, OnCancel, Peer};
use proto_core::time::Instant;
use rt_common::ended::returned;
use rt_common::ending::Ending;
use rt_common::unwritable::Unwritable;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// A connection.
pub(super) struct Conn {
    pub(super) key: u64,
    pub(super) pipe: Arc<dyn Pipe>,
    pub(super) peer: Peer,
    pub(super) state: Lock<State>,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").field("key", &self.key).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// What its lock guards.
pub(super) struct State {
    pub(super) core: Connection<Server>,
    /// The handshake below (TLS) is over, or there is none: only then is the connection read and written.
    pub(super) stands: bool,
    pub(super) calls: Calls,
    /// The end of a frame that has not arrived, between visits.
    pub(super) input: Option<Incoming>,
    /// What is being written (taken out during the write), and how many bytes of it are left.
    pub(super) out: Outgoing,
    pub(super) left: usize,
    /// Somebody is in `flush`, perhaps in a write.
    pub(super) writer: bool,
    /// The socket is full: only a writable edge starts the next write.
    pub(super) blocked: bool,
    /// A writable edge came while the writer's place was taken.
    pub(super) write_edge: bool,
    /// A write failed: what the peer had said before is read, and then the transport is gone.
    pub(super) unwritable: Option<Unwritable>,
    /// The transport broke, or is closed.
    pub(super) dead: bool,
    /// Somebody is in `visit`, perhaps in a read.
    pub(super) visiting: bool,
    /// Look again before leaving the visitor's place.
    pub(super) again: bool,
    pub(super) readable: bool,
    pub(super) hup: bool,
    /// Reading has stopped until control output drains.
    pub(super) full: bool,
    pub(super) to_wake: Vec<Thread>,
    /// Calls to start, decided under this lock.
    pub(super) fresh: Vec<Job>,
    /// Calls that go on to the queue, whatever its length: they were admitted before.
    pub(super) admitted: Vec<Job>,
    /// Calls that must not start while too much output is unsent.
    pub(super) held: VecDeque<Job>,
    pub(super) next_key: u64,
    /// The timer that the hub knows of; kept when it is early enough (lazy).
    pub(super) timer_at: Instant,
    /// When what a stream's sender holds back began to be held back.
    pub(super) corked: Option<Instant>,
    /// The hub's list of corked connections has this one.
    pub(super) cork_listed: bool,
    /// When a stream's sender last wrote.
    pub(super) sent_at: Instant,
    /// Calls ended without their handler's doing: who wants to hear of it.
    pub(super) ended: Vec<(Arc<dyn OnCancel>, Status)>,
    /// Dropped after the unlock.
    pub(super) leftovers: Vec<(Context, Arc<Handle>)>,
    /// To be visited again by anybody.
    pub(super) kick: bool,
    /// The peer's SETTINGS are here, and the hub has not been told.
    pub(super) greeted: bool,
    pub(super) drained: bool,
    /// Grace is over: closed as soon as the last words are written, or cannot be.
    pub(super) forced: bool,
    /// Closed by the core, and waiting for the peer to read the last words, or to close too: dropped then.
    pub(super) ending: Ending,
    pub(super) closed: bool,
    /// Somebody panicked with it in hand: its core is not touched any more.
    pub(super) abandoned: bool,
}

/// The connection's lock, held.
pub(super) type Held<'a> = Guard<'a, State>;

impl Conn {
    pub(super) fn new(key: u64, pipe: Arc<dyn Pipe>, stands: bool, config: Config, now: Instant) -> Self {
        let peer = pipe.peer();
        let state = State {
            core: Connection::server(config, now),
            stands,
            calls: Calls::default(),
            input: None,
            out: Outgoing::new(),
            left: 0,
            writer: false,
            blocked: false,
            write_edge: false,
            unwritable: None,
            dead: false,
            visiting: false,
            again: false,
            readable: false,
            hup: false,
            full: false,
            to_wake: Vec::new(),
            fresh: Vec::new(),
            admitted: Vec::new(),
            held: VecDeque::new(),
            next_key: 0,
            timer_at: NEVER,
            corked: None,
            cork_listed: false,
            sent_at: Instant::ZERO,
            ended: Vec::new(),
            leftovers: Vec::new(),
            kick: false,
            greeted: false,
            drained: false,
            forced: false,
            ending: Ending::default(),
            closed: false,
            abandoned: false,
        };
        Conn { key, pipe, peer, state: Lock::new(state) }
    }
}

impl State {
    pub(super) fn has_output(&self) -> bool {
        self.left > 0 || self.core.has_output()
    }

    /// Bytes that the peer's socket has not taken.
    pub(super) fn unsent(&self) -> usize {
        self.left + self.core.unsent()
    }

    /// May the writer's place be taken?
    pub(super) fn may_write(&self) -> bool {
        let can = self.stands && !self.dead && self.unwritable.is_none();
        can && !self.writer && !self.blocked
    }

    /// Is the socket to be read? Input whose answers the peer would have to take waits, unless it takes none any more.
    pub(super) fn wants_input(&self) -> bool {
        self.unwritable.is_some() || self.core.wants_input()
    }

    /// A write failed, for whoever made it. The next visit reads what the peer said before, and ends the connection.
    pub(super) fn write_failed(&mut self, hub: &Hub, now: Instant, error: io::Error) {
        if hub.broken(Rule::LastWordsHeard) {
            return self.lost(now, error.to_string());
        }
        self.unwritable = Some(Unwritable::new(error));
        self.readable = true;
        if self.visiting { self.again = true } else { self.kick = true }
    }

    /// The peer has ended the connection.
    pub(super) fn peer_closed(&mut self, now: Instant) {
        if self.unwritable.is_some() {
            return self.read_failed(now, String::new());
        }
        if !self.dead {
            self.dead = true;
            self.core.receive_eof(now);
        }
    }

    /// The transport is gone, by this reason or the one for which a write had failed.
    pub(super) fn read_failed(&mut self, now: Instant, reason: String) {
        let first = self.unwritable.take().map(|write| write.into_error().to_string());
        self.lost(now, first.unwrap_or(reason));
    }

    /// So many bytes were read after a write had failed: there may be more, until that is too much.
    pub(super) fn heard(&mut self, now: Instant, bytes: usize) {
        let Some(write) = &mut self.unwritable else { return };
        self.readable = true;
        if write.is_heard_out(bytes) {
            self.read_failed(now, String::new());
        }
    }

    /// The transport is gone.
    pub(super) fn lost(&mut self, now: Instant, reason: String) {
        if !self.dead {
            self.dead = true;
            self.core.lost(now, reason, Some(self.out.written()));
        }
    }

    /// The handshake below has failed: our direction ends, and what still comes is dropped, so that the peer hears why.
    pub(super) fn refused(&mut self, now: Instant, reason: String) {
        self.stands = true;
        self.core.lost(now, reason, Some(0));
    }

    /// Gives back the slot of a call that no handler has answered.
    pub(super) fn release_call(&mut self, now: Instant, id: CallId) {
        let cut = self.over(id);
        self.release(now, id, cut, None);
    }

    /// The call is over for everybody: gives its slot back. `cut`: how it was cut short, if it was, before the handler's
    /// answer. That is kept where contexts look that outlive it: in `handle`, if its worker has that in hand, or in the one
    /// that waits with its context.
    pub(super) fn release(&mut self, now: Instant, id: CallId, cut: Option<Status>, handle: Option<&Handle>) {
        if let Ok(call) = self.core.call(id) {
            call.release(now);
        }
        let Some(mut left) = self.calls.remove(id) else { return };
        let waiting = left.context.as_ref().map(|(_, handle)| &**handle);
        if let (Some(handle), Some(status)) = (handle.or(waiting), &cut) {
            handle.remember(status.clone());
        }
        self.to_wake.append(&mut left.threads);
        let over = || cut.clone().unwrap_or_else(returned);
        self.ended.extend(left.subscribers.drain(..).map(|(_, on_cancel)| (on_cancel, over())));
        self.leftovers.extend(left.context);
    }

    /// How the call ended, if that is known without the core.
    pub(super) fn known_end(&mut self, id: CallId) -> Option<Status> {
        if self.abandoned {
            return Some(Status::internal("the connection was given up after a panic"));
        }
        match self.calls.get(id) {
            Some(entry) => entry.verdict.clone(),
            None => Some(returned()),
        }
    }

    /// How the call ended; `None`: it goes on.
    pub(super) fn over(&mut self, id: CallId) -> Option<Status> {
        match self.known_end(id) {
            None if self.core.call(id).is_ok_and(|call| !call.is_cancelled()) => None,
            None => Some(self.status_of(id)),
            known => known,
        }
    }

    /// Events become jobs and wake-ups.
    pub(super) fn dispatch(&mut self, hub: &Hub, conn: &Arc<Conn>, now: Instant) {
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::Incoming => {
                    while let Some(id) = self.core.accept() {
                        self.incoming(hub, conn, now, id);
                    }
                }
                Event::Readable(id) => self.call_readable(conn, now, id),
                Event::Writable(id) => {
                    if let Some(entry) = self.calls.get(id).filter(|_| !hub.broken(Rule::SendersGoOn)) {
                        entry.wake(|d| d == Direction::Send, &mut self.to_wake);
                    }
                }
                Event::Ended(id) => self.call_ended(hub, now, id),
                Event::Ready => self.greeted = true,
                // Draining, Closed: asked of the core where they matter.
                _ => {}
            }
        }
    }

    /// A new call: found and started, or answered at once.
    fn incoming(&mut self, hub: &Hub, conn: &Arc<Conn>, now: Instant, id: CallId) {
        let Ok(mut call) = self.core.call(id) else { return };
        match hub.services.find(call.head().path) {
            Ok(found) => {
                call.set_kind(found.kind);
                let headers = !found.kind.client_streams && !call.can_start();
                let stage = if headers { Stage::Headers } else { Stage::Started };
                let stream = !headers && (found.kind.client_streams || found.kind.server_streams);
                self.calls.insert(id, found, stage);
                self.fresh.push(Job { conn: conn.clone(), id, method: found.index, headers, stream, at: now });
            }
            Err(status) => {
                call.finish(now, &status, &Metadata::new());
                call.release(now);
                hub.stats.unimplemented.one();
            }
        }
    }

    /// Something new to read: for the handler, or for the start of one.
    fn call_readable(&mut self, conn: &Arc<Conn>, now: Instant, id: CallId) {
        let Some(entry) = self.calls.get(id) else { return };
        match entry.stage {
            Stage::Headers => {}
            Stage::Started => entry.wake(|d| d == Direction::Recv, &mut self.to_wake),
            Stage::Waiting => {
                if self.core.call(id).is_ok_and(|call| call.can_start()) {
                    self.admitted.push(entry.start(conn, id, now));
                }
            }
        }
    }

    /// A call ended without its handler's doing: whoever waits on it is woken.
    fn call_ended(&mut self, hub: &Hub, now: Instant, id: CallId) {
        let Some(entry) = self.calls.get(id) else { return };
        let waiting = entry.stage == Stage::Waiting;
        if !hub.broken(Rule::EndWakesHandler) {
            entry.wake(|_| true, &mut self.to_wake);
        }
        let subscribers = entry.take_subscribers();
        if !subscribers.is_empty() {
            let status = self.status_of(id);
            self.ended.extend(subscribers.into_iter().map(|(_, on_cancel)| (on_cancel, status.clone())));
        }
        if waiting {
            self.release_call(now, id);
        }
    }

    /// How a call that is over ended, in the handler's eyes.
    pub(super) fn status_of(&mut self, id: CallId) -> Status {
        if let Some(verdict) = self.calls.get(id).and_then(|entry| entry.verdict.clone()) {
            return verdict;
        }
        let outcome = self.core.call(id).ok().and_then(|call| call.outcome().cloned());
        outcome.filter(|s| !s.is_ok()).unwrap_or_else(returned)
    }

    /// Somebody who subscribed to a call that the handler has ended itself hears of it.
    pub(super) fn end_by_handler(&mut self, id: CallId, status: Status) {
        if let Some(entry) = self.calls.get(id) {
            entry.verdict = Some(status.clone());
            entry.wake(|_| true, &mut self.to_wake);
            let subscribers = entry.take_subscribers();
            self.ended.extend(subscribers.into_iter().map(|(_, on_cancel)| (on_cancel, status.clone())));
        }
    }

    /// Output has drained, or there is nowhere to send it any more: held calls go on, reading goes on.
    pub(super) fn room(&mut self, hub: &Hub) {
        let enough = self.unsent() <= hub.limits.hold_above / 2;
        if self.core.is_closed() || enough && !hub.broken(Rule::HeldGoOn) {
            self.admitted.extend(self.held.drain(..));
        }
        if self.full && self.core.wants_input() && !hub.broken(Rule::ReadingGoesOn) {
            self.full = false;
            self.readable = true;
            self.kick = true;
        }
    }
}
