//! Blocking gRPC on plain threads.

pub mod os;
mod sync;
