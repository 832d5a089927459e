//! What looks like an attack and is gRPC as its users use it: none of it is punished.

mod peers;

use peers::*;
use proto_core::call::{CallOptions, Head, Kind, Recv};
use proto_core::error::ErrorCode;
use proto_core::frame::{self, kind};
use proto_core::testkit::{Faults, Pair};
use proto_core::{Config, MessageBuf, Metadata, Status};
use std::time::Duration;

/// A call that the server accepts and the client cancels; its handler lets go at once.
fn cancelled(raw: &mut RawServer, stream: u32) {
    let id = accept(raw, stream, Kind::BIDI, false);
    raw.send_frame(kind::RST_STREAM, 0, stream, &8u32.to_be_bytes()).expect("no crime");
    let now = raw.clock.now();
    raw.connection.call(id).unwrap().release(now);
    raw.frames();
}

#[test]
fn a_client_may_cancel_a_thousand_calls_in_a_row() {
    let mut raw = server(Config::default());
    for n in 0..1_000 {
        cancelled(&mut raw, 2 * n + 1);
    }
    assert!(!raw.connection.is_closed());
}

#[test]
fn a_client_that_dies_may_reset_five_hundred_calls_together() {
    let mut raw = server(Config { max_concurrent_streams: 500, ..Config::default() });
    let ids: Vec<_> = (0..500).map(|n| accept(&mut raw, 2 * n + 1, Kind::BIDI, false)).collect();
    for n in 0..500 {
        raw.send_frame(kind::RST_STREAM, 0, 2 * n + 1, &8u32.to_be_bytes()).expect("no crime");
    }
    let now = raw.clock.now();
    for id in ids {
        assert!(raw.connection.call(id).unwrap().is_cancelled());
        raw.connection.call(id).unwrap().release(now);
    }
    accept(&mut raw, 1_001, Kind::BIDI, false);
}

#[test]
fn a_client_that_hedges_may_cancel_half_of_its_calls_for_ever() {
    let mut raw = server(Config::default());
    raw.send_with(|out| frame::window_update(out, 0, 1 << 30)).unwrap();
    for n in 0..20_000 {
        cancelled(&mut raw, 4 * n + 1);
        let id = accept(&mut raw, 4 * n + 3, Kind::UNARY, false);
        raw.send_data(4 * n + 3, &message(b"q"), true).unwrap();
        let now = raw.clock.now();
        let mut call = raw.connection.call(id).unwrap();
        call.reply(now, &Metadata::new(), &b"r"[..], &Metadata::new()).unwrap();
        call.release(now);
        raw.frames();
    }
}

#[test]
fn calls_that_were_long_at_work_may_all_be_given_up() {
    let mut raw = server(Config::default());
    for round in 0..50u32 {
        let ids: Vec<_> = (0..100).map(|n| accept(&mut raw, 200 * round + 2 * n + 1, Kind::BIDI, false)).collect();
        raw.clock.advance(Duration::from_secs(1));
        for n in 0..100 {
            raw.send_frame(kind::RST_STREAM, 0, 200 * round + 2 * n + 1, &8u32.to_be_bytes()).expect("no crime");
        }
        let now = raw.clock.now();
        for id in ids {
            raw.connection.call(id).unwrap().release(now);
        }
        raw.frames();
    }
}

#[test]
fn a_hundred_thousand_tiny_messages_pass_both_ways() {
    const MESSAGES: usize = 100_000;
    let mut pair = Pair::new(Config::default(), Config::default(), Faults::NONE);
    let now = pair.now();
    let options = CallOptions { kind: Kind::BIDI, ..CallOptions::default() };
    let id = pair.client.start(now, Head::new("/a.B/C"), &options).unwrap();
    pair.settle();
    let served = pair.server.accept().unwrap();
    pair.server.call(served).unwrap().set_kind(Kind::BIDI);
    let (mut sent, mut echoed, mut got, mut buf) = (0, 0, 0, MessageBuf::new());
    while got < MESSAGES {
        let before = sent + echoed + got;
        while sent < MESSAGES && pair.client.call(id).unwrap().send(now, &b""[..]).is_ok() {
            sent += 1;
        }
        pair.settle();
        let mut call = pair.server.call(served).unwrap();
        while call.can_send() && matches!(call.recv(now, &mut buf), Recv::Message) {
            call.send(now, &b"x"[..]).unwrap();
            echoed += 1;
        }
        pair.settle();
        while let Recv::Message = pair.client.call(id).unwrap().recv(now, &mut buf) {
            got += 1;
        }
        assert!(sent + echoed + got > before, "nothing moves any more");
    }
    let now = pair.now();
    assert!(pair.server.call(served).unwrap().finish(now, &Status::OK, &Metadata::new()));
    pair.settle();
    assert!(matches!(pair.client.call(id).unwrap().recv(now, &mut buf), Recv::End));
}

