//! The guards against abuse: one type each, with its limit, its default, the attack that it stops, and a count for the curious
//! ([`Connection::guards`](super::Connection::guards)).
//!
//! Guards that are part of something else are written there: HPACK bombs in `hpack`, windows and loans in `window`, the handshake,
//! settings and stall time-outs in `timeouts`, the limit on a header list in `headers`, the cap on unsent bytes in `transmit`.

use crate::error::ErrorCode::EnhanceYourCalm;
use crate::frame::FrameError;
use crate::time::Instant;
use core::time::Duration;

/// All guards of a connection. Each can be read; none can be changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Guards {
    pub rapid_reset: RapidReset,
    pub induced_resets: InducedResets,
    pub glitches: Glitches,
    pub continuation: ContinuationFlood,
    pub replies: QueuedReplies,
    pub settings: LongSettings,
    pub streams: TooManyStreams,
    pub header_list: LargeHeaderList,
    pub pings: PingPolicy,
    pub stalls: Stalls,
    pub tiny_data: TinyData,
}

impl Guards {
    pub(super) fn new(max_streams: u32, max_header_list: u32, ping_interval: Option<Duration>) -> Self {
        Guards {
            rapid_reset: RapidReset(Bucket::new(RapidReset::BURST, RapidReset::PER_SECOND)),
            induced_resets: InducedResets(Bucket::new(InducedResets::BURST, InducedResets::PER_SECOND)),
            glitches: Glitches(Bucket::new(Glitches::BURST, Glitches::PER_SECOND)),
            continuation: ContinuationFlood::new(max_header_list),
            replies: QueuedReplies::default(),
            settings: LongSettings::default(),
            streams: TooManyStreams { limit: max_streams, refused: 0 },
            header_list: LargeHeaderList { limit: max_header_list, seen: 0 },
            pings: PingPolicy::new(ping_interval),
            stalls: Stalls::default(),
            tiny_data: TinyData::default(),
        }
    }
}

/// A budget that refills: `burst` at once, `per_second` in the long run.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    burst: u32,
    per_second: u32,
    left: u32,
    refilled: Instant,
    taken: u64,
}

impl Bucket {
    fn new(burst: u32, per_second: u32) -> Self {
        Bucket { burst, per_second, left: burst, refilled: Instant::ZERO, taken: 0 }
    }

