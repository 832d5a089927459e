//! The frame of a message: one byte of flags, four of length, big endian (PROTOCOL-HTTP2.md,
//! "Length-Prefixed-Message").
//!
//! Nothing here holds bytes: the body of a stream stays where HTTP/2 queued it, in any chopping, and is looked at
//! from the front. The length is checked against the limit as soon as its five bytes are there.

use super::encoding::Encoding;
use super::status::local;
use super::{Code, Seen, Status};
use crate::buf::MessageBuf;
use alloc::format;

/// Bytes of a message's prefix.
pub(crate) const PREFIX: usize = 5;

/// The flag of a compressed message.
const COMPRESSED: u8 = 1;

/// The prefix of an uncompressed message. The caller has checked that the length fits.
pub(crate) fn prefix(len: u32) -> [u8; PREFIX] {
    let [a, b, c, d] = len.to_be_bytes();
    [0, a, b, c, d]
}

/// A stream's received bytes, as the deframer sees them.
pub(crate) trait Body {
    /// Bytes received and not taken.
    fn available(&self) -> usize;
    /// Copies up to `into.len()` of them, from the byte `at` on, without taking; returns how many.
    fn peek(&self, at: usize, into: &mut [u8]) -> usize;
    /// Takes `skip` bytes away and moves the `n` behind them to `into`.
    fn take(&mut self, skip: usize, n: usize, into: &mut MessageBuf);
}

/// What stands at the front of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// No byte.
    Empty,
    /// A part of a message.
    Partial {
        /// Bytes that have not arrived: of the message, or of the prefix while that is incomplete. More than none.
        missing: usize,
    },
    /// A whole message of this many bytes behind its prefix.
    Message {
        /// Without the prefix.
        len: usize,
    },
}

/// How a message breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// A flag other than 0 and 1.
    Flag(u8),
    /// The compressed flag, on a call whose encoding does not compress.
    Compressed,
    /// Longer than the limit, both in bytes.
    TooLarge {
        /// The length that the prefix announces.
        len: usize,
        /// What is accepted, inclusive.
        limit: usize,
    },
    /// The stream ended inside a prefix or message.
    Truncated,
}

/// Looks at what stands in a body from the byte `at` on (0: its front; further on only where a message begins).
pub(crate) fn front(body: &impl Body, at: usize, encoding: Encoding, limit: usize) -> Result<Front, FrameError> {
    let available = body.available().saturating_sub(at);
    if available == 0 {
        return Ok(Front::Empty);
    }
    let mut prefix = [0; PREFIX];
    let got = body.peek(at, &mut prefix);
    let [flag, length @ ..] = prefix;
    if flag > COMPRESSED {
        return Err(FrameError::Flag(flag));
    }
    if flag == COMPRESSED && !encoding.compresses() {
        return Err(FrameError::Compressed);
    }
    if got < PREFIX {
        return Ok(Front::Partial { missing: PREFIX - got });
    }
    // A length that does not fit a usize (16-bit targets) is over any limit.
    let len = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if len > limit {
        return Err(FrameError::TooLarge { len, limit });
    }
    match len.checked_sub(available - PREFIX) {
        None | Some(0) => Ok(Front::Message { len }),
        Some(missing) => Ok(Front::Partial { missing }),
    }
}

/// Is there more than the message of `len` bytes that stands at the front?
pub(crate) fn has_more(body: &impl Body, len: usize) -> bool {
    body.available() - PREFIX.min(body.available()) > len
}

