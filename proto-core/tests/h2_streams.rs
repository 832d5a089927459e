//! The life of streams between two connections in memory, whole, byte by byte, and chopped at random.

use bytes::{Buf, Bytes};
use proto_core::MessageBuf;
use proto_core::error::ErrorCode;
use proto_core::h2::{Connection, Event, Ready, StreamKey};
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, H2Pair, Random};

/// Runs the scenario over every kind of link.
fn over_every_link(scenario: impl Fn(H2Pair)) {
    scenario(H2Pair::new(Chop::Whole));
    scenario(H2Pair::new(Chop::Ones));
    for seed in 0..5 {
        scenario(H2Pair::new(Chop::Random(Random::seed(seed))));
    }
}

fn request(pair: &mut H2Pair, end: bool) -> StreamKey {
    let mut block = pair.client.open(pair.clock.now(), 7).expect("a stream");
    block.field(Known::Method, b"POST");
    block.field(Known::Scheme, b"http");
    block.field(Known::Path, b"/a");
    block.other(b"x-one", b"1", false);
    block.end(end)
}

/// The stream that the server reports, with what is ready.
fn at_server(pair: &mut H2Pair) -> (StreamKey, Ready) {
    match pair.server_events().as_slice() {
        [.., Event::Stream { key, ready, .. }] => (*key, *ready),
        other => panic!("no stream: {other:?}"),
    }
}

fn read(connection: &mut Connection, key: StreamKey) -> Vec<u8> {
    let mut stream = connection.stream(key).expect("a stream");
    let mut message = MessageBuf::new();
    let n = stream.available();
    stream.take(0, n, &mut message);
    message.copy_to_bytes(n).to_vec()
}

fn respond(pair: &mut H2Pair, key: StreamKey) {
    let mut block = pair.server.stream(key).expect("a stream").send_headers().expect("may respond");
    block.field(Known::Status, b"200");
    let _ = block.end(false);
}

fn trailers(pair: &mut H2Pair, key: StreamKey) {
    let mut block = pair.server.stream(key).expect("a stream").send_headers().expect("may end");
    block.field(Known::GrpcStatus, b"0");
    let _ = block.end(true);
}

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
        respond(&mut pair, s);
        pair.server.stream(s).expect("open").send_data(b"", (&b"world"[..]).into(), false, false).expect("room");
        trailers(&mut pair, s);
        pair.server.stream(s).expect("open").release();
        pair.run();
        let events = pair.client_events();
        let all = Ready::HEADERS | Ready::DATA | Ready::END;
        assert!(
            matches!(events.last(), Some(Event::Stream { key, tag: 7, ready }) if *key == c && ready.0 == all),
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
        pair.run();
        let body: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7) as u8).collect();
        let c = request(&mut pair, false);
        let shared = Bytes::from(body.clone());
        let mut stream = pair.client.stream(c).expect("open");
        stream.send_data(b"head!", (&shared).into(), true, false).expect("room");
        let mut got = Vec::new();
        let mut s = None;
        while got.len() < body.len() + 5 {
            pair.run();
            let key = *s.get_or_insert_with(|| at_server(&mut pair).0);
            let before = got.len();
            got.extend(read(&mut pair.server, key));
            assert!(got.len() > before, "stuck at {before}");
        }
        assert_eq!(&got[..5], b"head!");
        assert!(got[5..] == body);
        pair.run();
        assert!(pair.server.stream(s.expect("seen")).expect("open").is_ended());
    });
}

#[test]
fn a_reset_reaches_the_other_side_with_its_code() {
    over_every_link(|mut pair| {
        pair.run();
        let c = request(&mut pair, false);
        pair.run();
        let (s, _) = at_server(&mut pair);
        pair.client.stream(c).expect("open").reset(ErrorCode::Cancel);
        pair.run();
        let (same, ready) = at_server(&mut pair);
        assert!(same == s && ready.has(Ready::RESET));
        let reset = pair.server.stream(s).expect("kept").reset_reason().expect("reset");
        assert_eq!((reset.code, reset.by_peer, reset.unprocessed), (8, true, false));
        pair.server.stream(s).expect("kept").release();
        pair.client.stream(c).expect("kept").release();
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0));
    });
}
