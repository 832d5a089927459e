//! The two places of a connection, and the rules of handing them on.
//!
//! Every blocking operation is one function, [`Driver::wait_for`]. It goes round: what is waited for is there: leave.
//! Output is pending and the writer's place is free: write. The reader's place is free: read. Otherwise park.

use super::input::Got;
use super::{Direction, Driver, Reader, State, Writer, rules};
use crate::os::in_force;
use crate::sync::Guard;
use proto_core::Connection;
use proto_core::call::CallId;
use proto_core::connection::Client;
use proto_core::time::{Instant, earliest};
use rt_common::unwritable::Unwritable;
use std::io::ErrorKind;
use std::time::Duration;

/// Segments handed to one write.
const SEGMENTS: usize = 64;

/// How long a thread whose timer is due leaves input in the socket to the leader, before it looks again.
const LEADERS_TURN: Duration = Duration::from_millis(1);

/// Longest plain read. What nobody could tell its reader (output that another thread left behind when the socket was
/// full and nobody was parked; the deadline of a call that nobody waits for) waits so long at most.
const PLAIN_LIMIT: Duration = Duration::from_secs(1);

/// What a thread waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// The call; `None` for the connection itself.
    pub(crate) call: Option<CallId>,
    /// What about the call.
    pub(crate) direction: Direction,
    /// When the core will end the call: the thread must be awake then.
    pub(crate) deadline: Option<Instant>,
    /// When the thread gives up.
    pub(crate) until: Option<Instant>,
    /// Nobody but the peer and time can end this call.
    pub(crate) alone: bool,
}

impl Wait {
    fn wake_at(&self) -> Option<Instant> {
        earliest(self.deadline, self.until)
    }
}

