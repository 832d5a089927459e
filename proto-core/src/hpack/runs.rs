//! Runs of fields that recur: decoded once, then copied as a whole.
//!
//! What it is for: once a peer's table has settled, the blocks of its calls are runs of one-octet fields around the
//! few literals that change. Such a run always means the same fields until the table changes, so that its fields
//! are kept, ready to be appended by two copies instead of one look-up and copy a field.
//!
//! A run is kept when it is seen the second time with the same table: a peer that inserts something in every block
//! never gets that far and pays a few instructions. Who calls it: the decoder.

use super::list::{HeaderList, Mark};

/// Runs that are remembered: the two of a request (around `grpc-timeout`), and those of one or two more shapes.
const REMEMBERED: usize = 4;

/// Octets of the longest run; a longer one is several.
const LONGEST: usize = 8;

/// Octets of text of the longest run that is kept. A request's usual fields have about 150; a peer that fills its
/// table with long values must not make us hold them twice.
const LONGEST_TEXT: usize = 1024;

/// The runs seen lately, all with the table as it is now.
#[derive(Default)]
pub(super) struct Runs {
    keys: [u64; REMEMBERED],
    kept: [HeaderList; REMEMBERED],
    next: usize,
}

impl Runs {
    /// Memory that it holds, octets, used or not.
    pub(super) fn memory(&self) -> usize {
        self.kept.iter().map(HeaderList::memory).sum()
    }
}

/// What a run looks like: its octets, the first lowest, zeros behind. An indexed field is never zero.
pub(super) struct Run {
    key: u64,
    /// Octets, and fields.
    pub(super) len: usize,
}

impl Run {
    /// The run of one-octet indexed fields (0x80 to 0xfe) at the start of `input`.
    #[inline]
    pub(super) fn at(input: &[u8]) -> Run {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        const HIGH: u64 = !LOW;
        const ONES: u64 = 0x0101_0101_0101_0101;
        let word = match input.first_chunk::<LONGEST>() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => input.iter().rev().fold(0, |word, &octet| word << 8 | u64::from(octet)),
        };
        // The top bit of each octet that is not in 0x80..=0xfe: its own is clear, or its lower seven are all set.
        let others = (!word | ((word & LOW) + ONES)) & HIGH;
        // Zero where all eight belong to the run.
        let first_other = others & others.wrapping_neg();
        let key = word & (first_other >> 7).wrapping_sub(1);
        Run { key, len: (others.trailing_zeros() / 8) as usize }
    }
}

/// What is known about a run.
pub(super) enum Recall {
    /// It was appended.
    Done,
    /// Decode it field by field; the second time, hand the result to [`Runs::keep`].
    Decode { keep_in: Option<usize> },
}

impl Runs {
    /// The table has changed: every run may mean something else.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.keys = [0; REMEMBERED];
    }

    /// Appends the run to `into` if it is kept and fits below `limit`.
    #[inline]
    pub(super) fn recall(&mut self, run: &Run, into: &mut HeaderList, limit: usize) -> Recall {
        let Some(place) = self.keys.iter().position(|&key| key == run.key) else {
            self.remember(run);
            return Recall::Decode { keep_in: None };
        };
        let kept = &self.kept[place];
        if kept.is_empty() {
            Recall::Decode { keep_in: Some(place) }
        } else if into.append_list(kept, limit) {
            Recall::Done
        } else {
            Recall::Decode { keep_in: None }
        }
    }

    /// Keeps what `from` got since `mark` as the meaning of the run at `place`.
    pub(super) fn keep(&mut self, place: usize, from: &HeaderList, mark: Mark) {
        if let Some(kept) = self.kept.get_mut(place)
            && from.text_since(mark) <= LONGEST_TEXT
        {
            kept.copy_from(from, mark);
        }
    }

    fn remember(&mut self, run: &Run) {
        self.keys[self.next] = run.key;
        self.kept[self.next].clear();
        self.next = (self.next + 1) % REMEMBERED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_the_first_octet_that_is_not_an_indexed_field() {
        for len in 0..12 {
            for end in [None, Some(0x7f), Some(0xff), Some(0x00), Some(0x40)] {
                let mut input: std::vec::Vec<u8> = (0..len).map(|i| [0x80, 0xfe, 0xbe, 0x82][i % 4]).collect();
                input.extend(end);
                input.extend(end.map(|_| 0x83));
                let run = Run::at(&input);
                assert_eq!(run.len, len.min(LONGEST));
                let mut expected = [0; 8];
                expected[..run.len].copy_from_slice(&input[..run.len]);
                assert_eq!(run.key.to_le_bytes(), expected);
            }
        }
    }
}
