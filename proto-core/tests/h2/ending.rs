//! How connections end: GOAWAY both ways, graceful and not, lost transports, and strangers who never were HTTP/2 peers.

use crate::common::*;
use proto_core::error::{ConnectionError, ErrorCode};
use proto_core::frame::{self, kind};
use proto_core::h2::{Connection, Event, OpenError, Ready, Side};
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, Clock, H2Pair, H2Raw, RawFrame};
use proto_core::{Config, Incoming, Outgoing};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_graceful_shutdown_of_the_server_loses_nothing() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, true);
        pair.server.shutdown(pair.clock.now(), MINUTE);
        // Opened before the client knows: still served.
        let late = request(&mut pair, true);
        pair.run();
        assert!(pair.client_events().contains(&Event::Draining));
        assert_eq!(pair.client.open(pair.clock.now(), 0).err(), Some(OpenError::Closed));
        let late_at_server = at_server(&mut pair).0;
        assert!(pair.server.close_reason().is_none() && pair.server.is_draining());
        for key in [s, late_at_server] {
            respond(&mut pair.server, key, true);
            release(&mut pair.server, key);
        }
        pair.run();
        for key in [c, late] {
            let stream = pair.client.stream(key).expect("open");
            assert!(stream.is_ended() && stream.reset_reason().is_none());
            stream.release();
        }
        pair.run();
        assert_eq!(close_reason(&pair.server), &ConnectionError::Shutdown);
        let went_away = ConnectionError::PeerWentAway { code: 0, message: String::new() };
        assert_eq!(close_reason(&pair.client), &went_away);
    });
}

#[test]
fn a_graceful_goaway_warns_pings_and_then_names_the_last_stream() {
    let mut raw = H2Raw::open(Side::Server, &Config::default());
    raw.send_request(1, true).expect("legal");
    raw.connection.shutdown(raw.clock.now(), MINUTE);
    let frames = raw.frames();
    let [warning, ping] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((warning.head.kind, &warning.payload[..4]), (kind::GOAWAY, &[0x7f, 0xff, 0xff, 0xff][..]));
    raw.send_request(3, true).expect("under way");
    let payload = ping.payload.clone();
    raw.send_frame(kind::PING, frame::flag::ACK, 0, &payload).expect("legal");
    let frames = raw.frames();
    assert_eq!((frames[0].head.kind, &frames[0].payload[..4]), (kind::GOAWAY, &[0, 0, 0, 3][..]));
    // Beyond the last: not processed, not answered, and HPACK stays in step.
    raw.events();
    raw.send_headers(5, &[(":method", "GET"), (":scheme", "http"), (":path", "/beyond"), ("x", "y")], false)
        .expect("ignored");
    raw.send_data(5, b"ignored", true).expect("ignored");
    raw.send_with(|out| frame::window_update(out, 5, 100)).expect("ignored");
    raw.send_with(|out| frame::rst_stream(out, 5, ErrorCode::Cancel)).expect("ignored");
    assert_eq!((raw.events(), raw.frames()), (vec![], vec![]));
    assert_eq!(raw.connection.live_streams(), 2);
}

#[test]
fn a_peer_that_does_not_answer_the_ping_gets_the_last_goaway_all_the_same() {
    let mut raw = H2Raw::open(Side::Server, &Config::default());
    raw.send_request(1, true).expect("legal");
    raw.connection.shutdown(raw.clock.now(), 10 * MINUTE);
    raw.frames();
    raw.clock.advance(Duration::from_secs(21));
    raw.connection.handle_timeout(raw.clock.now());
    assert_eq!(raw.frames().iter().filter(|f| f.head.kind == kind::GOAWAY).count(), 1);
    assert!(raw.connection.close_reason().is_none());
}

#[test]
fn what_is_left_after_the_grace_is_cut() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        pair.server.shutdown(pair.clock.now(), MINUTE);
        pair.run();
        pair.pass(MINUTE / 2);
        assert!(pair.server.close_reason().is_none());
        pair.pass(MINUTE);
        assert_eq!(close_reason(&pair.server), &ConnectionError::Shutdown);
        let (key, ready) = at_server(&mut pair);
        assert!(key == s && ready.has(Ready::RESET));
        assert!(pair.server.stream(s).expect("kept").reset_reason().is_some_and(|reset| !reset.by_peer));
        pair.client.receive_eof(pair.clock.now());
        assert!(pair.client.stream(c).expect("kept").reset_reason().is_some_and(|reset| !reset.unprocessed));
    });
}

