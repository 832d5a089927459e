//! The two places of a connection: the visitor's (reads, drives the core) and the writer's.
//!
//! Neither ever blocks, and nobody waits for a place: who finds it taken leaves a note, and the holder looks again
//! before it leaves.

use super::conn::{Conn, Held};
use super::hub::{Hub, phase};
use super::job::Job;
use super::limits::NEVER;
use super::rules::Rule;
use super::state::Visit;
use crate::os::Pipe;
use crate::security;
use proto_core::buf::{Incoming, Outgoing};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Reads of one visit; then the connection queues again, so that a busy one does not starve the others.
const READS: usize = 4;
/// Writes in a row before the writer hands over, so that a worker is not kept by a fast reader.
const WRITES: usize = 16;
/// Segments of one write.
const SEGMENTS: usize = 64;

/// One `writev` of what stands in `out`.
fn write(pipe: &dyn Pipe, out: &Outgoing) -> io::Result<usize> {
    let mut segments = [&[][..]; SEGMENTS];
    let count = out.segments(&mut segments);
    match pipe.try_write(&segments[..count]) {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        other => other,
    }
}

impl Hub {
    /// The visitor's place: reads until drained or out of budget, drives, and returns the calls to start. `spare` is the
    /// worker's own buffer; a connection keeps one only while the end of a frame is missing.
    pub(super) fn visit(&self, conn: &Arc<Conn>, visit: Visit, spare: &mut Incoming) -> Vec<Job> {
        let now = self.os.now();
        let mut held = self.conn(conn);
        if held.abandoned {
            return Vec::new();
        }
        held.hup |= visit.ready.hup;
        if visit.timer {
            held.timer_at = NEVER;
        }
        if visit.evicted {
            held.lost(now, "other connections came while its handshake was pending (max_pending_handshakes)".into());
        }
        if visit.ready.write {
            if held.writer {
                held.write_edge = true;
            } else {
                held.blocked = false;
                held = self.flush(conn, held);
            }
        }
        if held.visiting {
            if !self.broken(Rule::EdgeDuringVisit) {
                held.readable |= visit.ready.read | (visit.ready.write & !held.stands);
                held.again = true;
            }
            self.unlock(conn, held);
            return Vec::new();
        }
        held.readable |= visit.ready.read | visit.ready.hup | (visit.ready.write & !held.stands);
        held.visiting = true;
        held.again = true;
        held = self.drive(conn, held, spare);
        held.visiting = false;
        let now = self.os.now();
        held.dispatch(self, conn, now);
        if held.fresh.is_empty() {
            held = self.flush(conn, held);
        }
        let jobs = std::mem::take(&mut held.fresh);
        self.unlock(conn, held);
        jobs
    }

    /// The visitor's loop: time, stop, input, until there is nothing more.
    fn drive<'a>(&self, conn: &'a Arc<Conn>, mut held: Held<'a>, spare: &mut Incoming) -> Held<'a> {
        let mut budget = READS;
        while std::mem::take(&mut held.again) || held.readable {
            let now = self.os.now();
            let phase = self.phase.load(Relaxed);
            if phase >= phase::DRAINING && !held.drained {
                held.drained = true;
                if !held.stands {
                    // Nobody has called yet, and nobody could be told of the end.
                    held.lost(now, "the server stops".into());
                }
                // The end of the grace is the hub's timer: it may be called forward by a later stop.
                held.core.shutdown(now, Duration::MAX);
            }
            // Input before time: a deadline that passed while we were busy must not beat what has arrived.
            if held.readable && !held.dead {
                if !held.wants_input() {
                    held.full = true;
                    held.readable = false;
                } else if budget == 0 {
                    held.kick = !self.broken(Rule::BudgetRequeues);
                    break;
                } else {
                    budget -= 1;
                    held = self.read(conn, held, spare);
                }
            }
            held.core.handle_timeout(now);
            if phase >= phase::FORCED && !held.forced {
                held.forced = true;
                self.stats.forced.add(held.core.active_calls());
                held.core.shutdown(now, Duration::ZERO);
                held = self.flush(conn, held);
            }
            if held.dead {
                break;
            }
            held.dispatch(self, conn, now);
        }
        held
    }

