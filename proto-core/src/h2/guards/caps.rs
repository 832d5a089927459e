//! Caps: what a peer may not do even once.

use crate::error::ErrorCode::EnhanceYourCalm;
use crate::frame::FrameError;

/// CONTINUATION floods (CVE-2024-28182, CVE-2023-45288), empty ones included (CVE-2026-33871): a header block that never ends. Bytes and frames
/// are counted while it is assembled; beyond either limit the connection ends with ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug)]
pub struct ContinuationFlood {
    max_bytes: usize,
    frames: usize,
    total: u64,
}

impl ContinuationFlood {
    /// CONTINUATION frames of one header block.
    pub const MAX_FRAMES: usize = 16;

    pub(super) fn new(max_header_list: u32) -> Self {
        // An encoded block is rarely longer than its list; one that is cannot be kept in step for less than this.
        ContinuationFlood {
            max_bytes: (max_header_list as usize).saturating_mul(2).max(32 * 1024),
            frames: 0,
            total: 0,
        }
    }

    /// CONTINUATION frames seen so far.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Bytes of one encoded header block: twice the limit of the list, at least 32 KiB.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(in crate::h2) fn begin(&mut self) {
        self.frames = 0;
    }

    /// One more frame, with which the block has `bytes`.
    pub(in crate::h2) fn check(&mut self, bytes: usize) -> Result<(), FrameError> {
        self.frames += 1;
        self.total += 1;
        if self.frames > Self::MAX_FRAMES || bytes > self.max_bytes {
            let what = "a header block in too many pieces (CONTINUATION flood)";
            return Err(FrameError::connection(EnhanceYourCalm, what));
        }
        Ok(())
    }
}

/// Frames that make us reply while the peer does not read: PING, SETTINGS (CVE-2019-9512, -9515), frames that cause RST_STREAM (-9514). Replies that wait
/// for `poll_transmit` are counted; at the soft cap we stop reading, at the hard cap the connection ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueuedReplies {
    waiting: usize,
    total: u64,
}

impl QueuedReplies {
    /// Bytes of replies at which `wants_input` turns false: about 1,000 PING acks.
    pub const SOFT_CAP: usize = 16 * 1024;
    /// Bytes of replies that end the connection: what one full read can cause at most, and then some.
    pub const HARD_CAP: usize = 128 * 1024;

    /// Replies so far.
    pub fn count(&self) -> u64 {
        self.total
    }

    pub(in crate::h2) fn is_full(&self) -> bool {
        self.waiting >= Self::SOFT_CAP
    }

    /// A reply of this many bytes waits.
    pub(in crate::h2) fn add(&mut self, bytes: usize) {
        self.total += 1;
        self.waiting += bytes;
    }

    pub(in crate::h2) fn check(&self) -> Result<(), FrameError> {
        if self.waiting > Self::HARD_CAP {
            let what = "too many frames that ask for a reply, and nobody reads the replies";
            return Err(FrameError::connection(EnhanceYourCalm, what));
        }
        Ok(())
    }

    /// All replies were handed to the driver.
    pub(in crate::h2) fn handed_out(&mut self) {
        self.waiting = 0;
    }
}

/// Large or endless SETTINGS (CVE-2020-11080): entries of one frame are limited, then ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug, Default)]
pub struct LongSettings {
    frames: u64,
}

impl LongSettings {
    /// Entries of one frame. RFC 9113 knows 6.
    pub const MAX_ENTRIES: usize = 32;

    /// SETTINGS frames seen so far.
    pub fn count(&self) -> u64 {
        self.frames
    }

    pub(in crate::h2) fn check(&mut self, entries: usize) -> Result<(), FrameError> {
        self.frames += 1;
        if entries > Self::MAX_ENTRIES {
            return Err(FrameError::connection(EnhanceYourCalm, "SETTINGS with more than 32 entries"));
        }
        Ok(())
    }
}

/// Too many streams (CVE-2026-47244): beyond `max_concurrent_streams` (default 100) a stream is refused with REFUSED_STREAM, also before the
/// peer has acknowledged our SETTINGS. Each refusal is charged to [`InducedResets`](super::InducedResets).
#[derive(Clone, Copy, Debug)]
pub struct TooManyStreams {
    limit: u32,
    refused: u64,
}

impl TooManyStreams {
    pub(super) fn new(limit: u32) -> Self {
        TooManyStreams { limit, refused: 0 }
    }

    /// The limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Streams refused so far.
    pub fn count(&self) -> u64 {
        self.refused
    }

    /// May one more be opened?
    pub(in crate::h2) fn admit(&mut self, open: usize) -> bool {
        let admitted = open < self.limit as usize;
        self.refused += u64::from(!admitted);
        admitted
    }
}

/// Header lists above `max_header_list_size` (default 16 KiB; CVE-2023-32731 and its kin): decoded to keep the table in step, not stored beyond
/// the limit. A request gets status 431, anything else RST_STREAM(ENHANCE_YOUR_CALM).
#[derive(Clone, Copy, Debug)]
pub struct LargeHeaderList {
    limit: u32,
    seen: u64,
}

impl LargeHeaderList {
    pub(super) fn new(limit: u32) -> Self {
        LargeHeaderList { limit, seen: 0 }
    }

    /// The limit, bytes as RFC 9113 section 6.5.2 counts them.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Lists beyond it so far.
    pub fn count(&self) -> u64 {
        self.seen
    }

    pub(in crate::h2) fn note(&mut self) {
        self.seen += 1;
    }
}

/// Slow readers and zero windows (CVE-2019-9511, -9517): replies pile up on our side. Bytes that wait are capped (`max_unsent`,
/// `max_unsent_per_call`); a stream whose handler has ended and of which nothing moves for `stall_timeout` is reset, and so ends a
/// connection that is full and of which nothing moves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stalls {
    pub(in crate::h2) streams: u64,
}

impl Stalls {
    /// Streams that were reset for it.
    pub fn count(&self) -> u64 {
        self.streams
    }
}

/// Empty and tiny DATA frames (CVE-2019-9518, RUSTSEC-2026-0258). What counts is memory: payloads are coalesced in the stream's buffer, an
/// empty frame leaves nothing behind. Frames are counted for the curious and never held against a peer, since a gRPC stream of small messages
/// looks the same (h2 issue 944).
#[derive(Clone, Copy, Debug, Default)]
pub struct TinyData {
    pub(in crate::h2) empty: u64,
}

impl TinyData {
    /// DATA frames without payload and END_STREAM.
    pub fn count(&self) -> u64 {
        self.empty
    }
}
