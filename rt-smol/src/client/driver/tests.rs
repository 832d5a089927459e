//! One connection over a scripted pipe, step by step: who writes, what, and who is woken.

mod last_words;
mod script;
mod wakes;

use super::{Driver, Opening, Restart};

use bytes::Bytes;
use proto_core::call::{CallId, CallOptions, Head};
use proto_core::channel::Script;
use proto_core::connection::Pulled;
use proto_core::{Code, MessageBuf, Status};
use script::{Counter, Rig};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// Nobody sends calls again here.
struct Nobody;

impl Restart for Nobody {
    fn ended(&self, _driver: &Driver, _id: CallId) {}
}

fn start(driver: &Driver, message: &[u8], options: &CallOptions) -> CallId {
    let message = Bytes::copy_from_slice(message);
    let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
    driver.start_call(Head::new("/t.T/Echo"), options, Opening::Message(&message), owner).expect("it starts")
}

fn start_on(driver: &Driver, message: &[u8]) -> CallId {
    start(driver, message, &CallOptions::default())
}

fn unary(rig: &Rig, message: &[u8]) -> CallId {
    start_on(&rig.driver, message)
}

fn pull(rig: &Rig, counter: &Arc<Counter>, id: CallId) -> Pulled {
    let waker = Waker::from(counter.clone());
    rig.driver.pull(Some(&Context::from_waker(&waker)), id, &mut MessageBuf::new())
}

