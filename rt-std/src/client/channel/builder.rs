//! The settings of a channel.

use super::Channel;
use super::runtime::Shared;
use crate::os::Os;
use crate::security::{Asked, ClientSecurity};
use proto_core::Status;
use proto_core::channel::Target;
use rt_common::settings::ChannelSettings;
use std::sync::Arc;

/// Settings of a [`Channel`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { {
/// let channel = rt_std::Channel::builder("127.0.0.1:50051")
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
    pub(in crate::client) settings: ChannelSettings,
    background_io: bool,
    tls: Asked,
    os: Option<Arc<dyn Os>>,
}

impl ChannelBuilder {
    rt_common::channel_builder_methods!();

    pub(crate) fn new(target: &str) -> Self {
        ChannelBuilder { settings: ChannelSettings::new(target), background_io: false, tls: None, os: None }
    }

    /// A thread that reads while no caller does: PINGs are answered, keepalive goes on, a lost connection is noticed, an idle
    /// one is closed in time (default: none, and all that happens while somebody waits inside a call, or at the next look).
    pub fn background_io(mut self) -> Self {
        self.background_io = true;
        self
    }

    /// On another machine than the real one: a simulation.
    pub fn os(mut self, os: Arc<dyn Os>) -> Self {
        self.os = Some(os);
        self
    }

    /// The machine that it will run on.
    pub(crate) fn seam(&self) -> Arc<dyn Os> {
        self.os.clone().unwrap_or_else(crate::os::RealOs::shared)
    }

    /// The channel, without any I/O yet.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: the target, the proxy, the TLS settings or the metadata cannot be used, and why. UNIMPLEMENTED: a
    /// target that asks for TLS, without the feature `tls`.
    #[doc(alias = "connect_lazy")]
    pub fn build(self) -> Result<Channel, Status> {
        let (os, simulated) = (self.seam(), self.os.is_some());
        let target = Target::parse(&self.settings.target)?;
        let security = ClientSecurity::new(&target, self.tls, env!("CARGO_PKG_NAME"))?;
        let place = target.clone();
        let (settings, core) = self.settings.build(&target, place, security.scheme(), os.random(), simulated)?;
        Ok(Channel::over(Shared::new(os, settings, security, self.background_io, core)))
    }

    /// The channel, once it is connected.
    ///
    /// # Errors
    /// As with [`build`](Self::build); UNAVAILABLE when a first round of attempts failed, with what was tried.
    pub fn connect(self) -> Result<Channel, Status> {
        let channel = self.build()?;
        channel.wait_until_connected()?;
        Ok(channel)
    }
}
