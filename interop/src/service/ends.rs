//! How the calls that somebody watches have ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How each watched call ended, by the key that its client chose.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    ended: Arc<Mutex<HashMap<String, &'static str>>>,
}

/// A call being served. What is not marked as completed when its handler leaves it was cancelled.
#[derive(Debug)]
#[must_use]
pub(super) struct Watched {
    ends: Ends,
    key: Option<String>,
    completed: AtomicBool,
}

impl Ends {
    pub(super) fn watch(&self, key: Option<&str>) -> Watched {
        Watched { ends: self.clone(), key: key.map(str::to_owned), completed: AtomicBool::new(false) }
    }

    /// How the call of this key has ended, if it has.
    pub(super) fn get(&self, key: &str) -> Option<&'static str> {
        self.lock().get(key).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, &'static str>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// The handler has done what it was asked for.
    pub(super) fn completed(&self) {
        self.completed.store(true, Relaxed);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let how = if *self.completed.get_mut() { "completed" } else { "cancelled" };
            self.ends.lock().insert(key, how);
        }
    }
}
