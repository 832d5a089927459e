//! A server against a scripted client: requests as clients are known to send them, proper and improper, and the right
//! answers. Each whole, byte by byte, and in random pieces.

use proto_core::buf::Payload;
use proto_core::call::{CallId, Kind, Recv};
use proto_core::connection::{Connection, Event, Server};
use proto_core::error::ErrorCode;
use proto_core::frame::{self, flag, kind};
use proto_core::h2::Side;
use proto_core::hpack::HeaderList;
use proto_core::testkit::{Chop, Clock, H2Raw, Random, RawFrame};
use proto_core::{Code, Config, MessageBuf, Metadata, Status};
use std::time::Duration;

type Raw = H2Raw<Connection<Server>>;

const REQUEST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    (":authority", "host"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];

fn connect(config: Config, chop: Chop) -> Raw {
    let mut raw = Raw::over(Side::Server, Connection::server(config, Clock::new().now()));
    raw.greet();
    raw.chop = chop;
    raw
}

fn chops() -> Vec<Chop> {
    let seeded = (1..10).map(|seed| Chop::Random(Random::seed(seed)));
    [Chop::Whole, Chop::Ones].into_iter().chain(seeded).collect()
}

/// A proper request with these fields instead of its own, or beside them.
fn request<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = REQUEST.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let changed = changed.iter().filter(|(_, value)| *value != "(none)");
    let (pseudo, other): (Vec<_>, Vec<_>) = usual.chain(changed).copied().partition(|(name, _)| name.starts_with(':'));
    [pseudo, other].concat()
}

/// The response on stream 1 to a request that gets no handler.
fn refused(changed: &[(&str, &str)]) -> HeaderList {
    let mut answer = None;
    for chop in chops() {
        let mut raw = connect(Config::default(), chop);
        raw.send_headers(1, &request(changed), false).unwrap();
        assert_eq!(raw.connection.accept(), None, "no handler sees it");
        let frames = raw.frames();
        assert_eq!((frames[0].head.kind, frames[0].head.flags), (kind::HEADERS, flag::END_HEADERS | flag::END_STREAM));
        assert_eq!(frames.iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [0], "RST_STREAM(NO_ERROR)");
        assert_eq!(raw.connection.active_calls(), 0);
        answer = Some(raw.fields(&frames[0]));
    }
    answer.expect("an answer")
}

fn field(list: &HeaderList, name: &str) -> Option<String> {
    list.iter().find(|f| f.name.as_bytes() == name.as_bytes()).map(|f| String::from_utf8_lossy(f.value).into())
}

/// The status of a response that is trailers alone.
fn status(list: &HeaderList) -> (Code, String) {
    assert_eq!(field(list, ":status").as_deref(), Some("200"));
    assert_eq!(field(list, "content-type").as_deref(), Some("application/grpc"));
    let code = field(list, "grpc-status").expect("a status");
    (Code::parse(code.as_bytes()), field(list, "grpc-message").unwrap_or_default())
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((body.len() as u32).to_be_bytes());
    framed.extend(body);
    framed
}

/// A request that is accepted.
fn accept(raw: &mut Raw, stream: u32, changed: &[(&str, &str)], kind: Kind) -> CallId {
    raw.send_headers(stream, &request(changed), false).unwrap();
    let id = raw.connection.accept().expect("a call");
    raw.connection.call(id).unwrap().set_kind(kind);
    raw.frames();
    id
}

fn outcome(raw: &mut Raw, id: CallId) -> Option<Code> {
    raw.connection.call(id).unwrap().outcome().map(Status::code)
}

#[test]
fn a_content_type_that_is_not_grpc_is_http_415() {
    for value in ["text/html", "application/grpcfoo", "application/grpc-web", "(none)"] {
        let answer = refused(&[("content-type", value)]);
        assert_eq!((field(&answer, ":status").as_deref(), answer.len()), (Some("415"), 1), "{value}");
    }
}

