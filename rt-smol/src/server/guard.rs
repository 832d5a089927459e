//! What a panic may cost: a handler's its call, one of the application's destructors nothing, one of ours its connection.

use super::conn::Conn;
use super::hub::Hub;
use proto_core::grpc::Status;
use proto_core::rpc::{Context, OnCancel};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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
        let spent = (std::mem::take(&mut state.spent), state.driver.take());
        let mut wake = std::mem::take(&mut state.to_wake);
        let mut ended = std::mem::take(&mut state.ended);
        // Those of calls that have not started lie here, and keep the connection for ever.
        let mut contexts = std::mem::take(&mut state.leftovers);
        for entry in state.calls.iter_mut() {
            entry.wake_all(&mut wake);
            contexts.extend(entry.context.take());
            let given_up = || Status::internal("the connection was given up after a panic");
            ended.extend(entry.take_subscribers().into_iter().map(|(_, on_cancel)| (on_cancel, given_up())));
        }
        drop(held);
        drop((pipe, spent));
        for waker in wake {
            waker.wake();
        }
        self.tell(ended, contexts);
    }

    /// Tells those who wanted to hear of the end of calls, and drops what calls have left behind: code of the application.
    pub(super) fn tell(&self, ended: Vec<(Arc<dyn OnCancel>, Status)>, contexts: Vec<Context>) {
        for (on_cancel, status) in ended {
            dropping(&self.hub, || on_cancel.cancelled(status));
        }
        for context in contexts {
            dropping(&self.hub, || drop(context));
        }
    }
}