    /// One read, without the lock.
    fn read<'a>(&self, conn: &'a Arc<Conn>, mut held: Held<'a>, spare: &mut Incoming) -> Held<'a> {
        held.readable = false;
        if !held.stands {
            return self.shake_hands(conn, held);
        }
        let hup = held.hup;
        let last_words = held.unwritable.is_some();
        let mut input = held.input.take().unwrap_or_else(|| std::mem::take(spare));
        drop(held);
        self.system.reads.one();
        let room = input.spare();
        let size = room.len().min(self.limits.read_size);
        let result = conn.pipe.try_read(&mut room[..size]);
        let now = self.os.now();
        let mut held = self.conn(conn);
        match result {
            Ok(0) if self.broken(Rule::LostEndsCalls) => held.dead = true,
            Ok(0) => held.peer_closed(now),
            Ok(n) => {
                input.filled(n);
                // An error is the core's: its GOAWAY waits to be written, and it is closed.
                let _ = held.core.receive(now, &mut input);
                held.readable |= n == size || hup;
                held.heard(now, n);
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => held.readable = true,
                ErrorKind::WouldBlock if last_words => held.read_failed(now, String::new()),
                ErrorKind::WouldBlock => {}
                _ => held.read_failed(now, error.to_string()),
            },
        }
        if input.as_slice().is_empty() {
            *spare = input
        } else {
            held.input = Some(input)
        }
        held
    }

    /// One step of the handshake below, without the lock.
    fn shake_hands<'a>(&self, conn: &'a Arc<Conn>, held: Held<'a>) -> Held<'a> {
        drop(held);
        let result = conn.pipe.connected();
        if let Err(error) = &result {
            self.stats.tls_failures.one();
            security::failed(&self.security, &*conn.pipe, error);
        }
        let now = self.os.now();
        let mut held = self.conn(conn);
        match result {
            Ok(false) => {}
            Ok(true) => {
                held.stands = true;
                // What came behind the handshake.
                held.readable = true;
            }
            Err(error) => held.refused(now, error.to_string()),
        }
        held
    }

    /// The writer's place: whoever finds it free writes everybody's output, until none is left or the socket is full.
    pub(super) fn flush<'a>(&self, conn: &'a Conn, mut held: Held<'a>) -> Held<'a> {
        if !held.may_write() {
            return held;
        }
        held.writer = true;
        held.corked = None;
        let mut now = self.os.now();
        let mut turns = 0;
        loop {
            let state = &mut *held;
            if state.left == 0 {
                state.core.poll_transmit(now, &mut state.out);
                state.left = state.out.len();
            }
            if state.left == 0 || state.dead {
                break;
            }
            if turns == WRITES {
                state.kick = true;
                break;
            }
            turns += 1;
            state.write_edge = false;
            let mut out = std::mem::take(&mut state.out);
            drop(held);
            self.system.writes.one();
            let result = write(&*conn.pipe, &out);
            now = self.os.now();
            held = self.conn(conn);
            if let Ok(n) = result {
                out.advance(n);
            }
            held.left = out.len();
            held.out = out;
            match result.map_err(|error| (error.kind(), error)) {
                Ok(_) => held.room(self),
                Err((ErrorKind::Interrupted, _)) => {}
                Err((ErrorKind::WouldBlock, _)) => {
                    if !held.write_edge || self.broken(Rule::EdgeDuringWrite) {
                        held.blocked = true;
                        break;
                    }
                }
                Err((_, error)) => {
                    held.write_failed(self, now, error);
                    break;
                }
            }
        }
        held.writer = false;
        held
    }

    /// Flushes, from outside.
    pub(super) fn flush_now(&self, conn: &Arc<Conn>) {
        self.guarded(conn, || {
            let held = self.conn(conn);
            let held = self.flush(conn, held);
            self.unlock(conn, held);
        });
    }
}
