//! Blocking gRPC on plain threads: no async runtime anywhere below.
//!
//! A [`Channel`] leads to a server; any number of threads call over it, and whoever waits for an answer does the work of
//! the one connection: there is no thread of its own. A [`Server`] runs handlers on worker threads. Both speak HTTP/2
//! through the pure state machines of `proto_core`; what this crate adds is waiting and moving bytes.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().add_service(hello::HelloServiceServer::blocking(Greeter)).bind("127.0.0.1:0")?.spawn();
//!
//! let channel = Channel::connect(server.address().to_string())?;
//! let hello = HelloServiceClient::new(channel);
//! let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() })?;
//! assert_eq!(reply.reply, "Hello, Ada!");
//! # Ok(()) }
//! ```
//!
//! Everything blocking stands on one seam to the operating system ([`os`]). With feature `testkit` the simulation
//! takes its place: virtual time, a network that fails on a seed, threads switched by the seed.

#[cfg(not(unix))]
compile_error!(
    "rt-std runs on Unix systems so far: its seam to the operating system (`os`) has no other implementation"
);

mod client;
pub mod os;
pub mod server;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use client::{
    BackoffConfig, Bidi, Cancel, Channel, ChannelBuilder, ClientStreaming, Later, Pending, Requests, State, Streaming,
    settled,
};
pub use proto_core::rpc::{
    Context, IntoRequest, Peer, Pusher, Receiver, Request, RequestOptions, Response, SendError, Sender, TryRecvError,
    TrySendError,
};
pub use proto_core::{Code, Metadata, Status};
pub use server::{Running, Server, Stop, serve_connection};
