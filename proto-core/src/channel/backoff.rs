//! How long to wait before the next round of attempts (gRPC connection-backoff.md).

use core::time::Duration;

/// Exponential backoff. Time counts from the beginning of the round of attempts that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// After the first failure (default 1 s; at least 1 ms).
    pub initial: Duration,
    /// Growth from one failure to the next, in percent (default 160; at least 100).
    pub multiplier_percent: u32,
    /// The longest wait, before jitter (default 120 s).
    pub max: Duration,
    /// Each wait is longer or shorter by up to this share of itself, in percent (default 20; at most 100), so that clients that
    /// lost one server do not come back all at once.
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
