//! The settings of a channel.

use proto_core::channel::{BackoffConfig, Channel, ChannelConfig, ProxyRules, REPLAY_LIMIT, Target};
use proto_core::grpc::{Local, Origin, Seen};
use proto_core::h1::ProxyError;
use proto_core::rpc::{CallDefaults, RequestOptions};
use proto_core::{Config, Status};
use std::time::Duration;

/// What a channel's builder has collected. ([`channel_builder_methods!`](crate::channel_builder_methods) says what each means.)
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// As it was given.
    pub target: String,
    /// Of each connection; the seed is drawn anew.
    pub connection: Config,
    /// Of one lookup, and of one attempt to connect.
    pub connect_timeout: Duration,
    /// The waits between rounds of attempts.
    pub backoff: BackoffConfig,
    /// The time-out of calls that have none.
    pub timeout: Option<Duration>,
    /// The metadata that goes with every call, and what is wrong with it.
    pub defaults: RequestOptions,
    /// Bytes that each call keeps of what it has streamed.
    pub replay_limit: usize,
    /// `None`: as the environment says.
    pub proxy: Option<Result<ProxyRules, ProxyError>>,
    /// There is one connection and never another: a byte stream.
    pub once: bool,
}

/// What is left of them for connections and calls, once the channel is built.
#[derive(Clone, Debug)]
pub struct CallSettings {
    /// Of each connection; the seed is drawn anew.
    pub connection: Config,
    /// Goes into the options of every call.
    pub calls: CallDefaults,
    /// Bytes that each call keeps of what it has streamed.
    pub replay_limit: usize,
}

impl ChannelSettings {
    /// The defaults, for this target.
    pub fn new(target: &str) -> Self {
        let ChannelConfig { connect_timeout, idle_timeout, .. } = ChannelConfig::default();
        ChannelSettings {
            target: target.into(),
            connection: Config { idle_timeout, ..Config::default() },
            connect_timeout,
            backoff: BackoffConfig::default(),
            timeout: None,
            defaults: RequestOptions::new(),
            replay_limit: REPLAY_LIMIT,
            proxy: None,
            once: false,
        }
    }

    /// The pure channel to `place`, under the name of `target`. The environment is asked for a proxy unless a simulation
    /// takes the machine's place, which has none.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: the proxy or the metadata cannot be used, and why.
    pub fn build(
        self,
        target: &Target,
        place: Target,
        scheme: &'static str,
        seed: u64,
        simulated: bool,
    ) -> Result<(CallSettings, Channel), Status> {
        if let Some(mistake) = self.defaults.mistake {
            let status = Status::invalid_argument(mistake.to_string()).with_source(mistake);
            return Err(status.with_origin(Origin::Local(Local::BadRequest)).with_seen(Seen::No));
        }
        let proxy = match self.proxy {
            Some(rules) => rules?,
            None if simulated => ProxyRules::direct(),
            None => ProxyRules::from_env(|name| std::env::var(name).ok()),
        };
        let proxy = proxy.proxy_for(&place)?;
        let mut connection = self.connection;
        connection.scheme = scheme;
        if connection.authority.is_empty() {
            connection.authority = target.authority().into();
        }
        if self.once {
            connection.idle_timeout = None;
        }
        // The connections count their calls themselves: only they know when they have none.
        let config =
            ChannelConfig { seed, connect_timeout: self.connect_timeout, backoff: self.backoff, idle_timeout: None };
        let calls = CallDefaults { timeout: self.timeout, metadata: self.defaults.metadata };
        let channel = Channel::new(place, config).with_proxy(proxy.as_ref());
        let channel = if self.once { channel.with_one_connection() } else { channel };
        Ok((CallSettings { connection, calls, replay_limit: self.replay_limit }, channel))
    }
}

