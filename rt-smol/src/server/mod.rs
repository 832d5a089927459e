//! The async server: one task a connection, handlers polled where their call was read.
//!
//! A handler's future is polled once by its connection's task; most end with that, and the replies of one batch of input
//! leave in one write. One that waits for something becomes a task of the [executor](ServerBuilder::executor); what it
//! sends it writes itself, without a detour, when nobody else is writing.
//!
//! A service is the implementation of a generated trait, with handlers that are `async fn`s; one that streams gets a
//! receiver, a sender, or both:
//!
//! ```
//! # use proto_build_testing::hello::v1::{self as hello, HelloRequest, HelloResponse};
//! use rt_smol::{Context, Receiver, Request, Response, Sender, Server, Status};
//!
//! struct Greeter;
//!
//! impl hello::HelloService for Greeter {                           // implemented for Arc<T> too
//!     async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
//!         if request.greeting.is_empty() { return Err(Status::invalid_argument("greeting is empty")); }
//!         Ok(Response::new(HelloResponse { reply: format!("Hello, {}!", request.greeting) })
//!             .with_metadata("x-server", "1").with_trailer("x-cost", "3"))
//!     }
//!     async fn lots_of_replies(&self, request: Request<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
//!         for i in 0..10 {                                         // backpressure; Err when the caller has gone
//!             replies.send(HelloResponse { reply: format!("{i} {}", request.greeting) }).await?;
//!         }
//!         Ok(())
//!     }
//!     async fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
//!         let mut names = Vec::new();
//!         while let Some(request) = requests.recv().await? { names.push(request.greeting); }
//!         Ok(HelloResponse { reply: names.join(", ") }.into())
//!     }
//!     async fn bidi_hello(&self, requests: &mut Receiver<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
//!         while let Some(request) = requests.recv().await? { replies.send(answer(request)).await?; }
//!         Ok(())
//!     }
//!     fn on_call(&self, context: &mut Context) -> Result<(), Status> { Ok(()) }   // optional: at the headers, before any message
//! }
//! # fn answer(request: HelloRequest) -> HelloResponse { HelloResponse { reply: request.greeting } }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let server = rt_smol::Server::builder()
//!     .add_service(hello::HelloServiceServer::new(Greeter))
//!     .max_concurrent_streams(200)
//!     .bind("127.0.0.1:0")?;                                       // bind_unix(path), listener(TcpListener)
//! println!("listening on {}", server.local_addr());
//! let stop = server.stop();                                        // Clone; stop.graceful(d) returns at once, may be called again
//! # stop.graceful(std::time::Duration::from_secs(1));
//! let report = server.serve().await?;                              // how many calls ended, how many were forced
//! # assert_eq!(report.forced, 0);
//! # Ok(()) }
//! # async fn with_status() -> Result<(), Status> {
//! #     let report = Server::builder().add_service(hello::HelloServiceServer::new(Greeter)).bind("127.0.0.1:0")?.serve().await?;
//! #     Ok(())
//! # }
//! # fn main() { smol::block_on(example()).unwrap() }
//! ```
//!
//! [`Server::spawn`] serves beside the caller instead; the value that it gives stops the server when dropped:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/greeter.rs"));
//! # use rt_smol::{Channel, Server};
//! # use hello::HelloServiceClient;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let grace = std::time::Duration::from_secs(1);
//! let server = Server::builder().add_service(hello::HelloServiceServer::new(Greeter)).bind("127.0.0.1:0")?;
//! let running = server.spawn();
//! let channel = Channel::connect(running.address().to_string()).await?;
//! # let reply = HelloServiceClient::new(channel.clone()).say_hello(HelloRequest { greeting: "Ada".into() }).await?;
//! # assert_eq!(reply.reply, "Hello, Ada!");
//! # drop(channel);
//! let report = running.shutdown(grace).await;
//! println!("{report}");
//! # assert_eq!((report.calls, report.forced), (1, 0));
//! # Ok(()) }
//! # fn main() { smol::block_on(example()).unwrap() }
//! ```
//!
//! What a handler knows of its call, and can do to it, is its [`Context`](crate::Context), on `Request`, `Receiver` and
//! `Sender` alike:
//!
//! ```
//! # use proto_build_testing::hello::v1::{HelloRequest, HelloResponse};
//! # use rt_smol::{Metadata, Request, Sender, Status};
//! # use std::time::Duration;
//! # struct User;
//! # async fn handler(request: Request<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
//! let context = request.context();
//! println!("{} from {}, {:?} left", context.method(), context.peer(), context.time_left());
//! let language = context.metadata().get("accept-language");
//! let user = context.get::<User>();                                // what on_call has inserted
//! let mut initial = Metadata::new();
//! initial.insert("x-server", "1")?;
//! context.send_headers(&initial)?;                                 // now, not with the first message
//! context.set_trailer("x-cost", "3")?;                             // with OK and with an error alike
//! while !context.draining() {                                      // until the server is to stop
//!     context.check()?;                                            // Err once the caller has gone or the deadline has passed
//!     replies.send(HelloResponse { reply: "tick".into() }).await?;
//!     context.sleep_async(Duration::from_secs(1)).await?;          // ends with the call
//! }
//! let pusher = replies.pusher();                                   // Clone + Send + 'static: for other tasks
//! pusher.try_send(HelloResponse { reply: "from anywhere".into() })?;
//! # Ok(()) }
//! ```
//!
//! # Handlers that are dropped
//!
//! When a call is cut short (its caller cancels or goes away, its deadline passes, the server's grace ends), the handler's
//! future is dropped at the await where it waits, or at its next one. Its context says so before (`check`, `is_cancelled`);
//! values with a destructor are the place for what must be undone, and a task of its own for what must be done to the end:
//! hand it a clone of the context, whose `cancelled().await` yields the status. A handler that ends its call itself
//! (`context.cancel(status)`) runs on.
//!
//! Handlers must not block their thread: it belongs to the executor, and to other calls of the same connection. A method
//! whose first polls take long is begun in tasks of its own; `smol::unblock` and its like are for the rest.
//!
//! # Inside
//!
//! | file | what |
//! |---|---|
//! | `hub` | what all connections share; how far the end has come |
//! | `drive` | the task of a connection: reads, serves timers, ends it |
//! | `begin`, `finish` | calls that begin, right there; their answers |
//! | `task` | a handler that waits for something |
//! | `conn`, `calls`, `events`, `write`, `deliver` | one connection: its lock, its calls, what happens to them, the writer's place, the unlock |
//! | `handle`, `wait` | what a handler can do with its call, and how it waits |
//! | `accept`, `serve` | the beginning and the end |
//! | `connection` | one connection, or connections inside this process, without a listener |
//! | `guard` | what a panic may cost |
//! | `models` | the wake-ups in all interleavings of a few threads (`--cfg loom_models`); the rules: `crate::rules` |
//!
//! What it does not do: protocol (that is `proto_core`), system calls ([`crate::os`]).

mod accept;
mod begin;
mod builder;
mod calls;
mod conn;
mod connection;
mod deliver;
mod drive;
mod events;
mod finish;
mod guard;
mod handle;
mod hub;
mod limits;
#[cfg(all(test, loom_models))]
mod models;
mod probe;
mod serve;
mod task;
#[cfg(test)]
mod tests;
mod wait;
mod write;

pub use builder::ServerBuilder;
pub use connection::serve_connection;
#[doc(hidden)]
pub use probe::Counts;
pub use proto_core::rpc::Report;
#[doc(inline)]
pub use rt_common::ServerError;
pub use serve::{Running, Server, Stop};
