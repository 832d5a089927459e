//! States in which both ends could wait for ever: windows, loans, held calls, streams that nobody ends.

mod peers;

use bytes::Bytes;
use peers::*;
use proto_core::call::{CallId, CallOptions, Head, Kind, Recv, SendError};
use proto_core::connection::{Connection, Event};
use proto_core::frame::{self, kind};
use proto_core::h2::Side;
use proto_core::testkit::Clock;
use proto_core::{Code, Config, MessageBuf};
use std::time::Duration;

#[test]
fn early_trailers_drop_what_is_queued_behind_a_closed_window() {
    let mut raw = client(Config::default());
    raw.send_with(|out| frame::settings(out, &[(4, 10)])).unwrap();
    let id = start(&mut raw, Kind::UNARY, Some(&[1; 1_000]));
    raw.frames();
    raw.send_headers(1, &[&RESPONSE[..], &[("grpc-status", "8")]].concat(), true).unwrap();
    assert_eq!(verdict(&mut raw, id).code(), Code::ResourceExhausted);
    assert_eq!(resets(&raw.frames()), [0], "the client stops sending");
    let now = raw.clock.now();
    raw.connection.call(id).unwrap().release(now);
    assert_eq!(raw.connection.unsent(), 0);
    // Its place is free again.
    raw.send_with(|out| frame::settings(out, &[(3, 1)])).unwrap();
    start(&mut raw, Kind::UNARY, Some(b"q"));
    assert!(raw.frames().iter().any(|frame| frame.head.kind == kind::HEADERS));
}

#[test]
fn early_trailers_leave_a_request_alone_that_has_left() {
    let mut raw = client(Config::default());
    let id = start(&mut raw, Kind::UNARY, Some(b"q"));
    raw.send_headers(1, &[&RESPONSE[..], &[("grpc-status", "8")]].concat(), true).unwrap();
    assert!(raw.connection.call(id).unwrap().all_sent());
    assert_eq!(resets(&raw.frames()), [0; 0]);
}

#[test]
fn held_calls_are_announced_when_the_output_is_dropped_and_not_sent() {
    let mut raw = server(Config::default());
    raw.send_with(|out| frame::window_update(out, 0, 0x7000_0000)).unwrap();
    let stuck = accept(&mut raw, 1, Kind::SERVER_STREAMING, false);
    raw.send_data(1, &message(b"q"), true).unwrap();
    let now = raw.clock.now();
    let reply = Bytes::from(vec![1; 2_000_000]);
    raw.connection.call(stuck).unwrap().send(now, &reply).unwrap();
    raw.frames();
    assert!(raw.connection.unsent() > 1_000_000, "the stream's window is closed");
    raw.send_headers(3, &REQUEST, false).unwrap();
    while raw.connection.poll_event().is_some() {}
    assert_eq!(raw.connection.accept(), None);
    // The peer gives up the stream that is in the way: there is nothing left to send.
    raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    assert!(server_events(&mut raw).contains(&Event::Incoming), "or nobody would ask again");
    assert!(raw.connection.accept().is_some());
}

#[test]
fn a_request_of_which_the_handler_took_the_message_early_is_complete_at_its_end() {
    let mut raw = server(Config::default());
    let id = accept(&mut raw, 1, Kind::UNARY, false);
    raw.send_data(1, &message(b"q"), false).unwrap();
    let now = raw.clock.now();
    assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::Message));
    raw.send_data(1, &[], true).unwrap();
    let call = raw.connection.call(id).unwrap();
    assert!(call.outcome().is_none() && call.can_start(), "{:?}", call.outcome());
    // A second message is one too many all the same.
    let id = accept(&mut raw, 3, Kind::UNARY, false);
    raw.send_data(3, &message(b"q"), false).unwrap();
    assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::Message));
    raw.send_data(3, &message(b"r"), true).unwrap();
    let verdict = raw.connection.call(id).unwrap().outcome().map(|status| status.code());
    assert_eq!(verdict, Some(Code::Unimplemented));
}

