//! The blocking server: worker threads over one poller.
//!
//! Fast handlers run right where their call was read, in batches whose replies leave in one write; what may be slow
//! first gives the poller to another worker; a watch takes it back within about a millisecond when the guess was wrong.
//! The last free worker runs no handler, so that the server never goes deaf: PINGs are answered, cancellations and
//! deadlines reach handlers, while every handler is busy.
//!
//! A service is the implementation of a generated trait; a handler that streams gets a receiver, a sender, or both:
//!
//! ```
//! # mod with { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs")); pub(crate) use both; }
//! # use with::both;
//! # use proto_build_testing::hello::v1::{self as hello, HelloRequest, HelloResponse};
//! use rt_std::{Context, Receiver, Request, Response, Sender, Server, Status};
//!
//! struct Greeter;
//!
//! impl hello::blocking::HelloService for Greeter {                 // implemented for Arc<T> too
//!     fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
//!         if request.greeting.is_empty() { return Err(Status::invalid_argument("greeting is empty")); }
//!         Ok(Response::new(HelloResponse { reply: format!("Hello, {}!", request.greeting) })
//!             .with_metadata("x-server", "1").with_trailer("x-cost", "3"))
//!     }
//!     fn lots_of_replies(&self, request: Request<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
//!         for i in 0..10 {                                         // backpressure; Err when the caller has gone
//!             replies.send(HelloResponse { reply: format!("{i} {}", request.greeting) })?;
//!         }
//!         Ok(())
//!     }
//!     fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
//!         let names: Vec<_> = requests.map(|r| r.map(|r| r.greeting)).collect::<Result<_, _>>()?;
//!         Ok(HelloResponse { reply: names.join(", ") }.into())
//!     }
//!     fn bidi_hello(&self, requests: &mut Receiver<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
//!         for request in requests { replies.send(answer(request?))?; }
//!         Ok(())
//!     }
//!     fn on_call(&self, context: &mut Context) -> Result<(), Status> { Ok(()) }   // optional: at the headers, before any message
//! }
//! # fn answer(request: HelloRequest) -> HelloResponse { HelloResponse { reply: request.greeting } }
//! # fn main() { both! { {
//!
//! let server = rt_std::Server::builder()
//!     .add_service(hello::HelloServiceServer::blocking(Greeter))
//!     .max_concurrent_streams(200)
//!     .bind("127.0.0.1:0")?;                                       // bind_unix(path), listener(TcpListener)
//! println!("listening on {}", server.local_addr());
//! let stop = server.stop();                                        // Clone; stop.graceful(d) returns at once, may be called again
//! # std::thread::spawn(move || stop.graceful(std::time::Duration::from_secs(1)));
//! let report = server.serve()?;                                    // how many calls ended, how many were forced
//! # assert_eq!(report.forced, 0);
//! # } } }
//! ```
//!
//! [`Server::spawn`] serves beside the caller instead; the value that it gives stops the server when dropped:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! # let grace = Duration::from_secs(1);
//! let server = Server::builder().add_service(hello::HelloServiceServer::blocking(Greeter)).bind("127.0.0.1:0")?;
//! let running = server.spawn();
//! let channel = Channel::connect(running.address().to_string())?;
//! # let reply = HelloServiceClient::new(channel.clone()).say_hello(greeting("Ada"))?;
//! # assert_eq!(reply.reply, "Hello, Ada!");
//! # channel.shutdown(grace);
//! let report = running.shutdown(grace);
//! println!("{report}");
//! # assert_eq!((report.calls, report.forced), (1, 0));
//! # } } }
//! ```
//!
//! What a handler knows of its call, and can do to it, is its [`Context`](crate::Context), on `Request`, `Receiver` and
//! `Sender` alike:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # struct User;
//! # fn main() { both! { compiled |request: Request<HelloRequest>, replies: &mut Sender<HelloResponse>, backend: HelloServiceClient<Channel>| {
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
//!     replies.send(HelloResponse { reply: "tick".into() })?;
//!     context.sleep(Duration::from_secs(1))?;                      // ends with the call
//! }
//! let pusher = replies.pusher();                                   // Clone + Send + 'static: for other threads
//! pusher.try_send(HelloResponse { reply: "from anywhere".into() })?;
//! // A call of one's own: the smaller deadline, the caller's cancellation.
//! let found = backend.say_hello(Request::new(greeting("q")).within(request.context()))?;
//! # } } }
//! ```
//!
//! What users see is here and in `builder`; below it, by concern:
//!
//! | file | what |
//! |---|---|
//! | `hub`, `state` | what all workers share, under one lock; who is woken, made, kept |
//! | `work` | a worker's next step |
//! | `bite`, `run` | which calls run where, and running them |
//! | `watch` | robbing a worker that is stuck |
//! | `conn`, `calls`, `places`, `deliver` | one connection: its lock, its calls, who reads and who writes, its unlock |
//! | `handle` | what a handler can do with its call |
//! | `accept`, `stop` | the beginning and the end |
//! | `connection` | one connection, or connections inside this process, without a listener |
//! | `guard` | what a panic may cost |
//! | `rules` | the names of the hand-off rules, each with a mutant that the simulation kills |
//!
//! What it does not do: protocol (that is `proto_core`), system calls (`crate::os`).

mod accept;
mod bite;
mod builder;
mod calls;
mod conn;
mod connection;
mod deliver;
mod guard;
mod handle;
mod hub;
mod job;
mod limits;
mod places;
#[cfg(feature = "testkit")]
pub(crate) mod probe;
#[cfg_attr(not(feature = "testkit"), allow(unreachable_pub))]
pub(crate) mod rules;
mod run;
mod serve;
mod services;
mod state;
mod stop;
mod system;
mod watch;
mod work;

pub use builder::ServerBuilder;
pub(crate) use connection::InProcess;
pub use connection::serve_connection;
pub use proto_core::rpc::Report;
#[doc(inline)]
pub use rt_common::ServerError;
pub use serve::{Running, Server, Stop};
