//! The client's half: what a front hands out.

use crate::world::{COUNT, JOIN, NOWHERE, SAY, TALK, World};
use bytes::Bytes;
use proto_core::connection::Client;
use proto_core::rpc::driven::{Caller, Driven, Lend, open, start};
use proto_core::rpc::{AnyStreams, CancelToken, OnCancel, Request, RequestOptions, SendError, TrySendError};
use proto_core::{Code, Config, Status};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// In one piece, and byte by byte.
const CHOPS: [usize; 2] = [usize::MAX, 1];

#[test]
fn a_unary_reply_comes_with_its_metadata() {
    for chop in CHOPS {
        let mut world = World::new(chop);
        let mut reply = start(&world.near, &SAY, Request::new(Bytes::from("Ada")));
        assert!(reply.poll_reply().is_pending());
        world.settle();
        let Poll::Ready(Ok(reply)) = reply.poll_reply() else { panic!("no reply") };
        assert_eq!(&reply[..], b"Hello, Ada");
        assert_eq!((reply.metadata().get("x-server"), reply.trailers().get("x-handled")), (Some("1"), Some("yes")));
        assert!(reply.all_sent());
        assert_eq!(world.near.borrow().active_calls(), 0);
        assert!(world.handlers.is_empty());
    }
}

#[test]
fn a_stream_of_replies_larger_than_every_window_comes_in_order_to_its_end() {
    let mut world = World::new(usize::MAX);
    let mut replies = start(&world.near, &COUNT, Request::new(Bytes::from("3000")));
    let mut got = 0;
    loop {
        world.settle();
        match replies.poll_next() {
            Poll::Ready(Some(reply)) => got += usize::from(reply.unwrap().len() == 1000),
            Poll::Ready(None) => break,
            Poll::Pending => panic!("{got} replies, and nothing moves"),
        }
    }
    assert_eq!(got, 3000);
    assert!(matches!(replies.poll_next(), Poll::Ready(None)), "nothing comes behind the end");
}

#[test]
fn a_request_larger_than_every_buffer_is_sent_on_by_polls() {
    let mut world = World::new(usize::MAX);
    let large = Bytes::from(vec![7; 3 << 20]);
    let mut first = start(&world.near, &SAY, Request::new(large.clone()));
    let mut second = start(&world.near, &SAY, Request::new(large.clone()));
    for reply in [&mut first, &mut second] {
        let reply = loop {
            world.settle();
            match reply.poll_reply() {
                Poll::Ready(reply) => break reply.unwrap(),
                Poll::Pending => {}
            }
        };
        assert_eq!(reply.len(), large.len() + 7);
    }
}

#[test]
fn requests_are_joined_and_echoed() {
    for chop in CHOPS {
        let mut world = World::new(chop);
        let (mut requests, mut reply) = open(&world.near, &JOIN, RequestOptions::new());
        for part in ["a", "b", "c"] {
            requests.try_send(Bytes::from(part)).unwrap();
            world.settle();
        }
        requests.finish();
        world.settle();
        let Poll::Ready(Ok(joined)) = reply.poll_reply() else { panic!("no reply") };
        assert_eq!(&joined[..], b"abc");

        let (mut requests, mut replies) = open(&world.near, &TALK, RequestOptions::new());
        for text in ["ping", "pong"] {
            requests.try_send(Bytes::from(text)).unwrap();
            world.settle();
            assert!(matches!(replies.poll_next(), Poll::Ready(Some(Ok(echo))) if echo == text));
            assert!(replies.poll_next().is_pending());
        }
        requests.finish();
        world.settle();
        assert!(matches!(replies.poll_next(), Poll::Ready(None)));
    }
}