#[test]
fn another_codec_or_verb_is_unknown() {
    let (code, text) = status(&refused(&[("content-type", "application/grpc+json")]));
    assert!(code == Code::Unknown && text.contains("json") && text.contains("proto"), "{text}");
    let (code, text) = status(&refused(&[(":method", "GET")]));
    assert!(code == Code::Unknown && text.contains("GET"), "{text}");
}

#[test]
fn a_path_without_a_leading_slash_is_never_dispatched() {
    let (code, text) = status(&refused(&[(":path", "a.B/C")]));
    assert!(code == Code::Unimplemented && text.contains("a.B/C"), "{text}");
}

#[test]
fn a_malformed_timeout_is_internal() {
    for value in ["1", "S", "1x", "123456789S", "-1S", "1 S"] {
        let (code, text) = status(&refused(&[("grpc-timeout", value)]));
        assert!(code == Code::Internal && text.contains("grpc-timeout"), "{value}: {text}");
    }
}

#[test]
fn a_timeout_of_zero_is_the_deadline_at_once() {
    for value in ["0S", "00000000n"] {
        assert_eq!(status(&refused(&[("grpc-timeout", value)])).0, Code::DeadlineExceeded);
    }
}

#[test]
fn an_unknown_encoding_is_unimplemented_and_says_what_is_accepted() {
    let answer = refused(&[("grpc-encoding", "snappy")]);
    assert_eq!(status(&answer).0, Code::Unimplemented);
    assert_eq!(field(&answer, "grpc-accept-encoding").as_deref(), Some("identity"));
}

#[test]
fn binary_metadata_that_is_not_base64_is_internal() {
    assert_eq!(status(&refused(&[("x-bin", "***")])).0, Code::Internal);
}

#[test]
fn a_header_list_over_the_limit_is_refused() {
    let mut raw = connect(Config { max_header_list_size: 1_000, ..Config::default() }, Chop::Whole);
    raw.send_headers(1, &request(&[("x", &"v".repeat(1_000))]), true).unwrap();
    assert_eq!(raw.connection.accept(), None);
    let frames = raw.frames();
    assert_eq!(field(&raw.fields(&frames[0]), ":status").as_deref(), Some("431"));
    accept(&mut raw, 3, &[], Kind::UNARY);
}

#[test]
fn variants_of_a_proper_request_are_accepted() {
    for changed in [
        &[("te", "(none)")][..],
        &[("content-type", "application/grpc+proto")],
        &[("content-type", "application/grpc;charset=utf-8")],
        &[("grpc-encoding", "identity")],
        &[("grpc-timeout", "99999999H")],
        &[("grpc-timeout", "1n")],
        &[("user-agent", "x")],
        &[("grpc-unknown", "x")],
        &[(":authority", "(none)"), ("host", "h")],
    ] {
        for chop in chops() {
            let mut raw = connect(Config::default(), chop);
            raw.send_headers(1, &request(changed), false).unwrap();
            let id = raw.connection.accept().unwrap_or_else(|| panic!("{changed:?}"));
            let call = raw.connection.call(id).unwrap();
            assert_eq!(call.head().path, "/a.B/C");
            assert!(["host", "h"].contains(&call.head().authority));
        }
    }
}

#[test]
fn a_server_for_every_codec_accepts_all() {
    let mut raw = connect(Config { codec: None, ..Config::default() }, Chop::Whole);
    raw.send_headers(1, &request(&[("content-type", "application/grpc+json")]), false).unwrap();
    assert!(raw.connection.accept().is_some());
}

#[test]
fn an_answer_at_once_is_trailers_only_and_then_no_error() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    let now = raw.clock.now();
    let mut trailers = Metadata::new();
    trailers.insert("x", "1").unwrap();
    let status_sent = Status::not_found("100% gone\n");
    assert!(raw.connection.call(id).unwrap().finish(now, &status_sent, &trailers));
    let frames = raw.frames();
    assert_eq!((frames[0].head.kind, frames[0].head.flags), (kind::HEADERS, flag::END_HEADERS | flag::END_STREAM));
    let fields = raw.fields(&frames[0]);
    assert_eq!(status(&fields), (Code::NotFound, "100%25 gone%0A".into()));
    assert_eq!(field(&fields, "x").as_deref(), Some("1"));
    assert_eq!(frames[1].code(), Some(0), "the client still sends: RST_STREAM(NO_ERROR)");
    assert_eq!(outcome(&mut raw, id), Some(Code::NotFound));
}

