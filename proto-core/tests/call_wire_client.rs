//! A client against a scripted server: every answer of the wire that servers are known to give, and the right verdict on it. Each whole, byte by
//! byte, and in random pieces.

use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::{Client, Connection, Event};
use proto_core::error::ErrorCode;
use proto_core::frame::{self, flag, kind};
use proto_core::grpc::{Local, Seen};
use proto_core::h2::Side;
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, Clock, H2Raw, Random, RawFrame};
use proto_core::{Code, Config, MessageBuf, Origin, Status};
use std::time::Duration;

type Raw = H2Raw<Connection<Client>>;

const HEADERS: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];
const OK: &[(&str, &str)] = &[("grpc-status", "0")];

fn connect(config: Config, chop: Chop) -> Raw {
    let mut raw = Raw::over(Side::Client, Connection::client(config, Clock::new().now()));
    raw.greet();
    raw.chop = chop;
    raw
}

fn start(raw: &mut Raw, kind: Kind, deadline: Option<Duration>) -> CallId {
    let now = raw.clock.now();
    let options = CallOptions { kind, deadline: deadline.map(|left| now + left), ..CallOptions::default() };
    let id = raw.connection.start(now, Head::new("/a.B/C"), &options).expect("it starts");
    raw.connection.call(id).unwrap().send(now, &b"q"[..]).unwrap();
    raw.frames();
    id
}

/// Everything that can be pulled, and the verdict.
fn drain(raw: &mut Raw, id: CallId) -> (Vec<Vec<u8>>, Option<Status>) {
    let (now, mut buf, mut messages) = (raw.clock.now(), MessageBuf::new(), Vec::new());
    let mut call = raw.connection.call(id).unwrap();
    loop {
        match call.recv(now, &mut buf) {
            Recv::Message => {
                use bytes::Buf;
                messages.push(buf.copy_to_bytes(buf.remaining()).to_vec());
            }
            Recv::Pending => return (messages, None),
            Recv::End => return (messages, Some(call.outcome().expect("a verdict").clone())),
            Recv::Failed(status) => {
                assert_eq!(call.outcome().map(Status::code), Some(status.code()));
                return (messages, Some(status));
            }
        }
    }
}

fn chops() -> Vec<Chop> {
    let seeded = (1..10).map(|seed| Chop::Random(Random::seed(seed)));
    [Chop::Whole, Chop::Ones].into_iter().chain(seeded).collect()
}

/// A bidi call; what the server answers; what the client makes of it.
fn verdict(answer: impl Fn(&mut Raw)) -> (Vec<Vec<u8>>, Status) {
    verdict_of(Kind::BIDI, &answer)
}

fn verdict_of(kind: Kind, answer: &dyn Fn(&mut Raw)) -> (Vec<Vec<u8>>, Status) {
    let mut all: Vec<(Vec<Vec<u8>>, Status)> = Vec::new();
    for chop in chops() {
        let mut raw = connect(Config::default(), chop);
        let id = start(&mut raw, kind, None);
        answer(&mut raw);
        let (messages, status) = drain(&mut raw, id);
        all.push((messages, status.expect("a verdict")));
    }
    let (messages, status) = all.pop().unwrap();
    for (other_messages, other) in all {
        assert_eq!((other_messages, other.code()), (messages.clone(), status.code()), "in any chopping");
    }
    (messages, status)
}

fn code(answer: impl Fn(&mut Raw)) -> Code {
    verdict(answer).1.code()
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((body.len() as u32).to_be_bytes());
    framed.extend(body);
    framed
}

fn headers(raw: &mut Raw, fields: &[(&str, &str)], end: bool) {
    raw.send_headers(1, fields, end).unwrap();
}

fn data(raw: &mut Raw, bytes: &[u8], end: bool) {
    raw.send_data(1, bytes, end).unwrap();
}

