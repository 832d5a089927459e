//! What the runtimes on the standard library share, `rt-std` and `rt-smol`: all that both need more than once, and that the
//! core cannot hold, since it knows neither `std` nor atomics nor locks.
//!
//! What it does not do: wait, move bytes, drive anything. Each runtime has its own way with these, and its own seam to the
//! machine; the protocol is `proto_core`'s. Its callers are the runtimes, which re-export the types that their users meet
//! ([`Address`], [`Cancel`], [`ServerError`]), so that both give the same ones. A runtime of one's own may use it as well.
//!
//! | module | what |
//! |---|---|
//! | (root) | what users of both runtimes meet |
//! | [`accept`] | errors of accepting: whose they are, how long to pause |
//! | [`ending`] | how a server's connection ends |
//! | [`ended`] | how a call was cut short, for what outlives it |
//! | [`listen`] | beginning to listen |
//! | [`means`] | how long each method takes |
//! | [`observer`] | the string from a connection to its channel |
//! | [`replies`] | what is pulled of a call whose server streams |
//! | [`security`] | whether connections speak TLS |
//! | [`settings`] | what channels and servers are built with, and the builders' methods for it |
//! | [`stats`] | what a server counts |
//! | [`stream`] | how streams of somebody else's fail |
//! | [`sync`] | a lock that knows what must not happen while it is held |
//! | [`unwritable`] | a connection to which a write has failed |
//! | `unix` | the file of a Unix listener, which goes with it |

pub mod accept;
mod address;
mod cancel;
pub mod ended;
pub mod ending;
mod error;
pub mod listen;
pub mod means;
#[cfg(loom_models)]
pub mod models;
pub mod observer;
pub mod replies;
pub mod security;
pub mod settings;
pub mod stats;
pub mod stream;
pub mod sync;
#[cfg(unix)]
pub mod unix;
pub mod unwritable;

pub use address::Address;
pub use cancel::Cancel;
pub use error::ServerError;
