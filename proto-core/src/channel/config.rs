//! Settings of a channel.

use super::backoff::BackoffConfig;
use core::time::Duration;

/// Settings of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Seed of the jitter, the only randomness. The runtime chooses it (default 0).
    pub seed: u64,
    /// For one lookup, and for one attempt from the start of connecting to the peer's SETTINGS, TLS included (default 20 s). It does not grow with the backoff.
    pub connect_timeout: Duration,
    /// The time between rounds of attempts that fail.
    pub backoff: BackoffConfig,
    /// A channel without calls for this long closes its connection, gives up connecting, and becomes IDLE (default 30 min). Calls are counted by `call_started` and `call_ended`; a pick that nobody counted starts the time anew. `None`: never,
    /// also for a runtime that leaves the counting to its connections (`Config::idle_timeout`).
    pub idle_timeout: Option<Duration>,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        ChannelConfig {
            seed: 0,
            connect_timeout: Duration::from_secs(20),
            backoff: BackoffConfig::default(),
            idle_timeout: Some(Duration::from_secs(30 * 60)),
        }
    }
}
