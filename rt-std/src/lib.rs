//! Blocking gRPC on plain threads: no async runtime anywhere below.
//!
//! A [`Channel`] leads to a server; any number of threads call over it, and whoever waits for an answer does the work of
//! the one connection, which has no thread of its own. A [`Server`] runs handlers on worker threads. Both speak HTTP/2
//! through the pure state machines of `proto_core`; what this crate adds is waiting and moving bytes.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! let server = Server::builder().add_service(hello::HelloServiceServer::blocking(Greeter)).bind("127.0.0.1:0")?.spawn();
//!
//! let channel = Channel::connect(server.address().to_string())?;
//! let hello = HelloServiceClient::new(channel);
//! let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() })?;
//! assert_eq!(reply.reply, "Hello, Ada!");
//! # } } }
//! ```
//!
//! | to | look at |
//! |---|---|
//! | call | [`Channel`]; [`Request`] with its options; [`Streaming`], [`ClientStreaming`], [`Bidi`]; [`Channel::later`]; [`Cancel`] |
//! | serve | [`Server::builder`]; [`Context`], [`Sender`], [`Receiver`], [`Pusher`] in handlers; [`Stop`] |
//! | tell errors apart | [`Status`]: [`Code`], [`Origin`], [`Seen`], [`source`](Status::source); [`ServerError`] from `bind` |
//! | use other byte streams | [`Channel::from_io`], [`serve_connection`]; [`ByteStream`], [`Halves`]; [`Channel::in_process`] |
//! | test your handlers | [`Channel::in_process`], or call them: [`Sender::for_test`], `Receiver::from_iter`, [`Context::for_test`] |
//! | test on bad networks | `testkit::Sim`, with feature `testkit` |
//!
//! A handler is a method like any other; a test of it needs neither server nor socket:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! use hello::blocking::HelloService;
//!
//! let mut replies = Sender::for_test();
//! Greeter.lots_of_replies(Request::new(HelloRequest { greeting: "Ada".into() }), &mut replies)?;
//! assert_eq!(replies.sent()[0].reply, "0 Ada");
//!
//! let mut requests = Receiver::from_iter([greeting("Ada"), greeting("Bob")]);
//! assert_eq!(Greeter.lots_of_greetings(&mut requests)?.reply, "Ada, Bob");
//! # } } }
//! ```
//!
//! An error says whose verdict it is and whether the call can be sent again:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! let hello = HelloServiceClient::new(Channel::new("unix:/no/such/socket")?);
//! let status = hello.say_hello(greeting("Ada")).unwrap_err();
//! assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Local(Local::Connect)));
//! assert_eq!(status.seen_by_server(), Seen::No);
//! assert!(status.can_retry() && status.source().is_some());
//! println!("{} {} {:?} {:?}", status, status.message(), status.details(), status.metadata());
//! # } } }
//! ```
//!
//! A server may say more than a code and a text, in types that both sides know:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! use proto_core::grpc::details::{BadRequest, FieldViolation};
//!
//! let violation = FieldViolation { field: "greeting".into(), description: "is empty".into(), ..Default::default() };
//! let status = Status::invalid_argument("see details").with_detail(&BadRequest { field_violations: vec![violation] });
//! let detail = status.detail::<BadRequest>().ok_or_else(|| Status::internal("no such detail"))?;
//! assert_eq!(detail.field_violations[0].field, "greeting");
//! # } } }
//! ```
//!
//! Everything blocking stands on one seam to the operating system ([`os`]). With feature `testkit` the simulation
//! takes its place: virtual time, a network that fails on a seed, threads switched by the seed.
//!
//! | feature | brings (none is on by default) |
//! |---|---|
//! | `tls` | TLS by rustls with *ring*, which needs a C compiler: `https://` targets, [`ChannelBuilder`]`::tls`, [`ServerBuilder`]`::tls` |
//! | `tls-aws-lc-rs` | the same with AWS-LC |
//! | `tls-native-roots` | beside one of them: channels trust whom the system trusts |
//! | `testkit` | the simulation, `testkit::Sim` |

mod client;
pub mod os;
mod security;
pub mod server;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;
// `_tls` alone would do; the compiler suggests these to who has turned none of them on.
#[cfg(any(feature = "tls", feature = "tls-aws-lc-rs", feature = "tls-native-roots", feature = "_tls"))]
pub mod tls;

pub use client::{
    BackoffConfig, Bidi, Cancel, Channel, ChannelBuilder, ClientStreaming, Later, Pending, Requests, State, Streaming,
    settled,
};
pub use os::{Address, ByteStream, Halves, StreamError};
pub use proto_core::grpc::{Local, MetadataError, Origin, Seen};
pub use proto_core::rpc::{
    BlockingService, Context, IntoRequest, Peer, Pusher, Receiver, Request, RequestOptions, Response, SendError,
    Sender, TryRecvError, TrySendError,
};
pub use proto_core::{Code, Metadata, Status};
pub use server::{Report, Running, Server, ServerBuilder, ServerError, Stop, serve_connection};