fn reset(raw: &mut Raw, code: u32) {
    raw.send_frame(kind::RST_STREAM, 0, 1, &code.to_be_bytes()).unwrap();
}

fn resets(frames: &[RawFrame]) -> Vec<u32> {
    frames.iter().filter(|frame| frame.head.kind == kind::RST_STREAM).filter_map(RawFrame::code).collect()
}

#[test]
fn a_request_has_the_fields_of_grpc_in_their_order() {
    let config = Config { authority: "host:1".into(), user_agent_prefix: "app/2".into(), ..Config::default() };
    let mut raw = connect(config, Chop::Whole);
    let now = raw.clock.now();
    let mut options = CallOptions { deadline: Some(now + Duration::from_millis(250)), ..CallOptions::default() };
    options.metadata.insert("x-a", "1").unwrap();
    options.metadata.insert_bin("x-b-bin", &[0xab, 0xab, 0xab, 0xab]).unwrap();
    let id = raw.connection.start(now, Head::new("/a.B/C"), &options).unwrap();
    raw.connection.call(id).unwrap().send_last(now, &b"hi"[..]).unwrap();
    let frames = raw.frames();
    let fields = raw.fields(&frames[0]);
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|field| {
            (String::from_utf8_lossy(field.name.as_bytes()).into(), String::from_utf8_lossy(field.value).into())
        })
        .collect();
    let agent = concat!("app/2 grpc-rust-proto/", env!("CARGO_PKG_VERSION"));
    let expected = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/a.B/C"),
        (":authority", "host:1"),
        ("grpc-timeout", "250000u"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", agent),
        ("x-a", "1"),
        ("x-b-bin", "q6urqw"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_string(), value.to_string())));
    assert_eq!((frames[1].head.kind, frames[1].head.flags), (kind::DATA, flag::END_STREAM), "one DATA frame");
    assert_eq!(frames[1].payload, message(b"hi"));
}

#[test]
fn half_close_with_nothing_left_is_an_empty_data_frame() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    let now = raw.clock.now();
    raw.connection.call(id).unwrap().finish(now).unwrap();
    let frames = raw.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].head.kind, frames[0].head.flags, frames[0].head.len), (kind::DATA, flag::END_STREAM, 0));
}

#[test]
fn messages_are_not_aligned_to_data_frames() {
    let (messages, status) = verdict(|raw| {
        headers(raw, HEADERS, false);
        let bytes = [message(b"one"), message(b""), message(b"three")].concat();
        for piece in bytes.chunks(4) {
            data(raw, piece, false);
            data(raw, &[], false);
        }
        headers(raw, OK, true);
    });
    assert_eq!((messages, status.code()), (vec![b"one".to_vec(), b"".to_vec(), b"three".to_vec()], Code::Ok));
}

#[test]
fn padding_and_interim_responses_are_skipped() {
    let (messages, status) = verdict(|raw| {
        headers(raw, &[(":status", "103"), ("link", "x")], false);
        headers(raw, HEADERS, false);
        let padded = [&[3][..], &message(b"m"), &[0; 3]].concat();
        raw.send_frame(kind::DATA, flag::PADDED, 1, &padded).unwrap();
        headers(raw, OK, true);
    });
    assert_eq!((messages, status.code()), (vec![b"m".to_vec()], Code::Ok));
}

#[test]
fn a_message_with_an_unknown_flag_is_internal() {
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &[2, 0, 0, 0, 0], false);
        }),
        Code::Internal
    );
}

#[test]
fn the_compressed_flag_without_an_encoding_is_internal() {
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &[1, 0, 0, 0, 1, 9], false);
        }),
        Code::Internal
    );
}

#[test]
fn the_end_inside_a_prefix_or_a_message_is_internal() {
    for cut in [1, 4, 5, 6] {
        let (messages, status) = verdict(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &[message(b"whole"), message(b"cut")[..cut].to_vec()].concat(), false);
            headers(raw, OK, true);
        });
        assert_eq!((messages, status.code()), (vec![b"whole".to_vec()], Code::Internal), "{cut}");
    }
}

