//! Bytes for the peer: one contiguous buffer, with large payloads standing between its bytes by reference.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

/// An empty buffer larger than this gives its memory back.
const KEEP_CAPACITY: usize = 128 * 1024;

/// Bytes for the peer on their way out of a connection.
///
/// `poll_transmit` fills an empty `Outgoing`; the driver writes [`segments`](Outgoing::segments) in order and calls
/// [`advance`](Outgoing::advance) for what was written.
#[derive(Debug, Default)]
pub struct Outgoing {
    buf: Vec<u8>,
    /// Large payloads that stand between bytes of `buf`: (position in `buf` before which it goes, the payload).
    inserts: VecDeque<(usize, Bytes)>,
    /// Bytes in `inserts`.
    inserted: usize,
    /// What of `buf` is written.
    pos: usize,
    written: u64,
}

impl Outgoing {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing left to write.
    pub fn is_empty(&self) -> bool {
        self.pos == self.buf.len() && self.inserts.is_empty()
    }

    /// Memory that it holds, used or not, counting shared payloads by their length.
    pub fn memory(&self) -> usize {
        self.buf.capacity() + self.inserted + self.inserts.capacity() * size_of::<(usize, Bytes)>()
    }

    /// Bytes left to write.
    pub fn len(&self) -> usize {
        self.buf.len() - self.pos + self.inserted
    }

    /// Puts the next segments to write into `into`, in order, and says how many (for `writev`).
    pub fn segments<'a>(&'a self, into: &mut [&'a [u8]]) -> usize {
        let mut used = 0;
        let mut push = |segment: &'a [u8]| {
            if segment.is_empty() {
                return true;
            }
            let Some(place) = into.get_mut(used) else { return false };
            *place = segment;
            used += 1;
            true
        };
        let mut from = self.pos;
        for (at, payload) in &self.inserts {
            if !push(&self.buf[from..*at]) || !push(payload) {
                return used;
            }
            from = *at;
        }
        push(&self.buf[from..]);
        used
    }

    /// The next segment to write; empty when nothing is left. For transports that take one piece at a time; those that
    /// take many are given [`segments`](Self::segments).
    pub fn chunk(&self) -> &[u8] {
        match self.inserts.front() {
            Some((at, payload)) if *at == self.pos => payload,
            Some((at, _)) => &self.buf[self.pos..*at],
            None => &self.buf[self.pos..],
        }
    }

    /// `n` bytes were written. More than there are counts as all of them.
    pub fn advance(&mut self, n: usize) {
        let mut n = n.min(self.len());
        self.written += n as u64;
        while n > 0 {
            let until = self.inserts.front().map_or(self.buf.len(), |(at, _)| *at);
            let plain = n.min(until - self.pos);
            self.pos += plain;
            n -= plain;
            if n == 0 {
                break;
            }
            let Some((_, payload)) = self.inserts.front_mut() else { break };
            let part = n.min(payload.len());
            payload.advance(part);
            self.inserted -= part;
            n -= part;
            if payload.is_empty() {
                self.inserts.pop_front();
            }
        }
        if self.is_empty() {
            self.clear();
        }
    }

    /// Bytes written through this buffer so far (counted by `advance`), over its whole life.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The contiguous part, to append to.
    pub(crate) fn buf_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Bytes that stand in the contiguous part.
    pub(crate) fn copied(&self) -> usize {
        self.buf.len() - self.pos
    }

    /// Bytes that stand there by reference.
    pub(crate) fn shared(&self) -> usize {
        self.inserted
    }

    /// Appends a payload without copying it.
    pub(crate) fn push_shared(&mut self, payload: Bytes) {
        if !payload.is_empty() {
            self.inserted += payload.len();
            self.inserts.push_back((self.buf.len(), payload));
        }
    }

    /// Exchanges the bytes waiting here with those in `other`; each keeps its own count of what was written.
    pub(crate) fn swap_content(&mut self, other: &mut Outgoing) {
        core::mem::swap(self, other);
        core::mem::swap(&mut self.written, &mut other.written);
    }

    /// Drops what is left.
    pub(crate) fn clear(&mut self) {
        if !self.inserts.is_empty() {
            self.inserts.clear();
        }
        self.inserted = 0;
        self.pos = 0;
        self.buf.clear();
        if self.buf.capacity() > KEEP_CAPACITY {
            self.buf = Vec::new();
        }
    }
}

/// So that it can be handed to whatever writes a [`Buf`] (tokio's `write_buf`, say), which counts what was written.
impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        Outgoing::chunk(self)
    }

    fn advance(&mut self, n: usize) {
        Outgoing::advance(self, n);
    }
}
