//! One connection: its lock, and what stands under it.
//!
//! How events of the core become calls to begin and wake-ups is in `events`; what moves its bytes in `drive` (the connection's
//! task) and `write` (the writer's place), the unlock in `deliver`, what handlers do with their call in `handle`.

use super::calls::Calls;
use super::hub::Hub;
use super::limits::{HOLD_ABOVE, NEVER};
use crate::os::Pipe;
use crate::rules::{Rule, Rules};
use crate::sync::{Guard, Lock};
use bytes::Bytes;
use proto_core::buf::Outgoing;
use proto_core::call::CallId;
use proto_core::config::Config;
use proto_core::connection::{Connection, Server};
use proto_core::grpc::Status;
use proto_core::rpc::{AsyncService, Context, MethodInfo, OnCancel, Peer};
use proto_core::time::Instant;
use rt_common::ended::returned;
use rt_common::ending::Ending;
use rt_common::unwritable::Unwritable;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

/// A connection.
pub(super) struct Conn {
    pub(super) key: u64,
    pub(super) hub: Arc<Hub>,
    pub(super) peer: Peer,
    /// Known once the handshake is over.
    pub(super) certificates: OnceLock<Vec<Bytes>>,
    state: Lock<State>,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").field("key", &self.key).field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// A method of the server, as found by its path.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) service: Arc<dyn AsyncService>,
    /// Its number there.
    pub(super) number: u16,
    /// Its index among all methods of the server.
    pub(super) index: usize,
    pub(super) method: &'static MethodInfo,
}

/// What its lock guards.
pub(super) struct State {
    pub(super) core: Connection<Server>,
    pub(super) calls: Calls,
    /// Until it is closed; handles of calls outlive it.
    pub(super) pipe: Option<Arc<dyn Pipe>>,
    /// What is being written (taken out during the write), and how many bytes of it are left.
    pub(super) out: Outgoing,
    pub(super) left: usize,
    /// Somebody is in `flush`, perhaps in a write.
    pub(super) writer: bool,
    /// The pipe is full: the connection's task writes next, since it is told when there is room.
    pub(super) blocked: bool,
    /// A write failed: what the peer had said before is read, and then the transport is gone.
    unwritable: Option<Unwritable>,
    /// The transport broke, or is closed.
    pub(super) dead: bool,
    /// The connection's task, and whether it has been woken since it was polled last.
    pub(super) driver: Option<Waker>,
    pub(super) kicked: bool,
    /// Handlers' tasks that are polling theirs: each flushes when it is done.
    pub(super) polls: usize,
    /// It is being polled.
    pub(super) driving: bool,
    /// It is to look again before it rests.
    pub(super) again: bool,
    /// When its timer fires: it is woken for what is due earlier.
    pub(super) timer_at: Instant,
    /// Reading has stopped until control output drains.
    pub(super) full: bool,
    /// Calls to begin: new ones, and those whose message has come.
    pub(super) fresh: VecDeque<CallId>,
    /// Calls that must not start while too much output is unsent.
    pub(super) held: VecDeque<CallId>,
    /// The same for those that have a task already, which has not polled its handler yet.
    pub(super) held_tasks: Vec<CallId>,
    pub(super) to_wake: Vec<Waker>,
    /// Calls ended without their handler's doing: who wants to hear of it.
    pub(super) ended: Vec<(Arc<dyn OnCancel>, Status)>,
    /// Dropped after the unlock.
    pub(super) leftovers: Vec<Context>,
    pub(super) spent: Vec<Waker>,
    pub(super) spent_pipe: Option<Arc<dyn Pipe>>,
    pub(super) next_key: u64,
    /// When what a stream's sender holds back began to be held back.
    pub(super) corked: Option<Instant>,
    /// When a stream's sender last wrote.
    pub(super) sent_at: Instant,
    /// The peer's SETTINGS are here, and the hub has not been told.
    pub(super) greeted: bool,
    /// It gives way to another one: too many have not sent their SETTINGS.
    pub(super) evicted: bool,
    pub(super) drained: bool,
    /// Grace is over: closed as soon as the last words are written, or cannot be.
    pub(super) forced: bool,
    /// Closed by the core, and waiting for the peer to read the last words, or to close too: dropped then.
    pub(super) ending: Ending,
    /// Nothing more will come of it.
    pub(super) closed: bool,
    /// Something panicked with it in hand: its core is not touched any more.
    pub(super) abandoned: bool,
    pub(super) rules: Rules,
}

