//! The life of streams between two connections, whole, byte by byte, and chopped at random.

use crate::common::*;
use bytes::Bytes;
use proto_core::Config;
use proto_core::error::ErrorCode;
use proto_core::h2::{Event, OpenError, Ready};
use proto_core::hpack::Known;

#[test]
fn a_request_and_its_response_travel_with_bodies_and_trailers() {
    over_every_link(|mut pair| {
        pair.run();
        let c = request(&mut pair, false);
        let mut stream = pair.client.stream(c).expect("open");
        stream.send_data(b"12345", (&b"hello"[..]).into(), true, false).expect("room");
        pair.run();
        let (s, ready) = at_server(&mut pair);
        assert!(ready.has(Ready::HEADERS) && ready.has(Ready::DATA) && ready.has(Ready::END));
        assert_eq!(read(&mut pair.server, s), b"12345hello");
        let stream = pair.server.stream(s).expect("open");
        assert!(stream.is_ended());
        assert_eq!(stream.headers().and_then(|h| h.get(Known::Path)), Some(&b"/a"[..]));
        respond(&mut pair.server, s, false);
        send(&mut pair.server, s, b"world", false);
        trailers(&mut pair.server, s);
        release(&mut pair.server, s);
        pair.run();
        let events = pair.client_events();
        let all = Ready::HEADERS | Ready::DATA | Ready::END;
        let last = events.last();
        assert!(
            matches!(last, Some(Event::Stream { key, tag: 7, ready }) if *key == c && ready.0 == all),
            "{events:?}"
        );
        assert_eq!(read(&mut pair.client, c), b"world");
        let stream = pair.client.stream(c).expect("open");
        assert_eq!(stream.trailers().and_then(|t| t.get(Known::GrpcStatus)), Some(&b"0"[..]));
        assert_eq!(stream.reset_reason(), None);
        stream.release();
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0));
    });
}

#[test]
fn a_body_larger_than_every_window_arrives_whole() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        let body: Vec<u8> = (0..2_500_000u32).map(|i| (i / 7) as u8).collect();
        let shared = Bytes::from(body.clone());
        let mut stream = pair.client.stream(c).expect("open");
        stream.send_data(b"head!", (&shared).into(), true, false).expect("room");
        let mut got = Vec::new();
        while got.len() < body.len() + 5 {
            pair.run();
            assert!(pair.client.close_reason().is_none());
            let before = got.len();
            got.extend(read(&mut pair.server, s));
            assert!(got.len() > before, "stuck at {before}");
        }
        assert_eq!(&got[..5], b"head!");
        assert!(got[5..] == body);
        pair.run();
        assert!(pair.server.stream(s).expect("open").is_ended());
    });
}

#[test]
fn a_reset_reaches_the_other_side_with_its_code() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        send(&mut pair.client, c, b"before", false);
        pair.client.stream(c).expect("open").reset(ErrorCode::Cancel);
        pair.run();
        let (same, ready) = at_server(&mut pair);
        assert!(same == s && ready.has(Ready::RESET));
        let reset = pair.server.stream(s).expect("kept").reset_reason().expect("reset");
        assert_eq!((reset.code, reset.by_peer, reset.unprocessed), (8, true, false));
        // What came before the reset can still be read.
        assert_eq!(read(&mut pair.server, s), b"before");
        release(&mut pair.server, s);
        release(&mut pair.client, c);
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0));
    });
}

#[test]
fn a_server_may_answer_before_the_request_has_ended() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        respond(&mut pair.server, s, false);
        trailers(&mut pair.server, s);
        release(&mut pair.server, s);
        pair.run();
        // RST_STREAM(NO_ERROR) behind the trailers: the answer stands, the rest of the request is not wanted.
        let stream = pair.client.stream(c).expect("open");
        assert!(stream.is_ended() && stream.trailers().is_some());
        assert_eq!(stream.reset_reason().map(|reset| (reset.code, reset.by_peer)), Some((0, true)));
        release(&mut pair.client, c);
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0));
    });
}

#[test]
fn letting_go_of_an_open_stream_cancels_it() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, true);
        release(&mut pair.client, c);
        pair.run();
        let reset = pair.server.stream(s).expect("kept").reset_reason().expect("reset");
        assert_eq!((reset.code, reset.by_peer), (8, true));
        assert_eq!(pair.client.live_streams(), 0);
    });
}

#[test]
fn what_is_queued_before_the_end_goes_out_after_release() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, true);
        respond(&mut pair.server, s, false);
        let body = vec![7; 200_000];
        pair.server.stream(s).expect("open").send_data(b"", (&body).into(), false, true).expect("forced");
        trailers(&mut pair.server, s);
        release(&mut pair.server, s);
        let mut got = Vec::new();
        for _ in 0..20 {
            pair.run();
            got.extend(read(&mut pair.client, c));
        }
        assert_eq!(got.len(), body.len());
        let stream = pair.client.stream(c).expect("open");
        assert!(stream.is_ended() && stream.trailers().is_some() && stream.reset_reason().is_none());
        assert_eq!(pair.server.live_streams(), 0);
    });
}

