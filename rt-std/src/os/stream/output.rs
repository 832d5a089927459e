//! One direction of a stream: what is written to it.

use super::link::{Doing, Link};
use super::{PIECE, StreamError, Turn, gave_up, rules};
use crate::os::Pipe;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::sync::Arc;

/// Pieces of one turn; then reading has its turn.
const PIECES: usize = 4;

/// What was taken to be written, and is not written or not flushed yet.
#[derive(Debug)]
pub(super) struct Output {
    piece: Vec<u8>,
    left: Range<usize>,
    unflushed: bool,
    /// Nobody will have anything more to write.
    ended: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        Output { piece: vec![0; PIECE], left: 0..0, unflushed: false, ended: false }
    }

    /// Is everything written and flushed that was taken?
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty() && !self.unflushed
    }

    /// For the watch.
    fn says_so(&self, link: &Link) {
        if link.in_force(rules::WRITER_SAYS_SO) {
            link.begins(Doing::Writing, !self.is_empty());
        }
    }

    /// Takes what waits in the pipe. False: nothing does.
    fn take(&mut self, link: &Link) -> bool {
        // Before it leaves the pipe, so that the watch sees it here or there.
        self.says_so(link);
        match link.far.try_read(&mut self.piece) {
            Ok(0) => self.ended = true,
            Ok(n) => {
                self.left = 0..n;
                return true;
            }
            Err(_) => {}
        }
        false
    }

    /// Writes what waits, as far as the stream takes it, and flushes when nothing does. `Over`: everything is written, and
    /// nothing more will come.
    pub(super) fn turn(&mut self, stream: &mut impl Write, link: &Link) -> Turn {
        let mut moved = false;
        for _ in 0..PIECES {
            if self.left.is_empty() && !self.take(link) {
                break;
            }
            self.says_so(link);
            match stream.write(&self.piece[self.left.clone()]) {
                Ok(0) => return failed(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    // (No more than there was, whatever it says.)
                    self.left.start = (self.left.start + n).min(self.left.end);
                    self.unflushed = true;
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => moved = true,
                Err(error) if gave_up(&error) => {
                    if !link.in_force(rules::REST_IS_KEPT) {
                        self.left = 0..0;
                    }
                    break;
                }
                Err(error) => return failed(error),
            }
        }
        if self.left.is_empty() && self.unflushed && !link.far.has_input() {
            self.says_so(link);
            match stream.flush() {
                Ok(()) => (self.unflushed, moved) = (false, true),
                Err(error) if error.kind() == ErrorKind::Interrupted || gave_up(&error) => {}
                Err(error) => return failed(error),
            }
        }
        match () {
            () if moved => Turn::Moved,
            () if self.ended && self.is_empty() => Turn::Over(Ok(())),
            () => Turn::Still,
        }
    }
}

fn failed(error: io::Error) -> Turn {
    Turn::Over(Err(StreamError::Write(Arc::new(error))))
}