/// The connection's lock, held.
pub(super) type Held<'a> = Guard<'a, State>;

impl Conn {
    pub(super) fn new(key: u64, hub: Arc<Hub>, pipe: Arc<dyn Pipe>, config: Config, now: Instant) -> Self {
        let peer = pipe.peer();
        let state = State {
            core: Connection::server(config, now),
            calls: Calls::default(),
            pipe: Some(pipe),
            out: Outgoing::new(),
            left: 0,
            writer: false,
            blocked: false,
            unwritable: None,
            dead: false,
            driver: None,
            kicked: false,
            polls: 0,
            driving: false,
            again: false,
            timer_at: NEVER,
            full: false,
            fresh: VecDeque::new(),
            held: VecDeque::new(),
            held_tasks: Vec::new(),
            to_wake: Vec::new(),
            ended: Vec::new(),
            leftovers: Vec::new(),
            spent: Vec::new(),
            spent_pipe: None,
            next_key: 0,
            corked: None,
            sent_at: Instant::ZERO,
            greeted: false,
            evicted: false,
            drained: false,
            forced: false,
            ending: Ending::default(),
            closed: false,
            abandoned: false,
            rules: hub.rules,
        };
        Conn { key, hub, peer, certificates: OnceLock::new(), state: Lock::new(state) }
    }

    /// Where the core was touched, [`unlock`](Self::unlock) gives the lock back.
    #[track_caller]
    pub(super) fn lock(&self) -> Held<'_> {
        self.state.lock()
    }
}

impl State {
    /// Is there anything to write, and somebody who takes it?
    pub(super) fn has_output(&self) -> bool {
        self.unwritable.is_none() && (self.left > 0 || self.core.has_output())
    }

    /// Is the pipe to be read? Input whose answers the peer would have to take waits, unless it takes none any more.
    pub(super) fn wants_input(&self) -> bool {
        self.is_unwritable() || self.core.wants_input()
    }

    pub(super) fn is_unwritable(&self) -> bool {
        self.unwritable.is_some()
    }

    /// A write failed, for whoever made it. The connection's task reads what the peer said before, and ends it then.
    pub(super) fn write_failed(&mut self, error: io::Error) {
        self.unwritable = Some(Unwritable::new(error));
        if self.rules.hold(Rule::ServerFailureTells) {
            self.kick();
        }
    }

    /// The peer has ended the connection.
    pub(super) fn peer_closed(&mut self, now: Instant) {
        if self.unwritable.is_some() {
            return self.read_failed(now, String::new());
        }
        if !self.dead && !self.abandoned {
            self.dead = true;
            self.core.receive_eof(now);
        }
    }

    /// The transport is gone, by this reason or the one for which a write had failed.
    pub(super) fn read_failed(&mut self, now: Instant, reason: String) {
        let first = self.unwritable.take().map(|write| write.into_error().to_string());
        self.lost(now, first.unwrap_or(reason));
    }

    /// So many bytes were read, after a write had failed perhaps: then that is enough at some point.
    pub(super) fn heard(&mut self, now: Instant, bytes: usize) {
        let Some(write) = &mut self.unwritable else { return };
        if write.is_heard_out(bytes) {
            self.read_failed(now, String::new());
        }
    }

    /// Bytes that the peer's socket has not taken.
    pub(super) fn unsent(&self) -> usize {
        self.left + self.core.unsent()
    }

    pub(super) fn new_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// The transport is gone.
    pub(super) fn lost(&mut self, now: Instant, reason: String) {
        if !self.dead && !self.abandoned {
            self.dead = true;
            self.core.lost(now, reason, Some(self.out.written()));
        }
    }

