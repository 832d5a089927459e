//! What a descriptor's user tells a poller that has no edges of its own ([`super::poll`]): "I found nothing more".
//!
//! On Linux epoll knows that by itself, and this is nothing.

#[cfg(any(test, not(target_os = "linux")))]
use super::poll::Watched;
#[cfg(any(test, not(target_os = "linux")))]
use std::sync::{Arc, Mutex, PoisonError};

/// Belongs to a socket or listener. Empty until a poller watches it.
#[derive(Debug, Default)]
pub struct Interest {
    #[cfg(any(test, not(target_os = "linux")))]
    watched: Mutex<Option<Arc<Watched>>>,
}

#[cfg(any(test, not(target_os = "linux")))]
impl Interest {
    pub(super) fn set(&self, watched: Option<Arc<Watched>>) {
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = watched;
    }

    fn watched(&self) -> Option<Arc<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Interest {
    /// A read brought less than there was room for: new input will be news.
    #[inline]
    pub(super) fn wants_input(&self) {
        #[cfg(any(test, not(target_os = "linux")))]
        if let Some(watched) = self.watched() {
            watched.arm(Watched::IN);
        }
    }

    /// A write was not taken whole: room will be news.
    #[inline]
    pub(super) fn wants_room(&self) {
        #[cfg(any(test, not(target_os = "linux")))]
        if let Some(watched) = self.watched() {
            watched.arm(Watched::OUT);
        }
    }
}