#[test]
fn timers_progress_whatever_was_called_with_which_time() {
    let second = Duration::from_secs(1);
    let config = Config { idle_timeout: Some(second), keepalive_interval: Some(second), ..Config::default() };
    let mut raw = client(config);
    let now = raw.clock.now();
    let deadline = Some(now + 5 * second);
    let options = CallOptions { deadline, ..CallOptions::default() };
    let id = raw.connection.start(now, Head::new("/a/b"), &options).unwrap();
    // HTTP/2 heard of the time long ago; the call ends and is released much later.
    let later = now + 10 * second;
    raw.connection.handle_timeout(later);
    assert!(raw.connection.poll_timeout().is_none_or(|due| due > later));
    raw.connection.call(id).unwrap().release(later);
    assert!(!raw.connection.is_closed(), "it was not idle while it had a call");
    assert!(raw.connection.poll_timeout().is_none_or(|due| due > later), "what is due is served");
}

#[test]
fn a_blocked_sender_hears_of_every_way_in_which_its_call_can_end() {
    type End = fn(&mut RawClient, CallId);
    let ends: [(&str, End); 5] = [
        ("trailers", |raw, _| raw.send_headers(1, &TRAILERS_ONLY_OK, true).unwrap()),
        ("reset", |raw, _| raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap()),
        ("loss", |raw, _| raw.connection.receive_eof(raw.clock.now())),
        ("goaway", |raw, _| {
            raw.send_with(|out| frame::goaway(out, 0, proto_core::error::ErrorCode::NoError, b"")).unwrap()
        }),
        ("cancel", |raw, id| {
            let now = raw.clock.now();
            raw.connection.call(id).unwrap().cancel(now, proto_core::Status::OK);
        }),
    ];
    for (what, end) in ends {
        let mut raw = client(Config::default());
        let id = start(&mut raw, Kind::BIDI, None);
        let now = raw.clock.now();
        while raw.connection.call(id).unwrap().send(now, &[1; 10_000][..]).is_ok() {}
        raw.frames();
        while raw.connection.call(id).unwrap().send(now, &[1; 10_000][..]).is_ok() {}
        while raw.connection.poll_event().is_some() {}
        end(&mut raw, id);
        let events = client_events(&mut raw);
        assert!(events.contains(&Event::Writable(id)) || events.contains(&Event::Ended(id)), "{what}: {events:?}");
        let now = raw.clock.now();
        assert!(matches!(raw.connection.call(id).unwrap().send(now, &b"x"[..]), Err(SendError::Ended)), "{what}");
    }
}

#[test]
fn a_loan_that_is_granted_before_our_settings_are_acknowledged_still_covers_the_message_afterwards() {
    let config = Config { stream_window: 100, ..Config::default() };
    let mut raw = RawServer::over(Side::Server, Connection::server(config, Clock::new().now()));
    raw.send_with(|out| {
        out.extend_from_slice(frame::PREFACE);
        frame::settings(out, &[]);
    })
    .unwrap();
    let id = accept(&mut raw, 1, Kind::BIDI, false);
    let body = message(&[7; 70_000]);
    // All that the window allows that a client begins with.
    body[..65_535].chunks(16_384).for_each(|piece| raw.send_data(1, piece, false).unwrap());
    let now = raw.clock.now();
    assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::Pending));
    // Now the client learns that its window was only 100 bytes, and acknowledges it.
    raw.send_with(frame::settings_ack).unwrap();
    let updates =
        raw.frames().into_iter().filter(|frame| (frame.head.kind, frame.head.stream) == (kind::WINDOW_UPDATE, 1));
    let given: i64 = updates.map(|frame| i64::from(u32::from_be_bytes(frame.payload[..4].try_into().unwrap()))).sum();
    let (window, missing) = (100 - 65_535 + given, body.len() as i64 - 65_535);
    assert!(window >= missing, "{missing} bytes are missing, and the client may send {window}");
}