    /// Gives back the slot of a call that no handler has answered.
    pub(super) fn release_call(&mut self, now: Instant, id: CallId) {
        let cut = self.over(id);
        self.release(now, id, cut);
    }

    /// The call is over for everybody: gives its slot back. `cut`: how it was cut short, if it was, before the handler's
    /// answer. That is kept where contexts look that outlive it.
    pub(super) fn release(&mut self, now: Instant, id: CallId, cut: Option<Status>) {
        if let Some(status) = &cut
            && let Some(handle) = self.calls.get(id).and_then(|entry| entry.handle.upgrade())
        {
            handle.remember(status.clone());
        }
        if !self.abandoned
            && let Ok(call) = self.core.call(id)
        {
            call.release(now);
        }
        if let Some(left) = self.calls.remove(id) {
            self.to_wake.extend(left.wakers);
            self.spent.extend(left.task);
            let over = || cut.clone().unwrap_or_else(returned);
            self.ended.extend(left.subscribers.into_iter().map(|(_, on_cancel)| (on_cancel, over())));
            self.leftovers.extend(left.context);
        }
    }

    /// How the call ended; `None`: it goes on.
    pub(super) fn over(&mut self, id: CallId) -> Option<Status> {
        if self.abandoned {
            return Some(Status::internal("the connection was given up after a panic"));
        }
        match self.calls.get(id) {
            None => return Some(returned()),
            Some(entry) if entry.verdict.is_some() => return entry.verdict.clone(),
            Some(_) => {}
        }
        let goes_on = self.core.call(id).is_ok_and(|call| !call.is_cancelled());
        if goes_on { None } else { Some(self.status_of(id)) }
    }

    /// The call ended without its handler's doing.
    pub(super) fn is_cut(&mut self, id: CallId) -> bool {
        let by_handler = self.calls.get(id).is_some_and(|entry| entry.verdict.is_some());
        !by_handler && self.over(id).is_some()
    }

    /// How a call that is over ended, in the handler's eyes.
    pub(super) fn status_of(&mut self, id: CallId) -> Status {
        if let Some(verdict) = self.calls.get(id).and_then(|entry| entry.verdict.clone()) {
            return verdict;
        }
        let outcome = self.core.call(id).ok().and_then(|call| call.outcome().cloned());
        outcome.filter(|s| !s.is_ok()).unwrap_or_else(returned)
    }

    /// Somebody who waits on a call that the application has ended itself hears of it. Its handler goes on.
    pub(super) fn end_by_handler(&mut self, id: CallId, status: Status) {
        if let Some(entry) = self.calls.get(id) {
            entry.verdict = Some(status.clone());
            let task = entry.task.take();
            if self.rules.hold(Rule::ServerHandlersVerdictWakes) {
                entry.wake_all(&mut self.to_wake);
            }
            entry.task = task;
            let subscribers = entry.take_subscribers();
            self.ended.extend(subscribers.into_iter().map(|(_, on_cancel)| (on_cancel, status.clone())));
        }
    }

    /// Too much is unsent for one more handler to begin.
    pub(super) fn is_full(&self) -> bool {
        self.unsent() > HOLD_ABOVE
    }

    /// The handler of this call begins when there is room.
    pub(super) fn hold_task(&mut self, id: CallId) {
        if let Some(entry) = self.calls.get(id)
            && !std::mem::replace(&mut entry.held, true)
        {
            self.held_tasks.push(id);
        }
    }

    /// Output has drained, or there is nowhere to send it any more: held calls go on.
    pub(super) fn room(&mut self) {
        let nobody = self.held.is_empty() && self.held_tasks.is_empty();
        if nobody || !self.core.is_closed() && self.unsent() > HOLD_ABOVE / 2 {
            return;
        }
        if self.rules.hold(Rule::ServerHeldGoOn) {
            self.fresh.append(&mut self.held);
        }
        for id in std::mem::take(&mut self.held_tasks) {
            if let Some(entry) = self.calls.get(id) {
                entry.held = false;
                if self.rules.hold(Rule::ServerHeldTasksGoOn) {
                    self.to_wake.extend(entry.task.take());
                }
            }
        }
    }
}
