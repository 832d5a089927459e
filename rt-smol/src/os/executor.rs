//! Who runs our tasks: a parameter, since executors differ and programs have one already.

use super::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// Runs futures: anything that takes a boxed one and sees it to its end. The default is smol's global executor, which
/// has threads of its own (`SMOL_THREADS`).
///
/// ```
/// use rt_smol::os::Executor;
///
/// let smol = Executor::default();
/// let tokio = Executor::new(|future| { /* tokio::spawn(future); */ drop(future) });
/// ```
#[derive(Clone)]
pub struct Executor {
    spawn: Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>,
}

impl Executor {
    /// An executor by what spawns on it. `spawn` must not run the future itself; it may be called under a lock.
    pub fn new(spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Executor { spawn: Arc::new(spawn) }
    }

    /// Hands a task over.
    pub fn spawn(&self, task: BoxFuture<'static, ()>) {
        (self.spawn)(task);
    }
}

impl Default for Executor {
    fn default() -> Self {
        Executor::new(|task| smol::spawn(task).detach())
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executor")
    }
}
