//! The server's half: handlers as futures, polled by the loop.

use crate::world::{COUNT, SAY, TALK, World};
use bytes::Bytes;
use proto_core::connection::Event;
use proto_core::rpc::driven::{Lend, open, start};
use proto_core::rpc::{Request, RequestOptions};
use proto_core::{Code, Incoming, Outgoing};
use std::task::Poll;
use std::time::Duration;

#[test]
fn a_handler_that_sleeps_is_a_timer_of_the_loop() {
    let mut world = World::new(usize::MAX);
    let mut reply = start(&world.near, &SAY, Request::new(Bytes::from("sleep")));
    world.settle();
    let due = world.far.lend(|far| far.poll_timeout()).expect("the handler wants to be polled");
    assert!(due <= world.now + Duration::from_secs(60));
    world.sleep(Duration::from_secs(59));
    assert!(reply.poll_reply().is_pending());
    world.sleep(Duration::from_secs(2));
    assert!(matches!(reply.poll_reply(), Poll::Ready(Ok(_))));
    assert_eq!(*world.log.lock().unwrap(), ["say at 61", "returned"]);
}

#[test]
fn a_handler_whose_deadline_passes_is_dropped_where_it_waits() {
    let mut world = World::new(usize::MAX);
    let request = Request::new(Bytes::from("sleep")).with_timeout(Duration::from_secs(5));
    let mut reply = start(&world.near, &SAY, request);
    world.settle();
    world.sleep(Duration::from_secs(6));
    assert!(matches!(reply.poll_reply(), Poll::Ready(Err(status)) if status.code() == Code::DeadlineExceeded));
    assert!(world.handlers.is_empty());
    assert_eq!(*world.log.lock().unwrap(), ["dropped"]);
    assert_eq!(world.far.lend(|far| far.active_calls()), 0);
}

#[test]
fn a_handler_can_end_its_call_through_its_context() {
    let mut world = World::new(usize::MAX);
    let mut reply = start(&world.near, &SAY, Request::new(Bytes::from("stop")));
    world.settle();
    let Poll::Ready(Err(status)) = reply.poll_reply() else { panic!("it was stopped") };
    assert_eq!((status.code(), status.message()), (Code::Aborted, "stopped by its context"));
    assert_eq!(status.metadata().get("x-handled"), Some("yes"));
    assert_eq!(world.far.lend(|far| far.active_calls()), 0);
    assert_eq!(world.log.lock().unwrap().last().map(String::as_str), Some("returned"), "it runs on to its end");
}

#[test]
fn a_caller_that_does_not_read_holds_its_handler_and_no_other() {
    let mut world = World::new(usize::MAX);
    let mut slow = start(&world.near, &COUNT, Request::new(Bytes::from("1000")));
    world.settle();
    assert_eq!(world.handlers.len(), 1);
    let (mut requests, mut echo) = open(&world.near, &TALK, RequestOptions::new());
    requests.try_send(Bytes::from("still there?")).unwrap();
    world.settle();
    assert!(matches!(echo.poll_next(), Poll::Ready(Some(Ok(_)))));
    let mut got = 0;
    while let Poll::Ready(Some(reply)) = slow.poll_next() {
        reply.unwrap();
        got += 1;
        world.settle();
    }
    assert_eq!(got, 1000);
    drop((requests, echo));
    world.settle();
    assert!(world.handlers.is_empty());
}

#[test]
fn the_loss_of_the_connection_ends_every_handler() {
    let mut world = World::new(usize::MAX);
    let mut replies: Vec<_> = (0..3).map(|_| start(&world.near, &SAY, Request::new(Bytes::from("sleep")))).collect();
    world.settle();
    assert_eq!(world.handlers.len(), 3);
    let now = world.now;
    world.far.lend(|far| far.lost(now, "pulled out".into(), None));
    world.near.lend(|near| near.lost(now, "pulled out".into(), None));
    world.settle();
    assert!(world.handlers.is_empty());
    assert_eq!(*world.log.lock().unwrap(), ["dropped"; 3]);
    for reply in &mut replies {
        assert!(matches!(reply.poll_reply(), Poll::Ready(Err(status)) if status.code() == Code::Unavailable));
    }
}

