//! One direction of a stream: what is read of it.

use super::link::Link;
use super::{PIECE, StreamError, Turn, gave_up};
use crate::os::Pipe;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;

/// What was read, and whoever it is for has not taken yet.
#[derive(Debug)]
pub(super) struct Input {
    piece: Vec<u8>,
    left: Range<usize>,
}

impl Input {
    pub(super) fn new() -> Self {
        Input { piece: vec![0; PIECE], left: 0..0 }
    }

    /// Has everything been handed on that was read?
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Hands on what is left of the last read, or reads once and hands that on.
    pub(super) fn turn(&mut self, stream: &mut impl Read, link: &Link) -> Turn {
        if link.is_over() || link.far.is_closed_by_peer() {
            return Turn::Over(Ok(()));
        }
        if self.left.is_empty() {
            match stream.read(&mut self.piece) {
                Ok(0) => return Turn::Over(Ok(())),
                // (No more than there is room for, whatever it says.)
                Ok(n) => self.left = 0..n.min(self.piece.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Turn::Moved,
                Err(error) if gave_up(&error) => return Turn::Still,
                Err(error) => return Turn::Over(Err(StreamError::Read(Arc::new(error)))),
            }
        }
        match link.far.try_write(&[&self.piece[self.left.clone()]]) {
            Ok(n) => {
                self.left.start += n;
                link.delivered();
                Turn::Moved
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Turn::Still,
            // Nobody wants it any more.
            Err(_) => Turn::Over(Ok(())),
        }
    }
}
