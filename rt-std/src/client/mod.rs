//! The blocking client: channels, calls, and the connections that their threads drive.

mod call;
mod channel;
mod detour;
pub(crate) mod driver;
mod front;
mod in_process;
mod later;
mod requests;
mod streaming;
mod tunnel;
mod unary;

pub use channel::{BackoffConfig, Channel, ChannelBuilder, State};
pub use front::settled;
pub use later::{Later, Pending};
pub use requests::{Bidi, ClientStreaming, Requests};
#[doc(inline)]
pub use rt_common::Cancel;
pub use streaming::Streaming;

/// The names of the client's hand-off rules (`testkit::Sim::without_rule`).
#[cfg(feature = "testkit")]
pub fn rules() -> Vec<&'static str> {
    [driver::rules::ALL, channel::runtime::RULES, call::RULES].concat()
}