#[test]
fn a_shutdown_without_grace_ends_at_once_and_says_goodbye() {
    over_every_link(|mut pair| {
        let (c, _) = open(&mut pair, false);
        pair.client.shutdown(pair.clock.now(), Duration::ZERO);
        assert_eq!(close_reason(&pair.client), &ConnectionError::Shutdown);
        assert!(pair.client.stream(c).expect("kept").reset_reason().is_some());
        pair.run();
        assert!(pair.server.is_draining());
        pair.client.shutdown(pair.clock.now(), Duration::ZERO);
        assert!(!pair.client.has_output());
    });
}

#[test]
fn a_client_that_shuts_down_finishes_its_streams_first() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, true);
        pair.client.shutdown(pair.clock.now(), MINUTE);
        assert_eq!(pair.client.open(pair.clock.now(), 0).err(), Some(OpenError::Closed));
        pair.run();
        respond(&mut pair.server, s, true);
        release(&mut pair.server, s);
        pair.run();
        assert!(pair.client.stream(c).expect("open").is_ended());
        release(&mut pair.client, c);
        assert_eq!(close_reason(&pair.client), &ConnectionError::Shutdown);
        assert!(matches!(close_reason(&pair.server), ConnectionError::PeerWentAway { code: 0, .. }));
    });
}

#[test]
fn streams_above_the_last_of_a_goaway_were_not_processed_and_the_others_go_on() {
    for chop in [Chop::Whole, Chop::Ones] {
        let mut raw = H2Raw::open(Side::Client, &Config::default());
        raw.chop = chop;
        let keys: Vec<_> = (0..3)
            .map(|tag| {
                let mut block = raw.connection.open(raw.clock.now(), tag).expect("a stream");
                block.field(Known::Method, b"GET");
                block.end(true)
            })
            .collect();
        raw.frames();
        raw.send_with(|out| frame::goaway(out, 3, ErrorCode::NoError, b"maintenance\n\x07")).expect("legal");
        let mut reset = |key| raw.connection.stream(key).expect("kept").reset_reason();
        assert_eq!((reset(keys[0]), reset(keys[1])), (None, None));
        let given_up = reset(keys[2]).expect("given up");
        assert_eq!((given_up.code, given_up.by_peer, given_up.unprocessed), (7, true, true));
        // A later GOAWAY may take back more, and never gives back.
        raw.send_with(|out| frame::goaway(out, 99, ErrorCode::NoError, b"")).expect("a glitch");
        raw.send_with(|out| frame::goaway(out, 1, ErrorCode::NoError, b"maintenance\n\x07")).expect("legal");
        assert!(raw.connection.stream(keys[1]).expect("kept").reset_reason().is_some_and(|reset| reset.unprocessed));
        raw.send_headers(1, &[(":status", "200")], true).expect("goes on");
        for key in keys {
            release(&mut raw.connection, key);
        }
        let message = "maintenance..".to_owned();
        assert_eq!(close_reason(&raw.connection), &ConnectionError::PeerWentAway { code: 0, message });
    }
}

#[test]
fn a_client_whose_ids_run_out_drains_early() {
    let mut pair = H2Pair::new(Chop::Whole);
    pair.client.skip_ids(0x5fff_ffff);
    pair.run();
    pair.client_events();
    let last = request(&mut pair, true);
    assert!(pair.client_events().contains(&Event::Draining));
    assert_eq!(pair.client.open(pair.clock.now(), 0).err(), Some(OpenError::Closed));
    pair.run();
    let (s, _) = at_server(&mut pair);
    respond(&mut pair.server, s, true);
    release(&mut pair.server, s);
    pair.run();
    assert!(pair.client.stream(last).expect("open").is_ended());
    release(&mut pair.client, last);
    assert_eq!(close_reason(&pair.client), &ConnectionError::Shutdown);
}

/// A client with one stream written, one handed out, one waiting.
fn three_streams() -> (Connection, Clock, Outgoing, Vec<proto_core::h2::StreamKey>) {
    let mut raw = H2Raw::open(Side::Client, &Config::default());
    let mut out = std::mem::take(&mut raw.outgoing);
    let now = raw.clock.now();
    let mut keys = Vec::new();
    for n in 0..3 {
        let mut block = raw.connection.open(now, n).expect("a stream");
        block.field(Known::Method, b"GET");
        keys.push(block.end(true));
        if n == 1 {
            assert!(raw.connection.poll_transmit(now, &mut out));
        }
    }
    (raw.connection, raw.clock, out, keys)
}

