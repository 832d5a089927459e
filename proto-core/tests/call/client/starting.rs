//! Requests on their way: fields, half-close, waiting for a stream.

use super::*;

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
