//! A server of the toy service, over real sockets, with its clients.

use crate::runtime::{Running, Runtime, ServerBuilder};
use crate::toy::{M, Toy, number};
use crate::{Cli, LONG};
use proto_core::rpc::Report;
use proto_core::{Code, Config};
use rt_std::Address;
use rt_std::os::{Os, RealOs};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub struct Setup<R: Runtime> {
    /// The clients'.
    pub os: Arc<dyn Os>,
    pub toy: Arc<Toy>,
    pub server: R::Running,
}

impl<R: Runtime> Setup<R> {
    /// On a free port. The latch opens when so many are in it.
    pub fn new(wants: u64, change: impl FnOnce(R::ServerBuilder) -> R::ServerBuilder) -> Self {
        Self::of(wants, |builder| change(builder).bind("127.0.0.1:0").expect("a free port"))
    }

    /// One that is bound like this.
    pub fn of(wants: u64, build: impl FnOnce(R::ServerBuilder) -> R::Server) -> Self {
        let os: Arc<dyn Os> = RealOs::shared();
        let toy = Toy::new(&os, wants);
        let builder = R::server().toy(&toy).configure(|config| config.min_ping_interval = Duration::ZERO);
        Setup { os, toy, server: crate::runtime::Server::spawn(build(builder)) }
    }

    pub fn client(&self) -> Cli {
        Cli::new(&self.os, self.server.address(), Config::default())
    }

    pub fn address(&self) -> SocketAddr {
        tcp(self.server.address())
    }

    /// A plain socket to it.
    pub fn socket(&self) -> TcpStream {
        socket(self.server.address())
    }

    /// Until it holds.
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = self.os.now() + LONG;
        while !holds() {
            assert!(self.os.now() < end, "{what}: {:?}", self.server.counts());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn shutdown(self) -> Report {
        self.server.shutdown(LONG)
    }
}

/// The address of a server that listens on TCP.
pub fn tcp(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        #[cfg(unix)]
        Address::Unix(path) => panic!("a TCP server, not one at {}", path.display()),
    }
}

/// A plain socket to a server.
pub fn socket(address: &Address) -> TcpStream {
    let socket = TcpStream::connect(tcp(address)).expect("it listens");
    socket.set_read_timeout(Some(LONG)).expect("a socket option");
    socket
}

impl Cli {
    /// Reads and writes until it holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = self.now() + LONG;
        assert!(self.pump(end, holds), "{what}");
    }

    /// Five calls of all shapes, each with its answer.
    pub fn exercise(&mut self) {
        self.request(1, M::Echo.info(), None, b"unary");
        self.request(2, M::Reply.info(), None, &number(300_000));
        self.open(3, M::EchoStream.info());
        for message in [&b"one"[..], b"two"] {
            assert!(self.send(3, message));
        }
        self.finish(3);
        self.request(4, M::Big.info(), None, &number(2_000_000));
        self.request(5, M::Sleep.info(), None, &number(500));
        self.until("five calls", |c| c.all_ended(1..6));
        for label in 1..6 {
            assert_eq!(self.ended(label).map(|e| e.0), Some(Code::Ok), "{:?}", self.status(label));
        }
        assert_eq!(self.calls[&1].messages[0].0, b"unary");
        assert_eq!((self.received(2), self.received(4)), (300_000, 2_000_000));
        let echoed: Vec<_> = self.calls[&3].messages.iter().map(|m| &m.0[..]).collect();
        assert_eq!(echoed, [&b"one"[..], b"two"]);
    }
}
