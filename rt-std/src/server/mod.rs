//! The blocking server: worker threads over one poller.
//!
//! Fast handlers run right where their call was read, in batches whose replies leave in one write; what may be slow
//! first gives the poller to another worker; a watch takes it back within about a millisecond when the guess was wrong.
//! The last free worker runs no handler, so that the server never goes deaf: PINGs are answered, cancellations and
//! deadlines reach handlers, while every handler is busy.
//!
//! What users see is here and in `builder`; below it, by concern:
//!
//! | file | what |
//! |---|---|
//! | `hub`, `state` | what all workers share, under one lock; who is woken, made, kept |
//! | `work` | a worker's next step |
//! | `bite`, `means`, `run` | which calls run where, and running them |
//! | `watch` | robbing a worker that is stuck |
//! | `conn`, `calls`, `places` | one connection: its lock, its calls, who reads and who writes |
//! | `handle` | what a handler can do with its call |
//! | `accept`, `stop` | the beginning and the end |
//! | `connection` | one connection, or connections inside this process, without a listener |
//! | `rules` | the names of the hand-off rules, each with a mutant that the simulation kills |
//!
//! What it does not do: protocol (that is `proto_core`), system calls (`crate::os`).

mod accept;
mod bite;
mod builder;
mod calls;
mod conn;
mod connection;
mod error;
mod handle;
mod hub;
mod job;
mod limits;
mod means;
mod places;
#[cfg(feature = "testkit")]
pub(crate) mod probe;
mod report;
#[cfg_attr(not(feature = "testkit"), allow(unreachable_pub))]
pub(crate) mod rules;
mod run;
mod serve;
mod services;
mod state;
mod stats;
mod stop;
#[cfg(unix)]
mod unix;
mod watch;
mod work;

pub use builder::ServerBuilder;
pub(crate) use connection::InProcess;
pub use connection::serve_connection;
pub use error::ServerError;
pub use report::Report;
pub use serve::{Running, Server, Stop};