#[test]
fn a_verdict_that_stands_at_the_end_knows_of_broken_frames_behind_good_ones() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    headers(&mut raw, HEADERS, false);
    data(&mut raw, &[message(b"good"), vec![7]].concat(), false);
    headers(&mut raw, OK, true);
    assert_eq!(raw.connection.call(id).unwrap().outcome().map(Status::code), Some(Code::Internal), "before any pull");
    assert_eq!(drain(&mut raw, id).0, [b"good"]);
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_prefix() {
    let (_, status) = verdict(|raw| {
        headers(raw, HEADERS, false);
        data(raw, &[0, 0xff, 0xff, 0xff, 0xff], false);
    });
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("4294967295"), "{status}");
}

#[test]
fn trailers_only_is_one_block_with_the_status() {
    let (_, status) = verdict(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "5"), ("grpc-message", "no%20user"), ("x", "1")]].concat(), true);
    });
    assert_eq!((status.code(), status.message(), status.metadata().get("x")), (Code::NotFound, "no user", Some("1")));
    assert_eq!((status.origin(), status.seen_by_server()), (Origin::Peer, Seen::Yes));
}

#[test]
fn a_status_among_headers_counts_only_in_trailers_only() {
    let (_, status) = verdict(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "5")]].concat(), false);
        data(raw, &message(b"m"), false);
        headers(raw, OK, true);
    });
    assert_eq!(status.code(), Code::Ok);
    let code = code(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "0")]].concat(), false);
        data(raw, &[], true);
    });
    assert_eq!(code, Code::Internal, "no trailers");
}

#[test]
fn a_body_without_trailers_is_internal() {
    let (messages, status) = verdict(|raw| {
        headers(raw, HEADERS, false);
        data(raw, &message(b"m"), true);
    });
    assert_eq!((messages.len(), status.code()), (1, Code::Internal));
}

#[test]
fn trailers_without_a_status_are_unknown() {
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            headers(raw, &[("x", "1")], true);
        }),
        Code::Unknown
    );
    assert_eq!(code(|raw| headers(raw, HEADERS, true)), Code::Unknown);
}

#[test]
fn a_status_that_cannot_be_read_or_is_out_of_range_is_unknown() {
    for value in ["", "00", "1x", "-1", "17", "99", "4294967296"] {
        assert_eq!(code(|raw| headers(raw, &[HEADERS, &[("grpc-status", value)]].concat(), true)), Code::Unknown);
    }
}

#[test]
fn bad_escapes_in_a_message_are_kept() {
    let (_, status) = verdict(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "2"), ("grpc-message", "100% %zz %41%C3")]].concat(), true);
    });
    assert_eq!(status.message(), "100% %zz A\u{fffd}");
}

#[test]
fn an_http_error_without_a_status_is_mapped_on_its_headers() {
    let expected = [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("500", Code::Unknown),
        ("302", Code::Unknown),
    ];
    for (http, expected) in expected {
        let (messages, status) =
            verdict(|raw| headers(raw, &[(":status", http), ("content-type", "text/html")], false));
        assert_eq!((messages.len(), status.code()), (0, expected), "{http}, before its body");
        assert!(status.message().contains(http) && status.message().contains("text/html"), "{status}");
        assert_eq!(code(|raw| headers(raw, &[(":status", http)], true)), expected, "{http} alone");
    }
}

#[test]
fn grpc_status_wins_over_the_http_status() {
    let alone = [(":status", "503"), ("content-type", "application/grpc"), ("grpc-status", "5")];
    assert_eq!(code(|raw| headers(raw, &alone, true)), Code::NotFound);
    let (messages, status) = verdict(|raw| {
        headers(raw, &alone[..2], false);
        data(raw, &vec![b'x'; 10_000], false);
        headers(raw, &[("grpc-status", "5")], true);
    });
    assert_eq!((messages.len(), status.code()), (0, Code::NotFound), "a body that is no messages");
}