#[test]
fn a_lost_connection_tells_which_streams_never_left() {
    let outcome = |written: fn(usize) -> Option<usize>| {
        // The count goes on from what the handshake wrote.
        let (mut connection, clock, mut out, keys) = three_streams();
        let total = out.len();
        let written = written(total).map(|n| {
            out.advance(n);
            out.written()
        });
        connection.lost(clock.now(), "reset by peer".into(), written);
        assert_eq!(close_reason(&connection).to_string(), "the connection was lost: reset by peer");
        assert!(!connection.has_output());
        keys.map_unprocessed(&mut connection)
    };
    // Nothing known: what was handed out may have been seen.
    assert_eq!(outcome(|_| None), [false, false, true]);
    assert_eq!(outcome(Some), [false, false, true]);
    // Half of the bytes: the first HEADERS and a part of the second.
    assert_eq!(outcome(|total| Some(total - 1)), [false, true, true]);
    assert_eq!(outcome(|_| Some(0)), [true, true, true]);
}

#[test]
fn a_lost_connection_sends_nothing_more_so_that_a_loop_of_writes_ends() {
    let (mut connection, clock, mut out, _) = three_streams();
    out.advance(1);
    assert!(connection.poll_transmit(clock.now(), &mut out), "what is left is to be written");
    connection.lost(clock.now(), "broken pipe".into(), Some(out.written()));
    assert!(!connection.poll_transmit(clock.now(), &mut out));
    assert!(out.is_empty());
}

trait Unprocessed {
    fn map_unprocessed(&self, connection: &mut Connection) -> [bool; 3];
}

impl Unprocessed for Vec<proto_core::h2::StreamKey> {
    fn map_unprocessed(&self, connection: &mut Connection) -> [bool; 3] {
        core::array::from_fn(|n| {
            let stream = connection.stream(self[n]).expect("kept");
            let reset = stream.reset_reason().expect("cut");
            assert_eq!(stream.maybe_seen(), !reset.unprocessed);
            reset.unprocessed
        })
    }
}

#[test]
fn what_had_arrived_before_the_loss_can_still_be_read() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, true);
        respond(&mut pair.server, s, false);
        send(&mut pair.server, s, b"half an answer", false);
        pair.run();
        pair.client.receive_eof(pair.clock.now());
        let (key, ready) = at_client(&mut pair);
        assert!(key == c && ready.has(Ready::DATA) && ready.has(Ready::RESET) && !ready.has(Ready::END));
        assert_eq!(read(&mut pair.client, c), b"half an answer");
        let lost = "the connection was lost: the peer closed it without GOAWAY";
        assert_eq!(close_reason(&pair.client).to_string(), lost);
        release(&mut pair.client, c);
        assert_eq!(pair.client.live_streams(), 0);
    });
}

/// What a connection makes of these bytes, whole and one by one, and then of the end.
fn first_bytes(side: Side, bytes: &[u8], then_closed: bool) -> String {
    let outcomes = [Chop::Whole, Chop::Ones].map(|chop| {
        let mut raw = H2Raw::new(side, &Config::default());
        raw.chop = chop;
        let _ = raw.send(bytes);
        if then_closed {
            raw.connection.receive_eof(raw.clock.now());
        } else {
            raw.clock.advance(Duration::from_secs(21));
            raw.connection.handle_timeout(raw.clock.now());
        }
        assert_eq!(raw.events().last(), Some(&Event::Closed));
        close_reason(&raw.connection).to_string()
    });
    assert_eq!(outcomes[0], outcomes[1], "chopping makes no difference");
    outcomes[0].clone()
}

