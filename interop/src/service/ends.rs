//! How the calls that somebody watches have ended.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A call that has not ended after this time is reported as "running".
const WAIT: Duration = Duration::from_secs(10);

/// How each watched call ended, by the key that its client chose.
#[derive(Debug, Default)]
pub(super) struct Ends {
    ended: Mutex<HashMap<String, &'static str>>,
    changed: Condvar,
}

/// A call being served. What is not marked as completed when its handler leaves it was cancelled.
#[derive(Debug)]
#[must_use]
pub(super) struct Watched<'a> {
    ends: &'a Ends,
    key: Option<String>,
    completed: Cell<bool>,
}

impl Ends {
    pub(super) fn watch(&self, key: Option<&str>) -> Watched<'_> {
        Watched { ends: self, key: key.map(str::to_owned), completed: Cell::new(false) }
    }

    /// Waits until the call of this key has ended.
    pub(super) fn wait(&self, key: &str) -> &'static str {
        let ended = self.lock();
        let (ended, _) = self
            .changed
            .wait_timeout_while(ended, WAIT, |ended| !ended.contains_key(key))
            .unwrap_or_else(PoisonError::into_inner);
        ended.get(key).copied().unwrap_or("running")
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, &'static str>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched<'_> {
    /// The handler has done what it was asked for.
    pub(super) fn completed(&self) {
        self.completed.set(true);
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let how = if self.completed.get() { "completed" } else { "cancelled" };
            self.ends.lock().insert(key, how);
            self.ends.changed.notify_all();
        }
    }
}
