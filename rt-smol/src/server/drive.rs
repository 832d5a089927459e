//! The task of one connection: reads, receives, begins calls, serves timers, writes, ends it.
//!
//! Others write too, when the writer's place is free, and change what there is to do; `Conn::unlock` wakes this task for
//! what only it does. It never waits but by returning, and gives way to others after a bounded amount of work.

use super::conn::{Conn, State};
use super::hub::{Place, Tools};
use super::limits::{NEVER, READ_SIZE, READS, TURN};
use crate::os::{Pipe, Timer};
use crate::rules::Rule;
use crate::sync::assert_unlocked;
use proto_core::buf::Incoming;
use proto_core::rpc::ServerCall;
use proto_core::time::{Instant, earliest};
use rt_common::ending::{End, Sight};
use std::future::Future;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The task. Dropped before its end, it ends the connection.
pub(super) struct Drive {
    pub(super) conn: Arc<Conn>,
    pipe: Option<Arc<dyn Pipe>>,
    timer: Box<dyn Timer>,
    /// When the timer fires. Kept when it is early enough: most deadlines never come.
    timer_at: Instant,
    /// While it is at work, or the end of a frame is missing.
    input: Option<Incoming>,
    /// While it is at work: the last call that ended at once, whose buffers serve the next one.
    pub(super) bench: Option<ServerCall>,
    /// The place of the next handler.
    pub(super) place: Option<Place>,
    /// Our direction has ended.
    closed_write: bool,
}

impl State {
    /// Will nothing more come of it?
    fn end(&mut self, now: Instant) -> End {
        if self.dead {
            return End::Close;
        }
        if self.writer || !self.core.is_closed() && !self.forced {
            return End::NotYet;
        }
        self.ending.step(now, self.sight())
    }

    /// Has somebody left something to this task since it looked, and told nobody, since it was at work: output, or the next
    /// step of the end? (`end` leaves nothing that would be asked for again.)
    fn is_left_over(&self, now: Instant) -> bool {
        if self.dead {
            return true;
        }
        if self.writer {
            // Whoever it is, looks once more when done.
            return false;
        }
        let ending = self.core.is_closed() || self.forced;
        self.has_output() && !self.blocked && self.polls == 0 || ending && self.ending.has_step(now, self.sight())
    }

    fn sight(&self) -> Sight {
        Sight { forced: self.forced, blocked: self.blocked, has_output: self.has_output() }
    }
}

impl Future for Drive {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.pipe.is_none() {
            return Poll::Ready(());
        }
        match catch_unwind(AssertUnwindSafe(|| this.drive(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => {
                this.leave();
                Poll::Ready(())
            }
            Err(panic) => {
                // Handlers are caught by themselves: this is a bug of ours, or of a service's lookup of methods. What it
                // carries may be the application's, and its destructor might panic in turn.
                std::mem::forget(panic);
                this.conn.hub.stats.panics.one();
                this.conn.abandon();
                this.leave();
                Poll::Ready(())
            }
        }
    }
}

impl Drive {
    pub(super) fn new(conn: Arc<Conn>, pipe: Arc<dyn Pipe>) -> Self {
        let timer = conn.hub.os.timer();
        Drive {
            conn,
            pipe: Some(pipe),
            timer,
            timer_at: NEVER,
            input: None,
            bench: None,
            place: None,
            closed_write: false,
        }
    }

    /// Until there is nothing to do, or its time is up.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let conn = self.conn.clone();
        let began = conn.hub.os.now();
        let waker = cx.waker().clone();
        let old = {
            let mut held = conn.lock();
            (held.driving, held.kicked) = (true, false);
            held.driver.replace(waker)
        };
        drop(old);
        let mut reads = READS;
        loop {
            let read = self.read(cx);
            self.tick();
            let more = self.begin_calls(cx, began);
            let held = conn.lock();
            let held = conn.flush(held, Some(&mut *cx));
            conn.unlock(held);
            let now = conn.hub.os.now();
            if self.say_goodbye(cx, now) {
                return Poll::Ready(());
            }
            reads -= usize::from(read);
            if more || reads == 0 || now >= began + TURN {
                // Others have a turn.
                conn.lock().driving = false;
                if conn.hub.rules.hold(Rule::ServerTurnsComeAgain) {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            if !read && self.rests(cx, now) {
                return Poll::Pending;
            }
        }
    }

    /// One read; false when there was nothing.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let conn = &self.conn;
        let last_words = {
            let mut held = conn.lock();
            held.again = false;
            held.full = !held.wants_input();
            if held.full || held.dead {
                return false;
            }
            held.is_unwritable()
        };
        let Some(pipe) = &self.pipe else { return false };
        if self.input.is_none() {
            let tools = conn.hub.tools();
            self.input = Some(tools.input);
            self.bench.get_or_insert(tools.call);
        }
        let Some(input) = &mut self.input else { return false };
        let room = input.spare();
        let size = room.len().min(READ_SIZE);
        assert_unlocked();
        let result = pipe.poll_read(cx, &mut room[..size]);
        if result.is_pending() && !last_words {
            return false;
        }
        let now = conn.hub.os.now();
        let mut held = conn.lock();
        match result {
            // All that the peer had said before a write failed has been read.
            Poll::Pending => held.read_failed(now, String::new()),
            Poll::Ready(Ok(0)) => held.peer_closed(now),
            Poll::Ready(Ok(n)) => {
                input.filled(n);
                // An error is the core's: its GOAWAY waits to be written, and it is closed.
                let _ = held.core.receive(now, input);
                held.heard(now, n);
            }
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
            Poll::Ready(Err(error)) => held.read_failed(now, error.to_string()),
        }
        conn.unlock(held);
        true
    }

