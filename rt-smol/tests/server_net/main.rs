//! The async server over real sockets and other pipes: the four shapes, bounds, stops, panics, and peers that mean no good.
//! The client is the core's own connection on the other runtime's pipes.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
#![allow(unreachable_pub, missing_docs)]

#[path = "../../../rt-std/tests/common/cli.rs"]
#[allow(dead_code)]
mod cli;

mod bounds;
mod calls;
mod ends;
mod faults;
mod peers;
mod stops;
mod toy;

use cli::Cli;
use futures_lite::future::block_on;
use proto_core::Config;
use rt_smol::os::BoxFuture;
use rt_smol::server::ServerBuilder;
use rt_smol::{Address, Report, Running, Server};
use rt_std::os::{Os, RealOs};
use std::sync::Arc;
use std::time::Duration;
use toy::{Served, Toy};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// The same address for the other runtime.
fn of_std(address: &Address) -> rt_std::Address {
    match address {
        Address::Tcp(address) => rt_std::Address::Tcp(*address),
        Address::Unix(path) => rt_std::Address::Unix(path.clone()),
    }
}

/// An executor of the test's own, with threads: some handlers here block theirs. The threads end when it is dropped.
struct Threads {
    executor: Arc<smol::Executor<'static>>,
    _until_dropped: smol::channel::Sender<()>,
}

impl Threads {
    fn new(count: usize) -> Self {
        let executor = Arc::new(smol::Executor::new());
        let (until_dropped, dropped) = smol::channel::bounded(1);
        for _ in 0..count {
            let (executor, dropped) = (executor.clone(), dropped.clone());
            std::thread::spawn(move || {
                let _: Result<(), _> = block_on(executor.run(dropped.recv()));
            });
        }
        Threads { executor, _until_dropped: until_dropped }
    }

    fn spawner(&self) -> impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static + use<> {
        let executor = self.executor.clone();
        move |task| executor.spawn(task).detach()
    }
}

/// A server on a free port.
struct Setup {
    /// The client's.
    os: Arc<dyn Os>,
    toy: Arc<Toy>,
    server: Running,
    _threads: Threads,
}

impl Setup {
    fn new(wants: u64, change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::of(wants, |builder| change(builder).bind("127.0.0.1:0").expect("a free port"))
    }

    fn of(wants: u64, build: impl FnOnce(ServerBuilder) -> Server) -> Self {
        let toy = Toy::new(wants);
        let threads = Threads::new(3);
        let builder = Server::builder().executor(threads.spawner()).add_service(Served(toy.clone()));
        let server = build(builder.min_ping_interval(Duration::ZERO)).spawn();
        Setup { os: RealOs::shared(), toy, server, _threads: threads }
    }

    fn client(&self) -> Cli {
        Cli::new(&self.os, &of_std(self.server.address()), Config::default())
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
            assert!(self.os.now() < end, "{what}: {:?}", self.server.counts());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn shutdown(self) -> Report {
        block_on(self.server.shutdown(LONG))
    }
}

impl Cli {
    /// Reads and writes until it holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = self.now() + LONG;
        assert!(self.pump(end, holds), "{what}");
    }
}
