//! A simulation of the machine below this runtime: real threads that pass a baton, virtual time, a network with
//! faults, all chosen by a seed.
//!
//! The same seed gives the same run, thread switch by thread switch. Code that runs in it blocks through the runtime
//! only (channels, servers, `context.sleep`, [`Sim::sleep`], [`Task::join`]): whoever blocks otherwise
//! (`std::thread::sleep`, a lock held across a call) stops the clock for everybody.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() { both! { {
//! rt_std::testkit::Sim::seed(7).run(|sim| {
//!     let server = sim.serve(hello::HelloServiceServer::blocking(Greeter));
//!     let hello = HelloServiceClient::new(sim.channel(&server));
//!     assert_eq!(hello.say_hello(HelloRequest { greeting: "Ada".into() }).unwrap().reply, "Hello, Ada!");
//!
//!     sim.cut_link_after(Duration::from_secs(3));
//!     let status = hello.say_hello(HelloRequest { greeting: "slow".into() }).unwrap_err(); // it sleeps for ten minutes
//!     assert_eq!(status.code(), Code::Unavailable);
//! });
//! # } } }
//! ```

mod net;
mod os;
mod pipe;
mod poller;
mod sched;
mod server;
mod sim;
#[cfg(feature = "_tls")]
mod tls;

pub use crate::client::rules as client_rules;
pub use net::Network;
pub(crate) use sched::is_over;
#[doc(hidden)]
pub use server::{Counts, Probe, Rule, Tuning};
pub use sim::{Failure, Report, Sim, Task};

#[cfg(test)]
mod tests;
