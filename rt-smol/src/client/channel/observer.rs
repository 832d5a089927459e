//! The string from a connection to its channel. Weak: a connection does not keep its channel alive.

use super::runtime::Shared;
use crate::client::driver::Observer;
use proto_core::channel::{Cause, ConnectionKey};
use std::sync::Weak;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) shared: Weak<Shared>,
    pub(super) key: ConnectionKey,
}

impl Observer for Link {
    fn ready(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.ready(self.key);
        }
    }

    fn draining(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.draining(self.key);
        }
    }

    fn closed(&self, reason: &str, cause: Option<Cause>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.closed(self.key, reason, cause);
        }
    }
}
