//! The client's driver under a model checker: the driver itself, its task and its callers, in every interleaving of a few
//! threads (`crate::models`). A scene holds when in each of them every task ends, with what it is to get.

mod wire;

use super::{Drive, Driver, Observer, Opening, Restart};
use crate::models::{Machine, Thread, block_on, check, join, thread};
use bytes::Bytes;
use proto_core::call::{CallId, CallOptions};
use proto_core::connection::Pulled;
use proto_core::testkit::Words;
use proto_core::{Code, Config, MessageBuf, Status};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use wire::Wire;

/// Times that a thread is preempted where it need not wait, at most.
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

impl Stage {
    fn new(words: &Arc<Words>) -> (Self, Pin<Box<Drive>>) {
        let wire = Arc::new(Wire::default());
        let (driver, task) = Driver::new(Machine::new(), wire.clone(), Config::default(), Box::new(Nobody));
        let mut task = Box::pin(task);
        wire.feed(&words.greeting);
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        (Stage { driver, wire, words: words.clone() }, task)
    }

    fn start(&self) -> CallId {
        let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
        let opening = Opening::Message(&Bytes::new());
        self.driver.start_call(Words::HEAD, &CallOptions::default(), opening, owner).expect("it starts")
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
    let words = Arc::new(Words::new(first));
    check(name, PREEMPTIONS, move || {
        let (stage, mut task) = Stage::new(&words);
        let task = thread(move || block_on(|cx| task.as_mut().poll(cx)));
        scene(&stage);
        // Its end is a wake-up too.
        stage.driver.abort();
        join([task]);
    });
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
        // One writes at a time: the second call's headers lean on the first one's.
        assert!(stage.wire.streams().is_sorted(), "{:?}", stage.wire.streams());
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
