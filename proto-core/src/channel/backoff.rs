//! How long to wait before the next round of attempts (gRPC connection-backoff.md).

use core::time::Duration;

/// Exponential backoff. The time counts from the beginning of the round of attempts that failed, so that a round that took longer
/// is followed by the next at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// After the first failure (default 1 s; at least 1 ms).
    pub initial: Duration,
    /// Growth from one failure to the next, in percent (default 160; at least 100).
    pub multiplier_percent: u32,
    /// The longest, before jitter (default 120 s; at least `initial`).
    pub max: Duration,
    /// Each is longer or shorter by up to this share of itself, in percent (default 20; at most 90), so that clients that lost one
    /// server do not come back all at once.
    pub jitter_percent: u32,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        BackoffConfig {
            initial: Duration::from_secs(1),
            multiplier_percent: 160,
            max: Duration::from_secs(120),
            jitter_percent: 20,
        }
    }
}

/// The backoff of one channel.
#[derive(Debug)]
pub(super) struct Backoff {
    /// All in nanoseconds.
    initial: u64,
    max: u64,
    multiplier_percent: u64,
    jitter_percent: u64,
    current: u64,
    random: Random,
}

impl Backoff {
    pub(super) fn new(config: &BackoffConfig, seed: u64) -> Self {
        let initial = nanos(config.initial).max(1_000_000);
        Backoff {
            initial,
            max: nanos(config.max).max(initial),
            multiplier_percent: u64::from(config.multiplier_percent.max(100)),
            jitter_percent: u64::from(config.jitter_percent.min(90)),
            current: initial,
            random: Random(seed),
        }
    }

    /// How long after the beginning of the round that failed the next one begins. Never zero.
    pub(super) fn next(&mut self) -> Duration {
        let base = self.current;
        self.current = share(base, self.multiplier_percent).min(self.max);
        let reach = share(base, self.jitter_percent);
        let offset = self.random.below(reach.saturating_mul(2).saturating_add(1));
        Duration::from_nanos(base.saturating_sub(reach).saturating_add(offset))
    }

    /// The next failure counts as the first.
    pub(super) fn reset(&mut self) {
        self.current = self.initial;
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `percent` of `value`, at most `u64::MAX`.
fn share(value: u64, percent: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and every seed is a good one.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, evenly enough: the high half of the product.
    fn below(&mut self, bound: u64) -> u64 {
        // The product of two u64 shifted right by 64 fits into u64.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_the_multiplier_up_to_the_maximum_within_the_jitter() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(&BackoffConfig::default(), seed);
            let mut base = 1.0_f64;
            for _ in 0..20 {
                let wait = backoff.next().as_secs_f64();
                assert!(wait >= base * 0.799_999 && wait <= base * 1.200_001, "{wait} s around {base} s");
                base = (base * 1.6).min(120.0);
            }
            backoff.reset();
            assert!(backoff.next() <= Duration::from_millis(1_200));
        }
    }

    #[test]
    fn jitter_spreads_clients_over_its_whole_range() {
        let first: std::vec::Vec<f64> =
            (0..1_000).map(|seed| Backoff::new(&BackoffConfig::default(), seed).next().as_secs_f64()).collect();
        for tenth in 0..10 {
            let (low, high) = (0.8 + 0.04 * f64::from(tenth), 0.8 + 0.04 * f64::from(tenth + 1));
            let within = first.iter().filter(|&&wait| (low..high).contains(&wait)).count();
            assert!((50..=150).contains(&within), "{within} of 1000 between {low} and {high} s");
        }
    }

    #[test]
    fn settings_beyond_all_reason_neither_panic_nor_give_zero() {
        let limits = [Duration::ZERO, Duration::from_nanos(1), Duration::MAX];
        for (initial, max) in limits.iter().flat_map(|&a| limits.map(|b| (a, b))) {
            for percent in [0, 1, 100, u32::MAX] {
                let config = BackoffConfig { initial, max, multiplier_percent: percent, jitter_percent: percent };
                let mut backoff = Backoff::new(&config, 1);
                assert!((0..100).all(|_| backoff.next() > Duration::ZERO), "{config:?}");
            }
        }
    }
}