/// The methods that the channel builders of both runtimes have: in an `impl` of a builder that is consumed by each, and has
/// `settings`, [`ChannelSettings`], and `tls`, what was asked of TLS (`security`).
#[macro_export]
macro_rules! channel_builder_methods {
    () => {
        /// For calls that have neither a time-out nor a deadline of their own (default: none, they wait for ever).
        #[doc(alias = "default_timeout")]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.timeout = Some(timeout);
            self
        }

        /// Goes with every call.
        #[doc(alias = "default_metadata")]
        pub fn metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
            self.settings.defaults = self.settings.defaults.with_metadata(name, value);
            self
        }

        /// Binary metadata that goes with every call; the name ends in `-bin`.
        pub fn metadata_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
            self.settings.defaults = self.settings.defaults.with_metadata_bin(name, value);
            self
        }

        /// Largest reply message accepted, bytes (default 4 MiB).
        #[doc(alias = "max_decoding_message_size")]
        pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
            self.settings.connection.max_receive_message_size = bytes;
            self
        }

        /// Largest request message sent, bytes (default: the format's 4 GiB).
        #[doc(alias = "max_encoding_message_size")]
        pub fn max_send_message_size(mut self, bytes: usize) -> Self {
            self.settings.connection.max_send_message_size = bytes;
            self
        }

        /// Flow-control window of each call, bytes (default 64 KiB). Larger messages borrow what they need beyond it.
        #[doc(alias = "initial_stream_window_size")]
        pub fn stream_window(mut self, bytes: u32) -> Self {
            self.settings.connection.stream_window = bytes;
            self
        }

        /// Flow-control window of the connection, bytes (default 1 MiB).
        #[doc(alias = "initial_connection_window_size")]
        pub fn connection_window(mut self, bytes: u32) -> Self {
            self.settings.connection.connection_window = bytes;
            self
        }

        /// While calls are open: a PING after this much silence, and the end of the connection when it is not answered for
        /// `timeout` (default: no PINGs).
        #[doc(alias("http2_keep_alive_interval", "keep_alive_timeout"))]
        pub fn keepalive(mut self, interval: std::time::Duration, timeout: std::time::Duration) -> Self {
            self.settings.connection.keepalive_interval = Some(interval);
            self.settings.connection.keepalive_timeout = timeout;
            self
        }

        /// Keepalive PINGs also while no call is open; servers may take offence (default false).
        #[doc(alias = "keep_alive_while_idle")]
        pub fn keepalive_without_calls(mut self) -> Self {
            self.settings.connection.keepalive_without_calls = true;
            self
        }

        /// For one lookup, and for one attempt to connect up to the server's SETTINGS (default 20 s).
        pub fn connect_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.connect_timeout = timeout;
            self.settings.connection.handshake_timeout = timeout;
            self
        }

        /// A connection without calls for this long is closed (default 30 min; `None`: never).
        pub fn idle_timeout(mut self, timeout: Option<std::time::Duration>) -> Self {
            self.settings.connection.idle_timeout = timeout;
            self
        }

        /// The waits between rounds of attempts that failed.
        pub fn backoff(mut self, backoff: proto_core::channel::BackoffConfig) -> Self {
            self.settings.backoff = backoff;
            self
        }

        /// What each call that streams requests keeps of them until the server answers, bytes (default 256 KiB; zero: nothing).
        /// If the server certainly did not process the call (it refused it, or was going away), it is sent again from this;
        /// one that has sent more than this fails with UNAVAILABLE then.
        pub fn replay_limit(mut self, bytes: usize) -> Self {
            self.settings.replay_limit = bytes;
            self
        }

        /// Stands in front of this library's own token in `user-agent`.
        pub fn user_agent(mut self, prefix: impl Into<String>) -> Self {
            self.settings.connection.user_agent_prefix = prefix.into();
            self
        }

        /// `:authority` of the requests, instead of the target's host and port.
        #[doc(alias = "origin")]
        pub fn authority(mut self, authority: impl Into<String>) -> Self {
            self.settings.connection.authority = authority.into();
            self
        }

        /// Through this HTTP proxy, which is asked for a tunnel (CONNECT): `http://host:port`, `http://user:password@host:port`. The
        /// target's name is the proxy's to resolve. Unix sockets are reached without it.
        ///
        /// By default the environment decides: `grpc_proxy`, `https_proxy` or `HTTPS_PROXY` name the proxy, `no_grpc_proxy`,
        /// `no_proxy` or `NO_PROXY` who is reached without it; `localhost` and loopback addresses always are
        /// ([`ProxyRules`](proto_core::channel::ProxyRules) has the details).
        pub fn proxy(mut self, proxy: impl AsRef<str>) -> Self {
            let proxy = proto_core::h1::Proxy::parse(proxy.as_ref());
            self.settings.proxy = Some(proxy.map(proto_core::channel::ProxyRules::always));
            self
        }

        /// Without a proxy, whatever the environment says.
        pub fn no_proxy(mut self) -> Self {
            self.settings.proxy = Some(Ok(proto_core::channel::ProxyRules::direct()));
            self
        }

        /// TLS with these settings ([`ClientTls`](crate::tls::ClientTls)), or with a connector built of them, which can be changed
        /// later. Without them a target that begins with `https://` trusts whom the system trusts (feature `tls-native-roots`).
        ///
        /// A target without a scheme and one of a Unix socket speak TLS when this was called; one that begins with `http://`
        /// contradicts it. The server's certificate has to be valid for the target's host, or for the name in the settings.
        #[cfg(feature = "_tls")]
        pub fn tls<T>(mut self, tls: T) -> Self
        where
            T: TryInto<$crate::security::tls::TlsConnector>,
            T::Error: Into<$crate::security::tls::TlsConfigError>,
        {
            self.tls = Some(tls.try_into().map_err(Into::into));
            self
        }
    };
}
