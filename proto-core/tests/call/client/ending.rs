//! Ends that come in between: resets, deadlines, GOAWAY, lost connections.

use super::*;

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
        // It has answered, whatever it says now: not even REFUSED_STREAM makes a retry safe.
        assert_eq!((status.seen_by_server(), status.can_retry()), (Seen::Yes, false), "{http2}");
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
fn what_the_driver_had_written_decides_whether_the_server_may_have_seen_a_call() {
    let mut raw = Raw::over(Side::Client, Connection::client(Config::default(), Clock::new().now()));
    let now = raw.clock.now();
    let mut out = proto_core::Outgoing::new();
    let mut ends = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(raw.connection.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap());
        assert!(raw.connection.poll_transmit(now, &mut out));
        out.advance(usize::MAX);
        ends.push(out.written());
    }
    // The first HEADERS left, of the second all but one byte, of the third none.
    raw.connection.lost(now, "broken pipe".into(), Some(ends[1] - 1));
    let seen: Vec<Seen> =
        ids.iter().map(|&id| raw.connection.call(id).unwrap().outcome().unwrap().seen_by_server()).collect();
    assert_eq!(seen, [Seen::Maybe, Seen::No, Seen::No]);
}

/// The peer has sent no GOAWAY, and is not blamed for one.
#[test]
fn calls_that_wait_when_stream_ids_run_out_are_told_so_and_can_be_sent_elsewhere() {
    let mut raw = connect(Config::default(), Chop::Whole);
    raw.send_with(|out| frame::settings(out, &[(3, 1)])).unwrap();
    raw.connection.skip_ids(0x5fff_fffd);
    let running = start(&mut raw, Kind::UNARY, None);
    let waiting: Vec<_> = (0..3).map(|_| start(&mut raw, Kind::UNARY, None)).collect();
    // The first answer makes room for the call that takes the last id.
    for stream in [0x5fff_fffd, 0x5fff_ffff_u32] {
        let block = raw.block(&[HEADERS, OK].concat());
        raw.send_frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block).unwrap();
        raw.frames();
    }
    for id in [running, waiting[0]] {
        let status = drain(&mut raw, id).1.expect("the server has answered");
        assert!(!status.message().contains("stream ids"), "{status}");
    }
    for id in &waiting[1..] {
        let status = drain(&mut raw, *id).1.expect("a verdict");
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No), "{status}");
        assert!(
            status.message().contains("stream ids have run out") && !status.message().contains("GOAWAY"),
            "{status}"
        );
        let mut retry = proto_core::channel::Retry::new();
        for _ in 0..3 {
            assert_eq!(retry.decide(raw.clock.now(), None, &status), proto_core::channel::Decision::Again);
        }
    }
}

#[test]
fn a_stream_that_is_refused_while_this_side_drains_is_no_goaway_of_the_peers() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::UNARY, None);
    raw.connection.shutdown(raw.clock.now(), Duration::from_secs(60));
    reset(&mut raw, 7);
    let status = drain(&mut raw, id).1.expect("a verdict");
    assert!(status.message().contains("REFUSED_STREAM") && !status.message().contains("GOAWAY"), "{status}");
}

#[test]
fn a_peer_that_is_not_grpc_at_all_ends_every_call_and_is_named() {
    for (noise, says) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "the server speaks HTTP/1.1, not HTTP/2"),
        (&[0x15, 3, 1, 0, 2, 2, 70], "the server expects TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP/2"),
    ] {
        let mut raw = Raw::over(Side::Client, Connection::client(Config::default(), Clock::new().now()));
        let now = raw.clock.now();
        let id = raw.connection.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap();
        raw.frames();
        assert!(raw.send(noise).is_err() || !raw.connection.is_closed());
        raw.connection.receive_eof(now);
        let status = drain(&mut raw, id).1.expect("a verdict");
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains(says), "{status}");
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
fn a_response_that_breaks_http2_is_internal() {
    let (_, status) = verdict(|raw| headers(raw, &[HEADERS, &[("connection", "close")]].concat(), false));
    assert_eq!((status.code(), status.origin()), (Code::Internal, Origin::Local(Local::PeerMisbehaved)));
}

#[test]
fn a_connection_has_served_once_it_answered_a_call_or_goes_on_with_one() {
    let mut raw = connect(Config::default(), Chop::Whole);
    assert!(!raw.connection.has_served());
    let refused = start(&mut raw, Kind::BIDI, None);
    assert!(raw.connection.has_served(), "for all that is known");
    reset(&mut raw, ErrorCode::RefusedStream.to_wire());
    assert!(!raw.connection.has_served());
    let now = raw.clock.now();
    raw.connection.call(refused).unwrap().release(now);
    let answered = start(&mut raw, Kind::BIDI, None);
    raw.send_headers(3, &[HEADERS, &[("grpc-status", "5")]].concat(), true).unwrap();
    raw.connection.call(answered).unwrap().release(now);
    assert!(raw.connection.has_served(), "an error is an answer");
}
