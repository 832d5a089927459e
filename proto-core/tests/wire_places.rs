//! Places of streams, and what time and settings mean for streams that are over and not let go of.

mod peers;

use peers::*;
use proto_core::call::{CallOptions, Head, Kind, Recv};
use proto_core::connection::Event;
use proto_core::error::{ConnectionError, ErrorCode};
use proto_core::frame::{self, kind};
use proto_core::{Code, Config, MessageBuf};
use std::time::Duration;

#[test]
fn a_call_that_failed_keeps_its_place_until_its_handler_has_let_go() {
    // The stream ends with trailers, the handler is still at work: a peer that breaks its requests must not have more handlers run than it may.
    let mut raw = server(Config { max_concurrent_streams: 2, ..Config::default() });
    for stream in [1, 3] {
        let id = accept(&mut raw, stream, Kind::BIDI, false);
        raw.send_data(stream, &[9; 5], true).unwrap();
        let now = raw.clock.now();
        assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::Failed(_)));
    }
    raw.frames();
    raw.send_headers(5, &REQUEST, false).unwrap();
    assert_eq!(raw.connection.accept(), None, "both handlers are at work");
    assert_eq!(resets(&raw.frames()), [ErrorCode::RefusedStream.to_wire()]);
}

#[test]
fn a_deadline_that_ends_a_call_keeps_its_place_until_its_handler_has_let_go() {
    let mut raw = server(Config { max_concurrent_streams: 1, ..Config::default() });
    raw.send_headers(1, &[&REQUEST[..], &[("grpc-timeout", "1m")]].concat(), true).unwrap();
    let id = raw.connection.accept().expect("a call");
    raw.connection.call(id).unwrap().set_kind(Kind::BIDI);
    raw.clock.advance(Duration::from_millis(2));
    let now = raw.clock.now();
    raw.connection.handle_timeout(now);
    assert!(raw.connection.call(id).unwrap().is_cancelled());
    raw.send_headers(3, &REQUEST, true).unwrap();
    assert_eq!(raw.connection.accept(), None);
    raw.connection.call(id).unwrap().release(now);
    raw.send_headers(5, &REQUEST, true).unwrap();
    assert!(raw.connection.accept().is_some());
}

#[test]
fn no_event_names_a_call_that_was_never_accepted() {
    let mut raw = server(Config::default());
    raw.send_headers(1, &REQUEST, false).unwrap();
    assert_eq!(server_events(&mut raw), [Event::Incoming]);
    raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    assert_eq!(server_events(&mut raw), []);
    assert_eq!((raw.connection.accept(), raw.connection.active_calls()), (None, 0));
}

#[test]
fn idleness_counts_from_the_release_of_the_last_call() {
    let second = Duration::from_secs(1);
    let mut raw = client(Config { idle_timeout: Some(10 * second), ..Config::default() });
    let id = start(&mut raw, Kind::UNARY, Some(b"q"));
    raw.frames();
    raw.send_headers(1, &[&RESPONSE[..], &[("grpc-status", "5")]].concat(), true).unwrap();
    // The first idle time passes while the call is held.
    raw.clock.advance(11 * second);
    let now = raw.clock.now();
    raw.connection.handle_timeout(now);
    raw.clock.advance(60 * second);
    let now = raw.clock.now();
    raw.connection.call(id).unwrap().release(now);
    assert_eq!(raw.connection.poll_timeout(), Some(now + 10 * second));
}

#[test]
fn a_window_of_a_stream_that_is_closed_does_not_overflow() {
    let mut raw = client(Config::default());
    let id = start(&mut raw, Kind::UNARY, Some(b"q"));
    raw.frames();
    raw.send_with(|out| frame::window_update(out, 1, 0x7fff_ffff - 65_535)).unwrap();
    raw.send_headers(1, &[&RESPONSE[..], &[("grpc-status", "5")]].concat(), true).unwrap();
    // The stream is closed at the server, which raises the window of those to come; our caller has not let go of it.
    raw.send_with(|out| frame::settings(out, &[(4, 1 << 20)])).expect("the stream does not count any more");
    assert_eq!(verdict(&mut raw, id).code(), Code::NotFound);
}

#[test]
fn goaways_without_end_have_a_budget() {
    let mut raw = client(Config::default());
    start(&mut raw, Kind::BIDI, None);
    let mut taken = 0;
    let error = loop {
        match raw.send_with(|out| frame::goaway(out, 1, ErrorCode::NoError, b"again")) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ConnectionError::PeerMisbehaved { code: ErrorCode::EnhanceYourCalm, .. }), "{error}");
    assert!((1_000..1_100).contains(&taken), "{taken}");
    assert_eq!(goaway(&raw.frames()), Some(ErrorCode::EnhanceYourCalm.to_wire()));
}

#[test]
fn a_stream_that_was_refused_after_an_answer_is_not_sent_again() {
    for by_goaway in [false, true] {
        let mut raw = client(Config::default());
        let now = raw.clock.now();
        let options = CallOptions { kind: Kind::BIDI, ..CallOptions::default() };
        let id = raw.connection.start(now, Head::new("/a/b"), &options).unwrap();
        raw.frames();
        raw.send_headers(1, &RESPONSE, false).unwrap();
        if by_goaway {
            raw.send_with(|out| frame::goaway(out, 0, ErrorCode::NoError, b"")).unwrap();
        } else {
            raw.send_with(|out| frame::rst_stream(out, 1, ErrorCode::RefusedStream)).unwrap();
        }
        let status = verdict(&mut raw, id);
        assert_eq!((status.code(), status.can_retry()), (Code::Unavailable, false), "{status:?}");
    }
}
