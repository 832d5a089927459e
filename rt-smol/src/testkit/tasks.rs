//! The tasks of a simulation: which are ready, and running one.

use crate::os::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The first task: the body of the run.
pub(super) const MAIN: u64 = 0;

/// All tasks. The first one's future is the runner's own.
#[derive(Default)]
pub(super) struct Tasks {
    ready: Arc<Mutex<BTreeSet<u64>>>,
    others: Mutex<Others>,
}

#[derive(Default)]
struct Others {
    last: u64,
    /// Without the one that runs.
    waiting: BTreeMap<u64, BoxFuture<'static, ()>>,
}

struct TaskWaker {
    ready: Arc<Mutex<BTreeSet<u64>>>,
    task: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        lock(&self.ready).insert(self.task);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tasks {
    pub(super) fn spawn(&self, task: BoxFuture<'static, ()>) {
        let mut others = lock(&self.others);
        others.last += 1;
        let id = others.last;
        others.waiting.insert(id, task);
        drop(others);
        lock(&self.ready).insert(id);
    }

    pub(super) fn waker(&self, task: u64) -> Waker {
        Waker::from(Arc::new(TaskWaker { ready: self.ready.clone(), task }))
    }

    /// One of those that are ready, as `choose` (below a number) will have it.
    pub(super) fn next(&self, choose: impl FnOnce(usize) -> usize) -> Option<u64> {
        let mut ready = lock(&self.ready);
        if ready.is_empty() {
            return None;
        }
        let chosen = *ready.iter().nth(choose(ready.len()))?;
        ready.remove(&chosen);
        Some(chosen)
    }

    /// Polls a task that was spawned; one that has ended is let alone.
    pub(super) fn run(&self, id: u64) {
        let Some(mut task) = lock(&self.others).waiting.remove(&id) else { return };
        let waker = self.waker(id);
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => drop(task),
            Poll::Pending => {
                lock(&self.others).waiting.insert(id, task);
            }
        }
    }

    /// Drops all tasks; those that they spawn while they are dropped too.
    pub(super) fn end(&self) {
        loop {
            let waiting = std::mem::take(&mut lock(&self.others).waiting);
            if waiting.is_empty() {
                break;
            }
            drop(waiting);
        }
        lock(&self.ready).clear();
    }
}
