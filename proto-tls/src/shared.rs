//! Settings that clones of a connector or an acceptor share, and that can be changed.

use std::sync::{Arc, Mutex, PoisonError};

/// Settings of rustls; all clones are one.
pub(crate) struct Shared<C>(Arc<Mutex<Arc<C>>>);

impl<C> Shared<C> {
    pub(crate) fn new(config: C) -> Self {
        Shared(Arc::new(Mutex::new(Arc::new(config))))
    }

    /// As they are now.
    pub(crate) fn get(&self) -> Arc<C> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of `new`, from now on.
    pub(crate) fn become_as(&self, new: &Self) {
        let new = new.get();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

impl<C> Clone for Shared<C> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}
