//! What happens to a call in the middle of something else, as if on another thread.

mod world;

use crate::client::channel::Channel;
use crate::client::requests::Requests;
use crate::client::streaming::Streaming;
use crate::client::unary::Unary;
use crate::scripted::{Counter, ScriptPipe};
use crate::{Cancel, Code, Request, RequestOptions, Response, SendError, Status};
use bytes::Bytes;
use proto_core::rpc::{Front, Kind, Method, Raw};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use world::World;

static ECHO: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Echo", Kind::UNARY);
static CHAT: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Chat", Kind::BIDI);

const SEC: Duration = Duration::from_secs(1);

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn echo(channel: &Channel, body: &'static [u8]) -> Unary<Bytes> {
    channel.unary(&ECHO, Request::new(Bytes::from_static(body)))
}

fn chat(channel: &Channel) -> (Requests<Bytes>, Streaming<Bytes>) {
    channel.bidi(&CHAT, RequestOptions::new()).split()
}

fn settled(call: &mut Unary<Bytes>) -> Result<Response<Bytes>, Status> {
    match poll(call) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it has not ended"),
    }
}

#[test]
fn a_call_cancelled_while_it_starts_is_cancelled_then() {
    let mut world = World::new(1);
    let channel = world.connected();
    let cancel = Cancel::new();
    let token = cancel.clone();
    world.during_next_write(0, move || token.cancel());
    let mut call = channel.unary(&ECHO, Request::new(Bytes::from_static(b"x")).cancel_on(&cancel));
    assert_eq!(settled(&mut call).expect_err("it was cancelled").code(), Code::Cancelled);
    // RST_STREAM(CANCEL) has left.
    let last = world.peers[0].pipe.writes().pop().expect("a write");
    assert_eq!((last[3], &last[9..]), (3, &[0, 0, 0, 8][..]));
}

/// Does this while the pipe is written to for the n-th time from now.
fn during_write(pipe: ScriptPipe, n: usize, act: impl FnOnce() + Send + 'static) {
    let again = pipe.clone();
    pipe.during_next_write(move || if n == 0 { act() } else { during_write(again, n - 1, act) });
}

fn finish(requests: &Mutex<Option<Requests<Bytes>>>) {
    let requests = requests.lock().unwrap().take();
    if let Some(requests) = requests {
        assert!(poll(requests.finish()).is_ready());
    }
}

#[test]
fn requests_finished_while_the_call_starts_are_finished_then() {
    // The preface, an ACK, the call's start: one of them.
    for n in 0..3 {
        let mut world = World::new(1);
        let channel = world.channel("10.0.0.1:1");
        let (requests, replies) = chat(&channel);
        let requests = Arc::new(Mutex::new(Some(requests)));
        let early = requests.clone();
        during_write(world.peers[0].pipe.clone(), n, move || finish(&early));
        world.run();
        // If that write never came.
        finish(&requests);
        world.run();
        assert_eq!(world.peers[0].ended, 1, "{n}");
        drop(replies);
    }
}

