//! The async client: channels, calls, and the connections that their tasks drive.

mod call;
mod cancel;
mod channel;
mod driver;
mod front;
#[cfg(test)]
mod peer;
mod requests;
mod streaming;
mod unary;
mod wakers;

pub use cancel::Cancel;
pub use channel::{BackoffConfig, Channel, ChannelBuilder, State};
pub use requests::{Bidi, ClientStreaming, Requests};
pub use streaming::Streaming;
pub use unary::Unary;
