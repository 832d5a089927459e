//! The last line of defence: a panic where none is meant to be costs one connection, not a worker.
//!
//! Handlers are caught by themselves (`run`). What is caught here would be a bug of ours, or of a service's lookup of
//! methods, which runs while a connection is read.

use super::conn::Conn;
use super::deliver::Wants;
use super::hub::Hub;
use super::limits::NEVER;
use crate::os::Thread;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

impl Hub {
    /// Runs what touches this connection; `None` when it panicked, and the connection was given up for it.
    pub(super) fn guarded<T>(&self, conn: &Arc<Conn>, run: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(value) => Some(value),
            Err(panic) => {
                self.let_bugs_show(panic);
                self.stats.panics.one();
                self.abandon(conn);
                None
            }
        }
    }

    /// Runs the application's destructors.
    pub(super) fn dropping(&self, run: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            self.let_bugs_show(panic);
            self.stats.panics.one();
        }
    }

    /// In a simulation a panic ends the run: that is what it is for.
    pub(super) fn let_bugs_show(&self, panic: Box<dyn Any + Send>) {
        if matches!(self.os.me(), Thread::Sim(_)) {
            resume_unwind(panic);
        }
        // What it carries is the application's, and its destructor might panic in turn.
        std::mem::forget(panic);
    }

    /// Gives a connection up whose state nobody knows any more: its core is not touched again.
    fn abandon(&self, conn: &Arc<Conn>) {
        let mut held = self.conn(conn);
        if std::mem::replace(&mut held.abandoned, true) {
            return;
        }
        (held.dead, held.visiting, held.writer) = (true, false, false);
        let close = !std::mem::replace(&mut held.closed, true);
        let due = std::mem::replace(&mut held.timer_at, NEVER);
        let mut wake = Vec::new();
        held.calls.wake_all(&mut wake);
        drop(held);
        for thread in &wake {
            self.os.unpark(thread);
        }
        if close {
            // It has no calls that could be refused.
            let wants = Wants { timer: Some((due, NEVER)), close, ..Wants::default() };
            drop(self.take_wishes(conn, wants));
            self.poller.remove(conn.key, conn.pipe.raw());
            conn.pipe.close();
        }
    }
}
