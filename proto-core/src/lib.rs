//! gRPC over HTTP/2 as pure state machines.
//!
//! Bytes, time and commands go in; bytes, events and the next timeout come out. Nothing here opens a socket,
//! starts a thread, takes a lock or reads a clock: the crate is `no_std` with `alloc`, so that the
//! compiler sees to that (some of its dependencies use `std`).
//!
//! Who makes calls and serves them takes a runtime, `rt-std` (threads) or `rt-smol` (futures), and this crate beside it for
//! the code that `proto-build` generates. What stands here is for loops of one's own, and for what holds on all of them. A
//! call from end to end, by hand:
//!
//! ```
//! use proto_core::call::{CallOptions, Head, Kind, Recv};
//! use proto_core::{Config, Connection, Incoming, Instant, MessageBuf, Metadata, Outgoing};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! /// Bytes are carried by whatever there is: a socket, a pipe, a test.
//! fn carry(from: &mut Outgoing) -> Incoming {
//!     let mut into = Incoming::new();
//!     while !from.is_empty() {
//!         into.extend_from_slice(from.chunk());
//!         from.advance(from.chunk().len());
//!     }
//!     into
//! }
//!
//! let now = Instant::ZERO; // on a clock of your own
//! let mut client = Connection::client(Config { authority: "example.com".into(), ..Config::default() }, now);
//! let mut server = Connection::server(Config::default(), now);
//! let mut wire = Outgoing::new();
//!
//! let id = client.start(now, Head::new("/hello.v1.HelloService/SayHello"), &CallOptions::default()).unwrap();
//! client.call(id)?.send_last(now, &b"Ada"[..])?;
//! client.poll_transmit(now, &mut wire);
//!
//! server.receive(now, &mut carry(&mut wire))?;
//! let served = server.accept().expect("the call has arrived");
//! let mut call = server.call(served)?;
//! call.set_kind(Kind::UNARY);
//! call.reply(now, &Metadata::new(), &b"Hello, Ada!"[..], &Metadata::new())?;
//! server.poll_transmit(now, &mut wire);
//!
//! client.receive(now, &mut carry(&mut wire))?;
//! let mut message = MessageBuf::new();
//! assert!(matches!(client.call(id)?.recv(now, &mut message), Recv::Message));
//! assert_eq!(bytes::Buf::chunk(&message), b"Hello, Ada!");
//! # Ok(()) }
//! ```
//!
//! | to | look at |
//! |---|---|
//! | write a loop, or a runtime | [`guide`], step by step; [`Connection`], and what it reports, [`connection::Event`] |
//! | have typed calls and `async fn` handlers on a loop | [`rpc::driven`] |
//! | write handlers, or a library of no runtime | [`rpc`]: [`Request`](rpc::Request), [`Context`](rpc::Context), [`Front`](rpc::Front), [`AnyFront`](rpc::AnyFront) |
//! | tell errors apart | [`Status`]: [`Code`], [`Origin`], whether the server may have seen the call; [`grpc::details`] |
//! | go to many addresses, with backoff and retries | [`channel`] |
//! | set limits | [`Config`], each with its unit and default |
//! | test in virtual time, on bad networks | `testkit`, with the feature of that name |
//!
//! | feature | brings |
//! |---|---|
//! | `prost` (default) | messages by prost (`rpc::Prost`), and the re-exports that generated code names |
//! | `error-details` (default) | the standard error details of google.rpc (`grpc::details`) |
//! | `futures` | the streams of handlers that are futures as `Stream` and `Sink` (`rpc::asynchronous`) |
//! | `testkit` | two connections in memory, a virtual clock, a network that fails on a seed |
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
