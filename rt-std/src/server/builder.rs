//! What a server is made of: services, limits, an address.

use super::limits::Limits;
use super::serve::Server;
use super::services::Services;
use crate::os::{Address, Listener, Os};
use crate::security::ServerSecurity;
use proto_core::rpc::BlockingService;
use rt_common::settings::ServerSettings;
use rt_common::{ServerError, listen};
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;

/// Builds a [`Server`]. Each setting names its unit and default.
#[derive(Debug, Default)]
#[must_use = "a builder ends with `bind`, `bind_unix` or `listener`"]
pub struct ServerBuilder {
    pub(super) os: Option<Arc<dyn Os>>,
    pub(super) services: Services,
    pub(super) limits: Limits,
    pub(super) settings: ServerSettings,
    pub(super) security: ServerSecurity,
}

impl ServerBuilder {
    rt_common::server_builder_methods!();

    /// On another machine than the real one, as [`ChannelBuilder::os`](crate::ChannelBuilder::os).
    pub fn os(mut self, os: Arc<dyn Os>) -> Self {
        self.os = Some(os);
        self
    }

    /// Adds a service: `GreeterServer::blocking(greeter)`. Two of one name are an error of `bind`.
    pub fn add_service(mut self, service: impl BlockingService) -> Self {
        let added = self.services.add(Arc::new(service));
        self.settings.added(added);
        self
    }

    /// Unary handlers at once, each on a thread (default 63). Calls beyond it wait.
    pub fn max_handler_threads(mut self, threads: usize) -> Self {
        self.limits.max_handler_threads = threads.max(1);
        self
    }

    /// Streaming handlers at once, each on a thread of its own (default 256). Calls beyond it get RESOURCE_EXHAUSTED: if
    /// they waited, services that call each other could wait for ever.
    pub fn max_streaming_handlers(mut self, threads: usize) -> Self {
        self.limits.max_streaming_handlers = threads;
        self
    }

    /// Unary calls that wait for a handler thread (default 1,000, or 16 for each open connection if that is more). Calls
    /// beyond it get RESOURCE_EXHAUSTED. What a waiting call holds is within the bounds of its connection (streams, windows);
    /// this bounds how long the queue gets.
    pub fn max_queued_calls(mut self, calls: usize) -> Self {
        self.limits.max_queued_calls = Some(calls);
        self
    }

    /// Listens on the first of these addresses that can be had; port 0 is a free one.
    ///
    /// # Errors
    /// The address is in use, not ours, or no address; a service was added twice, or none at all. Nothing is served
    /// before `serve`.
    pub fn bind(self, address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Server, ServerError> {
        self.check()?;
        self.listener(listen::tcp(address)?)
    }

    /// Serves what this listener accepts.
    ///
    /// # Errors
    /// A service was added twice, or none at all; the system refuses.
    pub fn listener(self, listener: TcpListener) -> Result<Server, ServerError> {
        self.check()?;
        let address = listen::address(&listener)?;
        let listener =
            self.seam().listen(listener).map_err(ServerError::system("putting the listener into non-blocking mode"))?;
        self.build(address, listener)
    }

    /// Listens on a Unix socket at this path. The file is removed when the server ends.
    ///
    /// # Errors
    /// The file exists: another server uses it, or one has left it behind. Its directory does not. A service was added
    /// twice, or none at all.
    #[cfg(unix)]
    pub fn bind_unix(self, path: impl AsRef<std::path::Path>) -> Result<Server, ServerError> {
        self.check()?;
        let path = path.as_ref();
        let address = Address::Unix(path.into());
        let listener = crate::os::unix::SocketListener::at(path)
            .map_err(|source| ServerError::Bind { address: address.clone(), source })?;
        self.build(address, Arc::new(listener))
    }

    /// What can be said before anything is listened on.
    fn check(&self) -> Result<(), ServerError> {
        self.security.check()?;
        self.settings.check_listening(!self.services.is_empty())
    }

    pub(crate) fn build(self, address: Address, listener: Arc<dyn Listener>) -> Result<Server, ServerError> {
        let os = self.seam();
        let poller = os.poller().map_err(ServerError::system("making a poller"))?;
        Ok(Server::new(address, self.hub_on(poller, Some(listener))?))
    }
}
