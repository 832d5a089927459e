//! Messages at the edge: [`Payload`] on the way out, [`MessageBuf`] on the way in.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, BufMut, Bytes};

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
    /// Parts by reference, each behind this many bytes of `small`.
    shared: VecDeque<(usize, Bytes)>,
    remaining: usize,
}

/// An empty message larger than this gives its memory back.
const KEEP_CAPACITY: usize = 64 * 1024;

impl MessageBuf {
    /// An empty message. Keep it and pass it to every `recv`: its memory is reused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties it, keeping memory (up to 64 KiB).
    pub fn clear(&mut self) {
        if self.small.capacity() > KEEP_CAPACITY {
            self.small = Vec::new();
        }
        self.small.clear();
        self.pos = 0;
        self.remaining = 0;
        if !self.shared.is_empty() {
            self.shared.clear();
        }
    }

    /// Appends a copy of `bytes`.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.remaining += bytes.len();
        self.small.extend_from_slice(bytes);
    }

    /// Appends a slice of a received chunk.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.remaining += bytes.len();
            self.shared.push_back((self.small.len(), bytes));
        }
    }
}

/// Most messages are small and stand in one piece: that way is short, and inlined into the decoder.
impl Buf for MessageBuf {
    #[inline]
    fn remaining(&self) -> usize {
        self.remaining
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        if self.shared.is_empty() { &self.small[self.pos..] } else { self.chunk_of_many() }
    }

    #[inline]
    fn advance(&mut self, n: usize) {
        let n = n.min(self.remaining);
        self.remaining -= n;
        if self.shared.is_empty() {
            self.pos += n;
        } else {
            self.advance_over_many(n);
        }
    }

    /// Shares the memory where the bytes lie in one part that is held by reference (a `bytes` field of a large message
    /// is not copied); copies otherwise. More than there are counts as all of them.
    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let len = len.min(self.remaining);
        match self.shared.front_mut() {
            None => {
                let bytes = Bytes::copy_from_slice(&self.small[self.pos..self.pos + len]);
                self.advance(len);
                bytes
            }
            Some((at, part)) if *at == self.pos && part.len() >= len => {
                let bytes = part.split_to(len);
                self.remaining -= len;
                if part.is_empty() {
                    self.shared.pop_front();
                }
                bytes
            }
            Some(_) => {
                let mut copy = Vec::with_capacity(len);
                copy.put(self.take(len));
                copy.into()
            }
        }
    }
}

impl MessageBuf {
    fn chunk_of_many(&self) -> &[u8] {
        match self.shared.front() {
            Some((at, part)) if *at == self.pos => part,
            Some((at, _)) => &self.small[self.pos..*at],
            None => &self.small[self.pos..],
        }
    }

    /// `n` is at most what remains.
    fn advance_over_many(&mut self, mut n: usize) {
        while n > 0 {
            let until = self.shared.front().map_or(self.small.len(), |(at, _)| *at);
            let plain = n.min(until - self.pos);
            self.pos += plain;
            n -= plain;
            if n == 0 {
                return;
            }
            let Some((_, part)) = self.shared.front_mut() else { return };
            let taken = n.min(part.len());
            part.advance(taken);
            n -= taken;
            if part.is_empty() {
                self.shared.pop_front();
            }
        }
    }
}
