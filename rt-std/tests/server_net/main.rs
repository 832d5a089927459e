//! The blocking server over real sockets: the four shapes, bounds, stops, panics, and peers that mean no good.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
#![allow(unreachable_pub, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod calls;
mod faults;
mod peers;
mod stops;

use common::cli::Cli;
use common::toy::{Served, Toy};
use proto_core::Config;
use rt_std::os::{Address, Os, RealOs};
use rt_std::server::ServerBuilder;
use rt_std::testkit::Probe;
use rt_std::{Running, Server};
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A server on a free port.
struct Setup {
    os: Arc<dyn Os>,
    toy: Arc<Toy>,
    server: Running,
    probe: Probe,
}

impl Setup {
    fn new(wants: u64, change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::of(wants, |builder| change(builder).bind("127.0.0.1:0").expect("a free port"))
    }

    fn of(wants: u64, build: impl FnOnce(ServerBuilder) -> Server) -> Self {
        let os = RealOs::shared();
        let toy = Toy::new(&os, wants);
        let server =
            build(Server::builder().add_service(Served(toy.clone())).min_ping_interval(Duration::ZERO)).spawn();
        let probe = Probe::of(&server);
        Setup { os, toy, server, probe }
    }

    fn client(&self) -> Cli {
        Cli::new(&self.os, self.server.address(), Config::default())
    }

    /// A plain socket to it.
    fn socket(&self) -> std::net::TcpStream {
        let Address::Tcp(address) = self.server.address() else { panic!("a TCP server") };
        let socket = std::net::TcpStream::connect(address).expect("it listens");
        socket.set_read_timeout(Some(LONG)).expect("a socket option");
        socket
    }

    /// Until it holds.
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = self.os.now() + LONG;
        while !holds() {
            assert!(self.os.now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Cli {
    /// Reads and writes until it holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = self.now() + LONG;
        assert!(self.pump(end, holds), "{what}");
    }
}
