//! The calls of one connection as the server sees them: found by the call's index, recycled with their memory.

use super::conn::Conn;
use super::handle::Handle;
use super::job::{Found, Job};
use crate::os::Thread;
use proto_core::call::CallId;
use proto_core::grpc::{Metadata, Status};
use proto_core::rpc::{Context, OnCancel};
use proto_core::time::Instant;
use std::sync::Arc;

/// What a handler waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// A request message, or the half-close.
    Recv,
    /// Room for a reply message.
    Send,
    /// The call's end.
    End,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A job for its headers is out; its message may or may not be here.
    Headers,
    /// `on_call` has run; its message is not here. No job is out: who notices its end releases it.
    Waiting,
    /// The job that runs its handler is out (queued, held back, or running).
    Started,
}

#[derive(Debug)]
struct Waiter {
    thread: Thread,
    direction: Direction,
    woken: bool,
    key: u64,
}

/// One call.
pub(super) struct Entry {
    id: Option<CallId>,
    pub(super) found: Found,
    pub(super) stage: Stage,
    /// From `on_call` until the handler starts: the context, and the handle that it holds.
    pub(super) context: Option<(Context, Arc<Handle>)>,
    /// Trailing metadata that the handler has set so far.
    pub(super) trailers: Metadata,
    /// The handler has ended the call itself, with this status.
    pub(super) verdict: Option<Status>,
    waiters: Vec<Waiter>,
    subscribers: Vec<(u64, Arc<dyn OnCancel>)>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("found", &self.found)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Its handler may start: the job for it.
    pub(super) fn start(&mut self, conn: &Arc<Conn>, id: CallId, now: Instant) -> Job {
        self.stage = Stage::Started;
        let stream = self.found.kind.client_streams || self.found.kind.server_streams;
        Job { conn: conn.clone(), id, method: self.found.index, headers: false, stream, at: now }
    }

    /// Collects the threads that wait in a direction that `hit` names, once each.
    pub(super) fn wake(&mut self, hit: impl Fn(Direction) -> bool, into: &mut Vec<Thread>) {
        for waiter in self.waiters.iter_mut().filter(|w| !w.woken && hit(w.direction)) {
            waiter.woken = true;
            into.push(waiter.thread.clone());
        }
    }

    /// Who wants to hear of the call's end; each once.
    pub(super) fn take_subscribers(&mut self) -> Vec<(u64, Arc<dyn OnCancel>)> {
        std::mem::take(&mut self.subscribers)
    }

    pub(super) fn subscribe(&mut self, key: u64, on_cancel: Arc<dyn OnCancel>) {
        self.subscribers.push((key, on_cancel));
    }

    /// The one taken out is dropped by the caller, without a lock.
    #[must_use]
    pub(super) fn unsubscribe(&mut self, key: u64) -> Option<Arc<dyn OnCancel>> {
        let at = self.subscribers.iter().position(|(k, _)| *k == key)?;
        Some(self.subscribers.swap_remove(at).1)
    }

    pub(super) fn add_waiter(&mut self, key: u64, thread: Thread, direction: Direction) {
        self.waiters.push(Waiter { thread, direction, woken: false, key });
    }

    pub(super) fn remove_waiter(&mut self, key: u64) {
        if let Some(at) = self.waiters.iter().position(|w| w.key == key) {
            self.waiters.swap_remove(at);
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Entry>,
}

impl Calls {
    /// A new call.
    pub(super) fn insert(&mut self, id: CallId, found: Found, stage: Stage) {
        while self.slots.len() <= id.index() {
            self.slots.push(Entry {
                id: None,
                found,
                stage,
                context: None,
                trailers: Metadata::new(),
                verdict: None,
                waiters: Vec::new(),
                subscribers: Vec::new(),
            });
        }
        let entry = &mut self.slots[id.index()];
        entry.id = Some(id);
        entry.found = found;
        entry.stage = stage;
    }

    /// Every thread that waits on a call of the connection.
    pub(super) fn wake_all(&mut self, into: &mut Vec<Thread>) {
        for entry in &mut self.slots {
            entry.wake(|_| true, into);
        }
    }

    pub(super) fn get(&mut self, id: CallId) -> Option<&mut Entry> {
        self.slots.get_mut(id.index()).filter(|e| e.id == Some(id))
    }

    /// The call is over and released: what it held is handed out, to be dropped without a lock.
    #[must_use]
    pub(super) fn remove(&mut self, id: CallId) -> Option<Leftovers> {
        let entry = self.get(id)?;
        entry.id = None;
        entry.trailers.clear();
        entry.verdict = None;
        // Waiters of other threads (pushers) look again and find the call gone; they take themselves off the list no more.
        Some(Leftovers {
            context: entry.context.take(),
            threads: entry.waiters.drain(..).filter(|w| !w.woken).map(|w| w.thread).collect(),
            subscribers: entry.take_subscribers(),
        })
    }
}

/// What a released call leaves behind: user code may run when it is dropped.
pub(super) struct Leftovers {
    pub(super) context: Option<(Context, Arc<Handle>)>,
    /// Threads that still wait on it.
    pub(super) threads: Vec<Thread>,
    pub(super) subscribers: Vec<(u64, Arc<dyn OnCancel>)>,
}
