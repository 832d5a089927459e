//! Serving without a listener: one connection over any byte stream, and connections inside this process.

use super::builder::ServerBuilder;
use super::hub::Hub;
use super::serve::{Guard, Server};
use crate::os::memory::{MemoryPipe, MemoryPoller};
use crate::os::{ByteStream, Os, Pipe, Poller, Raw};
use crate::security::ServerSecurity;
use proto_core::rpc::{BlockingService, Report};
use rt_common::ServerError;
use std::io;
use std::sync::Arc;

/// Serves one connection over this byte stream, and returns when it is over. As [`ServerBuilder::serve_connection`], with
/// one service and default limits.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let (near, (far, _)) = (std::net::TcpStream::connect(listener.local_addr()?)?, listener.accept()?);
/// // A socket, or whatever reads and writes: one value, or two halves.
/// let served = std::thread::spawn(|| rt_std::serve_connection(far, hello::HelloServiceServer::blocking(Greeter)));
/// let channel = Channel::from_io(Halves::new(near.try_clone()?, near));
/// assert_eq!(HelloServiceClient::new(channel).say_hello(greeting("Ada"))?.reply, "Hello, Ada!");
/// # served.join().unwrap()?;
/// # Ok(()) }
/// ```
pub fn serve_connection(stream: impl ByteStream, service: impl BlockingService) -> Result<Report, ServerError> {
    Server::builder().add_service(service).serve_connection(stream)
}

impl ServerBuilder {
    /// Serves one connection over this byte stream, and returns when it is over. The calling thread serves, beside one
    /// more (handlers get theirs as they need them), so that the connection never goes deaf either. [`ByteStream`] says
    /// what a stream may be, and what it costs.
    ///
    /// # Errors
    /// The settings are wrong, the system has no threads, or the stream has failed ([`ServerError::Stream`]). That the peer
    /// goes away, in whatever manner, is none.
    pub fn serve_connection(self, stream: impl ByteStream) -> Result<Report, ServerError> {
        let pipe = stream.into_pipe(&self.seam()).map_err(ServerError::system("taking over the stream"))?;
        self.serve_pipe(pipe)
    }

    /// The same over a [`Pipe`] of the seam.
    ///
    /// # Errors
    /// As with [`serve_connection`](Self::serve_connection).
    pub fn serve_pipe(self, pipe: Arc<dyn Pipe>) -> Result<Report, ServerError> {
        let os = self.seam();
        let poller = match pipe.raw() {
            Raw::Memory(_) => MemoryPoller::new(os),
            _ => os.poller().map_err(ServerError::system("making a poller"))?,
        };
        let hub = Guard::new(self.hub_on(poller, None)?);
        hub.hub().adopt(pipe.clone());
        let report = hub.serve_until_idle();
        match pipe.failure().filter(|failure| !failure.is_loss()) {
            Some(source) => Err(ServerError::Stream { source, report }),
            None => Ok(report),
        }
    }

    /// Serves connections inside this process alone.
    pub(crate) fn in_process(mut self) -> Result<InProcess, ServerError> {
        // Nobody is in between.
        self.security = ServerSecurity::default();
        let os = self.seam();
        let poller = MemoryPoller::new(os.clone());
        Ok(InProcess { hub: Guard::new(self.hub_on(poller, None)?), os })
    }

    /// The machine that it will run on.
    pub(crate) fn seam(&self) -> Arc<dyn Os> {
        self.os.clone().unwrap_or_else(crate::os::RealOs::shared)
    }

    pub(super) fn hub_on(
        self,
        poller: Arc<dyn Poller>,
        listener: Option<Arc<dyn crate::os::Listener>>,
    ) -> Result<Arc<Hub>, ServerError> {
        let os = self.seam();
        self.settings.check()?;
        self.security.check()?;
        let hub = Hub::new(os, poller, listener, self.services, self.limits, self.settings, self.security)
            .map_err(ServerError::system("watching the listener"))?;
        hub.start().map_err(ServerError::system("starting the first threads"))?;
        Ok(hub)
    }
}

/// A service inside this process. It stops, without a grace, when dropped.
#[derive(Debug)]
pub(crate) struct InProcess {
    hub: Guard,
    os: Arc<dyn Os>,
}

impl InProcess {
    /// A connection to it: the client's end.
    pub(crate) fn connect(&self) -> io::Result<Arc<dyn Pipe>> {
        let (near, far) = MemoryPipe::pair(&self.os);
        self.hub.hub().adopt(far);
        Ok(near)
    }
}