#[test]
fn a_sender_without_room_gets_its_message_back() {
    let mut world = World::new(usize::MAX);
    let (mut requests, replies) = open(&world.near, &TALK, RequestOptions::new());
    let message = Bytes::from(vec![1; 30_000]);
    let mut sent = 0;
    let back = loop {
        match requests.try_send(message.clone()) {
            Ok(()) => sent += 1,
            Err(TrySendError::Full(back)) => break back,
            Err(TrySendError::Failed(error)) => panic!("{error}"),
        }
        assert!(sent < 1000, "nothing moves, and everything is taken");
    };
    assert_eq!(back, message);
    world.settle();
    assert!(requests.try_send(message).is_ok());
    drop(replies);
    let ended = requests.try_send(Bytes::new());
    assert!(matches!(ended, Err(TrySendError::Failed(SendError::Ended))), "{ended:?}");
}

#[test]
fn what_is_wrong_at_the_start_is_told_by_the_first_poll_and_sends_nothing() {
    let world = World::new(usize::MAX);
    let bad = RequestOptions::new().with_metadata("two words", "1");
    let mut reply = start(&world.near, &SAY, Request::with_options(Bytes::new(), bad.clone()));
    assert!(matches!(reply.poll_reply(), Poll::Ready(Err(status)) if status.message().contains("two words")));
    let (mut requests, mut replies) = open(&world.near, &TALK, bad);
    assert!(matches!(requests.try_send(Bytes::new()), Err(TrySendError::Failed(SendError::Ended))));
    assert!(matches!(replies.poll_next(), Poll::Ready(Some(Err(_)))));
    assert!(matches!(replies.poll_next(), Poll::Ready(None)));
    assert_eq!(world.near.borrow().active_calls(), 0);
}

#[test]
fn an_unknown_method_and_a_refusal_at_the_headers_are_answered() {
    let mut world = World::new(usize::MAX);
    let mut reply = start(&world.near, &NOWHERE, Request::new(Bytes::new()));
    world.settle();
    assert!(matches!(reply.poll_reply(), Poll::Ready(Err(status)) if status.code() == Code::Unimplemented));
    let mut reply = start(&world.near, &SAY, Request::new(Bytes::new()).with_metadata("refuse", "not you"));
    world.settle();
    assert!(matches!(reply.poll_reply(), Poll::Ready(Err(status)) if status.message() == "not you"));
    assert_eq!(world.far.lend(|far| far.active_calls()), 0);
}

#[test]
fn a_call_on_a_closed_connection_says_why_and_that_it_was_not_sent() {
    let mut world = World::new(usize::MAX);
    world.settle();
    world.near.borrow_mut().shutdown(world.now, Duration::ZERO);
    world.settle();
    let mut reply = start(&world.near, &SAY, Request::new(Bytes::new()));
    let Poll::Ready(Err(status)) = reply.poll_reply() else { panic!("it cannot run") };
    assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, proto_core::grpc::Seen::No));
    assert!(status.message().contains("shut down"), "{status}");
}

#[derive(Default)]
struct Switch(AtomicBool);

impl CancelToken for Switch {
    fn cancelled(&self) -> Option<Status> {
        self.0.load(Ordering::Relaxed).then(|| Status::cancelled("switched off"))
    }
    fn subscribe(&self, _: Arc<dyn OnCancel>) -> u64 {
        0
    }
    fn unsubscribe(&self, _: u64) {}
}

#[test]
fn a_call_ends_when_its_token_is_cancelled_or_it_is_dropped() {
    let mut world = World::new(usize::MAX);
    let switch = Arc::new(Switch::default());
    let mut reply = start(&world.near, &SAY, Request::new(Bytes::from("sleep")).cancel_on(&switch));
    world.settle();
    assert_eq!(world.handlers.len(), 1);
    switch.0.store(true, Ordering::Relaxed);
    assert!(matches!(reply.poll_reply(), Poll::Ready(Err(status)) if status.message() == "switched off"));
    world.settle();
    assert!(world.handlers.is_empty());

    let reply = start(&world.near, &SAY, Request::new(Bytes::from("sleep")));
    world.settle();
    assert_eq!(world.handlers.len(), 1);
    drop(reply);
    world.settle();
    assert!(world.handlers.is_empty());

    let (requests, mut replies) = open(&world.near, &TALK, RequestOptions::new());
    world.settle();
    drop(requests);
    assert!(matches!(replies.poll_next(), Poll::Ready(Some(Err(status))) if status.code() == Code::Cancelled));
    world.settle();
    assert!(world.handlers.is_empty());
    assert_eq!(world.near.borrow().active_calls(), 0);
}

