//! What a server is made of: services, limits, an address.

use super::hub::Hub;
use super::limits::Limits;
use super::serve::Server;
use crate::os::{Address, BoxFuture, Executor, Listener, Os, RealOs, SocketListener};
use crate::security::ServerSecurity;
use proto_core::config::Config;
use proto_core::rpc::{AsyncService, DuplicateService, Router};
use rt_common::ServerError;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// Builds a [`Server`]. Each setting names its unit and default.
#[derive(Debug)]
#[must_use = "a builder ends with `bind`, `bind_unix` or `listener`"]
pub struct ServerBuilder {
    os: Option<Arc<dyn Os>>,
    router: Router<Arc<dyn AsyncService>>,
    mistake: Option<DuplicateService>,
    limits: Limits,
    config: Config,
    security: ServerSecurity,
    /// TLS settings that cannot be used.
    #[cfg(feature = "_tls")]
    bad_tls: Option<crate::tls::TlsConfigError>,
}

impl ServerBuilder {
    pub(super) fn new() -> Self {
        // Senders of one connection wait above this together; what a unary reply may add comes on top, since a final reply
        // is always accepted.
        let config = Config { max_unsent: 256 * 1024, ..Config::default() };
        ServerBuilder {
            os: None,
            router: Router::new(),
            mistake: None,
            limits: Limits::default(),
            config,
            security: ServerSecurity::default(),
            #[cfg(feature = "_tls")]
            bad_tls: None,
        }
    }

    /// On this seam instead of the real system.
    #[allow(dead_code)]
    pub(crate) fn on(mut self, os: Arc<dyn Os>) -> Self {
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
        self.on(Arc::new(RealOs::new(Executor::new(spawn))))
    }

    /// Adds a service: `GreeterServer::new(greeter)`. Two of one name are an error of `bind`.
    pub fn add_service(mut self, service: impl AsyncService) -> Self {
        let service: Arc<dyn AsyncService> = Arc::new(service);
        if let Err(twice) = self.router.add(service.info(), service) {
            self.mistake.get_or_insert(twice);
        }
        self
    }

    /// TLS, and nothing else, with these settings ([`ServerTls`](crate::tls::ServerTls)), or with an acceptor built of them,
    /// whose clone can load another certificate while the server runs. What is wrong with them is an error of `bind`.
    /// Connections inside this process ([`Channel::in_process_with`](crate::Channel::in_process_with)) do without.
    #[cfg(feature = "_tls")]
    pub fn tls<T>(mut self, tls: T) -> Self
    where
        T: TryInto<crate::tls::TlsAcceptor>,
        T::Error: Into<crate::tls::TlsConfigError>,
    {
        match tls.try_into() {
            Ok(acceptor) => self.security.tls = Some(acceptor),
            Err(mistake) => self.bad_tls = Some(mistake.into()),
        }
        self
    }

    /// Is told of every TLS handshake that fails, and why: who it was, and what is wrong. Called on the connection's task, so it
    /// must not take long. (Without it they are only counted: [`Report::tls_failures`](crate::Report).)
    #[cfg(feature = "_tls")]
    pub fn on_tls_failure(
        mut self,
        tell: impl Fn(&proto_core::rpc::Peer, &crate::tls::TlsError) + Send + Sync + 'static,
    ) -> Self {
        self.security.tell = Some(Arc::new(tell));
        self
    }

    /// Does without TLS.
    pub(super) fn in_the_clear(mut self) -> Self {
        self.security = ServerSecurity::default();
        self
    }

    /// Calls that a connection may have open at once (default 100). A client beyond it waits, by HTTP/2's own rules.
    pub fn max_concurrent_streams(mut self, calls: u32) -> Self {
        self.config.max_concurrent_streams = calls;
        self
    }

