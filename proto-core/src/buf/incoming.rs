//! Bytes from the peer: one chunk, parsed in place, from which large payloads are shared instead of copied.

use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::ops::Range;

/// What a chunk holds: four DATA frames of the default size with their heads, and a little more, so that a busy reader finds whole frames and
/// carries next to nothing over into the next chunk.
const CHUNK: usize = 64 * 1024 + 64;

/// `spare` offers at least this much.
const MIN_SPARE: usize = 16 * 1024;

/// Chunks that were shared and whose memory is taken back once nobody holds a part of them.
const MAX_RETIRED: usize = 2;

/// A payload this much shorter than a quarter of its chunk still counts as a quarter: chunks have room for heads of frames.
const HEADS: usize = 64;

/// Bytes from the peer on their way into a connection.
///
/// A driver reads into [`spare`](Incoming::spare), tells how much with [`filled`](Incoming::filled), and passes the
/// buffer to `receive`, which consumes what it can and leaves an incomplete frame for the next time.
#[derive(Default)]
pub struct Incoming {
    /// Zero-initialised to its length. Empty before the first `spare`, and while `shared` is in use.
    chunk: BytesMut,
    /// The chunk, once a part of it was given away: no longer written to. Empty otherwise.
    shared: Bytes,
    start: usize,
    end: usize,
    /// Whose bytes were shared of this chunk last, and how many (see `shared_with`).
    sharer: (u32, usize),
    retired: Vec<Bytes>,
}

/// What waits, without the room around it.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("waiting", &format_args!("{}", self.as_slice().escape_ascii())).finish()
    }
}

impl Incoming {
    /// An empty buffer; memory is taken at the first `spare`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room to read into: at least 16 KiB, usually 64 KiB.
    pub fn spare(&mut self) -> &mut [u8] {
        self.reserve(MIN_SPARE);
        &mut self.chunk[self.end..]
    }

    /// `n` bytes were read into the start of `spare`. More than there was room for counts as all of it.
    pub fn filled(&mut self, n: usize) {
        self.end += n.min(self.chunk.len().saturating_sub(self.end));
    }

    /// Appends bytes that the driver already owns (one copy).
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.chunk[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// What is not consumed yet.
    pub fn as_slice(&self) -> &[u8] {
        if self.shared.is_empty() { &self.chunk[self.start..self.end] } else { &self.shared[self.start..self.end] }
    }

    /// Gives the memory back while nothing waits in it (a connection that is idle needs none).
    pub fn release_memory(&mut self) {
        if self.start == self.end {
            *self = Self::default();
        }
    }

    /// The first `n` bytes of `as_slice` are done with; more than there are counts as all of them.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
        if self.start == self.end && self.shared.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// The size of the chunk: what each part that is shared of it pins.
    pub(crate) fn chunk_len(&self) -> usize {
        self.chunk.len().max(self.shared.len())
    }

    /// Is a payload of this length worth keeping as a part of the chunk? A quarter of it is: what is kept pins the whole
    /// chunk, about four times its own size at most.
    pub(crate) fn is_worth_sharing(&self, len: usize) -> bool {
        len.saturating_mul(4).saturating_add(HEADS) >= self.chunk_len()
    }

    /// Bytes of this chunk that were shared with `owner`, if it was the last to get some.
    pub(crate) fn shared_with(&self, owner: u32) -> usize {
        if self.sharer.0 == owner { self.sharer.1 } else { 0 }
    }

    /// A part of `as_slice`, by reference. The chunk is left to its readers; the next `spare` takes another.
    pub(crate) fn share(&mut self, owner: u32, range: Range<usize>) -> Bytes {
        self.sharer = (owner, self.shared_with(owner) + range.len());
        if self.shared.is_empty() {
            self.shared = core::mem::take(&mut self.chunk).freeze();
        }
        let end = (self.start + range.end).min(self.end);
        self.shared.slice((self.start + range.start).min(end)..end)
    }

    /// Makes room for `room` bytes after `end`, in a chunk that is ours alone.
    fn reserve(&mut self, room: usize) {
        let waiting = self.end - self.start;
        if self.shared.is_empty() && self.chunk.len() - self.end >= room {
            return;
        }
        let needed = waiting + room;
        if self.shared.is_empty() && self.chunk.len() >= needed {
            // Copies what is left of a frame to the front, less than one frame.
            self.chunk.copy_within(self.start..self.end, 0);
        } else {
            // A frame longer than a chunk: by doubling, so that what waits is not copied again with every read.
            let mut fresh = self.fresh(if needed > CHUNK { needed.max(waiting * 2) } else { needed });
            fresh[..waiting].copy_from_slice(self.as_slice());
            self.chunk = fresh;
            self.sharer = (0, 0);
            self.retire();
        }
        self.start = 0;
        self.end = waiting;
    }

    /// Keeps hold of the shared chunk until its readers are done with it, in place of the one that has waited longest.
    fn retire(&mut self) {
        let shared = core::mem::take(&mut self.shared);
        if shared.len() == CHUNK {
            if self.retired.len() == MAX_RETIRED {
                self.retired.remove(0);
            }
            self.retired.push(shared);
        }
    }

    /// A chunk of at least `needed` bytes: one whose parts have all been dropped, or new memory.
    fn fresh(&mut self, needed: usize) -> BytesMut {
        if needed <= CHUNK {
            if let Some(at) = self.retired.iter().position(Bytes::is_unique)
                && let Ok(chunk) = self.retired.remove(at).try_into_mut()
            {
                return chunk;
            }
            return BytesMut::zeroed(CHUNK);
        }
        BytesMut::zeroed(needed.next_multiple_of(CHUNK))
    }
}
