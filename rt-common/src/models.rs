//! How a scene of threads is run under the model checker: in all interleavings in which a thread is preempted a few times at
//! most where it need not wait. Only with `--cfg loom_models`; called by the models of the runtimes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A thread of a model.
pub type Thread = loom::thread::JoinHandle<()>;

/// Starts a thread of a model.
///
/// # Panics
/// When the checker has no place for one more (five).
pub fn thread(run: impl FnOnce() + Send + 'static) -> Thread {
    // A connection's work is too deep for the checker's own size.
    loom::thread::Builder::new().stack_size(1 << 20).spawn(run).expect("a thread of the model")
}

/// Waits for threads.
///
/// # Panics
/// When one of them did.
pub fn join(threads: impl IntoIterator<Item = Thread>) {
    threads.into_iter().for_each(|thread| thread.join().expect("its assertions hold"));
}

/// Runs this in every interleaving in which a thread is preempted so many times where it need not wait, at most
/// (`LOOM_MAX_PREEMPTIONS` says otherwise), and prints how many those were.
///
/// # Panics
/// When an assertion fails in one of them, or nobody can go on.
pub fn check(name: &str, preemptions: usize, scene: impl Fn() + Send + Sync + 'static) {
    let (scene, runs) = (Arc::new(scene), Arc::new(AtomicUsize::new(0)));
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(preemptions);
    model.max_branches = 20_000;
    let count = runs.clone();
    model.check(move || {
        count.fetch_add(1, Relaxed);
        let scene = scene.clone();
        // The checker's first thread has a small stack.
        join([thread(move || scene())]);
    });
    println!("{name}: {} interleavings", runs.load(Relaxed));
}