    /// Connections at once (default 16,384); one more is closed at once.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = connections;
        self
    }

    /// Connections at once whose client has not sent its first SETTINGS (default 1,024); one more ends the oldest of them.
    pub fn max_pending_handshakes(mut self, connections: usize) -> Self {
        self.limits.max_pending_handshakes = connections.max(1);
        self
    }

    /// Handlers at once, on all connections (default 65,536: four for each of as many connections as there may be).
    /// Calls beyond it get RESOURCE_EXHAUSTED: if they waited, services that call each other could wait for ever.
    pub fn max_concurrent_handlers(mut self, handlers: usize) -> Self {
        self.limits.max_concurrent_handlers = handlers;
        self
    }

    /// Largest request message, bytes, inclusive (default 4 MiB); a larger one gets RESOURCE_EXHAUSTED.
    pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.config.max_receive_message_size = bytes;
        self
    }

    /// Largest reply message, bytes, inclusive (default: the format's 4 GiB).
    pub fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.config.max_send_message_size = bytes;
        self
    }

    /// Largest header list of a request, bytes as RFC 9113 section 6.5.2 counts them (default 16 KiB).
    pub fn max_header_list_size(mut self, bytes: u32) -> Self {
        self.config.max_header_list_size = bytes;
        self
    }

    /// From a connection's begin to its client's first SETTINGS (default 20 s).
    pub fn handshake_timeout(mut self, time: Duration) -> Self {
        self.config.handshake_timeout = time;
        self
    }

    /// PINGs after `interval` of silence; a connection whose client does not answer within `timeout` ends (default: none).
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.config.keepalive_interval = Some(interval);
        self.config.keepalive_timeout = timeout;
        self
    }

    /// The least interval between a client's PINGs while calls are open (default 5 min; gRFC A8). A client that does not
    /// keep it is sent away with ENHANCE_YOUR_CALM. Zero: any number of PINGs is welcome.
    pub fn min_ping_interval(mut self, interval: Duration) -> Self {
        self.config.min_ping_interval = interval;
        self
    }

    /// A connection without calls for this long is closed (default: never).
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.config.idle_timeout = Some(time);
        self
    }

    /// A connection is drained at this age, and ended `grace` later (default: never).
    pub fn max_connection_age(mut self, age: Duration, grace: Duration) -> Self {
        self.config.max_age = Some(age);
        self.config.max_age_grace = Some(grace);
        self
    }

    /// Everything else that a connection can be told. Settings made before stand; those made later win.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
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
        let given = format!("{address:?}");
        let unusable = |source| ServerError::Address { address: given.trim_matches('"').into(), source };
        let mut failed = None;
        for address in address.to_socket_addrs().map_err(unusable)? {
            match TcpListener::bind(address) {
                Ok(listener) => return self.listener(listener),
                Err(source) => failed = failed.or(Some(ServerError::Bind { address: Address::Tcp(address), source })),
            }
        }
        let nothing = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "it stands for no address");
        Err(failed.unwrap_or_else(|| unusable(nothing())))
    }

    /// Serves what this listener accepts.
    ///
    /// # Errors
    /// A service was added twice, or none at all; the system refuses.
    pub fn listener(self, listener: TcpListener) -> Result<Server, ServerError> {
        self.check()?;
        let address = listener.local_addr().map_err(ServerError::system("asking the listener for its address"))?;
        let listener = SocketListener::tcp(listener)
            .map_err(ServerError::system("putting the listener into non-blocking mode"))?;
        self.build(Address::Tcp(address), Arc::new(listener))
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

    /// What can be said before anything is listened on. A server that listens has a service; one inside the process may do
    /// without, to see what callers make of it.
    fn check(&self) -> Result<(), ServerError> {
        #[cfg(feature = "_tls")]
        if let Some(mistake) = &self.bad_tls {
            return Err(ServerError::Tls(mistake.clone()));
        }
        match self.mistake {
            Some(twice) => Err(ServerError::DuplicateService(twice)),
            None if self.router.services().next().is_none() => Err(ServerError::NoService),
            None => Ok(()),
        }
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
        if let Some(twice) = self.mistake {
            return Err(ServerError::DuplicateService(twice));
        }
        #[cfg(feature = "_tls")]
        if let Some(mistake) = self.bad_tls {
            return Err(ServerError::Tls(mistake));
        }
        let os = self.os.unwrap_or_else(RealOs::shared);
        Ok(Hub::new(os, self.router, self.limits, self.config, self.security))
    }
}
