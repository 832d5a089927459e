//! Handlers' futures over a call handle that answers from a script, polled by hand.

#[cfg(feature = "futures")]
mod adapters;

use super::*;
use crate::grpc::{Code, Status};
use crate::rpc::stream::tests::{decode, encode};
use crate::rpc::tests::fake::Fake;
use crate::rpc::{CallEvent, Context, Received, TryRecvError, TrySendError};
use crate::time::Instant;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::pin::{Pin, pin};
use core::task::{Poll, Waker};
use core::time::Duration;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut core::task::Context::from_waker(Waker::noop()))
}

/// Of a future that has nothing to wait for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match poll(pin!(future)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// Of a future that waits, and is dropped.
fn given_up<T>(future: impl Future<Output = T>) {
    assert!(poll(pin!(future)).is_pending());
}

/// A call of which more requests may come.
fn open() -> Fake {
    let fake = Fake::new();
    fake.state().open = true;
    fake
}

fn requests(fake: &Fake) -> Receiver<String> {
    Receiver::new(fake.context(), decode)
}

fn replies(fake: &Fake) -> Sender<String> {
    Sender::new(fake.context(), encode)
}

fn sent(fake: &Fake) -> Vec<String> {
    fake.state().sent.iter().map(|(bytes, _)| String::from_utf8(bytes.clone()).unwrap()).collect()
}

#[test]
fn nothing_waits_for_what_is_there() {
    let fake = Fake::new();
    fake.push("a");
    fake.push("b");
    let (mut requests, mut replies) = (requests(&fake), replies(&fake));
    assert_eq!(now(requests.recv()).unwrap().as_deref(), Some("a"));
    assert_eq!(now(requests.next()).unwrap().unwrap(), "b");
    assert_eq!(now(requests.recv()).unwrap(), None);
    now(replies.send("x".into())).unwrap();
    now(replies.send_all(["y".to_string(), "z".to_string()])).unwrap();
    assert_eq!(sent(&fake), ["x", "y", "z"]);
    // A wait is an allocation.
    assert!(fake.state().waits.is_empty());
}

#[test]
fn a_receiver_waits_for_the_next_request_and_for_the_end() {
    let fake = open();
    let mut requests = requests(&fake);
    {
        let mut next = pin!(requests.recv());
        assert!(poll(next.as_mut()).is_pending() && poll(next.as_mut()).is_pending());
        fake.push("a");
        assert!(matches!(poll(next), Poll::Ready(Ok(Some(message))) if message == "a"));
    }
    let mut end = pin!(requests.recv());
    assert!(poll(end.as_mut()).is_pending());
    fake.state().open = false;
    assert!(matches!(poll(end), Poll::Ready(Ok(None))));
    assert_eq!(fake.state().waits, [(CallEvent::Readable, None); 2]);
}

#[test]
fn being_woken_for_nothing_is_waiting_again() {
    let fake = open();
    fake.state().incoming.extend([Received::TimedOut, Received::TimedOut]);
    let mut requests = requests(&fake);
    let mut next = pin!(requests.recv());
    assert!(poll(next.as_mut()).is_pending());
    assert_eq!(fake.state().waits.len(), 2);
    fake.push("a");
    assert!(matches!(poll(next), Poll::Ready(Ok(Some(message))) if message == "a"));
}

#[test]
fn a_receiving_future_that_is_dropped_loses_nothing() {
    let fake = open();
    let mut requests = requests(&fake);
    given_up(requests.recv());
    given_up(requests.recv_timeout(Duration::from_nanos(5)));
    fake.push("a");
    drop(requests.recv());
    assert_eq!(now(requests.recv()).unwrap().as_deref(), Some("a"));
}

#[test]
fn a_failure_comes_once() {
    let fake = open();
    let mut requests = requests(&fake);
    {
        let mut next = pin!(requests.next());
        assert!(poll(next.as_mut()).is_pending());
        fake.context().cancel(Status::cancelled("gone"));
        assert!(matches!(poll(next), Poll::Ready(Some(Err(status))) if status.message() == "gone"));
    }
    assert!(now(requests.next()).is_none());
}

#[test]
fn a_time_limit_of_receiving() {
    let fake = open();
    fake.state().now = at(50);
    let mut requests = requests(&fake);
    assert!(matches!(requests.try_recv(), Err(TryRecvError::Empty)));
    {
        let mut next = pin!(requests.recv_timeout(Duration::from_nanos(7)));
        assert!(poll(next.as_mut()).is_pending());
        fake.state().now = at(57);
        assert!(matches!(poll(next), Poll::Ready(Err(TryRecvError::Empty))));
    }
    assert_eq!(fake.state().waits, [(CallEvent::Readable, Some(at(57)))]);
    // What came in time is handed out, however late the task is.
    let mut next = pin!(requests.recv_timeout(Duration::from_nanos(7)));
    assert!(poll(next.as_mut()).is_pending());
    fake.push("a");
    fake.state().now = at(1_000);
    assert!(matches!(poll(next), Poll::Ready(Ok(message)) if message == "a"));
}