#[test]
fn calls_beyond_the_servers_limit_wait_their_turn() {
    let mut world = World::with(usize::MAX, Config { max_concurrent_streams: 1, ..Config::default() });
    world.settle();
    let mut replies: Vec<_> =
        (0..5).map(|i| start(&world.near, &SAY, Request::new(Bytes::from(format!("{i}"))))).collect();
    world.settle();
    for (i, reply) in replies.iter_mut().enumerate() {
        world.settle();
        assert!(matches!(reply.poll_reply(), Poll::Ready(Ok(reply)) if *reply == format!("Hello, {i}")));
    }
}

/// What a library of no runtime does, over the front of a connection of one's own.
async fn all_shapes<F: AnyStreams>(front: &F) -> Result<(), Status> {
    let reply = F::settle(front.unary(&SAY, Request::new(Bytes::from("Ada")))).await?;
    assert_eq!(&reply[..], b"Hello, Ada");

    let mut replies = front.streaming(&COUNT, Request::new(Bytes::from("5")));
    assert!(F::headers(&mut replies).await?.is_empty());
    let mut count = 0;
    while let Some(reply) = F::next(&mut replies).await {
        count += reply?.len();
    }
    assert_eq!((count, F::trailers(&replies).len()), (5000, 0));

    let mut call = front.client_streaming(&JOIN, RequestOptions::new());
    for part in ["x", "y"] {
        F::send(&mut call, Bytes::from(part)).await?;
    }
    assert_eq!(&F::finish(call).await?[..], b"xy");

    let mut call = front.bidi(&TALK, RequestOptions::new());
    F::bidi_send(&mut call, Bytes::from("ping")).await?;
    assert_eq!(F::bidi_next(&mut call).await.transpose()?.as_deref(), Some(&b"ping"[..]));
    F::bidi_finish(&mut call).await?;
    assert!(F::bidi_next(&mut call).await.is_none());
    assert!(F::bidi_headers(&mut call).await?.is_empty() && F::bidi_trailers(&call).is_empty());
    Ok(())
}

#[test]
fn a_library_of_no_runtime_runs_on_it() {
    for chop in CHOPS {
        let mut world = World::new(chop);
        let caller = Caller(world.near.clone());
        let mut work = pin!(all_shapes(&caller));
        let mut context = Context::from_waker(Waker::noop());
        let mut turns = 0;
        while work.as_mut().poll(&mut context).map(|result| result.unwrap()).is_pending() {
            world.settle();
            turns += 1;
            assert!(turns < 100, "nothing moves");
        }
    }
}

/// Whoever drives the connection does so between a caller's look and its leaving a waker, and so wakes it not.
#[derive(Clone)]
struct Racing(Rc<RefCell<World>>);

impl Lend<Driven<Client>> for Racing {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Client>) -> O) -> O {
        let near = self.0.borrow().near.clone();
        near.lend(act)
    }

    fn waiting(&self, _cx: &mut Context<'_>) {
        self.0.borrow_mut().settle();
    }
}

#[test]
fn what_comes_while_a_caller_leaves_its_waker_is_not_missed() {
    let on = Racing(Rc::new(RefCell::new(World::new(usize::MAX))));
    let mut cx = Context::from_waker(Waker::noop());
    let reply = pin!(start(&on, &SAY, Request::new(Bytes::from("Ada"))).reply());
    assert!(matches!(reply.poll(&mut cx), Poll::Ready(Ok(reply)) if *reply == "Hello, Ada"));

    let (mut requests, mut replies) = open(&on, &TALK, RequestOptions::new());
    let message = Bytes::from(vec![1; 60_000]);
    while requests.try_send(message.clone()).is_ok() {}
    assert!(matches!(pin!(requests.send(message.clone())).poll(&mut cx), Poll::Ready(Ok(()))));
    assert!(matches!(pin!(replies.next()).poll(&mut cx), Poll::Ready(Some(Ok(echo))) if echo == message));
}
