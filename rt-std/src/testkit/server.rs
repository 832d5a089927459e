//! Servers in a simulation; and, for this crate's own tests, a look inside and switches for the rules.

use super::sim::Sim;
use crate::os::Address;
use crate::server::{Running, Server, ServerBuilder};
use proto_core::rpc::BlockingService;

#[doc(hidden)]
pub use crate::server::probe::{Counts, Probe, Tuning};
#[doc(hidden)]
pub use crate::server::rules::Rule;

impl Sim {
    /// Serves one service at a new address, until the value is dropped.
    ///
    /// # Panics
    /// When the machine has no thread to give.
    pub fn serve(&self, service: impl BlockingService) -> Running {
        self.serve_with(Server::builder().add_service(service))
    }

    /// Serves what the builder says at a new address, until the value is dropped.
    ///
    /// # Panics
    /// When a service was added twice, or the machine has no thread to give.
    pub fn serve_with(&self, builder: ServerBuilder) -> Running {
        let (address, listener) = self.listen();
        #[cfg(feature = "_tls")]
        let builder = match &self.tls {
            Some(both) => builder.tls(both.acceptor.clone()),
            None => builder,
        };
        match builder.os(self.os()).build(Address::Tcp(address), listener) {
            Ok(server) => server.spawn(),
            Err(error) => panic!("no server for the simulation: {error}"),
        }
    }
}