fn failed(pulled: Pulled) -> Status {
    match pulled {
        Pulled::Failed(status, _) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_unary_request_leaves_in_one_write_by_its_caller() {
    let mut rig = Rig::connected();
    let (writes, polls) = (rig.pipe.writes().len(), rig.polls);
    unary(&rig, b"hello");
    let after = rig.pipe.writes();
    assert_eq!((after.len(), rig.polls), (writes + 1, polls));
    rig.serve();
    assert_eq!(rig.peer.served, [b"hello"]);
    assert_eq!(rig.woken(), 0, "the task has nothing to do");
}

#[test]
fn what_the_pipe_does_not_take_is_written_by_the_task() {
    let mut rig = Rig::connected();
    rig.pipe.room(&[10]);
    unary(&rig, b"first");
    assert_eq!(rig.pipe.writes().last().map(Vec::len), Some(10));
    assert_eq!(rig.woken(), 1);
    let writes = rig.pipe.writes().len();
    unary(&rig, b"second");
    assert_eq!(rig.pipe.writes().len(), writes, "the place is the task's");
    // The task finds no room either, and waits for the pipe.
    rig.run();
    assert_eq!(rig.pipe.writes().len(), writes);
    rig.pipe.room(&[7, 3]);
    assert_eq!(rig.woken(), 1, "the pipe wakes the task");
    rig.run();
    rig.pipe.room_for_all();
    rig.run();
    rig.serve();
    assert_eq!(rig.peer.served, [&b"first"[..], b"second"]);
    // From now on callers write again.
    let polls = rig.polls;
    unary(&rig, b"third");
    rig.serve();
    assert_eq!((rig.peer.served.len(), rig.polls), (3, polls));
}

#[test]
fn what_is_sent_during_a_write_leaves_in_the_next_one_by_the_same_writer() {
    let mut rig = Rig::connected();
    let (driver, ids) = (rig.driver.clone(), Arc::new(Mutex::new(Vec::new())));
    let started = ids.clone();
    rig.pipe.during_next_write(move || {
        for message in [b"b", b"c"] {
            let message = Bytes::from_static(message);
            let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
            let options = CallOptions::default();
            let id = driver.start_call(Head::new("/t.T/Echo"), &options, Opening::Message(&message), owner);
            started.lock().unwrap().push(id.expect("it starts"));
        }
    });
    let writes = rig.pipe.writes().len();
    unary(&rig, b"a");
    assert_eq!(ids.lock().unwrap().len(), 2);
    assert_eq!(rig.pipe.writes().len(), writes + 2);
    rig.serve();
    assert_eq!(rig.peer.served, [b"a", b"b", b"c"]);
}

#[test]
fn only_the_tasks_whose_calls_moved_are_woken() {
    let mut rig = Rig::connected();
    let counters: Vec<_> = (0..3).map(|_| Arc::new(Counter::default())).collect();
    let ids: Vec<_> = [b"a", b"b", b"c"].iter().map(|message| unary(&rig, *message)).collect();
    for (id, counter) in ids.iter().zip(&counters) {
        assert!(matches!(pull(&rig, counter, *id), Pulled::Nothing));
    }
    rig.serve();
    rig.reply_to(1, b"to b");
    rig.run();
    assert_eq!(counters.iter().map(|counter| counter.count()).collect::<Vec<_>>(), [0, 1, 0]);
    assert!(matches!(pull(&rig, &counters[1], ids[1]), Pulled::Message));
    assert!(matches!(pull(&rig, &counters[1], ids[1]), Pulled::End(_)));
    // Cancelled by its application: that one's task, and no other.
    rig.driver.cancel(ids[2], Status::cancelled("enough"));
    assert_eq!(counters.iter().map(|counter| counter.count()).collect::<Vec<_>>(), [0, 1, 1]);
    // Released without having been waited for any more: nobody.
    rig.driver.release(ids[0]);
    assert_eq!(counters.iter().map(|counter| counter.count()).collect::<Vec<_>>(), [0, 1, 1]);
    rig.serve();
    assert_eq!(rig.peer.cancelled, 2, "both resets left by themselves");
}

#[test]
fn a_task_is_woken_once_however_often_it_waits() {
    let mut rig = Rig::connected();
    let (old, new) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let id = unary(&rig, b"a");
    for counter in [&old, &old, &new, &new] {
        assert!(matches!(pull(&rig, counter, id), Pulled::Nothing));
    }
    rig.serve();
    rig.reply_to(0, b"x");
    rig.run();
    assert_eq!((old.count(), new.count()), (0, 1), "the one that waited last");
    rig.run();
    assert_eq!(new.count(), 1);
}

#[test]
fn a_deadline_wakes_the_task_only_if_it_is_the_earliest() {
    let mut rig = Rig::connected();
    let within = |seconds| CallOptions { deadline: Some(rig.now() + SEC * seconds), ..CallOptions::default() };
    let (ten, twenty, five) = (within(10), within(20), within(5));
    start(&rig.driver, b"a", &ten);
    assert_eq!(rig.woken(), 1);
    rig.run();
    start(&rig.driver, b"b", &twenty);
    assert_eq!(rig.woken(), 0, "its timer fires before that");
    let early = start(&rig.driver, b"c", &five);
    assert_eq!(rig.woken(), 1);
    rig.run();
    let counter = Arc::new(Counter::default());
    assert!(matches!(pull(&rig, &counter, early), Pulled::Nothing));
    rig.pass(SEC * 5);
    assert_eq!(counter.count(), 1);
    assert_eq!(failed(pull(&rig, &counter, early)).code(), Code::DeadlineExceeded);
}

#[test]
fn a_request_without_room_follows_by_itself() {
    let mut rig = Rig::connected();
    rig.pipe.room(&[]);
    let large = vec![7; 700_000];
    for _ in 0..4 {
        unary(&rig, &large);
    }
    rig.pipe.room_for_all();
    // Nobody pulls, nobody sends: the task alone.
    for _ in 0..100 {
        rig.run();
        rig.serve();
    }
    assert_eq!(rig.peer.served.iter().map(Vec::len).collect::<Vec<_>>(), [700_000; 4]);
}

#[test]
fn how_a_call_failed_is_known_to_its_other_half_until_it_is_released() {
    let mut rig = Rig::connected();
    let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
    let options = CallOptions { kind: proto_core::rpc::Kind::BIDI, ..CallOptions::default() };
    let opening = Script::default();
    let id =
        rig.driver.start_call(Head::new("/t.T/Chat"), &options, Opening::Script(&opening), owner).expect("it starts");
    // RST_STREAM(REFUSED_STREAM): the call may go on elsewhere, and whoever sends must learn that too.
    rig.pipe.feed(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7]);
    rig.run();
    let status = failed(pull(&rig, &Arc::default(), id));
    let message = Bytes::from_static(b"x");
    let sent = rig.driver.send(None, id, (&message).into());
    assert!(matches!(sent, Poll::Ready(Err(proto_core::call::SendError::Ended))));
    assert_eq!(rig.driver.outcome(id).map(|s| s.to_string()), Some(status.to_string()));
    rig.driver.release(id);
    assert!(rig.driver.outcome(id).is_none());
}

#[test]
fn who_waits_learns_that_the_executor_has_dropped_the_task() {
    let mut rig = Rig::connected();
    let (id, counter) = (unary(&rig, b"a"), Arc::new(Counter::default()));
    assert!(matches!(pull(&rig, &counter, id), Pulled::Nothing));
    rig.drop_task();
    assert_eq!(counter.count(), 1);
    let status = failed(pull(&rig, &counter, id));
    assert!(status.to_string().contains("executor"), "{status}");
    assert!(rig.pipe_is_dropped(), "the socket is closed, though calls hold the connection");
}

#[test]
fn the_end_of_a_connection_ends_its_task_and_closes_the_pipe() {
    let mut rig = Rig::connected();
    let id = unary(&rig, b"a");
    rig.driver.abort();
    assert_eq!(rig.woken(), 1);
    rig.run();
    assert!(rig.is_finished());
    assert!(rig.pipe.is_closed());
    assert!(rig.pipe_is_dropped());
    assert_eq!(failed(pull(&rig, &Arc::default(), id)).code(), Code::Unavailable);
}

#[test]
fn last_words_without_room_are_given_up_after_a_second() {
    let mut rig = Rig::connected();
    rig.pipe.room(&[]);
    rig.driver.abort();
    rig.run();
    assert!(!rig.is_finished());
    rig.pass(SEC);
    assert!(rig.is_finished());
}

#[test]
fn reading_goes_on_when_the_peer_has_taken_what_it_made_us_write() {
    let mut rig = Rig::connected();
    rig.pipe.room(&[]);
    // Each PING wants an answer: reading stops at some point.
    for _ in 0..8000 {
        rig.pipe.feed(&[&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[1; 8]].concat());
    }
    rig.run();
    let left = rig.pipe.unread();
    assert!(left > 0);
    rig.pipe.room_for_all();
    rig.run();
    assert_eq!(rig.pipe.unread(), 0);
}

#[test]
fn a_script_is_played_in_the_write_that_starts_its_call() {
    let rig = Rig::connected();
    let writes = rig.pipe.writes().len();
    let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
    let options = CallOptions { kind: proto_core::rpc::Kind::BIDI, ..CallOptions::default() };
    let script = Script::default();
    let id =
        rig.driver.start_call(Head::new("/t.T/Chat"), &options, Opening::Script(&script), owner).expect("it starts");
    assert_eq!(rig.pipe.writes().len(), writes + 1);
    let message = Bytes::from_static(b"x");
    assert!(matches!(rig.driver.send(None, id, (&message).into()), Poll::Ready(Ok(()))));
    assert_eq!(rig.pipe.writes().len(), writes + 2);
}

#[test]
fn a_sender_waits_for_room_and_is_woken_for_it_alone() {
    let mut rig = Rig::connected();
    rig.pipe.room(&[]);
    let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
    let options = CallOptions { kind: proto_core::rpc::Kind::BIDI, ..CallOptions::default() };
    let script = Script::default();
    let id =
        rig.driver.start_call(Head::new("/t.T/Chat"), &options, Opening::Script(&script), owner).expect("it starts");
    let (sender, receiver) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let waker = Waker::from(sender.clone());
    let message = Bytes::from(vec![1; 20_000]);
    let mut sent = 0;
    while rig.driver.send(Some(&Context::from_waker(&waker)), id, (&message).into()).is_ready() {
        sent += 1;
    }
    assert!(sent >= 3, "{sent}");
    assert!(matches!(pull(&rig, &receiver, id), Pulled::Nothing));
    rig.pipe.room_for_all();
    rig.run();
    assert_eq!((sender.count(), receiver.count()), (1, 0));
    assert!(rig.driver.send(None, id, (&message).into()).is_ready());
}

#[test]
fn a_blocked_sender_learns_of_an_early_answer_that_the_other_half_has_taken() {
    let mut rig = Rig::connected();
    let owner: Weak<dyn Restart> = Weak::<Nobody>::new();
    let options = CallOptions { kind: proto_core::rpc::Kind::BIDI, ..CallOptions::default() };
    let opening = Script::default();
    let id =
        rig.driver.start_call(Head::new("/t.T/Chat"), &options, Opening::Script(&opening), owner).expect("it starts");
    rig.serve();
    rig.pipe.room(&[]);
    let (sender, receiver) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let waker = Waker::from(sender.clone());
    let message = Bytes::from(vec![1; 20_000]);
    while rig.driver.send(Some(&Context::from_waker(&waker)), id, (&message).into()).is_ready() {}
    assert!(matches!(pull(&rig, &receiver, id), Pulled::Nothing));
    rig.finish(0);
    rig.run();
    assert_eq!(receiver.count(), 1);
    assert!(matches!(pull(&rig, &receiver, id), Pulled::End(_)));
    assert_eq!(sender.count(), 1);
    let sent = rig.driver.send(None, id, (&message).into());
    assert!(matches!(sent, Poll::Ready(Err(proto_core::call::SendError::Ended))));
}

#[test]
fn who_waits_no_more_for_headers_is_not_woken() {
    let mut rig = Rig::connected();
    let id = unary(&rig, b"a");
    let counters = [Arc::new(Counter::default()), Arc::new(Counter::default())];
    let wakers = counters.clone().map(Waker::from);
    for waker in [&wakers[0], &wakers[1], &wakers[1]] {
        assert!(rig.driver.headers(&Context::from_waker(waker), id).is_pending());
    }
    rig.driver.forget_headers(id, &wakers[0]);
    rig.serve();
    rig.reply_to(0, b"x");
    rig.run();
    assert_eq!(counters.map(|counter| counter.count()), [0, 1]);
}