#[test]
fn a_connection_that_comes_while_a_call_gets_in_line_starts_it() {
    let mut world = World::new(1);
    world.be_eager();
    // The server's SETTINGS are there already.
    world.peers[0].pipe.feed(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let channel = world.channel("10.0.0.1:1");
    let mut call = echo(&channel, b"x");
    assert_eq!(channel.state(false), crate::State::Ready);
    world.run();
    assert_eq!(world.peers[0].served, [b"x"]);
    let now = world.now();
    world.peers[0].reply_to(now, 0, b"y");
    world.run();
    assert_eq!(&settled(&mut call).expect("a reply")[..], b"y");
}

#[test]
fn a_call_refused_while_it_starts_is_sent_again_though_nobody_polls_it() {
    let mut world = World::new(2);
    let channel = world.connected();
    world.during_next_write(0, world.goodbye(0));
    let call = echo(&channel, b"x");
    world.run();
    assert_eq!(world.peers[1].served, [b"x"]);
    drop(call);
}

#[test]
fn a_call_refused_while_it_runs_is_sent_again_though_nobody_polls_it() {
    let mut world = World::new(2);
    let channel = world.connected();
    let call = echo(&channel, b"x");
    world.goodbye(0)();
    world.run();
    assert_eq!(world.peers[1].served, [b"x"]);
    drop(call);
}

#[test]
fn who_waits_for_a_call_that_has_not_started_or_for_its_channel_is_woken_when_it_goes_on() {
    let mut world = World::new(1);
    let channel = world.channel("10.0.0.1:1");
    let mut call = echo(&channel, b"x");
    let mut change = Box::pin(channel.wait_for_change(channel.state(false), 10 * SEC));
    let counters = [Arc::<Counter>::default(), Arc::default()];
    let wakers = counters.clone().map(Waker::from);
    assert!(Pin::new(&mut call).poll(&mut Context::from_waker(&wakers[0])).is_pending());
    assert!(change.as_mut().poll(&mut Context::from_waker(&wakers[1])).is_pending());
    world.run();
    assert_eq!(world.peers[0].served, [b"x"]);
    for counter in counters {
        assert!(counter.count() > 0);
    }
    drop(call);
}

#[test]
fn a_message_that_went_down_with_its_attempt_goes_with_the_next_one() {
    let mut world = World::new(2);
    let channel = world.connected();
    let (mut requests, replies) = chat(&channel);
    assert!(matches!(poll(requests.send(Bytes::from_static(b"first"))), Poll::Ready(Ok(()))));
    world.during_next_write(0, world.goodbye(0));
    let mut sending = Box::pin(requests.send(Bytes::from_static(b"second")));
    let counter = Arc::<Counter>::default();
    let waker = Waker::from(counter.clone());
    let mut sent = sending.as_mut().poll(&mut Context::from_waker(&waker));
    world.run();
    if sent.is_pending() {
        assert!(counter.count() > 0);
        sent = sending.as_mut().poll(&mut Context::from_waker(&waker));
    }
    assert!(matches!(sent, Poll::Ready(Ok(()))));
    drop(sending);
    world.run();
    assert_eq!(world.peers[1].served, [&b"first"[..], b"second"]);
    drop((requests, replies));
}

#[test]
fn a_sender_learns_that_the_other_half_has_seen_the_end() {
    let mut world = World::new(1);
    let channel = world.connected();
    let (mut requests, mut replies) = chat(&channel);
    world.run();
    let now = world.now();
    world.peers[0].finish(now, 0);
    world.run();
    assert!(matches!(poll(replies.recv()), Poll::Ready(Ok(None))));
    assert!(matches!(poll(requests.send(Bytes::new())), Poll::Ready(Err(SendError::Ended))));
    assert!(matches!(poll(requests.finish()), Poll::Ready(Ok(()))));
}

#[test]
fn a_deadline_that_comes_to_wait_behind_later_ones_is_kept() {
    let mut world = World::new(0);
    let channel = world.channel("10.0.0.1:1");
    let within = |seconds| Request::new(Bytes::new()).with_timeout(SEC * seconds);
    let mut late = channel.unary(&ECHO, within(20));
    world.run();
    let mut early = channel.unary(&ECHO, within(5));
    let counter = Arc::<Counter>::default();
    let waker = Waker::from(counter.clone());
    assert!(Pin::new(&mut early).poll(&mut Context::from_waker(&waker)).is_pending());
    world.run();
    assert_eq!(world.next_timer(), Some(world.now() + SEC * 5));
    world.pass(SEC * 5);
    assert_eq!(counter.count(), 1);
    assert_eq!(settled(&mut early).expect_err("its time is over").code(), Code::DeadlineExceeded);
    assert!(poll(&mut late).is_pending());
}

#[test]
fn when_a_server_closes_in_the_handshake_the_next_address_is_tried() {
    let mut world = World::new(2);
    let channel = world.channel("two.example:1");
    let mut call = echo(&channel, b"x");
    // Not HTTP/2 at all.
    world.peers[0].pipe.feed(&[0xff; 40]);
    world.run_but(0);
    assert_eq!(world.peers[1].served, [b"x"]);
    assert!(poll(&mut call).is_pending());
}

#[test]
fn a_task_that_waits_no_more_for_headers_is_not_woken() {
    let mut world = World::new(1);
    let channel = world.channel("10.0.0.1:1");
    let (requests, replies) = chat(&channel);
    let counters: [Arc<Counter>; 3] = Default::default();
    let wait = |counter: &Arc<Counter>| {
        let mut waiting = Box::pin(replies.headers());
        let waker = Waker::from(counter.clone());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        waiting
    };
    drop(wait(&counters[0]));
    world.run();
    drop(wait(&counters[1]));
    let waiting = wait(&counters[2]);
    let now = world.now();
    world.peers[0].finish(now, 0);
    world.run();
    assert_eq!(counters.each_ref().map(|counter| counter.count()), [0, 0, 1]);
    assert!(matches!(poll(waiting), Poll::Ready(Ok(_))));
    drop(requests);
}

#[test]
fn a_task_that_waits_twice_for_headers_looks_again_when_it_gives_one_up() {
    let mut world = World::new(1);
    let channel = world.connected();
    let (requests, replies) = chat(&channel);
    let counter = Arc::<Counter>::default();
    let waker = Waker::from(counter.clone());
    let [mut kept, mut given_up] = [Box::pin(replies.headers()), Box::pin(replies.headers())];
    for waiting in [&mut kept, &mut given_up] {
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(given_up);
    assert_eq!(counter.count(), 1);
    assert!(kept.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    world.run();
    let now = world.now();
    world.peers[0].finish(now, 0);
    world.run();
    assert_eq!(counter.count(), 2);
    assert!(matches!(poll(kept), Poll::Ready(Ok(_))));
    drop(requests);
}

#[test]
fn a_caller_that_has_written_what_was_in_the_way_of_reading_tells_the_task() {
    let mut world = World::new(1);
    let channel = world.connected();
    let pipe = world.peers[0].pipe.clone();
    // While a caller writes: PINGs whose answers stop the task from reading on.
    world.during_next_write(0, move || {
        (0..8000).for_each(|_| pipe.feed(&[&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[1; 8]].concat()))
    });
    let call = echo(&channel, b"x");
    assert!(world.peers[0].pipe.unread() > 0);
    world.run_but(0);
    assert_eq!(world.peers[0].pipe.unread(), 0);
    drop(call);
}

#[test]
fn a_unary_call_is_one_write_and_two_wake_ups() {
    let mut world = World::new(1);
    let channel = world.connected();
    // The first one leaves its mark in the header tables.
    for _ in 0..2 {
        let (writes, wakes) = (world.peers[0].pipe.writes().len(), world.wakes());
        let mut call = echo(&channel, b"x");
        assert_eq!(world.peers[0].pipe.writes().len(), writes + 1, "by its caller");
        let counter = Arc::<Counter>::default();
        let waker = Waker::from(counter.clone());
        assert!(Pin::new(&mut call).poll(&mut Context::from_waker(&waker)).is_pending());
        world.run();
        let (now, n) = (world.now(), world.peers[0].served.len() - 1);
        world.peers[0].reply_to(now, n, b"y");
        world.run();
        assert_eq!(counter.count(), 1, "its task, once");
        assert_eq!(&settled(&mut call).expect("a reply")[..], b"y");
        drop(call);
        world.run();
        assert_eq!(world.wakes(), wakes + 1, "the connection's task, once, by the pipe");
        assert_eq!(world.peers[0].pipe.writes().len(), writes + 1);
    }
}
