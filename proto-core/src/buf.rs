//! The buffers between the core and whoever moves its bytes: [`Incoming`], [`Outgoing`], [`MessageBuf`], [`Payload`].
//!
//! They belong to the driver, so that no system call happens while a connection is locked.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

/// Bytes from the peer on their way into a connection.
///
/// A driver reads into [`spare`](Incoming::spare), tells how much with [`filled`](Incoming::filled), and passes the
/// buffer to `receive`, which consumes what it can and leaves an incomplete frame for the next time.
#[derive(Debug, Default)]
pub struct Incoming {
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl Incoming {
    /// An empty buffer; memory is taken at the first `spare`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room to read into: at least 16 KiB, usually 64 KiB.
    pub fn spare(&mut self) -> &mut [u8] {
        todo!()
    }

    /// `n` bytes were read into the start of `spare`. More than there was room for counts as all of it.
    pub fn filled(&mut self, n: usize) {
        let _ = n;
        todo!()
    }

    /// Appends bytes that the driver already owns (one copy).
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }

    /// What is not consumed yet.
    pub fn as_slice(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }
}

/// Bytes for the peer on their way out of a connection.
///
/// `poll_transmit` fills an empty `Outgoing`; the driver writes [`segments`](Outgoing::segments) in order and calls
/// [`advance`](Outgoing::advance) for what was written.
#[derive(Debug, Default)]
pub struct Outgoing {
    buf: Vec<u8>,
    /// Large payloads that stand between bytes of `buf`: (position in `buf` before which it goes, the payload).
    inserts: VecDeque<(usize, Bytes)>,
    pos: usize,
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

    /// Bytes left to write.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Puts the next segments to write into `into`, in order, and says how many (for `writev`).
    pub fn segments<'a>(&'a self, into: &mut [&'a [u8]]) -> usize {
        let _ = into;
        todo!()
    }

    /// `n` bytes were written. More than there are counts as all of them.
    pub fn advance(&mut self, n: usize) {
        let _ = n;
        todo!()
    }
}

/// A message to send: borrowed (copied when accepted) or shared (large ones go out without a copy).
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Copied into the output, or into the call's queue.
    Slice(&'a [u8]),
    /// Above 16 KiB a reference is kept instead of a copy.
    Shared(&'a Bytes),
}

impl Payload<'_> {
    /// The message's bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Slice(s) => s,
            Payload::Shared(b) => b,
        }
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(slice: &'a [u8]) -> Self {
        Payload::Slice(slice)
    }
}

impl<'a> From<&'a Vec<u8>> for Payload<'a> {
    fn from(vec: &'a Vec<u8>) -> Self {
        Payload::Slice(vec)
    }
}

impl<'a> From<&'a Bytes> for Payload<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Payload::Shared(bytes)
    }
}

/// One received message, as `recv` hands it out: small parts copied into a buffer that is reused, large parts as
/// slices of the chunks they arrived in. Decode straight from it ([`Buf`]).
#[derive(Debug, Default)]
pub struct MessageBuf {
    small: Vec<u8>,
    pos: usize,
    chunks: VecDeque<Bytes>,
    remaining: usize,
}

impl MessageBuf {
    /// An empty message. Keep it and pass it to every `recv`: its memory is reused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties it, keeping memory.
    pub fn clear(&mut self) {
        self.small.clear();
        self.pos = 0;
        self.chunks.clear();
        self.remaining = 0;
    }

    /// Appends a copy of `bytes`.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.remaining += bytes.len();
        if self.chunks.is_empty() {
            self.small.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.chunks.push_back(Bytes::copy_from_slice(bytes));
        }
    }

    /// Appends a slice of a received chunk.
    pub fn push(&mut self, bytes: Bytes) {
        self.remaining += bytes.len();
        if !bytes.is_empty() {
            self.chunks.push_back(bytes);
        }
    }
}

impl Buf for MessageBuf {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        if self.pos < self.small.len() { &self.small[self.pos..] } else { self.chunks.front().map_or(&[], |c| c) }
    }

    fn advance(&mut self, mut n: usize) {
        n = n.min(self.remaining);
        self.remaining -= n;
        let from_small = n.min(self.small.len() - self.pos);
        self.pos += from_small;
        n -= from_small;
        while n > 0 {
            let Some(front) = self.chunks.front_mut() else { return };
            if front.len() > n {
                return front.advance(n);
            }
            n -= front.len();
            self.chunks.pop_front();
        }
    }
}

impl Outgoing {
    /// Bytes written through this buffer so far (counted by `advance`), over its whole life.
    pub fn written(&self) -> u64 {
        todo!()
    }
}
