//! The settings of a channel.

use super::Channel;
use super::detour::{self, Detour, Lead};
use super::runtime::Shared;
use super::settings::Settings;
use crate::os::{BoxFuture, Executor, IoPipe, Os, RealOs};
use crate::security::{Asked, ClientSecurity};
use futures_lite::{AsyncRead, AsyncWrite};
use proto_core::channel::{BackoffConfig, Channel as Core, ChannelConfig, ProxyRules, REPLAY_LIMIT, Target};
use proto_core::grpc::{Local, Origin, Seen};
use proto_core::h1::{Proxy, ProxyError};
use proto_core::rpc::{CallDefaults, RequestOptions};
use proto_core::{Config, Status};
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Channel`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { {
/// let channel = rt_smol::Channel::builder("127.0.0.1:50051")
///     .timeout(Duration::from_secs(5))
///     .metadata("x-client", "example")
///     .keepalive(Duration::from_secs(60), Duration::from_secs(20))
///     .connect_timeout(Duration::from_secs(3))
///     .build()?;
/// # } } }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ChannelBuilder {
    target: String,
    settings: Settings,
    defaults: RequestOptions,
    idle_timeout: Option<Duration>,
    /// `None`: as the environment says.
    proxy: Option<Result<ProxyRules, ProxyError>>,
    tls: Asked,
    os: Option<Arc<dyn Os>>,
    /// A simulation has no environment.
    simulated: bool,
}

impl ChannelBuilder {
    pub(crate) fn new(target: &str) -> Self {
        let settings = Settings {
            connection: Config::default(),
            connect_timeout: ChannelConfig::default().connect_timeout,
            backoff: BackoffConfig::default(),
            calls: CallDefaults::default(),
            replay_limit: REPLAY_LIMIT,
            security: ClientSecurity::default(),
        };
        let idle_timeout = ChannelConfig::default().idle_timeout;
        ChannelBuilder {
            target: target.into(),
            settings,
            defaults: RequestOptions::new(),
            idle_timeout,
            proxy: None,
            tls: None,
            os: None,
            simulated: false,
        }
    }

    /// For calls that have neither a time-out nor a deadline of their own (default: none, they wait for ever).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.calls.timeout = Some(timeout);
        self
    }

    /// Goes with every call.
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.defaults = self.defaults.with_metadata(name, value);
        self
    }

    /// Binary metadata that goes with every call; the name ends in `-bin`.
    pub fn metadata_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.defaults = self.defaults.with_metadata_bin(name, value);
        self
    }

    /// Largest reply message accepted, bytes (default 4 MiB).
    pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.settings.connection.max_receive_message_size = bytes;
        self
    }

    /// Largest request message sent, bytes (default: the format's 4 GiB).
    pub fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.settings.connection.max_send_message_size = bytes;
        self
    }

    /// Flow-control window of each call, bytes (default 64 KiB). Larger messages borrow what they need beyond it.
    pub fn stream_window(mut self, bytes: u32) -> Self {
        self.settings.connection.stream_window = bytes;
        self
    }

    /// Flow-control window of the connection, bytes (default 1 MiB).
    pub fn connection_window(mut self, bytes: u32) -> Self {
        self.settings.connection.connection_window = bytes;
        self
    }

    /// While calls are open: a PING after this much silence, and the end of the connection when it is not answered for
    /// `timeout` (default: no PINGs).
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.settings.connection.keepalive_interval = Some(interval);
        self.settings.connection.keepalive_timeout = timeout;
        self
    }

    /// Keepalive PINGs also while no call is open; servers may take offence (default false).
    pub fn keepalive_without_calls(mut self) -> Self {
        self.settings.connection.keepalive_without_calls = true;
        self
    }

    /// For one lookup, and for one attempt to connect up to the server's SETTINGS (default 20 s).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self.settings.connection.handshake_timeout = timeout;
        self
    }

    /// A connection without calls for this long is closed (default 30 min; `None`: never).
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// The waits between rounds of attempts that failed.
    pub fn backoff(mut self, backoff: BackoffConfig) -> Self {
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
        self.proxy = Some(Proxy::parse(proxy.as_ref()).map(ProxyRules::always));
        self
    }

    /// Without a proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Some(Ok(ProxyRules::direct()));
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
        T: TryInto<crate::tls::TlsConnector>,
        T::Error: Into<crate::tls::TlsConfigError>,
    {
        self.tls = Some(tls.try_into().map_err(Into::into));
        self
    }

    /// Runs the channel's tasks: anything that spawns a boxed future (default: one thread
    /// of this crate for all channels and servers).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() { both! { {
    /// let builder = Channel::builder("127.0.0.1:50051").executor(|task| smol::spawn(task).detach());
    /// let channel = builder.build()?;
    /// // With tokio: .executor(|task| { tokio::spawn(task); })
    /// # } } }
    /// ```
    pub fn executor(mut self, spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        self.os = Some(Arc::new(RealOs::new(Executor::new(spawn))));
        self.simulated = false;
        self
    }

    /// On another machine than the real one: a simulation. It has an executor of its own.
    pub fn os(mut self, os: Arc<dyn Os>) -> Self {
        self.os = Some(os);
        self.simulated = true;
        self
    }

    /// The channel, without any I/O yet.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: the target, the proxy, the TLS settings or the metadata cannot be used, and why. UNIMPLEMENTED: a
    /// target that asks for TLS, without the feature `tls`.
    pub fn build(self) -> Result<Channel, Status> {
        let target = Target::parse(&self.target)?;
        self.over(&target, target.clone(), None)
    }

    /// The channel, once it is connected.
    ///
    /// # Errors
    /// As with [`build`](Self::build); UNAVAILABLE when a first round of attempts failed, with what was tried.
    pub async fn connect(self) -> Result<Channel, Status> {
        let channel = self.build()?;
        channel.wait_until_connected().await?;
        Ok(channel)
    }

    /// The channel over this byte stream ([`Channel::from_io`]); the target only gives the requests their `:authority`.
    ///
    /// # Errors
    /// As with [`build`](Self::build).
    pub fn from_io(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<Channel, Status> {
        let target = Target::parse(&self.target)?;
        self.over(&target, Target::parse(detour::STREAM)?, Some(detour::once(Arc::new(IoPipe::new(stream)))))
    }

    /// A channel on which every connection leads to what `lead` gives.
    pub(super) fn led(self, lead: Lead) -> Result<Channel, Status> {
        let target = Target::parse(&self.target)?;
        self.over(&target, target.clone(), Some(lead))
    }

    /// To `place`, under the name of `target`.
    fn over(self, target: &Target, place: Target, lead: Option<Lead>) -> Result<Channel, Status> {
        let security = ClientSecurity::new(target, self.tls)?;
        if let Some(mistake) = &self.defaults.mistake {
            return Err(local(Status::invalid_argument(mistake.to_string())).with_source(mistake.clone()));
        }
        let proxy = match self.proxy {
            Some(rules) => rules?,
            None if self.simulated => ProxyRules::direct(),
            None => ProxyRules::from_env(|name| std::env::var(name).ok()),
        };
        let proxy = proxy.proxy_for(&place)?;
        let mut os = self.os.unwrap_or_else(RealOs::shared);
        if let Some(lead) = lead {
            os = Arc::new(Detour::new(os, lead));
        }
        let mut settings = self.settings;
        settings.calls.metadata = self.defaults.metadata;
        settings.connection.idle_timeout = self.idle_timeout;
        settings.connection.scheme = security.scheme(target);
        settings.security = security;
        if settings.connection.authority.is_empty() {
            settings.connection.authority = target.authority().into();
        }
        let config = ChannelConfig {
            seed: os.random(),
            connect_timeout: settings.connect_timeout,
            backoff: settings.backoff.clone(),
            // The connections count their calls themselves.
            idle_timeout: None,
        };
        Ok(Channel::over(Shared::new(os, settings, Core::new(place, config).with_proxy(proxy.as_ref()))))
    }
}

fn local(status: Status) -> Status {
    status.with_origin(Origin::Local(Local::BadRequest)).with_seen(Seen::No)
}
