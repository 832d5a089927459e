//! How long the first poll of each method takes: a mean over recent calls, by which the connection's task decides whether
//! to make it itself.

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
    /// Unknown methods count as fast: handlers that are futures promise to be.
    pub(super) fn new(methods: usize) -> Self {
        Means((0..methods).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn get(&self, method: usize) -> Duration {
        self.0.get(method).map_or(Duration::ZERO, |mean| Duration::from_nanos(mean.load(Relaxed)))
    }

    /// A first poll took this long. One outlier counts as a slow one, not as the hour that it took.
    pub(super) fn sample(&self, method: usize, took: Duration) {
        let Some(mean) = self.0.get(method) else { return };
        let old = mean.load(Relaxed);
        let new = (old * 7 + nanos(took.min(SLOW))) / 8;
        if new != old {
            mean.store(new, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::BITE;
    use super::*;

    #[test]
    fn one_endless_poll_makes_a_method_slow_for_a_while() {
        let means = Means::new(1);
        assert_eq!(means.get(0), Duration::ZERO);
        means.sample(0, Duration::from_secs(3_600));
        assert!(means.get(0) > BITE, "{:?}", means.get(0));
        for _ in 0..40 {
            means.sample(0, Duration::from_micros(3));
        }
        assert!(means.get(0) < BITE, "{:?}", means.get(0));
    }
}
