//! Blocking gRPC on plain threads.

mod client;
pub mod os;
pub mod server;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use server::{Running, Server, Stop, serve_connection};
