//! What channels and servers are built with: the settings that both runtimes have, and the methods of their builders that
//! make them.
//!
//! Builders hold [`ChannelSettings`] or [`ServerSettings`] as `settings`, and get the methods from
//! [`channel_builder_methods!`](crate::channel_builder_methods) and [`server_builder_methods!`](crate::server_builder_methods):
//! inherent ones, which users find beside those that the runtime has alone.

mod channel;
mod server;

pub use channel::{CallSettings, ChannelSettings};
pub use server::ServerSettings;
