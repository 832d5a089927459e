//! gRPC over HTTP/2 as pure state machines.
//!
//! Bytes, time and commands go in; bytes, events and the next timeout come out. Nothing here opens a socket,
//! starts a thread, takes a lock or reads a clock: the crate is `no_std` with `alloc`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

// L0
pub mod buf;
pub mod config;
pub mod error;
pub mod time;
// L1
pub mod frame;
pub mod hpack;
pub mod timer;
// L2
pub mod h2;
// L3
pub mod grpc;
pub mod h1;
// L4
pub mod call;
pub mod connection;
// L5
pub mod channel;
// L6
pub mod rpc;
// On top
pub mod guide;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

pub use buf::{Incoming, MessageBuf, Outgoing, Payload};
pub use config::Config;
pub use connection::Connection;
pub use grpc::{Code, Metadata, Origin, Status};
pub use time::Instant;

#[cfg(feature = "prost")]
pub use {prost, prost_types};