#[test]
fn a_unary_reply_leaves_as_headers_data_trailers() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::UNARY);
    raw.send_data(1, &message(b"q"), true).unwrap();
    let now = raw.clock.now();
    let mut call = raw.connection.call(id).unwrap();
    assert!(call.can_start());
    call.reply(now, &Metadata::new(), &b"r"[..], &Metadata::new()).unwrap();
    call.release(now);
    let frames = raw.frames();
    let seen: Vec<(u8, u8)> = frames.iter().map(|frame| (frame.head.kind, frame.head.flags)).collect();
    let end = flag::END_HEADERS | flag::END_STREAM;
    assert_eq!(seen, [(kind::HEADERS, flag::END_HEADERS), (kind::DATA, 0), (kind::HEADERS, end)]);
    assert_eq!(frames[1].payload, message(b"r"));
}

#[test]
fn a_handler_starts_once_the_message_and_the_half_close_are_there() {
    for chop in chops() {
        let mut raw = connect(Config::default(), chop);
        let id = accept(&mut raw, 1, &[], Kind::SERVER_STREAMING);
        let mut started_by = Vec::new();
        raw.send_data(1, &message(b"q"), false).unwrap();
        assert!(!raw.connection.call(id).unwrap().can_start());
        raw.send_data(1, &[], true).unwrap();
        while let Some(event) = raw.connection.poll_event() {
            started_by.push(event);
        }
        assert!(raw.connection.call(id).unwrap().can_start());
        assert_eq!(started_by.iter().filter(|event| **event == Event::Readable(id)).count(), 1, "{started_by:?}");
    }
}

#[test]
fn a_kind_that_is_known_late_starts_at_once() {
    let mut raw = connect(Config::default(), Chop::Whole);
    raw.send_headers(1, &request(&[]), false).unwrap();
    raw.send_data(1, &message(b"q"), true).unwrap();
    let id = raw.connection.accept().unwrap();
    let mut call = raw.connection.call(id).unwrap();
    assert!(!call.can_start());
    call.set_kind(Kind::UNARY);
    assert!(call.can_start());
}

#[test]
fn broken_unary_requests_get_their_status_without_a_handler() {
    let cases: [(&[u8], Code); 6] = [
        (&[], Code::Unimplemented),
        (&[0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0], Code::Unimplemented),
        (&[0, 0, 0, 0, 2, 7], Code::Internal),
        (&[0, 0, 0], Code::Internal),
        (&[2, 0, 0, 0, 0], Code::Internal),
        (&[1, 0, 0, 0, 1, 7], Code::Internal),
    ];
    for (body, expected) in cases {
        for chop in chops() {
            let mut raw = connect(Config::default(), chop);
            let id = accept(&mut raw, 1, &[], Kind::UNARY);
            // The rest may meet a stream that was answered already.
            raw.send_data(1, body, true).unwrap();
            assert!(!raw.connection.call(id).unwrap().can_start());
            assert_eq!(outcome(&mut raw, id), Some(expected), "{body:?}");
            let frames = raw.frames();
            let answer = frames.iter().find(|frame| frame.head.kind == kind::HEADERS).expect("an answer");
            let fields = raw.fields(answer);
            assert_eq!(status(&fields).0, expected);
            let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
            assert!(events.contains(&Event::Ended(id)), "{events:?}");
        }
    }
}

