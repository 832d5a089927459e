//! The writer's place of a connection: whoever finds it free writes everybody's output, until none is left or the pipe is
//! full. Nobody waits for it: who finds it taken leaves, since its holder looks again before it goes.

use super::conn::{Conn, Held};
use crate::os::Pipe;
use crate::rules::Rule;
use crate::sync::assert_unlocked;
use proto_core::buf::Outgoing;
use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll};

/// Writes in a row before the writer hands over, so that a task is not kept by a fast reader.
const WRITES: usize = 16;
/// Segments of one write.
const SEGMENTS: usize = 64;

/// One write of what stands in `out`: by the connection's task, which is told when there is room, or by somebody else.
fn write(pipe: &dyn Pipe, out: &Outgoing, cx: Option<&mut Context<'_>>) -> io::Result<usize> {
    let mut segments = [&[][..]; SEGMENTS];
    let count = out.segments(&mut segments);
    let slices = segments.map(IoSlice::new);
    assert_unlocked();
    let written = match cx {
        None => pipe.try_write(&slices[..count]),
        Some(cx) => match pipe.poll_write(cx, &slices[..count]) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        },
    };
    match written {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        other => other,
    }
}

impl Conn {
    /// The same, but that it is left to the connection's task if that is at work: it flushes at the end of its batch.
    pub(super) fn flush_soon<'a>(&'a self, held: Held<'a>) -> Held<'a> {
        if held.driving { held } else { self.flush(held, None) }
    }

    /// Writes what there is, without waiting. With a task (the connection's own) it asks to be told of room; anybody else
    /// leaves a full pipe to that task.
    pub(super) fn flush<'a>(&'a self, mut held: Held<'a>, mut cx: Option<&mut Context<'_>>) -> Held<'a> {
        let taken = held.writer && held.rules.hold(Rule::ServerOneWriter);
        if taken || held.dead || held.blocked && cx.is_none() || !held.has_output() {
            return held;
        }
        let Some(pipe) = held.pipe.clone() else { return held };
        held.writer = true;
        held.blocked = false;
        let mut now = self.hub.os.now();
        let mut turns = 0;
        loop {
            let state = &mut *held;
            if state.left == 0 {
                state.corked = None;
                state.core.poll_transmit(now, &mut state.out);
                state.left = state.out.len();
            }
            let enough = turns == 1 && state.rules.broken(Rule::ServerWriterLooksAgain);
            if state.left == 0 || state.dead || state.is_unwritable() || enough {
                break;
            }
            if turns == WRITES {
                state.kick();
                break;
            }
            turns += 1;
            let mut out = std::mem::take(&mut state.out);
            drop(held);
            let result = write(&*pipe, &out, cx.as_deref_mut());
            now = self.hub.os.now();
            if let Ok(n) = result {
                out.advance(n);
            }
            held = self.lock();
            if held.abandoned {
                held.spent_pipe = Some(pipe);
                return held;
            }
            held.left = out.len();
            held.out = out;
            match result.map_err(|error| (error.kind(), error)) {
                Ok(_) | Err((ErrorKind::Interrupted, _)) => {}
                Err((ErrorKind::WouldBlock, _)) => {
                    held.blocked = true;
                    if cx.is_none() && held.rules.hold(Rule::ServerFullPipeTells) {
                        held.kick();
                    }
                    break;
                }
                Err((_, error)) => held.write_failed(error),
            }
        }
        held.writer = false;
        if held.pipe.is_none() {
            // Closed meanwhile: ours is the last hold on it, perhaps, and closing it takes the system's time.
            held.spent_pipe = Some(pipe);
        }
        held
    }
}
