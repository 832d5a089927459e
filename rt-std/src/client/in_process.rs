//! Channels to a service inside this process.

use super::channel::{Channel, ChannelBuilder};
use crate::os::{Address, Os, Pipe, Poller, Thread};
use crate::server::{InProcess, Server, ServerBuilder};
use crate::sync::Lock;
use proto_core::rpc::BlockingService;
use proto_core::time::Instant;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What the channel's machinery takes for an address; nobody connects there.
const TARGET: &str = if cfg!(unix) { "unix:in-process" } else { "127.0.0.1:1" };

impl Channel {
    /// A channel to this service inside this process: the whole way of a call, without a socket. For tests, and for
    /// services that live beside their callers. The service's threads start with the first call, and end with the
    /// channel.
    pub fn in_process(service: impl BlockingService) -> Channel {
        Channel::in_process_with(Server::builder().add_service(service))
    }

    /// The same, to a server with several services or with settings.
    pub fn in_process_with(server: ServerBuilder) -> Channel {
        let os = server.seam();
        let os = InProcessOs { os, server: OnceLock::new(), builder: Lock::new(Some(server)) };
        match ChannelBuilder::new(TARGET).os(Arc::new(os)).build() {
            Ok(channel) => channel,
            // The target is a constant that parses (a test makes such a channel), and nothing else can be wrong.
            Err(status) => unreachable!("{status}"),
        }
    }
}

/// A machine on which every connection leads to the one service.
#[derive(Debug)]
struct InProcessOs {
    os: Arc<dyn Os>,
    server: OnceLock<InProcess>,
    builder: Lock<Option<ServerBuilder>>,
}

impl InProcessOs {
    fn server(&self) -> io::Result<&InProcess> {
        if self.server.get().is_none() {
            let builder = self.builder.lock(&*self.os).take();
            let builder = builder.ok_or_else(|| io::Error::other("the service did not start"))?;
            let server = builder.in_process().map_err(io::Error::other)?;
            // A channel begins one connection at a time.
            let _ = self.server.set(server);
        }
        self.server.get().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Os for InProcessOs {
    fn now(&self) -> Instant {
        self.os.now()
    }
    fn me(&self) -> Thread {
        self.os.me()
    }
    fn park(&self, until: Option<Instant>) {
        self.os.park(until);
    }
    fn unpark(&self, thread: &Thread) {
        self.os.unpark(thread);
    }
    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.os.spawn(name, run)
    }
    fn cpu(&self) -> Duration {
        self.os.cpu()
    }
    fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn connect(&self, _to: &Address) -> io::Result<Arc<dyn Pipe>> {
        self.server()?.connect()
    }
    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        self.os.poller()
    }
    fn random(&self) -> u64 {
        self.os.random()
    }
    fn yield_point(&self) {
        self.os.yield_point();
    }
    #[cfg(feature = "testkit")]
    fn without_rule(&self) -> Option<&'static str> {
        self.os.without_rule()
    }
}
