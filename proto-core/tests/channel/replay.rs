//! What a streaming client has sent is sent again in full, in order and once, or not at all.

use bytes::Bytes;
use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::channel::{Attempt, Next, REPLAY_LIMIT, Replay};
use proto_core::connection::{Client, Connection};
use proto_core::frame::{flag, kind};
use proto_core::grpc::{Local, Seen};
use proto_core::h2::Side;
use proto_core::testkit::{Clock, H2Raw, Random};
use proto_core::{Config, Instant, MessageBuf, Origin, Payload, Status};
use std::time::Duration;

type Raw = H2Raw<Connection<Client>>;

/// REFUSED_STREAM (RFC 9113 section 7).
const REFUSED: u32 = 7;

fn connect() -> Raw {
    let mut raw = Raw::over(Side::Client, Connection::client(Config::default(), Clock::new().now()));
    raw.greet();
    raw
}

fn start(raw: &mut Raw) -> CallId {
    let options = CallOptions { kind: Kind::BIDI, ..CallOptions::default() };
    raw.connection.start(raw.clock.now(), Head::new("/a.B/C"), &options).expect("it starts")
}

/// As a runtime does: to the connection first, then to the replay.
fn send(raw: &mut Raw, id: CallId, replay: &mut Replay, message: Payload<'_>) {
    let (now, attempt) = (raw.clock.now(), replay.attempt());
    raw.connection.call(id).unwrap().send(now, message).expect("it is accepted");
    assert!(replay.sent(attempt, message));
}

/// The body of the stream so far, and whether it was ended.
fn body(raw: &mut Raw, stream: u32) -> (Vec<u8>, bool) {
    let frames = raw.frames();
    let data: Vec<_> = frames.iter().filter(|f| f.head.kind == kind::DATA && f.head.stream == stream).collect();
    let ended = data.iter().any(|f| f.head.flags & flag::END_STREAM != 0);
    (data.iter().flat_map(|f| f.payload.clone()).collect(), ended)
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let frame = |m: &Vec<u8>| [&[0][..], &(m.len() as u32).to_be_bytes(), m].concat();
    messages.iter().flat_map(frame).collect()
}

fn status_of(raw: &mut Raw, id: CallId) -> Status {
    let now = raw.clock.now();
    match raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()) {
        Recv::Failed(status) => status,
        other => panic!("{other:?}"),
    }
}

fn refused(raw: &mut Raw, id: CallId) -> Status {
    raw.send_frame(kind::RST_STREAM, 0, 1, &REFUSED.to_be_bytes()).unwrap();
    status_of(raw, id)
}

fn lost() -> Status {
    Status::unavailable("").with_origin(Origin::Local(Local::ConnectionLost)).with_seen(Seen::No)
}

fn after(replay: &mut Replay, attempt: Attempt, status: &Status) -> Next {
    replay.after(attempt, Instant::ZERO, None, status)
}

#[test]
fn a_refused_call_is_sent_again_with_all_its_messages_and_its_half_close() {
    for ended in [false, true] {
        let mut replay = Replay::new(REPLAY_LIMIT);
        let mut raw = connect();
        let id = start(&mut raw);
        let messages = [b"one".to_vec(), vec![], vec![7; 40_000], b"four".to_vec()];
        send(&mut raw, id, &mut replay, Payload::Slice(&messages[0]));
        send(&mut raw, id, &mut replay, Payload::Slice(&messages[1]));
        send(&mut raw, id, &mut replay, Payload::Shared(&Bytes::from(messages[2].clone())));
        send(&mut raw, id, &mut replay, Payload::Slice(&messages[3]));
        let first = replay.attempt();
        if ended {
            raw.connection.call(id).unwrap().finish(raw.clock.now()).unwrap();
            assert!(replay.ended(first));
        }
        raw.frames();
        let status = refused(&mut raw, id);
        assert_eq!(after(&mut replay, first, &status), Next::Again);

        let mut raw = connect();
        let id = start(&mut raw);
        replay.script().play(raw.clock.now(), &mut raw.connection.call(id).unwrap());
        let expected = framed(&messages);
        let before = body(&mut raw, 1);
        assert!(before == (expected, ended), "within the windows of a new connection");
        if !ended {
            // The call goes on behind it.
            send(&mut raw, id, &mut replay, Payload::Slice(b"five"));
            raw.connection.call(id).unwrap().finish(raw.clock.now()).unwrap();
            assert_eq!(body(&mut raw, 1), (framed(&[b"five".to_vec()]), true));
        }
    }
}