#[test]
fn a_wrong_content_type_is_unknown_and_a_wrong_codec_internal() {
    for (content_type, expected) in [
        ("text/html", Code::Unknown),
        ("application/grpcfoo", Code::Unknown),
        ("application/grpc-web", Code::Unknown),
        ("application/grpc+json", Code::Internal),
    ] {
        let mut raw = connect(Config::default(), Chop::Whole);
        let id = start(&mut raw, Kind::BIDI, None);
        headers(&mut raw, &[(":status", "200"), ("content-type", content_type)], false);
        assert_eq!(drain(&mut raw, id).1.map(|status| status.code()), Some(expected), "{content_type}");
        assert_eq!(resets(&raw.frames()), [8], "the server may stop");
    }
    assert_eq!(
        code(|raw| {
            headers(raw, &[(":status", "200"), ("content-type", "application/grpc+proto;charset=utf-8")], false);
            headers(raw, OK, true);
        }),
        Code::Ok
    );
}

#[test]
fn an_encoding_that_was_not_offered_is_internal() {
    assert_eq!(code(|raw| headers(raw, &[HEADERS, &[("grpc-encoding", "gzip")]].concat(), false)), Code::Internal);
}

#[test]
fn binary_metadata_that_is_not_base64_is_internal() {
    assert_eq!(code(|raw| headers(raw, &[HEADERS, &[("x-bin", "***")]].concat(), false)), Code::Internal);
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            headers(raw, &[OK, &[("x-bin", "***")]].concat(), true);
        }),
        Code::Internal
    );
}

#[test]
fn padded_and_joined_binary_metadata_is_read() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    headers(&mut raw, &[HEADERS, &[("x-bin", "AQ==,Ag")]].concat(), false);
    let call = raw.connection.call(id).unwrap();
    let values: Vec<_> = call.headers().unwrap().get_all_bin("x-bin").collect();
    assert_eq!(values, [[1], [2]]);
}

#[test]
fn reset_codes_map_as_the_document_says() {
    for http2 in 0..16 {
        let expected = match http2 {
            7 => Code::Unavailable,
            8 => Code::Cancelled,
            11 => Code::ResourceExhausted,
            12 => Code::PermissionDenied,
            _ => Code::Internal,
        };
        let (messages, status) = verdict(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &message(b"before"), false);
            reset(raw, http2);
        });
        assert_eq!((messages.len(), status.code()), (1, expected), "{http2}");
        let seen = if http2 == 7 { Seen::No } else { Seen::Yes };
        assert_eq!(status.seen_by_server(), seen, "{http2}");
    }
}

#[test]
fn a_refused_stream_was_not_seen_and_can_be_retried() {
    let (_, status) = verdict(|raw| reset(raw, 7));
    assert_eq!((status.code(), status.seen_by_server(), status.can_retry()), (Code::Unavailable, Seen::No, true));
    let (_, status) = verdict(|raw| reset(raw, 2));
    assert_eq!((status.seen_by_server(), status.can_retry()), (Seen::Maybe, false));
}

#[test]
fn a_reset_after_complete_trailers_is_no_error() {
    for http2 in [0, 8, 2] {
        let (messages, status) = verdict(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &message(b"m"), false);
            headers(raw, OK, true);
            reset(raw, http2);
        });
        assert_eq!((messages.len(), status.code()), (1, Code::Ok), "{http2}");
    }
}

#[test]
fn early_trailers_make_the_client_stop_sending() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    headers(&mut raw, &[HEADERS, OK].concat(), true);
    let now = raw.clock.now();
    let mut call = raw.connection.call(id).unwrap();
    assert!(call.outcome().is_some_and(Status::is_ok) && !call.all_sent() && !call.can_send());
    assert!(matches!(call.send(now, &b"more"[..]), Err(proto_core::call::SendError::Ended)));
    assert_eq!(resets(&raw.frames()), [0], "RST_STREAM(NO_ERROR)");
}