    /// Takes one. False when the budget is spent.
    #[must_use]
    fn take(&mut self, now: Instant) -> bool {
        self.taken += 1;
        let nanos = now.saturating_duration_since(self.refilled).as_nanos();
        let refill = nanos.saturating_mul(u128::from(self.per_second)) / 1_000_000_000;
        if refill > 0 {
            self.left = self.burst.min(self.left.saturating_add(u32::try_from(refill).unwrap_or(u32::MAX)));
            // What is short of a whole token stays for the next time.
            let used = refill * 1_000_000_000 / u128::from(self.per_second);
            self.refilled = self.refilled + Duration::from_nanos(u64::try_from(used).unwrap_or(u64::MAX));
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

macro_rules! budget {
    ($name:ident) => {
        impl $name {
            /// How often it was charged.
            pub fn count(&self) -> u64 {
                self.0.taken
            }

            pub(super) fn charge(&mut self, now: Instant) -> Result<(), FrameError> {
                if self.0.take(now) { Ok(()) } else { Err(FrameError::connection(EnhanceYourCalm, Self::WHAT)) }
            }
        }
    };
}

/// Rapid reset (CVE-2023-44487): a peer opens streams and resets them, so that work is begun and never limited.
///
/// A stream that was reset keeps its place under `max_concurrent_streams` until its handler has ended; and resets are charged to this
/// budget, then the connection ends with ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug)]
pub struct RapidReset(Bucket);

impl RapidReset {
    /// Resets at once: several times the default stream limit, for a client that gives up all its calls together.
    pub const BURST: u32 = 500;
    /// Resets in the long run.
    pub const PER_SECOND: u32 = 50;
    const WHAT: &'static str = "too many RST_STREAM frames (rapid reset)";
}
budget!(RapidReset);

/// Resets that a peer tricks us into (CVE-2025-8671 "MadeYouReset", RUSTSEC-2024-0003): malformed requests, streams beyond the limit,
/// frames after the end. One budget for our own RST_STREAM, REFUSED_STREAM included; then ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug)]
pub struct InducedResets(Bucket);

impl InducedResets {
    /// Resets at once.
    pub const BURST: u32 = 500;
    /// Resets in the long run.
    pub const PER_SECOND: u32 = 50;
    const WHAT: &'static str = "too many streams that had to be reset or refused";
}
budget!(InducedResets);

/// Oddities that cost us work and are no error one by one: frames on streams long gone, GOAWAY that takes back what it said, PING
/// acks that nobody asked for. One budget, then ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug)]
pub struct Glitches(Bucket);

impl Glitches {
    /// Oddities at once.
    pub const BURST: u32 = 1_000;
    /// Oddities in the long run.
    pub const PER_SECOND: u32 = 100;
    const WHAT: &'static str = "too many pointless frames";
}
budget!(Glitches);

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

    fn new(max_header_list: u32) -> Self {
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

    pub(super) fn begin(&mut self) {
        self.frames = 0;
    }

    /// One more frame, with which the block has `bytes`.
    pub(super) fn check(&mut self, bytes: usize) -> Result<(), FrameError> {
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

    pub(super) fn is_full(&self) -> bool {
        self.waiting >= Self::SOFT_CAP
    }

    /// A reply of this many bytes waits.
    pub(super) fn add(&mut self, bytes: usize) {
        self.total += 1;
        self.waiting += bytes;
    }

    pub(super) fn check(&self) -> Result<(), FrameError> {
        if self.waiting > Self::HARD_CAP {
            let what = "too many frames that ask for a reply, and nobody reads the replies";
            return Err(FrameError::connection(EnhanceYourCalm, what));
        }
        Ok(())
    }

    /// All replies were handed to the driver.
    pub(super) fn handed_out(&mut self) {
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

    pub(super) fn check(&mut self, entries: usize) -> Result<(), FrameError> {
        self.frames += 1;
        if entries > Self::MAX_ENTRIES {
            return Err(FrameError::connection(EnhanceYourCalm, "SETTINGS with more than 32 entries"));
        }
        Ok(())
    }
}

/// Too many streams (CVE-2026-47244): beyond `max_concurrent_streams` (default 100) a stream is refused with REFUSED_STREAM, also before the
/// peer has acknowledged our SETTINGS. Each refusal is charged to [`InducedResets`].
#[derive(Clone, Copy, Debug)]
pub struct TooManyStreams {
    limit: u32,
    refused: u64,
}

impl TooManyStreams {
    /// The limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Streams refused so far.
    pub fn count(&self) -> u64 {
        self.refused
    }

    /// May one more be opened?
    pub(super) fn admit(&mut self, open: usize) -> bool {
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
    /// The limit, bytes as RFC 9113 section 6.5.2 counts them.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Lists beyond it so far.
    pub fn count(&self) -> u64 {
        self.seen
    }

    pub(super) fn note(&mut self) {
        self.seen += 1;
    }
}

/// A client's PINGs (gRFC A8): at most one in `min_ping_interval` (default 5 min) while streams are open, one in 2 h otherwise; whatever we send on a stream allows one more. Two
/// strikes are forgiven, then GOAWAY ENHANCE_YOUR_CALM "too_many_pings".
#[derive(Clone, Copy, Debug)]
pub struct PingPolicy {
    /// `None` on a client: a server may ping as it likes.
    interval: Option<Duration>,
    last: Option<Instant>,
    strikes: u32,
    pings: u64,
}

impl PingPolicy {
    /// PINGs that come too early and are forgiven.
    pub const MAX_STRIKES: u32 = 2;
    /// The interval while no stream is open.
    pub const IDLE_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);
    /// The debug data of the GOAWAY.
    pub const TOO_MANY_PINGS: &'static str = "too_many_pings";

    fn new(interval: Option<Duration>) -> Self {
        PingPolicy { interval, last: None, strikes: 0, pings: 0 }
    }

    /// PINGs received so far.
    pub fn count(&self) -> u64 {
        self.pings
    }

    /// PINGs that came too early since we last sent something on a stream.
    pub fn strikes(&self) -> u32 {
        self.strikes
    }

    /// We sent HEADERS or DATA: the next PING is welcome (it may measure the path).
    pub(super) fn sent_on_a_stream(&mut self) {
        self.last = None;
        self.strikes = 0;
    }

    pub(super) fn check(&mut self, now: Instant, has_streams: bool) -> Result<(), FrameError> {
        self.pings += 1;
        let Some(interval) = self.interval else { return Ok(()) };
        let interval = if has_streams { interval } else { interval.max(Self::IDLE_INTERVAL) };
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < interval) {
            self.strikes += 1;
            if self.strikes > Self::MAX_STRIKES {
                return Err(FrameError::connection(EnhanceYourCalm, Self::TOO_MANY_PINGS));
            }
        }
        self.last = Some(now);
        Ok(())
    }
}

/// Slow readers and zero windows (CVE-2019-9511, -9517): replies pile up on our side. Bytes that wait are capped (`max_unsent`,
/// `max_unsent_per_call`); a stream whose handler has ended and of which nothing moves for `stall_timeout` is reset, and so ends a
/// connection that is full and of which nothing moves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stalls {
    pub(super) streams: u64,
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
    pub(super) empty: u64,
}

impl TinyData {
    /// DATA frames without payload and END_STREAM.
    pub fn count(&self) -> u64 {
        self.empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_budget_allows_its_burst_and_refills_with_time() {
        let mut bucket = Bucket::new(3, 10);
        assert!((0..3).all(|_| bucket.take(at(1))));
        assert!(!bucket.take(at(50)));
        assert!(bucket.take(at(120)));
        assert!(!bucket.take(at(130)));
        // Never more than the burst.
        assert_eq!((0..10).filter(|_| bucket.take(at(1_000_000))).count(), 3);
    }

    #[test]
    fn small_steps_of_time_refill_as_much_as_large_ones() {
        let mut bucket = Bucket::new(1, 10);
        assert!(bucket.take(at(1)));
        // Half of a token's time again and again: every second attempt succeeds.
        let taken = (1..=20).filter(|i| bucket.take(at(1 + i * 50))).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn two_early_pings_are_forgiven_and_the_third_is_not() {
        let mut policy = PingPolicy::new(Some(Duration::from_secs(300)));
        for millis in [0, 1, 2] {
            assert_eq!(policy.check(at(millis), true), Ok(()));
        }
        let fault = policy.check(at(3), true).expect_err("the third strike");
        assert_eq!((fault.code, fault.what), (EnhanceYourCalm, "too_many_pings"));
    }

    #[test]
    fn what_we_send_makes_pings_welcome() {
        let mut policy = PingPolicy::new(Some(Duration::from_secs(300)));
        for millis in 0..1_000 {
            policy.sent_on_a_stream();
            assert_eq!(policy.check(at(millis), true), Ok(()));
        }
        assert_eq!((policy.strikes(), policy.count()), (0, 1_000));
    }

    #[test]
    fn without_streams_pings_may_come_every_two_hours() {
        let mut policy = PingPolicy::new(Some(Duration::from_secs(300)));
        let hour = 3_600_000;
        for n in 0..5 {
            assert_eq!(policy.check(at(n * 2 * hour), false), Ok(()));
        }
        assert_eq!(policy.strikes(), 0);
        assert_eq!(policy.check(at(9 * hour), false), Ok(()));
        assert_eq!(policy.strikes(), 1);
    }
}
