//! A simulation of the machine below this runtime: one thread, virtual time, a network with faults; a seed decides which
//! task runs next and what the network does.
//!
//! The same seed gives the same run, poll by poll. Code that runs in it waits through the runtime only (channels,
//! servers, `context.sleep_async`, [`Sim::sleep`], [`Task`]) or through channels and locks that wake by plain wakers; a timer
//! or a socket of the real machine would be woken from outside, and no seed knows when.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() {
//! rt_smol::testkit::Sim::seed(7).run(async |sim| {
//!     let server = sim.serve(hello::HelloServiceServer::new(Greeter));
//!     let hello = HelloServiceClient::new(sim.channel(&server));
//!     assert_eq!(hello.say_hello(HelloRequest { greeting: "Ada".into() }).await.unwrap().reply, "Hello, Ada!");
//!
//!     sim.cut_link_after(Duration::from_secs(3));
//!     let status = hello.say_hello(HelloRequest { greeting: "slow".into() }).await.unwrap_err(); // it sleeps for long
//!     assert_eq!(status.code(), Code::Unavailable);
//! });
//! # }
//! ```

mod net;
mod os;
mod sim;
mod tasks;
#[cfg(test)]
mod tests;
mod world;

pub use crate::rules::{HeldBy, Rule};
pub use proto_core::testkit::Network;
pub use sim::{Failure, Report, Sim, Task};
