//! The async client: channels, calls, and the connections that their tasks drive.

mod call;
mod channel;
mod driver;
mod front;
#[cfg(test)]
mod peer;
mod requests;
mod streaming;
mod unary;
mod wakers;

pub use channel::{BackoffConfig, Channel, ChannelBuilder, State};
pub use requests::{Bidi, ClientStreaming, Requests};
#[doc(inline)]
pub use rt_common::Cancel;
pub use streaming::Streaming;
pub use unary::Unary;
