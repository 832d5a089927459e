//! Async gRPC for any executor: smol, tokio, an executor of one's own, or none but a `block_on`.
//!
//! A [`Channel`] leads to a server; any number of tasks call over it, over one connection. A call is on its way when its
//! method has been called; its future is only for the answer. A [`Server`] runs handlers that are `async fn`s. Both speak
//! HTTP/2 through the pure state machines of `proto_core`; what this crate adds is moving bytes and waking tasks.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! let server = Server::builder().add_service(hello::HelloServiceServer::new(Greeter)).bind("127.0.0.1:0")?.spawn();
//!
//! let channel = Channel::connect(server.address().to_string()).await?;
//! let hello = HelloServiceClient::new(channel);
//! let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() }).await?;
//! assert_eq!(reply.reply, "Hello, Ada!");
//! # } } }
//! ```
//!
//! | to | look at |
//! |---|---|
//! | call | [`Channel`]; [`Request`] with its options; [`Unary`], [`Streaming`], [`ClientStreaming`], [`Bidi`]; [`Cancel`] |
//! | serve | [`Server::builder`]; [`Context`], [`Sender`], [`Receiver`], [`Pusher`] in handlers; [`Stop`] |
//! | use combinators for streams | [`Streaming`] is a `Stream`, [`Requests`] a `Sink`; in handlers [`Receiver::stream`], [`Sender::sink`], [`Sender::send_stream`] |
//! | choose an executor | [`ChannelBuilder::executor`], [`ServerBuilder::executor`]; by default threads of this crate: one, or with a server one for each processor |
//! | use other byte streams | [`Channel::from_io`], [`serve_connection`], [`Channel::in_process`] |
//! | test your handlers | [`Channel::in_process`], or call them: [`Sender::for_test`], `Receiver::from_iter`, [`Context::for_test`] |
//! | test on bad networks | `testkit::Sim`, with feature `testkit` |
//! | tell errors apart | [`Status`]: [`Code`], [`Origin`], [`Seen`], [`source`](Status::source); [`ServerError`] from `bind` |
//!
//! Futures may be dropped at any time: a dropped call is cancelled, a dropped `next()` loses no message, a dropped
//! `send()` has sent all or nothing. Calls together are futures like any others:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { |channel, hello| {
//! use smol::future;
//!
//! let both = future::try_zip(hello.say_hello(greeting("Ada")), hello.say_hello(greeting("Bob")));
//! let (ada, bob) = both.await?; // both are on their way before this
//! assert_eq!((&ada.reply[..], &bob.reply[..]), ("Hello, Ada!", "Hello, Bob!"));
//! # } } }
//! ```
//!
//! An error says whose verdict it is and whether the call can be sent again:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! let hello = HelloServiceClient::new(Channel::new("unix:/no/such/socket")?);
//! let status = hello.say_hello(greeting("Ada")).await.unwrap_err();
//! assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Local(Local::Connect)));
//! assert_eq!(status.seen_by_server(), Seen::No);
//! assert!(status.can_retry() && status.source().is_some());
//! # } } }
//! ```
//!
//! Everything stands on one seam to the machine ([`os`]): time, tasks, names, connections. With feature `testkit` a
//! simulation takes its place: virtual time, a network that fails on a seed, tasks chosen by the seed.
//!
//! | feature | brings (none is on by default) |
//! |---|---|
//! | `tls` | TLS by rustls with *ring*, which needs a C compiler: `https://` targets, [`ChannelBuilder`]`::tls`, [`ServerBuilder`]`::tls` |
//! | `tls-aws-lc-rs` | the same with AWS-LC |
//! | `tls-native-roots` | beside one of them: channels trust whom the system trusts |
//! | `testkit` | the simulation, `testkit::Sim` |

mod atomics;
mod client;
#[cfg(all(test, loom_models))]
mod models;
pub mod os;
pub(crate) mod rules;
#[cfg(test)]
mod scripted;
mod security;
pub mod server;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;
// `_tls` alone would do; the compiler suggests these to who has turned none of them on.
#[cfg(any(feature = "tls", feature = "tls-aws-lc-rs", feature = "tls-native-roots", feature = "_tls"))]
pub mod tls;

pub use client::{
    BackoffConfig, Bidi, Cancel, Channel, ChannelBuilder, ClientStreaming, Requests, State, Streaming, Unary,
};
pub use os::Address;
pub use proto_core::grpc::{Local, MetadataError, Origin, Seen};
pub use proto_core::rpc::asynchronous::{Pusher, Receiver, Sender};
pub use proto_core::rpc::{
    AsyncService, Context, IntoRequest, Peer, Request, RequestOptions, Response, SendError, TryRecvError, TrySendError,
};
pub use proto_core::{Code, Metadata, Status};
#[doc(inline)]
pub use rt_common::stream::StreamError;
pub use server::{Report, Running, Server, ServerBuilder, ServerError, Stop, serve_connection};
