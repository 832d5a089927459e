//! What a channel was built with.

use crate::security::ClientSecurity;
use proto_core::Config;
use proto_core::channel::BackoffConfig;
use proto_core::rpc::CallDefaults;
use std::time::Duration;

/// Settings of a channel and of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Of each connection; the seed is drawn anew.
    pub(crate) connection: Config,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff: BackoffConfig,
    /// Goes into the options of every call.
    pub(crate) calls: CallDefaults,
    /// Bytes that each call keeps of what it has streamed.
    pub(crate) replay_limit: usize,
    pub(crate) security: ClientSecurity,
}