#[test]
fn strangers_are_named() {
    let sent = |what: &str| format!("the peer does not speak HTTP/2: it sent {what}");
    let asked = |line: &str| format!("the client speaks HTTP/1.1, not HTTP/2: it asked {line:?}");
    let answered = |line: &str| format!("the server speaks HTTP/1.1, not HTTP/2: it answered {line:?}");
    let noise = b"\x93\x11\x00\xfe\x93\x11\x00\xfe\x93\x11\x00\xfe\x93\x11\x00\xfe";
    for (side, bytes, text) in [
        (Side::Server, &b"GET /index.html?a=b HTTP/1.1\r\nhost: a\r\n\r\n"[..], asked("GET /index.html")),
        (Side::Server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", "the client speaks TLS, this port does not".into()),
        (Side::Server, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", sent("an HTTP/2 preface with an error in it")),
        (Side::Server, noise, sent("bytes that are no HTTP/2 frame")),
        (Side::Client, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", answered("HTTP/1.1 400 Bad Request")),
        (
            Side::Client,
            b"\x15\x03\x03\x00\x02\x02\x46",
            "the server expects TLS: it answered plain text with a TLS record".into(),
        ),
        (Side::Client, b"<html><body>login</body></html>", sent("an HTML page")),
        (Side::Client, noise, sent("bytes that are no HTTP/2 frame")),
        (Side::Client, b"SSH-2.0-x\r\n", sent("an SSH greeting")),
    ] {
        for then_closed in [true, false] {
            assert_eq!(first_bytes(side, bytes, then_closed), text);
        }
    }
}

/// A peer that stays where it is: what it is shows before time runs out.
#[test]
fn strangers_that_show_themselves_in_few_bytes_are_not_waited_for() {
    for (side, bytes) in [
        (Side::Client, &b"\x15\x03\x03\x00\x02\x02\x46"[..]),
        (Side::Client, b"HTTP/1.1 400\r\n"),
        (Side::Server, b"\x16\x03\x01"),
    ] {
        let mut raw = H2Raw::new(side, &Config::default());
        let _ = raw.send(bytes);
        assert!(matches!(raw.connection.close_reason(), Some(ConnectionError::NotHttp2 { .. })), "{bytes:?}");
    }
}

/// A stranger would not understand them.
#[test]
fn a_server_sends_no_frames_before_the_preface_has_come() {
    for then in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1\r\n\r\n", b""] {
        let mut raw = H2Raw::new(Side::Server, &Config::default());
        assert!(!raw.connection.has_output() && raw.frames().is_empty());
        let _ = raw.send(then);
        raw.clock.advance(Duration::from_secs(21));
        raw.connection.handle_timeout(raw.clock.now());
        assert!(raw.connection.close_reason().is_some() && raw.frames().is_empty(), "{then:?}");
    }
    let mut raw = H2Raw::new(Side::Server, &Config::default());
    raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    assert!(raw.connection.has_output() && !raw.frames().is_empty());
}

#[test]
fn peers_that_say_nothing_or_too_little_are_named_too() {
    let closed = |side, bytes| first_bytes(side, bytes, true);
    let silent = |side, bytes| first_bytes(side, bytes, false);
    let server_gone =
        "the connection was lost: the peer closed it without having sent SETTINGS (is it an HTTP/2 server?)";
    assert_eq!(closed(Side::Client, b""), server_gone);
    assert_eq!(closed(Side::Client, b"\0\0\x12\x04"), server_gone);
    assert_eq!(silent(Side::Client, b""), "time ran out waiting for the server's SETTINGS (is it an HTTP/2 server?)");
    let client_gone = "the connection was lost: the peer closed it before its HTTP/2 preface was complete";
    assert_eq!(closed(Side::Server, b""), client_gone);
    assert_eq!(closed(Side::Server, b"PRI * HT"), client_gone);
    assert_eq!(silent(Side::Server, b"PRI * HT"), "time ran out waiting for the client's preface and SETTINGS");
    assert_eq!(silent(Side::Server, frame::PREFACE), "time ran out waiting for the client's preface and SETTINGS");
}

#[test]
fn an_http2_peer_that_does_not_begin_with_settings_is_told_so() {
    let mut hello = frame::PREFACE.to_vec();
    frame::ping(&mut hello, false, [0; 8]);
    let text = first_bytes(Side::Server, &hello, true);
    let wrong = "the peer broke the protocol: the first frame is not SETTINGS (RFC 9113 section 3.4); ended with PROTOCOL_ERROR";
    assert_eq!(text, wrong);
    assert_eq!(first_bytes(Side::Client, &hello[24..], true), wrong);
}

#[test]
fn operations_after_the_end_are_harmless() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        let now = pair.clock.now();
        pair.server.lost(now, "gone".into(), None);
        let mut out = Outgoing::new();
        for _ in 0..2 {
            let server = &mut pair.server;
            server.shutdown(now, MINUTE);
            server.receive_eof(now);
            server.lost(now, "again".into(), Some(7));
            server.handle_timeout(now + MINUTE);
            assert!(!server.poll_transmit(now, &mut out) && !server.has_output() && server.poll_timeout().is_none());
            let mut input = Incoming::new();
            input.extend_from_slice(b"bytes");
            assert!(server.receive(now, &mut input).is_err() && input.as_slice().is_empty());
            if let Some(mut stream) = server.stream(s) {
                stream.reset(ErrorCode::Cancel);
                stream.want(1 << 30);
                stream.end();
                let _ = stream.send_data(b"a", (&b"b"[..]).into(), true, false);
                assert!(stream.send_headers().is_none());
                release(server, s);
            }
        }
        assert_eq!(close_reason(&pair.server).to_string(), "the connection was lost: gone");
        release(&mut pair.client, c);
    });
}

#[test]
fn codes_of_goaway_are_those_of_the_fault() {
    let mut raw = H2Raw::open(Side::Client, &Config::default());
    let error = raw.send_frame(kind::PING, 0, 0, &[0]).expect_err("a PING of one byte");
    let frames = raw.frames();
    assert_eq!(frames.last().and_then(RawFrame::code), Some(ErrorCode::FrameSizeError.to_wire()));
    assert_eq!(frames.last().map(|f| &f.payload[8..]), Some(&b"PING is not 8 bytes (RFC 9113 section 6.7)"[..]));
    assert!(error.to_string().contains("PING is not 8 bytes"));
}