#[test]
fn broken_streams_of_requests_end_behind_their_good_messages() {
    for tail in [&[0, 0, 0, 0, 2, 7][..], &[9], &[0, 0]] {
        for chop in chops() {
            let mut raw = connect(Config::default(), chop);
            let id = accept(&mut raw, 1, &[], Kind::BIDI);
            raw.send_data(1, &[&message(b"good"), tail].concat(), true).unwrap();
            let (now, mut buf) = (raw.clock.now(), MessageBuf::new());
            let mut call = raw.connection.call(id).unwrap();
            assert!(matches!(call.recv(now, &mut buf), Recv::Message));
            let Recv::Failed(failed) = call.recv(now, &mut buf) else { panic!("{tail:?}") };
            assert_eq!(failed.code(), Code::Internal);
            let frames = raw.frames();
            let fields = raw.fields(frames.iter().find(|frame| frame.head.kind == kind::HEADERS).unwrap());
            assert_eq!(status(&fields).0, Code::Internal, "the client is told");
        }
    }
}

#[test]
fn the_server_enforces_the_deadline_by_itself() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[("grpc-timeout", "10m")], Kind::BIDI);
    let now = raw.clock.now();
    assert_eq!(raw.connection.call(id).unwrap().time_left(now), Some(Duration::from_millis(10)));
    let due = raw.connection.poll_timeout().unwrap();
    raw.clock.advance_to(due);
    raw.connection.handle_timeout(due);
    let mut call = raw.connection.call(id).unwrap();
    assert!(call.is_cancelled() && call.outcome().map(Status::code) == Some(Code::DeadlineExceeded));
    assert!(!call.finish(due, &Status::OK, &Metadata::new()), "too late for the handler's own");
    assert!(matches!(call.recv(due, &mut MessageBuf::new()), Recv::Failed(_)));
    // A client whose own deadline comes a little later is told the reason; a bare RST_STREAM(CANCEL) would be
    // CANCELLED to it.
    let frames = raw.frames();
    let fields = raw.fields(frames.iter().find(|frame| frame.head.kind == kind::HEADERS).unwrap());
    assert_eq!(status(&fields).0, Code::DeadlineExceeded);
    assert_eq!(frames.iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [ErrorCode::NoError.to_wire()]);
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert_eq!(events.last(), Some(&Event::Ended(id)));
}

#[test]
fn a_deadline_cuts_replies_short_that_the_client_does_not_read() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[("grpc-timeout", "10m")], Kind::BIDI);
    let now = raw.clock.now();
    // Beyond the client's window of 65,535 bytes.
    let mut call = raw.connection.call(id).unwrap();
    call.send(now, Payload::Slice(&vec![0; 100_000])).unwrap();
    raw.frames();
    let due = raw.connection.poll_timeout().unwrap();
    raw.clock.advance_to(due);
    raw.connection.handle_timeout(due);
    let frames = raw.frames();
    assert!(frames.iter().all(|frame| frame.head.kind != kind::HEADERS), "an incomplete message has no trailers");
    assert_eq!(frames.iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [ErrorCode::Cancel.to_wire()]);
}

#[test]
fn a_reset_cancels_the_handler_and_what_had_arrived_is_dropped() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    raw.send_data(1, &message(b"m"), false).unwrap();
    raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    let now = raw.clock.now();
    let mut call = raw.connection.call(id).unwrap();
    assert!(call.is_cancelled());
    let Recv::Failed(status) = call.recv(now, &mut MessageBuf::new()) else { panic!("not failed") };
    assert_eq!((status.code(), status.phase()), (Code::Cancelled, Some("handling the call")));
}

#[test]
fn a_lost_connection_cancels_the_handler() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    let now = raw.clock.now();
    raw.connection.receive_eof(now);
    assert_eq!(outcome(&mut raw, id), Some(Code::Cancelled));
    raw.connection.call(id).unwrap().release(now);
    assert_eq!(raw.connection.active_calls(), 0);
}

#[test]
fn trailers_from_a_client_are_its_half_close() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    raw.send_headers(1, &[("x", "1")], true).unwrap();
    let now = raw.clock.now();
    assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::End));
}