    /// The server's stop, and time. After input: a deadline that passed while we were busy must not beat what has arrived.
    fn tick(&mut self) {
        let conn = &self.conn;
        let now = conn.hub.os.now();
        let stop_at = conn.hub.stop_at();
        let mut held = conn.lock();
        if std::mem::take(&mut held.evicted) && !held.core.is_ready() {
            held.lost(now, "other connections came while its handshake was pending (max_pending_handshakes)".into());
        }
        if stop_at != NEVER && !std::mem::replace(&mut held.drained, true) {
            // The end of the grace is ours to notice: it may be called forward by a later stop.
            held.core.shutdown(now, Duration::MAX);
        }
        held.core.handle_timeout(now);
        if now >= stop_at && !std::mem::replace(&mut held.forced, true) {
            conn.hub.stats.forced.add(held.core.active_calls());
            held.core.shutdown(now, Duration::ZERO);
        }
        let greeted = std::mem::take(&mut held.greeted);
        conn.unlock(held);
        if greeted {
            if let Some(pipe) = &self.pipe {
                conn.certificates.get_or_init(|| pipe.certificates().to_vec());
            }
            conn.hub.greeted(conn.key);
        }
    }

    /// The end of the connection, as far as it can come now; true when it is over.
    fn say_goodbye(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let conn = &self.conn;
        let mut held = conn.lock();
        let end = held.end(now);
        let shut = held.ending.is_shut();
        if end != End::Close {
            drop(held);
            if shut && !self.closed_write {
                self.close_write(cx, now);
            }
            return false;
        }
        conn.close(held, now, String::new());
        self.pipe = None;
        true
    }

    /// Ends our direction.
    fn close_write(&mut self, cx: &mut Context<'_>, now: Instant) {
        let Some(pipe) = &self.pipe else { return };
        assert_unlocked();
        match pipe.poll_close(cx) {
            Poll::Pending => return,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                let mut held = self.conn.lock();
                held.lost(now, error.to_string());
                held.again = true;
                self.conn.unlock(held);
            }
        }
        self.closed_write = true;
    }

    /// Nothing to do for now: the timer is set, and the task woken for anything else. False: something is due.
    fn rests(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let conn = &self.conn;
        let stop_at = conn.hub.stop_at();
        let mut held = conn.lock();
        let left = held.is_left_over(now) && held.rules.hold(Rule::ServerRestLooksAgain);
        if std::mem::take(&mut held.again) || stop_at != NEVER && !held.drained || left {
            return false;
        }
        let mut due = earliest(held.core.poll_timeout(), held.ending.due()).unwrap_or(NEVER);
        if !held.forced && held.rules.hold(Rule::ServerGraceKept) {
            due = due.min(stop_at);
        }
        let changed = due < self.timer_at || self.timer_at <= now;
        if changed {
            self.timer_at = due;
        }
        held.timer_at = self.timer_at;
        held.driving = false;
        drop(held);
        if changed {
            self.timer.set((due != NEVER).then_some(due));
        }
        if self.timer_at != NEVER && self.timer.poll(cx).is_ready() {
            conn.lock().driving = true;
            return false;
        }
        let call = self.bench.take().unwrap_or_default();
        match self.input.take_if(|input| input.as_slice().is_empty()) {
            Some(input) => conn.hub.spare(Tools { input, call }),
            // The end of a frame is missing; what the call's buffers hold is not.
            None => drop(call),
        }
        true
    }

    /// The connection is over: the server counts it no more.
    fn leave(&mut self) {
        self.pipe = None;
        self.input = None;
        self.conn.hub.remove(self.conn.key);
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        if self.pipe.is_none() {
            return;
        }
        let conn = self.conn.clone();
        let now = conn.hub.os.now();
        let held = conn.lock();
        conn.close(held, now, "the executor has dropped the connection's task".into());
        self.leave();
    }
}