#[test]
fn a_closed_connection_whose_peer_does_not_read_is_over_after_a_second() {
    let mut world = World::new(usize::MAX);
    world.settle();
    let now = world.now;
    world.far.lend(|far| {
        assert!(!far.is_over(true));
        far.shutdown(now, Duration::ZERO);
        assert!(far.is_closed() && far.has_output(), "a GOAWAY is to be written");
        assert!(!far.is_over(true), "it has not been taken");
        far.poll_transmit(now, &mut Outgoing::new());
        assert!(far.is_over(true) && !far.is_over(false));
        let due = far.poll_timeout().expect("the end of its patience");
        far.handle_timeout(due);
        assert!(far.is_over(false));
        assert_eq!(far.poll_timeout(), None);
    });
}

#[test]
fn after_a_failed_write_a_handler_hears_what_its_caller_had_said_before() {
    let mut world = World::new(usize::MAX);
    let reply = start(&world.near, &SAY, Request::new(Bytes::from("sleep")));
    world.settle();
    drop(reply);
    let (now, mut said, mut heard) = (world.now, Outgoing::new(), Incoming::new());
    assert!(world.near.lend(|near| near.poll_transmit(now, &mut said)), "a RST_STREAM");
    heard.extend_from_slice(said.chunk());
    let late = now + Duration::from_secs(1);
    world.far.lend(|far| {
        far.write_failed(late, &"broken pipe", &Outgoing::new());
        assert!(far.wants_input() && !far.is_over(true));
        assert_eq!(far.poll_timeout(), Some(late), "the next turn is due at once");
        far.tell_time(late);
        far.receive(late, &mut heard).unwrap();
        far.handle_timeout(late);
        assert!(!far.is_closed() && far.wants_input(), "there may be more");
        assert_eq!(far.poll_timeout(), Some(late));
        assert!(!far.poll_transmit(late, &mut Outgoing::new()), "nothing more is written");
        let event = far.poll_event();
        assert!(matches!(event, Some(Event::Ended(_))), "{event:?}");
        far.handle_timeout(late);
        assert!(far.is_over(false), "that turn has found nothing");
        let reason = far.close_reason().map(ToString::to_string).unwrap_or_default();
        assert!(reason.contains("broken pipe"), "{reason}");
        assert_eq!(far.poll_timeout().filter(|due| *due <= late), None, "nobody spins");
    });
}

#[test]
fn what_ends_the_input_after_a_failed_write_has_the_words_of_the_write() {
    for end in [0, 1] {
        let mut world = World::new(usize::MAX);
        let mut reply = start(&world.near, &SAY, Request::new(Bytes::from("sleep")));
        world.settle();
        let now = world.now;
        world.near.lend(|near| {
            near.write_failed(now, &"broken pipe", &Outgoing::new());
            match end {
                0 => near.receive_eof(now),
                _ => near.lost(now, "reset".into(), None),
            }
            assert!(near.is_over(false));
        });
        let Poll::Ready(Err(status)) = reply.poll_reply() else { panic!("it is lost") };
        assert!(status.message().contains("broken pipe"), "{status}");
    }
}

#[test]
fn a_peer_that_goes_on_talking_after_a_failed_write_is_heard_for_8_mib() {
    let mut world = World::new(usize::MAX);
    world.settle();
    let now = world.now;
    // Frames of a kind that nobody knows, 16 KiB each, in pieces that do not fit them.
    let frames = [&[0, 0x40, 0, 99, 0, 0, 0, 0, 0][..], &[0; 0x4000]].concat().repeat(600);
    world.far.lend(|far| {
        far.write_failed(now, &"broken pipe", &Outgoing::new());
        let (mut input, mut taken) = (Incoming::new(), 0);
        for piece in frames.chunks(10_000) {
            if !far.wants_input() {
                break;
            }
            input.extend_from_slice(piece);
            let _ = far.receive(now, &mut input);
            taken += piece.len();
            far.handle_timeout(now);
        }
        assert!((8 << 20..9 << 20).contains(&taken), "{taken}");
        let reason = far.close_reason().map(ToString::to_string).unwrap_or_default();
        assert!(reason.contains("broken pipe"), "{reason}");
    });
}