#[test]
fn a_reset_stream_keeps_its_place_until_its_handler_has_let_go() {
    let mut raw = connect(Config { max_concurrent_streams: 2, ..Config::default() }, Chop::Whole);
    let first = accept(&mut raw, 1, &[], Kind::BIDI);
    accept(&mut raw, 3, &[], Kind::BIDI);
    raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    raw.send_headers(5, &request(&[]), false).unwrap();
    assert_eq!(raw.connection.accept(), None, "its handler is still at work");
    let refused: Vec<u32> = raw.frames().iter().filter_map(RawFrame::code).collect();
    assert_eq!(refused, [ErrorCode::RefusedStream.to_wire()]);
    let now = raw.clock.now();
    raw.connection.call(first).unwrap().release(now);
    raw.send_headers(7, &request(&[]), false).unwrap();
    assert!(raw.connection.accept().is_some());
}

#[test]
fn calls_that_are_reset_before_they_are_accepted_are_never_shown_and_hold_their_places() {
    let mut raw = connect(Config { max_concurrent_streams: 2, ..Config::default() }, Chop::Whole);
    for stream in [1, 3] {
        raw.send_headers(stream, &request(&[]), false).unwrap();
        raw.send_frame(kind::RST_STREAM, 0, stream, &8u32.to_be_bytes()).unwrap();
    }
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert_eq!(events, [Event::Ready, Event::Incoming], "no event of a call that nobody knows");
    raw.send_headers(5, &request(&[]), false).unwrap();
    assert_eq!(raw.frames().iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [7]);
    assert_eq!(raw.connection.accept(), None);
    assert_eq!(raw.connection.active_calls(), 0);
    raw.send_headers(7, &request(&[]), false).unwrap();
    assert!(raw.connection.accept().is_some());
}

#[test]
fn calls_are_held_back_while_too_much_is_unsent_and_announced_again() {
    let mut raw = connect(Config::default(), Chop::Whole);
    raw.send_with(|out| {
        frame::settings(out, &[(4, 0x7fff_ffff)]);
        frame::window_update(out, 0, 0x7f00_0000);
    })
    .unwrap();
    let first = accept(&mut raw, 1, &[], Kind::UNARY);
    raw.send_data(1, &message(b"q"), true).unwrap();
    let now = raw.clock.now();
    let reply = bytes::Bytes::from(vec![1; 1_500_000]);
    let mut call = raw.connection.call(first).unwrap();
    call.reply(now, &Metadata::new(), &reply, &Metadata::new()).unwrap();
    call.release(now);
    raw.send_headers(3, &request(&[]), false).unwrap();
    while raw.connection.poll_event().is_some() {}
    assert!(raw.connection.unsent() > 1_000_000 && raw.connection.accept().is_none(), "held back");
    raw.frames();
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert!(events.contains(&Event::Incoming), "{events:?}");
    assert!(raw.connection.accept().is_some());
}

#[test]
fn shutdown_lets_running_calls_end_and_cuts_what_is_left_after_the_grace() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let (done, cut) = (accept(&mut raw, 1, &[], Kind::BIDI), accept(&mut raw, 3, &[], Kind::BIDI));
    let now = raw.clock.now();
    raw.connection.shutdown(now, Duration::from_secs(5));
    assert!(raw.connection.is_draining() && !raw.connection.is_closed());
    let mut call = raw.connection.call(done).unwrap();
    assert!(call.finish(now, &Status::OK, &Metadata::new()));
    call.release(now);
    let goaway: Vec<u32> =
        raw.frames().iter().filter(|f| f.head.kind == kind::GOAWAY).filter_map(RawFrame::code).collect();
    assert_eq!(goaway, [0]);
    while let Some(due) = raw.connection.poll_timeout() {
        raw.clock.advance_to(due);
        raw.connection.handle_timeout(due);
        raw.frames();
    }
    assert!(raw.connection.is_closed());
    assert_eq!(outcome(&mut raw, cut), Some(Code::Cancelled));
}
