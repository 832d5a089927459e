//! The calls of one connection as the server sees them: found by the call's index, recycled with their memory.

use super::conn::Found;
use super::handle::Handle;
use proto_core::call::CallId;
use proto_core::grpc::{Metadata, Status};
use proto_core::rpc::{CallEvent, Context, OnCancel};
use std::sync::{Arc, Weak};
use std::task::Waker;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the queue of calls to begin; its message may or may not be here.
    Queued,
    /// `on_call` has run; its message is not here. Nobody is at it: who notices its end releases it.
    Waiting,
    /// Its handler runs, or waits for something.
    Started,
}

/// A task that waits on a call.
#[derive(Debug)]
struct Waiter {
    key: u64,
    event: CallEvent,
    waker: Waker,
}

/// One call.
pub(super) struct Entry {
    id: Option<CallId>,
    pub(super) found: Found,
    pub(super) stage: Stage,
    /// From `on_call` until the handler starts.
    pub(super) context: Option<Context>,
    /// Trailing metadata that the handler has set so far.
    pub(super) trailers: Metadata,
    /// The handler has ended the call itself, with this status.
    pub(super) verdict: Option<Status>,
    /// What contexts of it hold: it keeps how a call ended that was cut short, for those that outlive it.
    pub(super) handle: Weak<Handle>,
    /// The task that its handler has become.
    pub(super) task: Option<Waker>,
    /// Its handler is being polled: what it sends may wait for the end of that.
    pub(super) polling: bool,
    /// Its task stands among those that wait for output to drain before they begin.
    pub(super) held: bool,
    /// A pull may yield something that the last one did not.
    pub(super) readable: bool,
    /// A message may be taken where the last one was not.
    pub(super) writable: bool,
    waiters: Vec<Waiter>,
    subscribers: Vec<(u64, Arc<dyn OnCancel>)>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Entry {
    /// Moves the wakers of those who wait for this event.
    pub(super) fn wake(&mut self, event: CallEvent, into: &mut Vec<Waker>) {
        let hit = |waiter: &mut Waiter| waiter.event == event;
        into.extend(self.waiters.extract_if(.., hit).map(|waiter| waiter.waker));
    }

    /// Moves all wakers: the call is over.
    pub(super) fn wake_all(&mut self, into: &mut Vec<Waker>) {
        into.extend(self.task.take());
        into.extend(self.waiters.drain(..).map(|waiter| waiter.waker));
    }

    /// Keeps a task to be woken; a second time with this key replaces it. What is left over is dropped by the caller,
    /// without a lock.
    #[must_use]
    pub(super) fn wait(&mut self, key: u64, event: CallEvent, waker: Waker) -> Option<Waker> {
        if let Some(waiter) = self.waiters.iter_mut().find(|waiter| waiter.key == key) {
            return Some(std::mem::replace(&mut waiter.waker, waker));
        }
        self.waiters.push(Waiter { key, event, waker });
        None
    }

    /// The waker taken out is dropped by the caller, without a lock.
    #[must_use]
    pub(super) fn stop_waiting(&mut self, key: u64) -> Option<Waker> {
        let at = self.waiters.iter().position(|waiter| waiter.key == key)?;
        Some(self.waiters.swap_remove(at).waker)
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
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Option<Entry>>,
}

impl Calls {
    /// A new call.
    pub(super) fn insert(&mut self, id: CallId, found: Found) {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        let slot = &mut self.slots[id.index()];
        match slot {
            // Emptied by `remove`; its lists keep their memory.
            Some(entry) => {
                (entry.id, entry.found, entry.stage) = (Some(id), found, Stage::Queued);
                (entry.polling, entry.held, entry.readable, entry.writable) = (false, false, true, true);
            }
            None => {
                *slot = Some(Entry {
                    id: Some(id),
                    found,
                    stage: Stage::Queued,
                    context: None,
                    trailers: Metadata::new(),
                    verdict: None,
                    handle: Weak::new(),
                    task: None,
                    polling: false,
                    held: false,
                    readable: true,
                    writable: true,
                    waiters: Vec::new(),
                    subscribers: Vec::new(),
                });
            }
        }
    }

    pub(super) fn get(&mut self, id: CallId) -> Option<&mut Entry> {
        self.slots.get_mut(id.index())?.as_mut().filter(|entry| entry.id == Some(id))
    }

    /// Those that are alive.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.slots.iter_mut().flatten().filter(|entry| entry.id.is_some())
    }

    /// The call is over and released: what it held is handed out, to be dropped without a lock.
    #[must_use]
    pub(super) fn remove(&mut self, id: CallId) -> Option<Leftovers> {
        let entry = self.get(id)?;
        entry.id = None;
        entry.trailers.clear();
        entry.verdict = None;
        entry.handle = Weak::new();
        let mut wakers = Vec::new();
        // Its own task has come to its end, or is dropped: nobody is left to be woken for it.
        let task = entry.task.take();
        entry.wake_all(&mut wakers);
        Some(Leftovers { context: entry.context.take(), wakers, task, subscribers: entry.take_subscribers() })
    }
}

/// What a released call leaves behind: code of others may run when it is dropped.
pub(super) struct Leftovers {
    pub(super) context: Option<Context>,
    /// Tasks that still wait on it.
    pub(super) wakers: Vec<Waker>,
    /// To be dropped, not woken.
    pub(super) task: Option<Waker>,
    pub(super) subscribers: Vec<(u64, Arc<dyn OnCancel>)>,
}