#[test]
fn a_deadline_resets_with_cancel() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, Some(Duration::from_millis(10)));
    let due = raw.connection.poll_timeout().expect("a timer");
    raw.clock.advance_to(due);
    raw.connection.handle_timeout(due);
    assert_eq!(drain(&mut raw, id).1.map(|status| status.code()), Some(Code::DeadlineExceeded));
    assert_eq!(resets(&raw.frames()), [ErrorCode::Cancel.to_wire()]);
    assert!(raw.connection.poll_timeout().is_none_or(|next| next > due));
}

/// Who waits for a call may be another thread than the one that cancels it.
#[test]
fn a_cancel_of_our_own_is_reported_to_whoever_waits() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    let now = raw.clock.now();
    while raw.connection.poll_event().is_some() {}
    raw.connection.call(id).unwrap().cancel(now, Status::cancelled("by another thread"));
    assert_eq!(raw.connection.poll_event(), Some(Event::Ended(id)));
    assert_eq!(raw.connection.poll_event(), None);
}

#[test]
fn a_cancellation_that_arrives_after_expiry_is_the_deadline() {
    for by_trailers in [true, false] {
        let mut raw = connect(Config::default(), Chop::Whole);
        let id = start(&mut raw, Kind::BIDI, Some(Duration::from_millis(10)));
        raw.clock.advance(Duration::from_millis(10));
        if by_trailers {
            headers(&mut raw, &[HEADERS, &[("grpc-status", "1")]].concat(), true);
        } else {
            reset(&mut raw, 8);
        }
        assert_eq!(drain(&mut raw, id).1.map(|status| status.code()), Some(Code::DeadlineExceeded));
    }
}

#[test]
fn an_answer_that_arrives_after_expiry_but_before_the_timer_counts() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, Some(Duration::from_millis(10)));
    raw.clock.advance(Duration::from_millis(10));
    headers(&mut raw, &[HEADERS, OK].concat(), true);
    let now = raw.clock.now();
    raw.connection.handle_timeout(now);
    assert_eq!(drain(&mut raw, id).1.map(|status| status.code()), Some(Code::Ok), "input before time");
}

fn goaway(raw: &mut Raw, last: u32, code: ErrorCode, debug: &[u8]) {
    raw.send_with(|out| frame::goaway(out, last, code, debug)).unwrap();
}

#[test]
fn goaway_ends_the_calls_above_its_last_id_and_the_others_go_on() {
    for chop in chops() {
        let mut raw = connect(Config::default(), chop);
        let kept = start(&mut raw, Kind::BIDI, None);
        let lost = start(&mut raw, Kind::BIDI, None);
        goaway(&mut raw, 1, ErrorCode::NoError, b"");
        let (_, status) = drain(&mut raw, lost);
        let status = status.expect("a verdict");
        assert_eq!((status.code(), status.seen_by_server(), status.can_retry()), (Code::Unavailable, Seen::No, true));
        assert!(status.message().contains("GOAWAY"), "{status}");
        assert!(drain(&mut raw, kept).1.is_none());
        let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
        assert!(events.contains(&Event::Draining) && events.contains(&Event::Ended(lost)), "{events:?}");
        let now = raw.clock.now();
        let refused = raw.connection.start(now, Head::new("/a.B/C"), &CallOptions::default());
        assert!(matches!(refused, Err(proto_core::connection::StartError::Closed)));
        headers(&mut raw, HEADERS, false);
        headers(&mut raw, OK, true);
        assert_eq!(drain(&mut raw, kept).1.map(|status| status.code()), Some(Code::Ok));
    }
}

