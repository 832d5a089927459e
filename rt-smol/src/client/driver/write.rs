//! The writer's place: inline by whoever finds it free, by the connection's task once the pipe had no room.

use super::{Driver, State, Writer};
use crate::os::Pipe;
use crate::rules::Rule;
use crate::sync::{Guard, assert_unlocked};
use proto_core::Outgoing;
use rt_common::unwritable::Unwritable;
use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll};

/// Segments handed to one write.
const SEGMENTS: usize = 16;

/// Writes that one caller makes for all, before the task goes on.
const MAX_WRITES: usize = 16;

/// What came of a turn in the writer's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Something was written; there may be more.
    Wrote,
    /// There is nothing to write, or nothing to write it to.
    Done,
    /// The pipe has no room.
    Full,
}

/// Hands what is to be written to `write`.
fn write_from<T>(outgoing: &Outgoing, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
    let mut segments = [&[][..]; SEGMENTS];
    let count = outgoing.segments(&mut segments);
    if count == 1 {
        return write(&[IoSlice::new(segments[0])]);
    }
    let slices = segments.map(IoSlice::new);
    write(&slices[..count])
}

impl Driver {
    /// On every way out of an operation: sends what there is as far as the pipe takes it, tells the task what it has to
    /// know, unlocks.
    pub(super) fn leave<'a>(&'a self, mut state: Guard<'a, State>) {
        state.dispatch(self.os.now());
        let mut writes = 0;
        let shared = state.rules.broken(Rule::ClientOneWriter);
        while (state.writer == Writer::Free || shared) && state.has_output() {
            if writes == MAX_WRITES {
                state.writer = Writer::Task;
                if state.rules.hold(Rule::ClientWritesTell) {
                    state.wake_task();
                }
                break;
            }
            if writes > 0 && state.rules.broken(Rule::ClientWriterLooksAgain) {
                break;
            }
            writes += 1;
            let turn;
            (state, turn) = self.write(state, |pipe, outgoing| write_from(outgoing, |slices| pipe.try_write(slices)));
            match turn {
                Turn::Wrote => {}
                Turn::Done => break,
                Turn::Full => {
                    state.writer = Writer::Task;
                    if state.rules.hold(Rule::ClientFullPipeTells) {
                        state.wake_task();
                    }
                }
            }
        }
        state.tell_task();
        self.unlock(state);
    }

    /// The task writes until there is nothing left (true), or the pipe has no room or a caller is at it (false: the task is
    /// woken then).
    pub(super) fn flush(&self, cx: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        state.dispatch(self.os.now());
        let mut writes = 0;
        let flushed = loop {
            writes += 1;
            if writes > MAX_WRITES {
                // Other tasks have their turn.
                state.writer = Writer::Task;
                cx.waker().wake_by_ref();
                break false;
            }
            if state.writer == Writer::Taken {
                // A caller is writing, and goes on until there is nothing, or wakes the task.
                break false;
            }
            let turn;
            (state, turn) =
                self.write(state, |pipe, outgoing| match write_from(outgoing, |slices| pipe.poll_write(cx, slices)) {
                    Poll::Ready(result) => result,
                    Poll::Pending => Err(ErrorKind::WouldBlock.into()),
                });
            match turn {
                Turn::Wrote => {}
                Turn::Done => break true,
                Turn::Full => {
                    state.writer = Writer::Task;
                    break false;
                }
            }
        };
        self.unlock(state);
        flushed
    }

    /// One write, outside the lock. The place is free afterwards.
    fn write<'a>(
        &'a self,
        mut state: Guard<'a, State>,
        write: impl FnOnce(&dyn Pipe, &Outgoing) -> io::Result<usize>,
    ) -> (Guard<'a, State>, Turn) {
        state.writer = Writer::Free;
        if !state.has_output() {
            return (state, Turn::Done);
        }
        let now = self.os.now();
        let inner = &mut *state;
        if inner.outgoing.is_empty() && !inner.conn.poll_transmit(now, &mut inner.outgoing) {
            return (state, Turn::Done);
        }
        // There is room for more in the connection's queues.
        state.dispatch(now);
        let Some(pipe) = state.pipe.clone() else { return (state, Turn::Done) };
        state.writer = Writer::Taken;
        // Others append to the connection's own buffer meanwhile.
        let mut outgoing = std::mem::take(&mut state.outgoing);
        state.written = outgoing.written() + outgoing.len() as u64;
        self.unlock(state);
        assert_unlocked();
        let wrote = write(&*pipe, &outgoing);
        drop(pipe);
        state = self.lock();
        state.writer = Writer::Free;
        if let Ok(count) = wrote {
            outgoing.advance(count);
        }
        state.written = outgoing.written();
        state.outgoing = outgoing;
        let turn = match wrote {
            Ok(1..) => Turn::Wrote,
            Ok(0) => {
                state.failed = Some(Unwritable::new(ErrorKind::WriteZero.into()));
                Turn::Done
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Turn::Wrote,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Turn::Full,
            Err(error) => {
                state.failed = Some(Unwritable::new(error));
                Turn::Done
            }
        };
        (state, turn)
    }
}
