//! How long to pause between reads, or writes, that brought nothing.

use proto_core::time::Instant;
use std::time::Duration;

/// Shortest pause: about what the system takes to wake a thread in any case.
const SHORTEST: Duration = Duration::from_micros(50);
/// Longest pause: a hundred reads a second of an idle connection.
const LONGEST: Duration = Duration::from_millis(10);
/// The pause is this part of the time for which nothing has moved: what comes then waits for a quarter longer than it
/// would have, at most.
const PART: u32 = 4;

/// When something moved last.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) moved: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Pace { moved: now }
    }

    /// The end of the pause after a round that began at `began` and in which nothing moved. What the round took (a read
    /// with a time-out) counts: then this may be past.
    pub(super) fn until(&self, began: Instant, now: Instant) -> Instant {
        began + ((now - self.moved) / PART).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_quarter_of_the_quiet_time_within_its_bounds() {
        let start = Instant::from_nanos(1_000_000_000);
        let pace = Pace::new(start);
        let pause = |quiet| {
            let now = start + Duration::from_micros(quiet);
            pace.until(now, now) - now
        };
        let us = Duration::from_micros;
        assert_eq!([0, 200, 400, 4_000, 40_000, 10_000_000].map(pause), [50, 50, 100, 1_000, 10_000, 10_000].map(us));
    }

    #[test]
    fn a_round_that_took_as_long_is_followed_by_no_pause() {
        let began = Instant::from_nanos(1_000_000_000);
        let now = began + Duration::from_millis(20);
        assert!(Pace::new(began).until(began, now) <= now);
    }
}