#[test]
fn each_message_in_a_frame_of_its_own_is_no_crime() {
    let mut raw = server(Config::default());
    let id = accept(&mut raw, 1, Kind::CLIENT_STREAMING, false);
    let (now, mut buf) = (raw.clock.now(), MessageBuf::new());
    for _ in 0..100_000 {
        raw.send_data(1, &message(b""), false).expect("no crime");
        assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut buf), Recv::Message));
        raw.frames();
    }
}

#[test]
fn connections_that_go_away_again_and_again_are_replaced_without_a_call_lost() {
    for round in 0..200 {
        let mut pair = Pair::new(Config::default(), Config::default(), Faults::delays(round + 1));
        pair.settle();
        let now = pair.now();
        let id = pair.client.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap();
        pair.client.call(id).unwrap().send_last(now, &b"q"[..]).unwrap();
        pair.server.shutdown(now, Duration::from_secs(10));
        pair.settle();
        let now = pair.now();
        let served = pair.server.accept().expect("it left before the client knew");
        let mut call = pair.server.call(served).unwrap();
        call.set_kind(Kind::UNARY);
        call.reply(now, &Metadata::new(), &b"r"[..], &Metadata::new()).unwrap();
        call.release(now);
        pair.settle();
        let now = pair.now();
        assert!(pair.client.call(id).unwrap().outcome().is_some_and(Status::is_ok));
        pair.client.call(id).unwrap().release(now);
        pair.settle();
        assert!(pair.client.is_closed() && pair.server.is_closed());
    }
}

#[test]
fn frames_that_crossed_our_last_goaway_are_no_crime() {
    let mut raw = server(Config::default());
    let id = accept(&mut raw, 1, Kind::BIDI, false);
    let now = raw.clock.now();
    raw.connection.shutdown(now, Duration::from_secs(600));
    raw.clock.advance(Duration::from_secs(21));
    let now = raw.clock.now();
    raw.connection.handle_timeout(now);
    raw.frames();
    // The ping was not answered in time: the last GOAWAY went out, and the client did not know.
    raw.send_headers(3, &REQUEST, false).unwrap();
    raw.send_data(3, &message(b"q"), false).unwrap();
    raw.send_with(|out| frame::window_update(out, 3, 100)).expect("it crossed our GOAWAY");
    raw.send_with(|out| frame::rst_stream(out, 3, ErrorCode::Cancel)).expect("it crossed our GOAWAY");
    assert!(raw.connection.call(id).unwrap().outcome().is_none(), "the other call goes on");
}

#[test]
fn peers_with_the_least_of_everything_are_served() {
    let mut raw = server(Config::default());
    // No table, windows of one byte, header lists of one byte: the last is advisory.
    raw.send_with(|out| frame::settings(out, &[(1, 0), (4, 1), (6, 1)])).unwrap();
    for n in 0..100 {
        let stream = 2 * n + 1;
        let id = accept(&mut raw, stream, Kind::UNARY, false);
        raw.send_data(stream, &message(b"q"), true).unwrap();
        let now = raw.clock.now();
        let mut call = raw.connection.call(id).unwrap();
        call.reply(now, &Metadata::new(), &b"r"[..], &Metadata::new()).unwrap();
        call.release(now);
        let mut frames = raw.frames();
        for _ in 0..6 {
            raw.send_with(|out| frame::window_update(out, stream, 1)).unwrap();
            frames.extend(raw.frames());
        }
        let data: Vec<u8> =
            frames.iter().filter(|f| f.head.kind == kind::DATA).flat_map(|f| f.payload.clone()).collect();
        assert_eq!((data, resets(&frames)), (message(b"r"), vec![]));
        assert!(frames.last().is_some_and(|f| f.head.kind == kind::HEADERS), "the trailers");
    }
}
