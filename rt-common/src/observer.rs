//! The string from a connection to its channel.

use proto_core::channel::{Cause, ConnectionKey};
use std::fmt;
use std::sync::Weak;

/// Who hears what becomes of a connection (its channel). Called without any lock.
pub trait Observer: Send + Sync + fmt::Debug {
    /// The peer's SETTINGS came.
    fn ready(&self);
    /// It takes no new calls.
    fn draining(&self);
    /// It is over, in these words, by this error of the layers below.
    fn closed(&self, reason: &str, cause: Option<Cause>);
}

/// A channel, to which its connections report under their keys.
pub trait Connections: Send + Sync + fmt::Debug {
    /// The peer's SETTINGS came.
    fn ready(&self, key: ConnectionKey);
    /// A connection takes no new calls.
    fn draining(&self, key: ConnectionKey);
    /// A connection, or an attempt, is over, in these words, by this error of the layers below.
    fn closed(&self, key: ConnectionKey, reason: &str, cause: Option<Cause>);
}

/// From one connection to its channel. Weak: a connection does not keep its channel alive.
#[derive(Debug)]
pub struct Link<C> {
    /// The channel.
    pub channel: Weak<C>,
    /// The connection's name there.
    pub key: ConnectionKey,
}

impl<C: Connections> Observer for Link<C> {
    fn ready(&self) {
        if let Some(channel) = self.channel.upgrade() {
            channel.ready(self.key);
        }
    }

    fn draining(&self) {
        if let Some(channel) = self.channel.upgrade() {
            channel.draining(self.key);
        }
    }

    fn closed(&self, reason: &str, cause: Option<Cause>) {
        if let Some(channel) = self.channel.upgrade() {
            channel.closed(self.key, reason, cause);
        }
    }
}