#[test]
fn a_lost_connection_is_unavailable_and_says_whether_the_server_may_have_seen_the_call() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let sent = start(&mut raw, Kind::BIDI, None);
    let now = raw.clock.now();
    let unsent = raw.connection.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap();
    raw.connection.lost(now, "connection reset by peer".into(), None);
    for (id, seen) in [(sent, Seen::Maybe), (unsent, Seen::No)] {
        let status = drain(&mut raw, id).1.expect("a verdict");
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, seen));
        assert_eq!((status.origin(), status.can_retry()), (Origin::Local(Local::ConnectionLost), seen == Seen::No));
        assert!(status.message().contains("connection reset by peer"), "{status}");
    }
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert_eq!(events.last(), Some(&Event::Closed), "after the calls' own: {events:?}");
    assert!(raw.connection.is_closed() && raw.connection.poll_timeout().is_none());
}

#[test]
fn a_peer_that_is_not_grpc_at_all_ends_every_call_and_is_named() {
    for noise in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0x15, 3, 1, 0, 2, 2, 70], b"SSH-2.0-OpenSSH_9.2\r\n"] {
        let mut raw = Raw::over(Side::Client, Connection::client(Config::default(), Clock::new().now()));
        let now = raw.clock.now();
        let id = raw.connection.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap();
        raw.frames();
        assert!(raw.send(noise).is_err() || !raw.connection.is_closed());
        raw.connection.receive_eof(now);
        let status = drain(&mut raw, id).1.expect("a verdict");
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("HTTP/2"), "{status}");
    }
}

#[test]
fn a_keepalive_that_expires_is_unavailable() {
    let config = Config { keepalive_interval: Some(Duration::from_secs(10)), ..Config::default() };
    let mut raw = connect(config, Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    for _ in 0..2 {
        let due = raw.connection.poll_timeout().expect("keepalive runs");
        raw.clock.advance_to(due);
        raw.connection.handle_timeout(due);
        raw.frames();
    }
    let status = drain(&mut raw, id).1.expect("a verdict");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("keepalive"), "{status}");
}

#[test]
fn a_response_header_list_over_the_limit_is_resource_exhausted() {
    let config = Config { max_header_list_size: 1_000, ..Config::default() };
    let mut raw = connect(config, Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    let long = "v".repeat(1_000);
    headers(&mut raw, &[HEADERS, &[("x", &long)]].concat(), false);
    let status = drain(&mut raw, id).1.expect("a verdict");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("max_header_list_size"), "{status}");
}

#[test]
fn a_response_that_breaks_http2_is_internal() {
    let (_, status) = verdict(|raw| headers(raw, &[HEADERS, &[("connection", "close")]].concat(), false));
    assert_eq!((status.code(), status.origin()), (Code::Internal, Origin::Local(Local::PeerMisbehaved)));
}

