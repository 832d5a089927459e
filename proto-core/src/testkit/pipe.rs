//! One direction of a link: pieces of bytes on their way, each with the time of its arrival.

use super::faults::{Faults, Pieces};
use super::random::Random;
use crate::buf::{Incoming, Outgoing};
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// Bytes under way in one direction.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    /// When the last piece arrives: no later one overtakes it.
    last: Instant,
    /// Bytes in `pieces`.
    pub(super) under_way: usize,
}

impl Pipe {
    /// Writes up to `room` bytes of `out` into the pipe; says how many.
    pub(super) fn write(
        &mut self,
        now: Instant,
        out: &mut Outgoing,
        room: usize,
        faults: &Faults,
        random: &mut Random,
    ) -> usize {
        let mut segments: [&[u8]; 16] = [&[]; 16];
        let count = out.segments(&mut segments);
        let mut left = room;
        let mut written = 0;
        for segment in &segments[..count] {
            let mut segment = &segment[..segment.len().min(left)];
            left -= segment.len();
            written += segment.len();
            while !segment.is_empty() {
                let size = match faults.pieces {
                    Pieces::Whole => segment.len(),
                    Pieces::Size(size) => size.max(1),
                    Pieces::UpTo(size) => 1 + random.below(size),
                };
                let (piece, rest) = segment.split_at(size.min(segment.len()));
                segment = rest;
                self.last = self.last.max(now + delay(faults, random));
                self.pieces.push_back((self.last, piece.to_vec()));
            }
        }
        self.under_way += written;
        out.advance(written);
        written
    }

    /// When the next piece arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.pieces.front().map(|(due, _)| *due)
    }

    /// Hands over the next piece, if it has arrived; says how many bytes.
    pub(super) fn deliver(&mut self, now: Instant, into: &mut Incoming) -> Option<usize> {
        if self.next()? > now {
            return None;
        }
        let (_, piece) = self.pieces.pop_front()?;
        self.under_way -= piece.len();
        into.extend_from_slice(&piece);
        Some(piece.len())
    }

    /// Loses everything that is under way.
    pub(super) fn lose(&mut self) {
        self.pieces.clear();
        self.under_way = 0;
    }
}

fn delay(faults: &Faults, random: &mut Random) -> Duration {
    let (least, most) = faults.delay;
    let spread = most.saturating_sub(least).as_nanos();
    match u64::try_from(spread) {
        Ok(0) | Err(_) => least,
        Ok(spread) => least + Duration::from_nanos(random.next_u64() % (spread + 1)),
    }
}
