//! What tests look at beside the report.

use super::hub::Hub;
use super::serve::Running;

/// How many there are now.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: usize,
    /// Handlers that have begun and not ended.
    pub handlers: usize,
    /// The most bytes that one connection has not sent.
    pub unsent: usize,
}

impl Hub {
    pub(super) fn counts(&self) -> Counts {
        let conns = self.connections();
        let unsent = conns.iter().map(|conn| conn.lock().unsent()).max();
        Counts { connections: conns.len(), handlers: self.running(), unsent: unsent.unwrap_or(0) }
    }
}

impl Running {
    /// How many there are now.
    #[doc(hidden)]
    pub fn counts(&self) -> Counts {
        self.hub().counts()
    }
}