#[test]
fn waiting_calls_keep_their_order_and_their_timeout_is_computed_when_headers_leave() {
    let mut raw = connect(Config::default(), Chop::Whole);
    raw.send_with(|out| frame::settings(out, &[(3, 1)])).unwrap();
    start(&mut raw, Kind::BIDI, None);
    let now = raw.clock.now();
    let mut waiting = Vec::new();
    for path in ["/a/1", "/a/2", "/a/3"] {
        let deadline = Some(now + Duration::from_millis(100));
        let options = CallOptions { deadline, kind: Kind::BIDI, ..CallOptions::default() };
        let id = raw.connection.start(now, Head::new(path), &options).unwrap();
        let mut call = raw.connection.call(id).unwrap();
        call.send(now, &b"one"[..]).unwrap();
        call.send_last(now, &bytes::Bytes::from(vec![2; 20_000])).unwrap();
        waiting.push(id);
    }
    assert!(raw.frames().iter().all(|frame| frame.head.kind == kind::SETTINGS), "nothing leaves");
    assert!(raw.connection.unsent() >= 3 * 20_000);
    let cancelled = raw.connection.call(waiting[1]).unwrap();
    cancelled.release(now);
    raw.clock.advance(Duration::from_millis(40));
    headers(&mut raw, &[HEADERS, OK].concat(), true);
    let frames = raw.frames();
    let opened: Vec<&RawFrame> = frames.iter().filter(|frame| frame.head.kind == kind::HEADERS).collect();
    assert_eq!(opened.len(), 1, "one stream at a time");
    let fields = raw.fields(opened[0]);
    assert_eq!(fields.get(Known::Path), Some(&b"/a/1"[..]));
    assert_eq!(fields.get(Known::GrpcTimeout), Some(&b"60000000n"[..]), "what is left");
    let body: Vec<u8> = frames
        .iter()
        .filter(|f| f.head.kind == kind::DATA && f.head.stream == 3)
        .flat_map(|f| f.payload.clone())
        .collect();
    assert_eq!(body, [message(b"one"), message(&[2; 20_000])].concat());
    let due = raw.connection.poll_timeout().unwrap();
    raw.clock.advance_to(due);
    raw.connection.handle_timeout(due);
    let status = drain(&mut raw, waiting[2]).1.expect("a verdict");
    assert_eq!((status.code(), status.phase()), (Code::DeadlineExceeded, Some("waiting for a stream")));
    assert_eq!(status.seen_by_server(), Seen::No);
}

#[test]
fn too_many_waiting_calls_are_refused_and_the_setting_is_named() {
    let mut raw = connect(Config { max_pending_calls: 2, ..Config::default() }, Chop::Whole);
    raw.send_with(|out| frame::settings(out, &[(3, 0)])).unwrap();
    let now = raw.clock.now();
    let mut start = || raw.connection.start(now, Head::new("/a/b"), &CallOptions::default());
    assert!(start().is_ok() && start().is_ok());
    let Err(proto_core::connection::StartError::TooManyPending(status)) = start() else { panic!("accepted") };
    assert_eq!((status.code(), status.seen_by_server()), (Code::ResourceExhausted, Seen::No));
    assert!(status.message().contains("max_pending_calls"));
}

#[test]
fn a_path_or_authority_that_a_header_cannot_carry_is_refused_by_name() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let now = raw.clock.now();
    for head in [
        Head::new("a.B/C"),
        Head::new(""),
        Head::new("/a b"),
        Head::new("/a\r\n"),
        Head::new("/é"),
        Head { path: "/a/b", authority: Some("a b") },
        Head { path: "/a/b", authority: Some("") },
    ] {
        let Err(proto_core::connection::StartError::Bad(status)) =
            raw.connection.start(now, head, &CallOptions::default())
        else {
            panic!("{head:?} was accepted")
        };
        assert!(status.message().contains("expected"), "{status}");
        assert!(!status.can_retry());
    }
    assert_eq!(raw.connection.active_calls(), 0);
}

#[test]
fn cardinality_is_enforced_at_the_client() {
    let two = |raw: &mut Raw| {
        headers(raw, HEADERS, false);
        data(raw, &[message(b"1"), message(b"2")].concat(), false);
        headers(raw, OK, true);
    };
    assert_eq!(verdict_of(Kind::CLIENT_STREAMING, &two).1.code(), Code::Unimplemented);
    let none = |raw: &mut Raw| headers(raw, &[HEADERS, OK].concat(), true);
    assert_eq!(verdict_of(Kind::CLIENT_STREAMING, &none).1.code(), Code::Unimplemented);
    let error = |raw: &mut Raw| {
        headers(raw, HEADERS, false);
        data(raw, &message(b"1"), false);
        headers(raw, &[("grpc-status", "10")], true);
    };
    assert_eq!(verdict_of(Kind::CLIENT_STREAMING, &error).1.code(), Code::Aborted, "the error is the error");
}
