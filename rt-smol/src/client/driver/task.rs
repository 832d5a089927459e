//! The connection's task: it reads, keeps the connection's time, writes when callers cannot, and ends with the
//! connection.

use super::{Driver, Writer};
use crate::client::wakers::keep;
use crate::os::{Pipe, Timer};
use crate::rules::{Rule, Rules};
use crate::security;
use crate::sync::assert_unlocked;
use proto_core::Incoming;
use proto_core::time::Instant;
use rt_common::unwritable::Unwritable;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Reads in a row before other tasks, and timers that are due, get their turn: a megabyte, what a peer may send before it
/// hears from us.
const MAX_READS: usize = 16;

/// How long the last words of a connection that is over may wait for room.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The task.
#[derive(Debug)]
pub(crate) struct Drive {
    driver: Arc<Driver>,
    pipe: Arc<dyn Pipe>,
    incoming: Incoming,
    timer: Box<dyn Timer>,
    /// When what is left to be written is given up.
    give_up: Option<Instant>,
    finished: bool,
}

/// What a round of reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// Nothing more is there now.
    Drained,
    /// Nothing more is there, and nothing more can come: a write had failed before.
    Over,
    /// There may be more, but others have their turn.
    More,
    /// The connection wants no input: for now, or any more.
    Unwanted,
}

impl Drive {
    pub(super) fn new(driver: Arc<Driver>, pipe: Arc<dyn Pipe>) -> Self {
        let timer = driver.os.timer();
        Drive { driver, pipe, incoming: Incoming::new(), timer, give_up: None, finished: false }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Read {
        if !self.driver.wants_input() {
            return Read::Unwanted;
        }
        let last_words = self.driver.has_failed();
        for _ in 0..MAX_READS {
            match self.pipe.poll_read(cx, self.incoming.spare()) {
                Poll::Pending if last_words => return Read::Over,
                Poll::Pending => return Read::Drained,
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(read) => {
                    if !self.driver.input(&mut self.incoming, read) {
                        return Read::Unwanted;
                    }
                }
            }
        }
        Read::More
    }

    /// Closes our direction once everything is written, or its time is over.
    fn close(&mut self, cx: &mut Context<'_>, flushed: bool) -> Poll<()> {
        let now = self.driver.os.now();
        let give_up = *self.give_up.get_or_insert(now + LAST_WORDS);
        if flushed && self.pipe.poll_close(cx).is_ready() {
            return Poll::Ready(());
        }
        self.timer.set(Some(give_up));
        self.timer.poll(cx)
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let late = self.driver.rules().broken(Rule::ClientTaskRegistersFirst);
            if !late {
                self.driver.task_is_here(cx);
            }
            let read = self.read(cx);
            self.driver.serve_time(read);
            let flushed = self.driver.flush(cx);
            if self.driver.is_over() {
                return self.close(cx, flushed);
            }
            // What was just written may have been in the way of reading; if it failed, what the peer said before is read first.
            let rules = self.driver.rules();
            let reads = read == Read::Unwanted && self.driver.wants_input() && rules.hold(Rule::ClientReadingGoesOn);
            let failed = self.driver.has_failed() && rules.hold(Rule::ClientFailureActedOn);
            if read == Read::More || reads || failed {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(at) = self.driver.next_timer() {
                self.timer.set(Some(at));
            }
            if self.timer.poll(cx).is_pending() {
                if late {
                    self.driver.task_is_here(cx);
                }
                return Poll::Pending;
            }
            self.timer.set(None);
            self.driver.timer_fired();
        }
    }
}

impl Future for Drive {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        assert_unlocked();
        std::task::ready!(this.step(cx));
        this.finished = true;
        this.driver.ended(None);
        Poll::Ready(())
    }
}

/// An executor that ends drops its tasks: those who wait for calls learn that nobody reads any more.
impl Drop for Drive {
    fn drop(&mut self) {
        if !self.finished && self.driver.rules().hold(Rule::ClientDroppedTaskTells) {
            self.driver.ended(Some("the executor has dropped the connection's task"));
        }
    }
}