impl Driver {
    /// Drives the connection until `ready` yields, or `wait.until` passes (`None`).
    pub(super) fn wait_for<'a, T>(
        &'a self,
        mut state: Guard<'a, State>,
        wait: &Wait,
        mut ready: impl FnMut(&mut Connection<Client>, Instant) -> Option<T>,
    ) -> Option<T> {
        let mut has_looked = false;
        let value = loop {
            let now = self.os.now();
            if !in_force(&*self.os, rules::INPUT_BEFORE_TIME) {
                state.conn.handle_timeout(now);
            }
            let value = ready(&mut state.conn, now);
            state.dispatch(&*self.os);
            if value.is_some() || state.broken {
                break value;
            }
            if wait.until.is_some_and(|at| at <= now) {
                if has_looked || !matches!(state.reader, Reader::Free) {
                    break None;
                }
                // Who does not wait looks into the socket nevertheless.
                has_looked = true;
                state = self.drain(state);
                continue;
            }
            if matches!(state.writer, Writer::Free) && state.has_output() {
                state = self.write(state, Some(wait));
            } else if matches!(state.reader, Reader::Free) && state.wants_input() {
                state = self.read(state, wait);
                has_looked = true;
            } else {
                state = self.park(state, wait);
            }
        };
        self.leave(state);
        value
    }

    /// The same, for a thread that does not hold the lock.
    pub(crate) fn wait<T>(
        &self,
        wait: &Wait,
        ready: impl FnMut(&mut Connection<Client>, Instant) -> Option<T>,
    ) -> Option<T> {
        self.wait_for(self.lock(), wait, ready)
    }

    /// Waits for the connection itself.
    pub(crate) fn wait_connection<T>(
        &self,
        until: Option<Instant>,
        ready: impl FnMut(&mut Connection<Client>, Instant) -> Option<T>,
    ) -> Option<T> {
        let wait = Wait { call: None, direction: Direction::Recv, deadline: None, until, alone: false };
        self.wait_for(self.lock(), &wait, ready)
    }

    /// The writer's place: writes while there is output that the socket takes. Waits for room once, if `wait` is given;
    /// then the caller looks at its own call again.
    pub(super) fn write<'a>(&'a self, mut state: Guard<'a, State>, wait: Option<&Wait>) -> Guard<'a, State> {
        let call = wait.and_then(|wait| wait.call);
        state.writer = Writer::Taken { call };
        while !state.broken && state.unwritable.is_none() {
            if state.outgoing.is_empty() {
                let now = self.os.now();
                let inner = &mut *state;
                if !inner.conn.poll_transmit(now, &mut inner.outgoing) {
                    break;
                }
                state.dispatch(&*self.os);
            }
            // Others append to the connection's own buffer meanwhile.
            let mut outgoing = std::mem::take(&mut state.outgoing);
            state.written = outgoing.written() + outgoing.len() as u64;
            state.writer_told = false;
            self.unlock(state);
            let mut segments = [&[][..]; SEGMENTS];
            let n = outgoing.segments(&mut segments);
            let wrote = self.pipe.try_write(&segments[..n]);
            state = self.lock();
            if let Ok(n) = wrote {
                outgoing.advance(n);
            }
            state.written = outgoing.written();
            state.outgoing = outgoing;
            match wrote {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let Some(wait) = wait.filter(|_| !state.conn.is_closed()) else { break };
                    // What came meanwhile may be all that the caller waits for.
                    if state.writer_told && in_force(&*self.os, rules::WRITER_LOOKS_FIRST) {
                        break;
                    }
                    state = self.wait_for_room(state, wait);
                    if in_force(&*self.os, rules::WRITER_GIVES_UP) {
                        break;
                    }
                }
                Err(error) => {
                    // What the peer said before it closed may lie in the socket still.
                    if in_force(&*self.os, rules::LAST_WORDS_HEARD) {
                        state.unwritable = Some(Unwritable::new(error));
                        if matches!(state.reader, Reader::Taken { plain: false, .. }) {
                            state.signal_reader();
                        }
                    } else {
                        self.lost(&mut state, error);
                    }
                }
            }
        }
        state.writer = Writer::Free;
        state
    }

    /// A blocked write reads when nobody else does, or two full pipes would wait for each other.
    fn wait_for_room<'a>(&'a self, mut state: Guard<'a, State>, wait: &Wait) -> Guard<'a, State> {
        let until = earliest(wait.wake_at(), state.conn.poll_timeout());
        let reads = matches!(state.reader, Reader::Free)
            && state.wants_input()
            && in_force(&*self.os, rules::BLOCKED_WRITER_READS);
        if reads {
            state.reader = Reader::Taken { call: wait.call, until, plain: false };
            let mut incoming = std::mem::take(&mut state.incoming);
            self.unlock(state);
            let (got, woken) = match self.pipe.wait(true, true, until) {
                Ok(ready) if ready.read => (Got::Read(self.pipe.try_read(incoming.spare())), ready.woken),
                Ok(ready) => (Got::Nothing, ready.woken),
                Err(error) => (Got::Read(Err(error)), false),
            };
            state = self.lock();
            state.reader = Reader::Free;
            if woken {
                // Both places were ours.
                state.signalled = super::Signalled::default();
            }
            self.input_then_time(&mut state, incoming, got);
        } else {
            state.writer = Writer::Blocked { call: wait.call };
            self.unlock(state);
            let woken = self.pipe.wait(false, true, until).is_ok_and(|ready| ready.woken);
            state = self.lock();
            state.writer = Writer::Taken { call: wait.call };
            state.signalled.writer = false;
            if woken {
                self.pass_signal_on(&mut state);
            }
            state = self.serve_time(state);
        }
        state
    }

    /// Two threads may wait at the one wake handle. Who took a signal that was meant for the other gives it again.
    fn pass_signal_on(&self, state: &mut State) {
        let other = state.signalled.reader || state.signalled.writer;
        if other && in_force(&*self.os, rules::SIGNAL_PASSED_ON) {
            state.exit.signal = true;
        }
    }

    /// The reader's place: one read for everyone.
    pub(super) fn read<'a>(&'a self, mut state: Guard<'a, State>, wait: &Wait) -> Guard<'a, State> {
        let alone = wait.alone || !in_force(&*self.os, rules::PLAIN_ONLY_ALONE);
        // A writer that is at it may leave output behind; then nobody could tell a plain reader.
        let quiet = !state.has_output() && matches!(state.writer, Writer::Free);
        let last_words = state.unwritable.is_some();
        let plain = alone && !last_words && (quiet || !in_force(&*self.os, rules::PLAIN_ONLY_WHEN_QUIET));
        let mut until = earliest(wait.wake_at(), state.conn.poll_timeout());
        if plain {
            until = earliest(until, Some(self.os.now() + PLAIN_LIMIT));
        }
        state.reader = Reader::Taken { call: wait.call, until, plain };
        let mut incoming = std::mem::take(&mut state.incoming);
        self.unlock(state);
        let mut woken = false;
        let got = if plain {
            Got::Read(self.pipe.read(incoming.spare(), until))
        } else {
            match self.try_read(&mut incoming, last_words) {
                Got::Read(Err(error)) if error.kind() == ErrorKind::WouldBlock => {
                    match self.pipe.wait(true, false, until) {
                        Ok(ready) => {
                            woken = ready.woken;
                            // At the end of its time too: what came before it comes first.
                            if ready.read || !ready.woken {
                                Got::Read(self.pipe.try_read(incoming.spare()))
                            } else {
                                Got::Nothing
                            }
                        }
                        Err(error) => Got::Read(Err(error)),
                    }
                }
                other => other,
            }
        };
        state = self.lock();
        state.reader = Reader::Free;
        state.signalled.reader = false;
        if woken {
            self.pass_signal_on(&mut state);
        }
        self.input_then_time(&mut state, incoming, got);
        state
    }

    fn park<'a>(&'a self, mut state: Guard<'a, State>, wait: &Wait) -> Guard<'a, State> {
        let mut until = wait.wake_at();
        let (now, timer) = (self.os.now(), state.conn.poll_timeout());
        if in_force(&*self.os, rules::PARKED_SERVE_TIMERS) {
            let lead = match state.reader {
                Reader::Taken { until, .. } => until,
                Reader::Free => None,
            };
            // A timer that is earlier than the leader's wake-up is ours to serve.
            if timer.is_some_and(|timer| lead.is_none_or(|lead| timer < lead)) {
                until = earliest(until, timer);
            }
        }
        if until.is_some_and(|at| at <= now) {
            // Due already: input is there, and the leader is on its way to it.
            until = Some(now + LEADERS_TURN);
        }
        state.ask_background();
        let key = state.waiters.add(wait.call.map(|id| (id, wait.direction)), self.os.me());
        self.unlock(state);
        self.os.park(until);
        state = self.lock();
        state.waiters.remove(key);
        self.serve_time(state)
    }

    /// On every way out: output flushed or handed on, the reader's place handed on, a blocked writer told.
    pub(super) fn leave<'a>(&'a self, mut state: Guard<'a, State>) {
        if matches!(state.writer, Writer::Free) && state.has_output() {
            state = self.write(state, None);
        }
        if state.unwritable.is_some() && !state.broken && matches!(state.reader, Reader::Free) {
            // Nobody may come by for long.
            state = self.drain(state);
        }
        self.hand_on(&mut state);
        if state.conn.is_closed() && matches!(state.writer, Writer::Free) && !state.closed {
            // What could be written has been. Closing the pipe wakes who still reads.
            state.broken = true;
            state.closed = true;
            state.exit.close = in_force(&*self.os, rules::END_CLOSES_PIPE);
        }
        self.unlock(state);
    }

    fn hand_on(&self, state: &mut State) {
        let os = &*self.os;
        let output_left = matches!(state.writer, Writer::Free) && state.has_output();
        let orphan_output = output_left && in_force(os, rules::OUTPUT_HANDED_ON);
        let nobody_reads = matches!(state.reader, Reader::Free) && in_force(os, rules::READER_HANDED_ON);
        if nobody_reads || orphan_output {
            if let Some(key) = state.waiters.asleep() {
                // One that is woken already will come by.
                if !state.waiters.is_coming() {
                    state.wake(key);
                }
            } else if matches!(state.writer, Writer::Blocked { .. }) && in_force(os, rules::BLOCKED_WRITER_TOLD) {
                state.signal_writer();
            }
        }
        let leader_polls = matches!(state.reader, Reader::Taken { plain: false, .. });
        if output_left && leader_polls && in_force(os, rules::LEADER_TOLD_OF_OUTPUT) {
            state.signal_reader();
        }
    }
}
