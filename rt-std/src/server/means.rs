//! How long each method takes: a mean over recent calls, by which bites are cut.

use super::limits::SLOW;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Means by method (exponentially weighted, 1/8 a sample), nanoseconds. Races between samples lose a sample, no more.
#[derive(Debug)]
pub(super) struct Means(Box<[AtomicU64]>);

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Means {
    pub(super) fn new(methods: usize, first_guess: Duration) -> Self {
        Means((0..methods).map(|_| AtomicU64::new(nanos(first_guess))).collect())
    }

    pub(super) fn get(&self, method: usize) -> Duration {
        self.0.get(method).map_or(SLOW, |mean| Duration::from_nanos(mean.load(Relaxed)))
    }

    /// A call took this long. One outlier counts as a slow call, not as the hour that it took.
    pub(super) fn sample(&self, method: usize, took: Duration) {
        let Some(mean) = self.0.get(method) else { return };
        let old = mean.load(Relaxed);
        let new = (old * 7 + nanos(took.min(SLOW))) / 8;
        if new != old {
            mean.store(new, Relaxed);
        }
    }

    /// It was caught holding up others: slow until it has shown otherwise.
    pub(super) fn caught(&self, method: usize) {
        if let Some(mean) = self.0.get(method) {
            mean.fetch_max(nanos(SLOW), Relaxed);
        }
    }

    #[cfg(feature = "testkit")]
    pub(super) fn set(&self, method: usize, time: Duration) {
        if let Some(mean) = self.0.get(method) {
            mean.store(nanos(time), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_method_is_slow_and_a_fast_one_shows_it_within_some_calls() {
        let means = Means::new(1, SLOW);
        assert_eq!(means.get(0), SLOW);
        for _ in 0..40 {
            means.sample(0, Duration::from_micros(3));
        }
        assert!(means.get(0) < Duration::from_micros(50), "{:?}", means.get(0));
    }

    #[test]
    fn one_endless_call_counts_as_one_slow_one() {
        let means = Means::new(1, Duration::ZERO);
        means.sample(0, Duration::from_secs(3_600));
        assert_eq!(means.get(0), SLOW / 8);
        means.caught(0);
        assert_eq!(means.get(0), SLOW);
    }
}
