//! The unlock of a connection: what was decided under its lock is delivered after it.

use super::conn::{Conn, Held, State};
use super::hub::Hub;
use super::job::Job;
use super::limits::NEVER;
use proto_core::time::{Instant, earliest};
use rt_common::ending::{End, Sight};
use std::sync::Arc;

impl State {
    /// Nothing was decided that somebody has to hear of: the common case between two calls of a bite.
    fn is_quiet(&self) -> bool {
        let nobody = self.to_wake.is_empty() && self.ended.is_empty() && self.leftovers.is_empty();
        let nothing = self.fresh.is_empty() && self.admitted.is_empty() && !self.kick && !self.greeted;
        nobody && nothing && (self.corked.is_none() || self.cork_listed)
    }

    /// Will nothing more come of it?
    fn end(&mut self, now: Instant) -> End {
        if self.dead || !self.stands && self.core.is_closed() {
            return End::Close;
        }
        if self.writer || !self.core.is_closed() && !self.forced {
            return End::NotYet;
        }
        let sight = Sight { forced: self.forced, blocked: self.blocked, has_output: self.has_output() };
        self.ending.step(now, sight)
    }
}

impl Hub {
    pub(super) fn conn<'a>(&self, conn: &'a Conn) -> Held<'a> {
        conn.state.lock(&*self.os)
    }

    /// The only way to give a connection's lock back after its core was touched: everything decided under it is
    /// delivered after it.
    pub(super) fn unlock(&self, conn: &Arc<Conn>, held: Held<'_>) {
        let refused = self.deliver(conn, held);
        self.refuse(refused);
    }

    /// The same, but that the calls that are too many are handed back.
    pub(super) fn deliver(&self, conn: &Arc<Conn>, mut held: Held<'_>) -> Vec<Job> {
        if held.abandoned {
            return Vec::new();
        }
        let now = self.os.now();
        held.dispatch(self, conn, now);
        held.room(self);
        let end = held.end(now);
        let close = end == End::Close && !std::mem::replace(&mut held.closed, true);
        if close {
            held.lost(now, String::new());
            held.dispatch(self, conn, now);
            held.room(self);
        }
        let due = earliest(held.core.poll_timeout(), held.ending.due()).filter(|_| !held.closed).unwrap_or(NEVER);
        let old = held.timer_at;
        let timer = due < old || close && old != NEVER;
        if timer {
            held.timer_at = due;
        }
        if end == End::NotYet && !timer && held.is_quiet() {
            return Vec::new();
        }
        let kick = std::mem::take(&mut held.kick) && !held.closed;
        let greeted = std::mem::take(&mut held.greeted);
        let cork = held.corked.is_some() && !std::mem::replace(&mut held.cork_listed, true);
        let wake = std::mem::take(&mut held.to_wake);
        let fresh = std::mem::take(&mut held.fresh);
        let admitted = std::mem::take(&mut held.admitted);
        let ended = std::mem::take(&mut held.ended);
        let leftovers = std::mem::take(&mut held.leftovers);
        drop(held);
        if !leftovers.is_empty() {
            self.dropping(|| drop(leftovers));
        }
        for thread in &wake {
            self.os.unpark(thread);
        }
        for (on_cancel, status) in ended {
            on_cancel.cancelled(status);
        }
        let wants = Wants { fresh, admitted, timer: timer.then_some((old, due)), kick, greeted, cork, close };
        let mut refused = if wants.any() { self.take_wishes(conn, wants) } else { Vec::new() };
        if end == End::Shut && !conn.pipe.close_write() {
            // It cannot end one direction alone.
            let mut held = self.conn(conn);
            held.lost(now, String::new());
            refused.append(&mut self.deliver(conn, held));
        }
        if close {
            self.poller.remove(conn.key, conn.pipe.raw());
            conn.pipe.close();
        }
        refused
    }
}

/// What a connection asks of the hub after its unlock.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pub(super) fresh: Vec<Job>,
    pub(super) admitted: Vec<Job>,
    /// The timer that it had, the one that it needs.
    pub(super) timer: Option<(Instant, Instant)>,
    pub(super) kick: bool,
    pub(super) greeted: bool,
    pub(super) cork: bool,
    pub(super) close: bool,
}

impl Wants {
    fn any(&self) -> bool {
        self.timer.is_some()
            || self.kick
            || self.greeted
            || self.cork
            || self.close
            || !self.fresh.is_empty()
            || !self.admitted.is_empty()
    }
}
