//! What a channel was built with.

use proto_core::channel::BackoffConfig;
use proto_core::rpc::RequestOptions;
use proto_core::{Config, Metadata, Status};
use std::time::Duration;

/// Settings of a channel and of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Of each connection; the seed is drawn anew.
    pub(crate) connection: Config,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff: BackoffConfig,
    /// For calls that name none.
    pub(crate) timeout: Option<Duration>,
    /// Goes with every call, before its own.
    pub(crate) metadata: Metadata,
    pub(crate) background_io: bool,
}

impl Settings {
    /// The options of a call with the channel's defaults filled in, or what is wrong with them.
    pub(crate) fn complete(&self, mut options: RequestOptions) -> Result<RequestOptions, Status> {
        options.check()?;
        if options.timeout.is_none() && options.deadline.is_none() {
            options.timeout = self.timeout;
        }
        if !self.metadata.is_empty() {
            let own = std::mem::replace(&mut options.metadata, self.metadata.clone());
            options.metadata.extend(&own);
        }
        Ok(options)
    }
}
