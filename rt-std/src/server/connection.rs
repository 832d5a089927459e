//! Serving without a listener: one connection over any byte stream, and connections inside this process.

use super::builder::ServerBuilder;
use super::error::ServerError;
use super::hub::Hub;
use super::serve::{Guard, Server};
use crate::os::memory::{MemoryPipe, MemoryPoller};
use crate::os::{Os, Pipe, Poller, Raw};
use crate::security::ServerSecurity;
use proto_core::rpc::{BlockingService, Report};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// Serves one connection over this pipe, and returns when it is over. As [`ServerBuilder::serve_connection`], with one
/// service and default limits.
pub fn serve_connection(pipe: Arc<dyn Pipe>, service: impl BlockingService) -> Result<Report, ServerError> {
    Server::builder().add_service(service).serve_connection(pipe)
}

impl ServerBuilder {
    /// Serves one connection over this pipe, and returns when it is over. The calling thread serves, beside one more
    /// (handlers get theirs as they need them), so that the connection never goes deaf either.
    pub fn serve_connection(self, pipe: Arc<dyn Pipe>) -> Result<Report, ServerError> {
        let os = self.os();
        let poller = match pipe.raw() {
            Raw::Memory(_) => MemoryPoller::new(os),
            _ => os.poller().map_err(ServerError::system("making a poller"))?,
        };
        let hub = Guard::new(self.hub_on(poller, None)?);
        hub.hub().adopt(pipe);
        Ok(hub.serve_until_idle())
    }

    /// Serves one connection over a byte stream that is nothing but `Read` and `Write` (a serial line, a pair of pipes,
    /// somebody else's TLS), and returns when it is over.
    ///
    /// Such a stream can neither be waited for in company nor interrupted, so two more threads carry its bytes: one
    /// blocks in `reader`, one in `writer`, and each byte is copied once more. Everything else works as over a socket.
    /// The one thing that cannot be done: when *we* end the connection, the thread in `reader` stays until its `read`
    /// returns. Each `write` is followed by a `flush`.
    pub fn serve_io(
        self,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> Result<Report, ServerError> {
        let os = self.os();
        let (ours, theirs) = MemoryPipe::pair(&os);
        let input = ours.clone();
        let no_thread = ServerError::system("starting the threads that read and write");
        os.spawn("grpc-read", Box::new(move || pump_in(reader, &input))).map_err(&no_thread)?;
        let output = ours;
        os.spawn("grpc-write", Box::new(move || pump_out(&output, writer))).map_err(&no_thread)?;
        self.serve_connection(theirs)
    }

    /// Serves connections inside this process alone.
    pub(crate) fn in_process(mut self) -> Result<InProcess, ServerError> {
        // Nobody is in between.
        self.security = ServerSecurity::default();
        let os = self.os();
        let poller = MemoryPoller::new(os.clone());
        Ok(InProcess { hub: Guard::new(self.hub_on(poller, None)?), os })
    }

    /// The machine that it will run on.
    pub(crate) fn seam(&self) -> Arc<dyn Os> {
        self.os()
    }

    pub(super) fn os(&self) -> Arc<dyn Os> {
        self.os.clone().unwrap_or_else(crate::os::RealOs::shared)
    }

    pub(super) fn hub_on(
        self,
        poller: Arc<dyn Poller>,
        listener: Option<Arc<dyn crate::os::Listener>>,
    ) -> Result<Arc<Hub>, ServerError> {
        let os = self.os();
        if let Some(twice) = self.mistake {
            return Err(ServerError::DuplicateService(twice));
        }
        #[cfg(feature = "_tls")]
        if let Some(mistake) = self.bad_tls {
            return Err(ServerError::Tls(mistake));
        }
        let hub = Hub::new(os, poller, listener, self.services, self.limits, self.config, self.security)
            .map_err(ServerError::system("watching the listener"))?;
        hub.start().map_err(ServerError::system("starting the first threads"))?;
        Ok(hub)
    }
}

/// From the stream into the pipe, until either ends.
fn pump_in(mut reader: impl Read, pipe: &MemoryPipe) {
    let mut buf = vec![0; 16 * 1024];
    loop {
        let mut left = match reader.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => &buf[..n],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        while !left.is_empty() {
            match pipe.try_write(&[left]) {
                Ok(n) => left = &left[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => drop(pipe.wait(false, true, None)),
                Err(_) => return,
            }
        }
    }
    pipe.close();
}

/// From the pipe into the stream, until either ends.
fn pump_out(pipe: &MemoryPipe, mut writer: impl Write) {
    let mut buf = vec![0; 16 * 1024];
    loop {
        let wrote = match pipe.read(&mut buf, None) {
            Ok(0) => break,
            Ok(n) => writer.write_all(&buf[..n]).and_then(|()| writer.flush()),
            Err(error) => Err(error),
        };
        if wrote.is_err() {
            break;
        }
    }
    pipe.close();
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
