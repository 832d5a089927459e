//! Budgets that refill with time: what a peer may do now and then, and not all the time.

use crate::error::ErrorCode::EnhanceYourCalm;
use crate::frame::FrameError;
use crate::time::Instant;
use core::time::Duration;

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
            pub(super) fn new() -> Self {
                $name(Bucket::new(Self::BURST, Self::PER_SECOND))
            }

            /// How often it was charged.
            pub fn count(&self) -> u64 {
                self.0.taken
            }

            pub(in crate::h2) fn charge(&mut self, now: Instant) -> Result<(), FrameError> {
                if self.0.take(now) { Ok(()) } else { Err(FrameError::connection(EnhanceYourCalm, Self::WHAT)) }
            }
        }
    };
}

/// Rapid reset (CVE-2023-44487): a peer opens streams and resets them, so that work is begun and never limited.
///
/// A stream that was reset keeps its place under `max_concurrent_streams` until its handler has ended; and resets are charged to this
/// budget, then the connection ends with ENHANCE_YOUR_CALM.
///
/// Cancelling is a part of gRPC (hedging, deadlines, callers that hang up), so what is charged is what an attack looks like: a stream that was reset
/// within [`YOUNG`](Self::YOUNG), in a connection where few others end properly. Each that does gives one back.
#[derive(Clone, Copy, Debug)]
pub struct RapidReset(Bucket);

impl RapidReset {
    /// Resets at once: ten times the default stream limit, for a client that gives up call after call.
    pub const BURST: u32 = 1_024;
    /// Resets in the long run.
    pub const PER_SECOND: u32 = 50;
    /// A stream that has lived this long may be reset for nothing: a hundred streams make a hundred such resets a second at most.
    pub const YOUNG: Duration = Duration::from_secs(1);
    const WHAT: &'static str = "too many RST_STREAM frames (rapid reset)";

    /// A stream has ended properly.
    pub(in crate::h2) fn refund(&mut self) {
        self.0.left = self.0.burst.min(self.0.left.saturating_add(1));
    }

    /// The peer reset a stream that was opened then.
    pub(in crate::h2) fn note(&mut self, opened: Instant, now: Instant) -> Result<(), FrameError> {
        if now.saturating_duration_since(opened) >= Self::YOUNG { Ok(()) } else { self.charge(now) }
    }
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
}
