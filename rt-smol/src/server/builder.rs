//! What a server is made of: services, limits, an address.

use super::hub::Hub;
use super::limits::Limits;
use super::serve::Server;
use crate::os::{Address, BoxFuture, Executor, Listener, Os, RealOs, SocketListener};
use crate::security::ServerSecurity;
use proto_core::rpc::{AsyncService, Router};
use rt_common::settings::ServerSettings;
use rt_common::{ServerError, listen};
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;

/// Builds a [`Server`]. Each setting names its unit and default.
#[derive(Debug, Default)]
#[must_use = "a builder ends with `bind`, `bind_unix` or `listener`"]
pub struct ServerBuilder {
    os: Option<Arc<dyn Os>>,
    router: Router<Arc<dyn AsyncService>>,
    limits: Limits,
    settings: ServerSettings,
    security: ServerSecurity,
}

impl ServerBuilder {
    rt_common::server_builder_methods!();

    /// On another machine than the real one, as [`ChannelBuilder::os`](crate::ChannelBuilder::os): its time, its tasks. (What
    /// [`bind`](Self::bind) makes are the real system's sockets; a connection of any other kind is served by
    /// [`serve_pipe`](Self::serve_pipe).)
    pub fn os(mut self, os: Arc<dyn Os>) -> Self {
        self.os = Some(os);
        self
    }

    /// Runs connections and handlers on this executor (default: threads of our own, see [`Executor`]).
    /// `spawn` takes a future and sees it to its end: `|task| drop(tokio::spawn(task))`. It must not run the future itself.
    ///
    /// ```
    /// # fn builders(tokio: tokio::runtime::Handle) {
    /// let on_smol = rt_smol::Server::builder().executor(|task| smol::spawn(task).detach());
    /// let on_tokio = rt_smol::Server::builder().executor(move |task| drop(tokio.spawn(task)));
    /// # }
    /// ```
    pub fn executor(self, spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        self.os(Arc::new(RealOs::new(Executor::new(spawn))))
    }

    /// Adds a service: `GreeterServer::new(greeter)`. Two of one name are an error of `bind`.
    pub fn add_service(mut self, service: impl AsyncService) -> Self {
        let service: Arc<dyn AsyncService> = Arc::new(service);
        let added = self.router.add(service.info(), service);
        self.settings.added(added);
        self
    }

    /// Does without TLS.
    pub(super) fn in_the_clear(mut self) -> Self {
        self.security = ServerSecurity::default();
        self
    }

    /// Handlers at once, on all connections (default 65,536: four for each of as many connections as there may be).
    /// Calls beyond it get RESOURCE_EXHAUSTED: if they waited, services that call each other could wait for ever.
    pub fn max_concurrent_handlers(mut self, handlers: usize) -> Self {
        self.limits.max_concurrent_handlers = handlers;
        self
    }

    /// Listens on the first of these addresses that can be had; port 0 is a free one. A name is looked up here and now, which
    /// may block.
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
        let listener = SocketListener::tcp(listener)
            .map_err(ServerError::system("putting the listener into non-blocking mode"))?;
        self.build(address, Arc::new(listener))
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
        let listener =
            SocketListener::at(path).map_err(|source| ServerError::Bind { address: address.clone(), source })?;
        self.build(address, Arc::new(listener))
    }

    /// What can be said before anything is listened on.
    fn check(&self) -> Result<(), ServerError> {
        self.security.check()?;
        self.settings.check_listening(self.router.services().next().is_some())
    }

    pub(crate) fn build(self, address: Address, listener: Arc<dyn Listener>) -> Result<Server, ServerError> {
        if self.os.is_none() {
            crate::os::start_for_a_server();
        }
        Ok(Server::new(address, listener, self.hub()?))
    }

    /// The seam that it will stand on.
    pub(crate) fn seam(&self) -> Arc<dyn Os> {
        self.os.clone().unwrap_or_else(RealOs::shared)
    }

    pub(super) fn hub(self) -> Result<Arc<Hub>, ServerError> {
        self.settings.check()?;
        self.security.check()?;
        let os = self.seam();
        Ok(Hub::new(os, self.router, self.limits, self.settings, self.security))
    }
}
