//! The settings of a server.

use crate::ServerError;
use proto_core::Config;
use proto_core::rpc::DuplicateService;

/// What a server's builder has collected. ([`server_builder_methods!`](crate::server_builder_methods) says what each means.)
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Of each connection; the seed is drawn anew.
    pub connection: Config,
    /// Connections at once; one more is closed at once.
    pub max_connections: usize,
    /// Connections at once that have not sent their first SETTINGS; one more ends the oldest of them.
    pub max_pending_handshakes: usize,
    /// The first service that was added twice.
    pub duplicate: Option<DuplicateService>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            // Senders of one connection wait above this together; what a unary reply may add comes on top, since a final
            // reply is always accepted.
            connection: Config { max_unsent: 256 * 1024, ..Config::default() },
            max_connections: 16_384,
            max_pending_handshakes: 1_024,
            duplicate: None,
        }
    }
}

impl ServerSettings {
    /// What a service that was added gave.
    pub fn added(&mut self, added: Result<(), DuplicateService>) {
        if let Err(twice) = added {
            self.duplicate.get_or_insert(twice);
        }
    }

    /// What can be said of every server, before anything is served.
    ///
    /// # Errors
    /// A service was added twice.
    pub fn check(&self) -> Result<(), ServerError> {
        self.duplicate.map_or(Ok(()), |twice| Err(ServerError::DuplicateService(twice)))
    }

    /// What can be said of a server that is to listen, before it does: it has a service. (One inside the process may do
    /// without, to see what callers make of it.)
    ///
    /// # Errors
    /// A service was added twice, or none at all.
    pub fn check_listening(&self, has_service: bool) -> Result<(), ServerError> {
        self.check()?;
        if has_service { Ok(()) } else { Err(ServerError::NoService) }
    }
}

/// The methods that the server builders of both runtimes have: in an `impl` of a builder that is consumed by each, and has
/// `settings`, [`ServerSettings`], and `security`, a `ServerSecurity`.
#[macro_export]
macro_rules! server_builder_methods {
    () => {
        /// TLS, and nothing else, with these settings ([`ServerTls`](crate::tls::ServerTls)), or with an acceptor built of them,
        /// whose clone can load another certificate while the server runs. What is wrong with them is an error of `bind`.
        /// Connections inside this process ([`Channel::in_process_with`](crate::Channel::in_process_with)) do without.
        #[cfg(feature = "_tls")]
        pub fn tls<T>(mut self, tls: T) -> Self
        where
            T: TryInto<$crate::security::tls::TlsAcceptor>,
            T::Error: Into<$crate::security::tls::TlsConfigError>,
        {
            self.security.set(tls);
            self
        }

        /// Is told of every TLS handshake that fails, and why: who it was, and what is wrong. Called where the connection is
        /// served, so it must not take long. (Without it they are only counted: [`Report::tls_failures`](crate::Report).)
        #[cfg(feature = "_tls")]
        pub fn on_tls_failure(
            mut self,
            tell: impl Fn(&proto_core::rpc::Peer, &$crate::security::tls::TlsError) + Send + Sync + 'static,
        ) -> Self {
            self.security.on_failure(tell);
            self
        }

        /// Calls that a connection may have open at once (default 100). A client beyond it waits, by HTTP/2's own rules.
        pub fn max_concurrent_streams(mut self, calls: u32) -> Self {
            self.settings.connection.max_concurrent_streams = calls;
            self
        }

        /// Connections at once (default 16,384); one more is closed at once.
        pub fn max_connections(mut self, connections: usize) -> Self {
            self.settings.max_connections = connections;
            self
        }

        /// Connections at once whose client has not sent its first SETTINGS (default 1,024); one more ends the oldest of them.
        pub fn max_pending_handshakes(mut self, connections: usize) -> Self {
            self.settings.max_pending_handshakes = connections.max(1);
            self
        }

        /// Largest request message, bytes, inclusive (default 4 MiB); a larger one gets RESOURCE_EXHAUSTED.
        #[doc(alias = "max_decoding_message_size")]
        pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
            self.settings.connection.max_receive_message_size = bytes;
            self
        }

        /// Largest reply message, bytes, inclusive (default: the format's 4 GiB).
        #[doc(alias = "max_encoding_message_size")]
        pub fn max_send_message_size(mut self, bytes: usize) -> Self {
            self.settings.connection.max_send_message_size = bytes;
            self
        }

        /// Largest header list of a request, bytes as RFC 9113 section 6.5.2 counts them (default 16 KiB).
        #[doc(alias = "http2_max_header_list_size")]
        pub fn max_header_list_size(mut self, bytes: u32) -> Self {
            self.settings.connection.max_header_list_size = bytes;
            self
        }

        /// From a connection's begin to its client's first SETTINGS (default 20 s).
        pub fn handshake_timeout(mut self, time: std::time::Duration) -> Self {
            self.settings.connection.handshake_timeout = time;
            self
        }

        /// PINGs after `interval` of silence; a connection whose client does not answer within `timeout` ends (default: none).
        #[doc(alias("http2_keepalive_interval", "http2_keepalive_timeout"))]
        pub fn keepalive(mut self, interval: std::time::Duration, timeout: std::time::Duration) -> Self {
            self.settings.connection.keepalive_interval = Some(interval);
            self.settings.connection.keepalive_timeout = timeout;
            self
        }

        /// The least interval between a client's PINGs while calls are open (default 5 min; gRFC A8). A client that does not
        /// keep it is sent away with ENHANCE_YOUR_CALM. Zero: any number of PINGs is welcome.
        pub fn min_ping_interval(mut self, interval: std::time::Duration) -> Self {
            self.settings.connection.min_ping_interval = interval;
            self
        }

        /// A connection without calls for this long is closed (default: never).
        pub fn idle_timeout(mut self, time: std::time::Duration) -> Self {
            self.settings.connection.idle_timeout = Some(time);
            self
        }

        /// A connection is drained at this age, and ended `grace` later (default: never).
        pub fn max_connection_age(mut self, age: std::time::Duration, grace: std::time::Duration) -> Self {
            self.settings.connection.max_age = Some(age);
            self.settings.connection.max_age_grace = Some(grace);
            self
        }

        /// Everything else that a connection can be told. Settings made before stand; those made later win.
        pub fn configure(mut self, change: impl FnOnce(&mut proto_core::Config)) -> Self {
            change(&mut self.settings.connection);
            self
        }
    };
}