impl FrameError {
    /// The verdict on the call. `phase` is what was under way.
    pub(crate) fn status(self, phase: &'static str) -> Status {
        match self {
            FrameError::Flag(flag) => {
                local::misbehaved(Code::Internal, format!("a message has flag {flag}; expected 0 or 1"), phase)
            }
            FrameError::Compressed => {
                let what = "a message has the compressed flag, but the call has no grpc-encoding";
                local::misbehaved(Code::Internal, what.into(), phase)
            }
            FrameError::TooLarge { len, limit } => {
                local::too_large(len, limit, "max_receive_message_size", phase, Seen::Yes)
            }
            FrameError::Truncated => {
                local::misbehaved(Code::Internal, "the stream ended inside a message".into(), phase)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;
    use bytes::Buf;
    use std::vec::Vec;

    /// A body in one queue.
    #[derive(Default)]
    struct Queue(VecDeque<u8>);

    impl Body for Queue {
        fn available(&self) -> usize {
            self.0.len()
        }
        fn peek(&self, at: usize, into: &mut [u8]) -> usize {
            into.iter_mut().zip(self.0.iter().skip(at)).map(|(to, from)| *to = *from).count()
        }
        fn take(&mut self, skip: usize, n: usize, into: &mut MessageBuf) {
            let bytes: Vec<u8> = self.0.drain(..skip + n).skip(skip).collect();
            into.extend_from_slice(&bytes);
        }
    }

    fn look(bytes: &[u8]) -> Result<Front, FrameError> {
        front(&Queue(bytes.iter().copied().collect()), 0, Encoding::Identity, 10)
    }

    #[test]
    fn messages_are_found_in_any_chopping() {
        let mut bytes = Vec::new();
        for message in [&b""[..], b"a", b"0123456789", b""] {
            bytes.extend(prefix(message.len() as u32));
            bytes.extend(message);
        }
        let mut queue = Queue::default();
        let mut found = Vec::new();
        for byte in bytes {
            queue.0.push_back(byte);
            while let Ok(Front::Message { len }) = front(&queue, 0, Encoding::Identity, 10) {
                let mut message = MessageBuf::new();
                queue.take(PREFIX, len, &mut message);
                found.push(message.copy_to_bytes(message.remaining()));
            }
        }
        assert_eq!(found, [&b""[..], b"a", b"0123456789", b""]);
        assert_eq!(front(&queue, 0, Encoding::Identity, 10), Ok(Front::Empty));
    }

    #[test]
    fn what_is_missing_is_known() {
        assert_eq!(look(&[]), Ok(Front::Empty));
        assert_eq!(look(&[0, 0]), Ok(Front::Partial { missing: 3 }));
        assert_eq!(look(&[0, 0, 0, 0, 3]), Ok(Front::Partial { missing: 3 }));
        assert_eq!(look(&[0, 0, 0, 0, 3, 1, 2]), Ok(Front::Partial { missing: 1 }));
        assert_eq!(look(&[0, 0, 0, 0, 3, 1, 2, 3]), Ok(Front::Message { len: 3 }));
    }

    #[test]
    fn a_bad_flag_is_internal_from_its_first_byte_on() {
        for flag in 2..=255 {
            assert_eq!(look(&[flag]), Err(FrameError::Flag(flag)));
        }
        assert_eq!(FrameError::Flag(2).status("x").code(), Code::Internal);
    }

    #[test]
    fn the_compressed_flag_without_an_encoding_is_internal() {
        assert_eq!(look(&[1]), Err(FrameError::Compressed));
        assert_eq!(FrameError::Compressed.status("x").code(), Code::Internal);
    }

    #[test]
    fn the_limit_is_inclusive_and_checked_before_the_message_is_there() {
        assert_eq!(look(&[0, 0, 0, 0, 10]), Ok(Front::Partial { missing: 10 }));
        assert_eq!(look(&[0, 0, 0, 0, 11]), Err(FrameError::TooLarge { len: 11, limit: 10 }));
        let huge = look(&[0, 255, 255, 255, 255]);
        assert_eq!(huge, Err(FrameError::TooLarge { len: 0xffff_ffff, limit: 10 }));
        assert_eq!(huge.unwrap_err().status("x").code(), Code::ResourceExhausted);
    }

    #[test]
    fn more_than_one_message_is_noticed() {
        let queue = |bytes: &[u8]| Queue(bytes.iter().copied().collect());
        assert!(!has_more(&queue(&[0, 0, 0, 0, 1, 7]), 1));
        assert!(has_more(&queue(&[0, 0, 0, 0, 1, 7, 0]), 1));
        assert!(!has_more(&queue(&[0, 0, 0, 0, 0]), 0));
    }
}
