//! What a panic may cost: a handler's its call, one of the application's destructors nothing, one of ours its connection.

use super::conn::Conn;
use super::hub::Hub;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the application; `None` when it panicked.
pub(super) fn caught<T>(hub: &Hub, run: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(panic) => {
            count(hub, panic);
            None
        }
    }
}

/// Runs the application's destructors.
pub(super) fn dropping(hub: &Hub, run: impl FnOnce()) {
    caught(hub, run);
}

fn count(hub: &Hub, panic: Box<dyn Any + Send>) {
    // What it carries is the application's, and its destructor might panic in turn.
    std::mem::forget(panic);
    hub.stats.panics.one();
}

impl Conn {
    /// Gives a connection up whose state nobody knows any more: its core is not touched again.
    pub(super) fn abandon(&self) {
        let mut held = self.lock();
        if std::mem::replace(&mut held.abandoned, true) {
            return;
        }
        let state = &mut *held;
        (state.dead, state.closed, state.driving, state.writer) = (true, true, false, false);
        let pipe = (state.pipe.take(), state.spent_pipe.take());
        let mut wake = std::mem::take(&mut state.to_wake);
        for entry in state.calls.iter_mut() {
            entry.wake_all(&mut wake);
        }
        drop(held);
        drop(pipe);
        for waker in wake {
            waker.wake();
        }
    }
}