#[test]
fn a_stale_key_finds_nothing_even_when_the_slot_lives_again() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, true);
        release(&mut pair.client, c);
        release(&mut pair.server, s);
        let (c2, s2) = open(&mut pair, true);
        assert!(pair.client.stream(c).is_none() && pair.server.stream(s).is_none());
        assert_ne!((c, s), (c2, s2));
        assert!(pair.client.stream(c2).is_some() && pair.server.stream(s2).is_some());
    });
}

#[test]
fn the_peers_stream_limit_is_kept_and_its_end_reported() {
    let server = Config { max_concurrent_streams: 2, ..Config::default() };
    over_every_link_with(&Config::default(), &server, |mut pair| {
        pair.run();
        let keys = [request(&mut pair, true), request(&mut pair, true)];
        assert!(!pair.client.can_open());
        assert_eq!(pair.client.open(pair.clock.now(), 0).err(), Some(OpenError::Full));
        pair.run();
        pair.client_events();
        let s = at_server(&mut pair).0;
        respond(&mut pair.server, s, true);
        pair.run();
        assert!(pair.client_events().contains(&Event::MayOpen));
        assert!(pair.client.can_open());
        for key in keys {
            release(&mut pair.client, key);
        }
    });
}

#[test]
fn streams_opened_before_the_settings_are_refused_beyond_the_limit() {
    let server = Config { max_concurrent_streams: 2, ..Config::default() };
    over_every_link_with(&Config::default(), &server, |mut pair| {
        let keys: Vec<_> = (0..4).map(|_| request(&mut pair, true)).collect();
        pair.run();
        let refused: Vec<_> = keys
            .into_iter()
            .filter_map(|key| pair.client.stream(key).expect("kept").reset_reason())
            .map(|reset| (reset.code, reset.by_peer, reset.unprocessed))
            .collect();
        assert_eq!(refused, [(7, true, true); 2]);
        assert_eq!(pair.server.guards().streams.count(), 2);
    });
}

#[test]
fn interim_responses_are_skipped() {
    use proto_core::h2::Side;
    use proto_core::testkit::H2Raw;
    let mut raw = H2Raw::open(Side::Client, &Config::default());
    let mut block = raw.connection.open(raw.clock.now(), 0).expect("a stream");
    block.field(Known::Method, b"GET");
    let key = block.end(true);
    raw.send_headers(1, &[(":status", "103"), ("link", "x")], false).expect("legal");
    raw.send_headers(1, &[(":status", "100")], false).expect("legal");
    assert_eq!(raw.events(), []);
    raw.send_headers(1, &[(":status", "200"), ("a", "b")], true).expect("legal");
    let headers =
        raw.connection.stream(key).expect("open").headers().and_then(|h| h.get(Known::Status)).map(<[u8]>::to_vec);
    assert_eq!(headers, Some(b"200".to_vec()));
}

#[test]
fn a_long_header_block_travels_in_continuation_frames() {
    over_every_link(|mut pair| {
        pair.run();
        let long = "v".repeat(5_000);
        let mut block = pair.client.open(pair.clock.now(), 0).expect("a stream");
        block.field(Known::Method, b"POST");
        block.field(Known::Scheme, b"http");
        block.field(Known::Path, b"/a");
        for name in ["x-1", "x-2", "x-3"] {
            block.other(name.as_bytes(), long.as_bytes(), true);
        }
        let _ = block.end(true);
        pair.run();
        let (s, ready) = at_server(&mut pair);
        assert!(ready.has(Ready::END));
        let stream = pair.server.stream(s).expect("open");
        let headers = stream.headers().expect("headers");
        assert_eq!(headers.iter().filter(|field| field.value == long.as_bytes()).count(), 3);
    });
}

#[test]
fn ten_thousand_streams_reuse_a_few_slots() {
    let mut pair = proto_core::testkit::H2Pair::new(proto_core::testkit::Chop::Whole);
    for _ in 0..10_000 {
        let (c, s) = open(&mut pair, true);
        respond(&mut pair.server, s, true);
        release(&mut pair.server, s);
        pair.run();
        release(&mut pair.client, c);
    }
    assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0));
    assert!(pair.client.close_reason().is_none() && pair.server.close_reason().is_none());
    let keys = format!("{:?} {:?}", open(&mut pair, true).0, open(&mut pair, true).1);
    assert!(keys.contains("slot: 0") && keys.contains("slot: 1"), "{keys}");
}
