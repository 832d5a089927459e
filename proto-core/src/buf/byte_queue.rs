//! A queue of payload bytes: small pieces copied together into buffers that are reused, large ones kept by reference.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

/// Pieces are appended to the last copied chunk until it holds this much; then another is begun.
const CHUNK: usize = 16 * 1024;

/// What an empty queue keeps of its buffer for the next stream: messages that are copied cost no allocation.
const KEEP_CAPACITY: usize = CHUNK;

/// What it keeps of the places for further chunks.
const KEEP_CHUNKS: usize = 16;

/// Payload bytes that wait, in order.
///
/// The first bytes stand in `head`, a buffer that lives as long as the queue, so that a stream of small messages costs no
/// allocation. What comes behind a shared piece goes to `rest`.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    head: Vec<u8>,
    pos: usize,
    rest: VecDeque<Chunk>,
    len: usize,
}

#[derive(Debug)]
enum Chunk {
    Copied(Vec<u8>),
    Shared(Bytes),
}

/// The next bytes of a queue.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// To be copied before the queue moves on.
    Copied(&'a [u8]),
    /// By reference.
    Shared(Bytes),
}

impl ByteQueue {
    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory that it holds, counting shared pieces by their length.
    pub(crate) fn capacity(&self) -> usize {
        let rest = self.rest.iter().map(|chunk| match chunk {
            Chunk::Copied(bytes) => bytes.capacity(),
            Chunk::Shared(bytes) => bytes.len(),
        });
        self.head.capacity() + rest.sum::<usize>()
    }

    /// Appends a copy.
    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        if self.rest.is_empty() && (self.head.is_empty() || self.head.len() + bytes.len() <= CHUNK) {
            return self.head.extend_from_slice(bytes);
        }
        match self.rest.back_mut() {
            Some(Chunk::Copied(last)) if last.len() + bytes.len() <= CHUNK => last.extend_from_slice(bytes),
            _ => {
                // Behind much that waits, a whole chunk at once: exact memory instead of growth by doubling.
                let more = if self.len > CHUNK { CHUNK } else { 0 };
                let mut chunk = Vec::with_capacity(bytes.len().max(more));
                chunk.extend_from_slice(bytes);
                self.rest.push_back(Chunk::Copied(chunk));
            }
        }
    }

    /// Appends by reference.
    pub(crate) fn push_shared(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.rest.push_back(Chunk::Shared(bytes));
        }
    }

    /// Copies the bytes from `at` on to `into` without taking them; says how many.
    #[inline]
    pub(crate) fn peek(&self, at: usize, into: &mut [u8]) -> usize {
        let from = self.pos.saturating_add(at);
        match self.head.get(from..from.saturating_add(into.len())) {
            // Where it mostly stands.
            Some(bytes) => {
                into.copy_from_slice(bytes);
                into.len()
            }
            None => self.peek_across(at, into),
        }
    }

    fn peek_across(&self, at: usize, into: &mut [u8]) -> usize {
        let mut skip = at;
        let mut filled = 0;
        let mut copy = |from: &[u8]| {
            let skipped = skip.min(from.len());
            skip -= skipped;
            let from = &from[skipped..];
            let n = from.len().min(into.len() - filled);
            into[filled..filled + n].copy_from_slice(&from[..n]);
            filled += n;
            filled < into.len()
        };
        if copy(&self.head[self.pos..]) {
            for chunk in &self.rest {
                let more = match chunk {
                    Chunk::Copied(bytes) => copy(bytes),
                    Chunk::Shared(bytes) => copy(bytes),
                };
                if !more {
                    break;
                }
            }
        }
        filled
    }

    /// Takes the next `n` bytes (or what there is), piece by piece. Returns how many.
    #[inline]
    pub(crate) fn take(&mut self, n: usize, mut each: impl FnMut(Piece<'_>)) -> usize {
        let end = self.pos.saturating_add(n);
        let Some(bytes) = self.head.get(self.pos..end) else { return self.take_across(n, each) };
        // Where they mostly stand.
        each(Piece::Copied(bytes));
        self.pos = end;
        self.len -= n;
        if end == self.head.len() {
            self.head.clear();
            self.pos = 0;
        }
        n
    }

    fn take_across(&mut self, n: usize, mut each: impl FnMut(Piece<'_>)) -> usize {
        let wanted = n.min(self.len);
        let mut left = wanted;
        while left > 0 {
            let in_head = self.head.len() - self.pos;
            if in_head > 0 {
                let n = left.min(in_head);
                each(Piece::Copied(&self.head[self.pos..self.pos + n]));
                self.pos += n;
                left -= n;
                if self.pos < self.head.len() {
                    break;
                }
            }
            self.head.clear();
            self.pos = 0;
            if left > 0 {
                left = self.take_from_rest(left, &mut each);
            }
        }
        self.len -= wanted - left;
        wanted - left
    }

    /// Takes from the first chunk behind an empty head; returns what is still wanted.
    fn take_from_rest(&mut self, left: usize, each: &mut impl FnMut(Piece<'_>)) -> usize {
        match self.rest.front_mut() {
            None => 0,
            Some(Chunk::Copied(bytes)) => {
                self.head = core::mem::take(bytes);
                self.rest.pop_front();
                left
            }
            Some(Chunk::Shared(bytes)) if bytes.len() > left => {
                each(Piece::Shared(bytes.slice(..left)));
                bytes.advance(left);
                0
            }
            Some(Chunk::Shared(bytes)) => {
                let bytes = core::mem::take(bytes);
                self.rest.pop_front();
                let left = left - bytes.len();
                each(Piece::Shared(bytes));
                left
            }
        }
    }

    /// Drops everything, and gives back memory beyond what a small message needs.
    pub(crate) fn reset(&mut self) {
        self.head.clear();
        if self.head.capacity() > KEEP_CAPACITY {
            self.head.shrink_to(KEEP_CAPACITY);
        }
        self.pos = 0;
        if !self.rest.is_empty() {
            self.rest.clear();
        }
        if self.rest.capacity() > KEEP_CHUNKS {
            self.rest.shrink_to(KEEP_CHUNKS);
        }
        self.len = 0;
    }
}
