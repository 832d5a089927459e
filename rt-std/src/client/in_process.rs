//! Channels to a service inside this process.

use super::channel::Channel;
use super::detour::Detour;
use crate::os::Os;
use crate::server::{InProcess, Server, ServerBuilder};
use crate::sync::Lock;
use proto_core::rpc::BlockingService;
use std::io;
use std::sync::{Arc, OnceLock};

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
        let service = InProcessService { os: os.clone(), server: OnceLock::new(), builder: Lock::new(Some(server)) };
        Detour::channel(os, Box::new(move || service.server()?.connect()))
    }
}

/// A server that begins with the first connection.
#[derive(Debug)]
struct InProcessService {
    os: Arc<dyn Os>,
    server: OnceLock<InProcess>,
    builder: Lock<Option<ServerBuilder>>,
}

impl InProcessService {
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
