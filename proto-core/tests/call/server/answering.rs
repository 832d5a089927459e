//! From the messages of a request to its answer: when a handler starts, what leaves, what breaks it.

use super::*;

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
fn trailers_from_a_client_are_its_half_close() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    raw.send_headers(1, &[("x", "1")], true).unwrap();
    let now = raw.clock.now();
    assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::End));
}
