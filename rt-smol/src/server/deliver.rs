//! The unlock of a connection: what was decided under its lock is delivered after it.

use super::conn::{Conn, Held, State};
use super::limits::NEVER;
use crate::rules::Rule;
use crate::sync::assert_unlocked;
use proto_core::time::Instant;

impl State {
    /// Has the connection's task something to do that only it does?
    fn wants_driver(&self) -> bool {
        if self.closed || self.abandoned {
            return false;
        }
        let closing = (self.core.is_closed() || self.forced) && self.rules.hold(Rule::ServerEndTells);
        let reading = self.full && self.core.wants_input() && self.rules.hold(Rule::ServerReadingGoesOn);
        let due = !self.driving && self.core.poll_timeout().unwrap_or(NEVER) < self.timer_at;
        let due = due && self.rules.hold(Rule::ServerTimerTells);
        let evicted = self.evicted && self.rules.hold(Rule::ServerEvictionTells);
        let written = self.driving || self.writer || self.blocked || self.polls > 0 || !self.has_output();
        let output = !written && self.rules.hold(Rule::ServerOutputTells);
        let fresh = !self.fresh.is_empty() && self.rules.hold(Rule::ServerFreshTells);
        output || fresh || closing && !self.driving || reading || due || evicted
    }

    /// The connection's task is to look again: at the end of its poll, or woken.
    pub(super) fn kick(&mut self) {
        if self.driving {
            self.again = self.rules.hold(Rule::ServerWorkLooksAgain);
        } else if !self.closed && !std::mem::replace(&mut self.kicked, true) {
            self.to_wake.extend(self.driver.clone());
        }
    }
}

impl Conn {
    /// The only way to give a connection's lock back after its core was touched: everything decided under it is
    /// delivered after it.
    pub(super) fn unlock(&self, mut held: Held<'_>) {
        let now = self.hub.os.now();
        held.dispatch(&self.hub, now);
        if !held.abandoned {
            held.room();
        }
        if held.wants_driver() {
            held.kick();
        }
        let state = &mut *held;
        let nobody = state.to_wake.is_empty() && state.ended.is_empty();
        if nobody && state.leftovers.is_empty() && state.spent.is_empty() && state.spent_pipe.is_none() {
            return;
        }
        let wake = std::mem::take(&mut state.to_wake);
        let ended = std::mem::take(&mut state.ended);
        let leftovers = std::mem::take(&mut state.leftovers);
        let spent = (std::mem::take(&mut state.spent), state.spent_pipe.take());
        drop(held);
        assert_unlocked();
        drop(spent);
        for waker in wake {
            waker.wake();
        }
        self.tell(ended, leftovers);
    }

    /// The end, for whatever is left: calls are cancelled, the transport goes.
    pub(super) fn close(&self, mut held: Held<'_>, now: Instant, reason: String) {
        held.lost(now, reason);
        held.dispatch(&self.hub, now);
        let state = &mut *held;
        (state.closed, state.driving) = (true, false);
        let never_begun = std::mem::take(&mut state.fresh);
        for id in never_begun.into_iter().chain(std::mem::take(&mut state.held)) {
            state.release_call(now, id);
        }
        state.spent_pipe = state.pipe.take();
        state.spent.extend(state.driver.take());
        self.unlock(held);
    }
}