#[test]
fn a_sender_waits_for_room_and_sends_once() {
    let fake = Fake::new();
    fake.state().room = 0;
    let mut replies = replies(&fake);
    assert!(matches!(replies.try_send("x".into()), Err(TrySendError::Full(m)) if m == "x"));
    let mut sending = pin!(replies.send("a".into()));
    assert!(poll(sending.as_mut()).is_pending() && sent(&fake).is_empty());
    fake.state().room = 2;
    assert!(matches!(poll(sending), Poll::Ready(Ok(()))));
    assert_eq!((sent(&fake), fake.state().room), (alloc::vec!["a".to_string()], 1));
    assert_eq!(fake.state().waits, [(CallEvent::Writable, None)]);
}

#[test]
fn a_sending_future_that_is_dropped_has_sent_nothing() {
    let fake = Fake::new();
    let mut replies = replies(&fake);
    drop(replies.send("never polled".into()));
    fake.state().room = 0;
    given_up(replies.send("given up".into()));
    given_up(replies.pusher().send("given up too".into()));
    fake.state().room = 9;
    now(replies.send("a".into())).unwrap();
    assert_eq!(sent(&fake), ["a"]);
}

#[test]
fn a_dropped_send_all_sends_what_it_has_taken() {
    let fake = Fake::new();
    fake.state().room = 1;
    let mut replies = replies(&fake);
    let mut letters = ["a", "b", "c", "d"].into_iter().map(String::from);
    given_up(replies.send_all(letters.by_ref()));
    assert_eq!((sent(&fake), letters.len()), (alloc::vec!["a".to_string()], 2));
    // What it has taken goes first, whatever is sent next.
    assert!(matches!(replies.try_send("x".into()), Err(TrySendError::Full(m)) if m == "x"));
    given_up(replies.send("given up".into()));
    fake.state().room = 9;
    now(replies.send_all(letters)).unwrap();
    assert_eq!(sent(&fake), ["a", "b", "c", "d"]);
    fake.state().room = 0;
    given_up(replies.send_all(["y".to_string()]));
    fake.state().room = 2;
    replies.try_send("z".into()).unwrap();
    assert_eq!(sent(&fake)[4..], ["y", "z"]);
    fake.state().room = 0;
    given_up(replies.send_all(["x".repeat(16 * 1024 + 1)]));
    fake.state().room = 2;
    now(replies.send("!".into())).unwrap();
    let last: Vec<_> = fake.state().sent[6..].iter().map(|(m, shared)| (m.len(), *shared)).collect();
    assert_eq!(last, [(16 * 1024 + 1, true), (1, false)]);
}

#[test]
fn a_sender_that_waits_learns_of_the_end() {
    let fake = Fake::new();
    fake.state().room = 0;
    let mut replies = replies(&fake);
    let pusher = replies.pusher();
    let (mut sending, mut pushing) = (pin!(replies.send("a".into())), pin!(pusher.send("b".into())));
    assert!(poll(sending.as_mut()).is_pending() && poll(pushing.as_mut()).is_pending());
    fake.context().cancel(Status::cancelled("gone"));
    for ended in [poll(sending), poll(pushing)] {
        assert!(matches!(ended, Poll::Ready(Err(status)) if status.message() == "gone"));
    }
    assert!(pusher.is_closed());
}

#[test]
fn a_message_that_cannot_be_encoded_is_not_sent_and_large_ones_are_shared() {
    let fake = Fake::new();
    let mut replies = replies(&fake);
    assert_eq!(now(replies.send("unencodable".into())).unwrap_err().code(), Code::Internal);
    assert_eq!(now(replies.pusher().send("unencodable".into())).unwrap_err().code(), Code::Internal);
    now(replies.send("x".repeat(16 * 1024 + 1))).unwrap();
    now(replies.pusher().send("y".repeat(16 * 1024 + 1))).unwrap();
    now(replies.pusher().send("z".into())).unwrap();
    let sent: Vec<_> = fake.state().sent.iter().map(|(m, shared)| (m[0], m.len(), *shared)).collect();
    assert_eq!(sent, [(b'x', 16 * 1024 + 1, true), (b'y', 16 * 1024 + 1, true), (b'z', 1, false)]);
}

#[test]
fn a_pusher_and_its_futures_outlive_the_sender() {
    fn spawned<T>(future: impl Future<Output = T> + Send + 'static) -> T {
        now(future)
    }
    let fake = Fake::new();
    let pusher = replies(&fake).pusher();
    spawned(pusher.send("a".into())).unwrap();
    pusher.clone().try_send("b".into()).unwrap();
    let last = pusher.send("c".into());
    drop(pusher);
    spawned(last).unwrap();
    assert_eq!(sent(&fake), ["a", "b", "c"]);
}

