//! Who runs our tasks: a parameter, since executors differ and programs have one already; or a thread of our own.

use super::BoxFuture;
use std::fmt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Runs futures: anything that takes a boxed one and sees it to its end.
///
/// The default is a global `async_executor::Executor` with one thread, `rt-smol`, that starts with the first task (with a server,
/// one for each processor): it works wherever the caller itself runs. Programs that have an executor pass it:
///
/// ```
/// use rt_smol::os::Executor;
///
/// let default = Executor::default();
/// let smol = Executor::new(|task| smol::spawn(task).detach());
/// let tokio = Executor::new(|task| { tokio::spawn(task); });
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
        Executor::new(spawn_globally)
    }
}

static GLOBAL: async_executor::Executor<'static> = async_executor::Executor::new();
/// Threads that run it.
static THREADS: AtomicUsize = AtomicUsize::new(0);

fn spawn_globally(task: BoxFuture<'static, ()>) {
    GLOBAL.spawn(task).detach();
    start(1);
}

/// A thread for each processor: a server whose executor is the default one wants them.
pub(crate) fn start_for_a_server() {
    start(std::thread::available_parallelism().map_or(1, usize::from));
}

/// At least so many threads, if the system has them.
fn start(threads: usize) {
    let more = |count: usize| if count < threads { Some(count + 1) } else { None };
    while THREADS.fetch_update(SeqCst, SeqCst, more).is_ok() {
        let run = || {
            loop {
                // A task that panics is dropped; the others go on.
                let _ = catch_unwind(AssertUnwindSafe(|| async_io::block_on(GLOBAL.run(pending::<()>()))));
            }
        };
        if std::thread::Builder::new().name("rt-smol".into()).spawn(run).is_err() {
            // None for us now: the next task tries again.
            THREADS.fetch_sub(1, SeqCst);
            return;
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn the_default_executor_runs_tasks_after_one_of_them_has_panicked() {
        let executor = Executor::default();
        executor.spawn(Box::pin(async { panic!("this test panics in a task") }));
        let (sender, receiver) = channel();
        executor.spawn(Box::pin(async move { drop(sender.send(std::thread::current().name().map(String::from))) }));
        assert_eq!(receiver.recv().expect("it runs").as_deref(), Some("rt-smol"));
    }
}