#[test]
fn a_replay_waits_for_a_stream_in_front_of_what_is_sent_after_it() {
    let mut replay = Replay::new(REPLAY_LIMIT);
    let first = replay.attempt();
    let messages = [vec![1; 30_000], vec![2; 30_000], vec![3; 30_000]];
    for message in &messages {
        assert!(replay.sent(first, Payload::Shared(&Bytes::from(message.clone()))));
    }
    assert_eq!(after(&mut replay, first, &lost()), Next::Again);
    let mut raw = connect();
    raw.send_with(|out| proto_core::frame::settings(out, &[(3, 1)])).unwrap();
    let blocking = start(&mut raw);
    let id = start(&mut raw);
    let now = raw.clock.now();
    replay.script().play(now, &mut raw.connection.call(id).unwrap());
    assert!(raw.connection.unsent() >= 90_000, "counted as what waits");
    assert!(!raw.connection.call(id).unwrap().can_send(), "what follows waits for room");
    assert!(body(&mut raw, 3).0.is_empty());
    raw.connection.call(blocking).unwrap().release(now);
    let mut sent = body(&mut raw, 3).0;
    raw.send_with(|out| proto_core::frame::window_update(out, 3, 100_000)).unwrap();
    raw.send_with(|out| proto_core::frame::window_update(out, 0, 100_000)).unwrap();
    sent.extend(body(&mut raw, 3).0);
    assert!(sent == framed(&messages), "in order, once");
    raw.connection.call(id).unwrap().send(now, &b"x"[..]).expect("there is room again");
}

#[test]
fn what_an_attempt_took_that_is_over_does_not_count_as_sent() {
    let mut replay = Replay::new(REPLAY_LIMIT);
    let first = replay.attempt();
    assert!(replay.sent(first, Payload::Slice(b"a")));
    assert_eq!(after(&mut replay, first, &lost()), Next::Again);
    assert!(!replay.sent(first, Payload::Slice(b"b")));
    assert!(!replay.ended(first));
    assert_eq!(after(&mut replay, first, &lost()), Next::Moved, "the other half knows already");
    let second = replay.attempt();
    assert!(replay.sent(second, Payload::Slice(b"b")) && replay.ended(second));
    assert_eq!(after(&mut replay, second, &lost()), Next::Again);
    assert_eq!(replay.script().len(), 12, "once each");
}

#[test]
fn a_call_that_sends_more_than_the_limit_or_is_answered_is_not_sent_again() {
    let mut replay = Replay::new(100);
    let first = replay.attempt();
    assert!(replay.sent(first, Payload::Slice(&[1; 95])));
    assert_eq!((replay.len(), replay.is_committed()), (100, false));
    assert!(replay.sent(first, Payload::Slice(b"")));
    assert_eq!((replay.len(), replay.is_committed()), (0, true));
    assert_eq!(after(&mut replay, first, &lost()), Next::GiveUp);

    let mut replay = Replay::new(REPLAY_LIMIT);
    let first = replay.attempt();
    assert!(replay.sent(first, Payload::Slice(b"a")));
    replay.commit();
    assert!(replay.sent(first, Payload::Slice(b"b")) && replay.ended(first), "it still goes on");
    assert_eq!((replay.len(), after(&mut replay, first, &lost())), (0, Next::GiveUp));
}

#[test]
fn a_call_that_left_is_sent_again_once_and_never_after_its_deadline() {
    let mut replay = Replay::new(REPLAY_LIMIT);
    for expected in [Next::Again, Next::GiveUp] {
        let mut raw = connect();
        let id = start(&mut raw);
        replay.script().play(raw.clock.now(), &mut raw.connection.call(id).unwrap());
        raw.frames();
        let status = refused(&mut raw, id);
        let attempt = replay.attempt();
        assert_eq!(after(&mut replay, attempt, &status), expected);
    }
    let mut replay = Replay::new(REPLAY_LIMIT);
    let (attempt, deadline) = (replay.attempt(), Instant::ZERO + Duration::from_secs(1));
    assert_eq!(replay.after(attempt, deadline, Some(deadline), &lost()), Next::GiveUp);
}

#[test]
fn any_order_of_sends_and_losses_delivers_each_message_once_and_in_order() {
    for seed in 0..300 {
        let mut random = Random::seed(seed);
        let mut replay = Replay::new(REPLAY_LIMIT);
        let (mut raw, mut expected) = (connect(), Vec::new());
        let mut id = start(&mut raw);
        for step in 0..random.below(40) {
            if random.below(4) == 0 {
                let attempt = replay.attempt();
                assert_eq!(after(&mut replay, attempt, &lost()), Next::Again);
                raw = connect();
                id = start(&mut raw);
                replay.script().play(raw.clock.now(), &mut raw.connection.call(id).unwrap());
            } else {
                let message = vec![step as u8; [0, 3, 900, 5_000, 17_000][random.below(5)]];
                if expected.iter().map(Vec::len).sum::<usize>() + message.len() < 60_000 {
                    send(&mut raw, id, &mut replay, Payload::Shared(&Bytes::from(message.clone())));
                    expected.push(message);
                }
            }
        }
        assert!(body(&mut raw, 1).0 == framed(&expected), "seed {seed}");
    }
}
