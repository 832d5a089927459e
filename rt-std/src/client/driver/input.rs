//! What a look into the socket brought goes to the core; time comes after it.

use super::{Driver, Reader, State, rules};
use crate::os::in_force;
use crate::security;
use crate::sync::Guard;
use proto_core::Incoming;
use rt_common::unwritable::Unwritable;
use std::io::{self, ErrorKind};

/// Reads in a row that come before a timer that is due, and that drain an idle connection: a megabyte, what a peer may
/// send before it hears from us.
const MAX_READS: u8 = 16;

/// What one look into the socket brought.
pub(super) enum Got {
    /// Nobody looked.
    Nothing,
    Read(io::Result<usize>),
    /// Nothing was there, and nothing more can come: see `State::unwritable`.
    Over,
}

fn is_none_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Driver {
    /// Reads what is there without blocking, and then serves what is due.
    pub(super) fn drain<'a>(&'a self, mut state: Guard<'a, State>) -> Guard<'a, State> {
        state.reader = Reader::Taken { call: None, until: None, plain: false };
        // Until there is nothing: the last news (the end, a GOAWAY) may stand behind others.
        for _ in 0..MAX_READS {
            let mut incoming = std::mem::take(&mut state.incoming);
            let last_words = state.unwritable.is_some();
            self.unlock(state);
            let got = self.try_read(&mut incoming, last_words);
            state = self.lock();
            let more = matches!(got, Got::Read(Ok(1..)));
            self.input(&mut state, incoming, got);
            if !more || state.broken {
                break;
            }
        }
        state.reader = Reader::Free;
        state.signalled.reader = false;
        self.serve_timers(&mut state);
        state
    }

    /// Reads what is there. `last_words`: a write had failed before this look.
    pub(super) fn try_read(&self, incoming: &mut Incoming, last_words: bool) -> Got {
        match self.pipe.try_read(incoming.spare()) {
            Err(error) if last_words && error.kind() == ErrorKind::WouldBlock => Got::Over,
            got => Got::Read(got),
        }
    }

    /// What came goes to the core first, then time; while more may be there, time waits (within bounds).
    pub(super) fn input_then_time(&self, state: &mut State, incoming: Incoming, got: Got) {
        let more = matches!(got, Got::Read(Ok(1..)));
        self.input(state, incoming, got);
        let due = state.conn.poll_timeout().is_some_and(|at| at <= self.os.now());
        if due && more && state.reads_past_due < MAX_READS {
            state.reads_past_due += 1;
        } else {
            self.serve_timers(state);
        }
    }

    fn input(&self, state: &mut State, mut incoming: Incoming, got: Got) {
        let now = self.os.now();
        match got {
            Got::Nothing => {}
            Got::Read(Ok(0)) if state.unwritable.is_none() => {
                state.conn.receive_eof(now);
                state.broken = true;
            }
            Got::Over | Got::Read(Ok(0)) => self.lost(state, ErrorKind::BrokenPipe.into()),
            Got::Read(Ok(n)) => {
                incoming.filled(n);
                state.last_read = now;
                // An error closes the connection; its events and its reason tell.
                let _ = state.conn.receive(now, &mut incoming);
                self.heard(state, n);
            }
            Got::Read(Err(error)) if is_none_yet(&error) => state.last_read = now,
            Got::Read(Err(error)) => self.lost(state, error),
        }
        state.incoming = incoming;
        state.dispatch(&*self.os);
    }

    fn serve_timers(&self, state: &mut State) {
        state.reads_past_due = 0;
        let now = self.os.now();
        state.conn.handle_timeout(now);
        state.dispatch(&*self.os);
    }

    /// So many bytes were read; of a peer that takes none any more, not without an end.
    fn heard(&self, state: &mut State, count: usize) {
        if state.unwritable.as_mut().is_some_and(|write| write.is_heard_out(count)) {
            self.lost(state, ErrorKind::BrokenPipe.into());
        }
    }

    /// The transport is over, by this error or the one by which a write had failed.
    pub(super) fn lost(&self, state: &mut State, error: io::Error) {
        let now = self.os.now();
        let error = state.unwritable.take().map_or(error, Unwritable::into_error);
        state.cause = security::cause(&error);
        state.conn.lost(now, error.to_string(), Some(state.written));
        state.broken = true;
        state.dispatch(&*self.os);
    }

    /// Serves timers that are due, for a thread that has not read: not before what lies in the socket.
    pub(super) fn serve_time<'a>(&'a self, mut state: Guard<'a, State>) -> Guard<'a, State> {
        let due = |state: &State, now| state.conn.poll_timeout().is_some_and(|at| at <= now);
        if !due(&state, self.os.now()) {
            return state;
        }
        if in_force(&*self.os, rules::INPUT_BEFORE_TIME) {
            if matches!(state.reader, Reader::Free) {
                return self.drain(state);
            }
            self.unlock(state);
            let ready = self.pipe.wait(true, false, Some(self.os.now())).unwrap_or_default();
            if ready.woken {
                // Meant for the leader, or the writer.
                self.pipe.wake();
            }
            state = self.lock();
            if ready.read && !matches!(state.reader, Reader::Free) {
                return state;
            }
        }
        self.serve_timers(&mut state);
        state
    }
}
