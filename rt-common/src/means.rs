//! How long each method takes: a mean over recent calls, by which a server decides where the next one runs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The most that one sample counts, and the mean of a method that was caught holding up others.
pub const SLOW: Duration = Duration::from_millis(1);

/// Means by method (exponentially weighted, 1/8 a sample), nanoseconds. Races between samples lose a sample, no more.
#[derive(Debug)]
pub struct Means {
    means: Box<[AtomicU64]>,
    first_guess: Duration,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Means {
    /// Of so many methods, none of which has been called.
    pub fn new(methods: usize, first_guess: Duration) -> Self {
        Means { means: (0..methods).map(|_| AtomicU64::new(nanos(first_guess))).collect(), first_guess }
    }

    /// What the next call will take, as far as one can tell.
    pub fn get(&self, method: usize) -> Duration {
        self.means.get(method).map_or(self.first_guess, |mean| Duration::from_nanos(mean.load(Relaxed)))
    }

    /// A call took this long. One outlier counts as a slow call, not as the hour that it took.
    pub fn sample(&self, method: usize, took: Duration) {
        let Some(mean) = self.means.get(method) else { return };
        let old = mean.load(Relaxed);
        let new = (old * 7 + nanos(took.min(SLOW))) / 8;
        if new != old {
            mean.store(new, Relaxed);
        }
    }

    /// It was caught holding up others: slow until it has shown otherwise.
    pub fn caught(&self, method: usize) {
        if let Some(mean) = self.means.get(method) {
            mean.fetch_max(nanos(SLOW), Relaxed);
        }
    }

    /// Lets it believe that a method takes this long (tests).
    pub fn set(&self, method: usize, time: Duration) {
        if let Some(mean) = self.means.get(method) {
            mean.store(nanos(time), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_counts_as_slow_at_first_shows_its_speed_within_some_calls() {
        let means = Means::new(1, SLOW);
        assert_eq!((means.get(0), means.get(1)), (SLOW, SLOW));
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
