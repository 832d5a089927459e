//! The async server.

mod accept;
mod begin;
mod builder;
mod calls;
mod conn;
mod connection;
mod deliver;
mod drive;
mod error;
mod finish;
mod guard;
mod handle;
mod hub;
mod limits;
mod means;
mod probe;
mod report;
mod serve;
mod stats;
mod task;
#[cfg(unix)]
mod unix;
mod wait;
mod write;

pub use builder::ServerBuilder;
#[allow(unused_imports)]
pub(crate) use connection::InProcess;
pub use connection::serve_connection;
pub use error::ServerError;
#[doc(hidden)]
pub use probe::Counts;
pub use report::Report;
pub use serve::{Running, Server, Stop};
