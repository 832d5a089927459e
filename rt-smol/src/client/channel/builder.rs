//! The settings of a channel.

use super::Channel;
use super::detour::{self, Detour, Lead};
use super::runtime::Shared;
use crate::os::{BoxFuture, Executor, IoPipe, Os, Pipe, RealOs};
use crate::security::{Asked, ClientSecurity};
use futures_lite::{AsyncRead, AsyncWrite};
use proto_core::Status;
use proto_core::channel::Target;
use rt_common::settings::ChannelSettings;
use std::sync::Arc;

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
    settings: ChannelSettings,
    tls: Asked,
    os: Option<Arc<dyn Os>>,
    /// The machine is a simulation.
    simulated: bool,
}

impl ChannelBuilder {
    rt_common::channel_builder_methods!();

    pub(crate) fn new(target: &str) -> Self {
        ChannelBuilder { settings: ChannelSettings::new(target), tls: None, os: None, simulated: false }
    }

    /// Runs the channel's tasks: anything that spawns a boxed future (default: threads of this crate, shared by all channels and
    /// servers, see [`Executor`]). It has to run as long as there are calls: on an executor that nobody drives they wait, past
    /// their deadlines too; on one that is gone they fail.
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
        let target = Target::parse(&self.settings.target)?;
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

    /// The channel over this byte stream ([`Channel::from_io`]); the target only gives the requests their `:authority`. It is
    /// not closed for being idle, since it could not be opened again.
    ///
    /// # Errors
    /// As with [`build`](Self::build).
    pub fn from_io(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<Channel, Status> {
        let os = self.os.clone().unwrap_or_else(RealOs::shared);
        self.from_pipe(Arc::new(IoPipe::new(&os, stream)))
    }

    /// The same over a [`Pipe`] of the seam.
    ///
    /// # Errors
    /// As with [`build`](Self::build).
    pub fn from_pipe(mut self, pipe: Arc<dyn Pipe>) -> Result<Channel, Status> {
        self.settings.once = true;
        let target = Target::parse(&self.settings.target)?;
        let lead = detour::once(pipe);
        self.over(&target, Target::parse(detour::STREAM)?, Some(lead))
    }

    /// A channel on which every connection leads to what `lead` gives.
    pub(super) fn led(self, lead: Lead) -> Result<Channel, Status> {
        let target = Target::parse(&self.settings.target)?;
        self.over(&target, target.clone(), Some(lead))
    }

    /// To `place`, under the name of `target`.
    fn over(self, target: &Target, place: Target, lead: Option<Lead>) -> Result<Channel, Status> {
        let security = ClientSecurity::new(target, self.tls, env!("CARGO_PKG_NAME"))?;
        let mut os = self.os.unwrap_or_else(RealOs::shared);
        if let Some(lead) = lead {
            os = Arc::new(Detour::new(os, lead));
        }
        let (settings, core) = self.settings.build(target, place, security.scheme(), os.random(), self.simulated)?;
        Ok(Channel::over(Shared::new(os, settings, security, core)))
    }
}