#[test]
fn cancellation_is_awaited() {
    let fake = Fake::new();
    let context = fake.context();
    let mut cancelled = pin!(context.cancelled());
    assert!(poll(cancelled.as_mut()).is_pending());
    context.cancel(Status::aborted("stop"));
    assert!(matches!(poll(cancelled), Poll::Ready(status) if status.code() == Code::Aborted));
    assert_eq!(now(context.cancelled()).message(), "stop");
    assert_eq!(fake.state().waits, [(CallEvent::End, None)]);
}

#[test]
fn a_task_that_outlives_the_handler_learns_of_its_return() {
    let fake = Fake::new();
    let context = fake.context();
    let (mut cancelled, mut sleep) = (pin!(context.cancelled()), pin!(context.sleep_async(Duration::MAX)));
    assert!(poll(cancelled.as_mut()).is_pending() && poll(sleep.as_mut()).is_pending());
    fake.state().returned = true;
    assert!(matches!(poll(cancelled), Poll::Ready(status) if status.code() == Code::Cancelled));
    assert!(matches!(poll(sleep), Poll::Ready(Err(status)) if status.code() == Code::Cancelled));
}

#[test]
fn a_deadline_that_passes_ends_waits_with_its_status() {
    let fake = Fake::new();
    let context = fake.context();
    fake.state().now = at(1_000);
    assert_eq!(now(context.cancelled()).code(), Code::DeadlineExceeded);
    assert_eq!(now(context.sleep_async(Duration::ZERO)).unwrap_err().code(), Code::DeadlineExceeded);
}

#[test]
fn a_sleep_ends_with_its_time_or_with_the_call() {
    let fake = Fake::new();
    let context = fake.context();
    {
        let mut sleep = pin!(context.sleep_async(Duration::from_nanos(300)));
        assert!(poll(sleep.as_mut()).is_pending());
        fake.state().now = at(299);
        assert!(poll(sleep.as_mut()).is_pending());
        fake.state().now = at(300);
        assert!(matches!(poll(sleep), Poll::Ready(Ok(()))));
    }
    assert_eq!(fake.state().waits, [(CallEvent::End, Some(at(300)))]);
    let mut sleep = pin!(context.sleep_async(Duration::from_nanos(300)));
    assert!(poll(sleep.as_mut()).is_pending());
    context.cancel(Status::cancelled("gone"));
    assert!(matches!(poll(sleep), Poll::Ready(Err(status)) if status.message() == "gone"));
}

#[test]
fn without_a_call_nothing_is_waited_for() {
    let detached = Context::detached();
    now(detached.sleep_async(Duration::MAX)).unwrap();
    given_up(detached.cancelled());
    let mut requests: Receiver<String> = Receiver::new(Context::detached(), decode);
    assert!(matches!(now(requests.recv_timeout(Duration::MAX)), Err(TryRecvError::Ended)));
    assert!(now(requests.next()).is_none());
    let mut replies = Sender::new(Context::detached(), encode);
    assert_eq!(now(replies.send("a".into())).unwrap_err().code(), Code::Cancelled);
    assert!(replies.pusher().is_closed());
}

#[test]
fn streams_of_a_test_are_the_blocking_ones() {
    let mut requests = Receiver::from_results([Ok(1), Err(Status::cancelled("gone")), Ok(2)]);
    assert_eq!(now(requests.recv()).unwrap(), Some(1));
    assert!(matches!(now(requests.recv_timeout(Duration::MAX)), Err(TryRecvError::Failed(_))));
    assert!(now(requests.next()).is_none());
    let mut replies = Sender::for_test().ending_after(2, Status::cancelled("gone"));
    let status = now(replies.send_all(1..=5)).unwrap_err();
    assert_eq!((status.message(), replies.sent()), ("gone", &[1, 2][..]));
    assert!(!replies.try_send(3).unwrap_err().is_full());
    assert!(replies.pusher().is_closed() && now(replies.pusher().send(1)).is_err());
    assert_eq!(replies.take_sent(), [1, 2]);
}

#[test]
fn everything_may_travel_between_threads_whatever_the_messages_are() {
    fn send<T: Send>(_: &T) {}
    fn share<T: Send + Sync>(_: &T) {}
    // `M` is of no thread's.
    fn streams<M: 'static>(requests: &mut Receiver<M>, replies: &mut Sender<M>, messages: [M; 3]) {
        let [first, second, third] = messages;
        share(requests);
        share(replies);
        share(&replies.pusher());
        send(&requests.recv());
        send(&requests.next());
        send(&requests.recv_timeout(Duration::ZERO));
        send(&replies.pusher().send(first));
        send(&replies.send(second));
        send(&replies.send_all(core::iter::empty()));
        drop(third);
    }
    fn never<M>(_: &M, _: &mut Vec<u8>) -> Result<(), Status> {
        Ok(())
    }
    let fake = Fake::new();
    let mut requests = Receiver::new(fake.context(), |_| Ok(core::ptr::null::<u8>()));
    streams(&mut requests, &mut Sender::new(fake.context(), never), [core::ptr::null(); 3]);
    send(&fake.context().cancelled());
    send(&fake.context().sleep_async(Duration::ZERO));
    assert!(sent(&fake).is_empty());
}
