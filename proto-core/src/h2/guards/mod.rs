//! The guards against abuse: one type each, with its limit, its default, the attack that it stops, and a count for the curious
//! ([`Connection::guards`](super::Connection::guards)).
//!
//! Guards that are part of something else are written there: HPACK bombs in `hpack`, windows and loans in `window`, the handshake,
//! settings and stall time-outs in `timeouts`, the limit on a header list in `headers`, the cap on unsent bytes in `transmit`.

mod budgets;
mod caps;
mod pings;

pub use budgets::{Glitches, InducedResets, RapidReset};
pub use caps::{ContinuationFlood, LargeHeaderList, LongSettings, QueuedReplies, Stalls, TinyData, TooManyStreams};
pub use pings::PingPolicy;

use core::time::Duration;

/// All guards of a connection. Each can be read; none can be changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is documented at its type")]
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
            rapid_reset: RapidReset::new(),
            induced_resets: InducedResets::new(),
            glitches: Glitches::new(),
            continuation: ContinuationFlood::new(max_header_list),
            replies: QueuedReplies::default(),
            settings: LongSettings::default(),
            streams: TooManyStreams::new(max_streams),
            header_list: LargeHeaderList::new(max_header_list),
            pings: PingPolicy::new(ping_interval),
            stalls: Stalls::default(),
            tiny_data: TinyData::default(),
        }
    }
}
