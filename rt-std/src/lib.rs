//! Blocking gRPC on plain threads.

pub mod os;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;
