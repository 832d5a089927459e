//! Wake-ups under a model checker: the driver itself, its task and its callers, in every interleaving of a few threads.
//!
//! Each task is polled by a thread of its own, whenever it is woken. All interleavings are run in which a thread is
//! preempted at most three times where it need not wait. A scene holds when in each of them every task ends, with what it is to get;
//! a wake-up that is lost is a deadlock, since time stands still.
//!
//! What it does not see: rules about time, and atomics, of which the driver has one, a hint.
//!
//! ```text
//! RUSTFLAGS="--cfg loom_models" cargo test -p rt-smol --lib models
//! ```

mod peer;
mod world;

use super::{Drive, Driver, Observer, Opening, Restart};
use bytes::Bytes;
use peer::{HEAD, Words};
use proto_core::call::{CallId, CallOptions};
use proto_core::connection::Pulled;
use proto_core::{Code, Config, MessageBuf, Status};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use world::{Machine, Wire, block_on};

/// Times that a thread is preempted where it need not wait, at most (`LOOM_MAX_PREEMPTIONS` says otherwise).
const PREEMPTIONS: usize = 3;

#[derive(Debug)]
struct Nobody;

impl Observer for Nobody {
    fn ready(&self) {}
    fn draining(&self) {}
    fn closed(&self, _reason: &str, _cause: Option<proto_core::channel::Cause>) {}
}

impl Restart for Nobody {
    fn ended(&self, _driver: &Driver, _id: CallId) {}
}

/// A connection after its handshake.
#[derive(Clone)]
struct Stage {
    driver: Arc<Driver>,
    wire: Arc<Wire>,
    words: Arc<Words>,
}

type Thread = loom::thread::JoinHandle<()>;

fn thread(run: impl FnOnce() + Send + 'static) -> Thread {
    loom::thread::Builder::new().stack_size(1 << 20).spawn(run).expect("a thread of the model")
}

fn join(threads: impl IntoIterator<Item = Thread>) {
    threads.into_iter().for_each(|thread| thread.join().expect("its assertions hold"));
}

impl Stage {
    fn new(words: &Arc<Words>) -> (Self, Pin<Box<Drive>>) {
        let wire = Arc::new(Wire::default());
        let (driver, task) = Driver::new(Arc::new(Machine), wire.clone(), Config::default(), Box::new(Nobody));
        let mut task = Box::pin(task);
        wire.feed(&words.greeting);
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        (Stage { driver, wire, words: words.clone() }, task)
    }

    fn start(&self) -> CallId {
        let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
        let opening = Opening::Message(&Bytes::new());
        self.driver.start_call(HEAD, &CallOptions::default(), opening, owner).expect("it starts")
    }

    /// Waits for a call until it is over.
    fn end_of(&self, id: CallId) -> Code {
        let mut messages = 0;
        block_on(|cx| {
            loop {
                match self.driver.pull(Some(cx), id, &mut MessageBuf::new()) {
                    Pulled::Message => messages += 1,
                    Pulled::End(_) => {
                        assert_eq!(messages, 1, "nothing of a call that succeeded is lost");
                        return Poll::Ready(Code::Ok);
                    }
                    Pulled::Failed(status, _) => return Poll::Ready(status.code()),
                    Pulled::Nothing => return Poll::Pending,
                }
            }
        })
    }

    /// The same in a task of its own, with this code expected.
    fn expect(&self, id: CallId, code: Code) -> Thread {
        let stage = self.clone();
        thread(move || assert_eq!(stage.end_of(id), code))
    }
}

/// Runs a scene in every interleaving, beside the connection's task; `first` is the call that is answered first.
fn holds(name: &str, first: usize, scene: impl Fn(&Stage) + Send + Sync + 'static) {
    let (scene, words, runs) = (Arc::new(scene), Arc::new(Words::new(first)), Arc::new(AtomicUsize::new(0)));
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(PREEMPTIONS);
    model.max_branches = 20_000;
    let count = runs.clone();
    model.check(move || {
        count.fetch_add(1, Relaxed);
        let (scene, words) = (scene.clone(), words.clone());
        // The checker's first thread has a small stack.
        join([thread(move || {
            let (stage, mut task) = Stage::new(&words);
            let task = thread(move || block_on(|cx| task.as_mut().poll(cx)));
            scene(&stage);
            // Its end is a wake-up too.
            stage.driver.abort();
            join([task]);
        })]);
    });
    println!("{name}: {} interleavings", runs.load(Relaxed));
}

#[test]
fn who_waits_is_woken_though_the_reply_comes_meanwhile() {
    holds("who_waits_is_woken_though_the_reply_comes_meanwhile", 0, |stage| {
        let id = stage.start();
        let waits = stage.expect(id, Code::Ok);
        stage.wire.feed(&stage.words.replies[0]);
        join([waits]);
    });
}

#[test]
fn what_the_pipe_did_not_take_is_written_by_the_task() {
    holds("what_the_pipe_did_not_take_is_written_by_the_task", 0, |stage| {
        stage.wire.fill();
        stage.wire.answer(1, stage.words.replies[0].clone());
        let id = stage.start();
        stage.wire.make_room();
        assert_eq!(stage.end_of(id), Code::Ok);
    });
}

#[test]
fn what_is_sent_during_a_write_leaves_after_it() {
    holds("what_is_sent_during_a_write_leaves_after_it", 0, |stage| {
        stage.wire.answer(stage.words.requests, stage.words.replies.concat());
        let other = stage.clone();
        let other = thread(move || assert_eq!(other.end_of(other.start()), Code::Ok));
        let id = stage.start();
        // What the other has left behind leaves without another word from here.
        join([other]);
        assert_eq!(stage.end_of(id), Code::Ok);
    });
}

#[test]
fn a_call_cancelled_while_the_task_reads_leaves_the_others_alone() {
    holds("a_call_cancelled_while_the_task_reads_leaves_the_others_alone", 1, |stage| {
        let ids = [stage.start(), stage.start()];
        let waits = stage.expect(ids[0], Code::Cancelled);
        stage.wire.feed(&stage.words.replies[1]);
        stage.driver.cancel(ids[0], Status::cancelled("enough"));
        assert_eq!(stage.end_of(ids[1]), Code::Ok);
        join([waits]);
    });
}

#[test]
fn a_call_dropped_while_the_task_reads_its_reply_is_gone() {
    holds("a_call_dropped_while_the_task_reads_its_reply_is_gone", 0, |stage| {
        let ids = [stage.start(), stage.start()];
        stage.wire.feed(&stage.words.replies[0]);
        stage.driver.release(ids[0]);
        stage.wire.feed(&stage.words.replies[1]);
        assert_eq!(stage.end_of(ids[1]), Code::Ok);
    });
}