impl Driver {
    /// The task looks at everything after this; what happens later wakes it.
    fn task_is_here(&self, cx: &Context<'_>) {
        let mut state = self.lock();
        let old = keep(&mut state.task, cx);
        state.exit.woken.forget(old);
        self.unlock(state);
    }

    /// Is it to be read now? If not, whoever changes that wakes the task.
    fn wants_input(&self) -> bool {
        let mut state = self.lock();
        let wants = state.wants_input();
        state.paused = !wants;
        wants
    }

    /// What a read brought goes to the core. Is more wanted?
    fn input(&self, incoming: &mut Incoming, read: io::Result<usize>) -> bool {
        let mut state = self.lock();
        let now = self.os.now();
        match read {
            Ok(0) if state.failed.is_none() => {
                state.conn.receive_eof(now);
                state.broken = true;
            }
            Ok(0) => state.heard_out(now),
            Ok(count) => {
                incoming.filled(count);
                // An error closes the connection; its events and its reason tell.
                let _ = state.conn.receive(now, incoming);
                state.heard(now, count);
            }
            Err(error) => {
                state.failed.get_or_insert(Unwritable::new(error));
                state.heard_out(now);
            }
        }
        state.dispatch(now);
        let wants = state.wants_input();
        state.paused = !wants;
        self.unlock(state);
        wants
    }

    /// Time comes after input: a timer that is due waits while more input is there.
    fn serve_time(&self, read: Read) {
        let mut state = self.lock();
        let now = self.os.now();
        if read == Read::Over {
            state.heard_out(now);
        }
        if read != Read::More || state.timer_at.is_some_and(|at| at <= now) {
            state.conn.handle_timeout(now);
        }
        state.dispatch(now);
        self.unlock(state);
    }

    fn rules(&self) -> Rules {
        Rules::of(&*self.os)
    }

    fn is_over(&self) -> bool {
        self.lock().conn.is_closed()
    }

    /// Has a write failed, and nobody acted on it yet?
    fn has_failed(&self) -> bool {
        self.lock().failed.is_some()
    }

    /// The point for which the timer is to be set, if it is an earlier one.
    fn next_timer(&self) -> Option<Instant> {
        let mut state = self.lock();
        let due = state.conn.poll_timeout()?;
        if state.timer_at.is_some_and(|at| at <= due) {
            return None;
        }
        state.timer_at = Some(due);
        Some(due)
    }

    fn timer_fired(&self) {
        self.lock().timer_at = None;
    }

    /// The task has ended, or was dropped, for this reason.
    fn ended(&self, reason: Option<&str>) {
        let mut state = self.lock();
        let now = self.os.now();
        if let Some(reason) = reason {
            state.lost(now, reason);
        }
        state.broken = true;
        state.writer = if state.writer == Writer::Taken { Writer::Taken } else { Writer::Free };
        state.exit.pipe = state.pipe.take();
        let task = state.task.take();
        state.exit.woken.forget(task);
        state.dispatch(now);
        self.unlock(state);
    }
}

impl super::State {
    /// So many bytes were read; of a peer that takes none any more, not without an end.
    fn heard(&mut self, now: Instant, count: usize) {
        if self.failed.as_mut().is_some_and(|write| write.is_heard_out(count)) {
            self.heard_out(now);
        }
    }

    /// All that the peer said before a write failed has been read.
    fn heard_out(&mut self, now: Instant) {
        if let Some(error) = self.failed.take().map(Unwritable::into_error) {
            self.cause = security::cause(&error);
            self.lost(now, &error.to_string());
        }
    }

    fn lost(&mut self, now: Instant, reason: &str) {
        if !self.conn.is_closed() {
            let written = self.written;
            self.conn.lost(now, reason.into(), Some(written));
        }
        self.broken = true;
    }
}
