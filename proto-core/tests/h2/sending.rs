//! What leaves, and in which order: one write for a call, full frames for many small messages, a fair round for large ones.

use crate::common::*;
use bytes::Bytes;
use proto_core::Outgoing;
use proto_core::frame::{Frame, PREFACE, parse};
use proto_core::h2::{Blocked, Connection, Ready};
use proto_core::testkit::{Chop, H2Pair};

/// What one `poll_transmit` hands out: bytes, and in how many segments.
fn transmit(connection: &mut Connection, pair_now: proto_core::Instant) -> (Vec<u8>, usize) {
    let mut out = Outgoing::new();
    connection.poll_transmit(pair_now, &mut out);
    let mut segments = [&[][..]; 64];
    let used = out.segments(&mut segments);
    (segments[..used].concat(), used)
}

/// The frames in `bytes`: (name, stream, length of its data).
fn frames(mut bytes: &[u8]) -> Vec<(&'static str, u32, usize, bool)> {
    let mut frames = Vec::new();
    if bytes.starts_with(PREFACE) {
        bytes = &bytes[PREFACE.len()..];
    }
    while let Some(parsed) = parse(bytes, 1 << 20) {
        let (frame, len) = parsed.expect("a good frame");
        bytes = &bytes[len..];
        frames.push(match frame {
            Frame::Data(data) => ("DATA", data.stream, data.data.len(), data.end_stream),
            Frame::Headers(headers) => ("HEADERS", headers.stream, 0, headers.end_stream),
            Frame::Ping(ping) => ("PING", 0, 0, ping.ack),
            Frame::RstStream(reset) => ("RST_STREAM", reset.stream, 0, false),
            Frame::WindowUpdate(update) => ("WINDOW_UPDATE", update.stream, 0, false),
            Frame::Settings(settings) => ("SETTINGS", 0, 0, settings.ack),
            other => panic!("{other:?}"),
        });
    }
    assert!(bytes.is_empty());
    frames
}

fn opened() -> H2Pair {
    let mut pair = H2Pair::new(Chop::Whole);
    pair.run();
    pair
}

#[test]
fn a_unary_request_is_one_write_of_headers_and_data() {
    let mut pair = opened();
    let c = request(&mut pair, false);
    send(&mut pair.client, c, b"16 bytes of body", true);
    let now = pair.clock.now();
    let (bytes, segments) = transmit(&mut pair.client, now);
    assert_eq!(segments, 1);
    assert_eq!(frames(&bytes), [("HEADERS", 1, 0, false), ("DATA", 1, 16, true)]);
}

#[test]
fn a_unary_reply_is_one_write_of_headers_data_and_trailers() {
    let mut pair = opened();
    let (_, s) = open(&mut pair, true);
    respond(&mut pair.server, s, false);
    send(&mut pair.server, s, b"reply", false);
    trailers(&mut pair.server, s);
    release(&mut pair.server, s);
    let now = pair.clock.now();
    let (bytes, segments) = transmit(&mut pair.server, now);
    assert_eq!(segments, 1);
    assert_eq!(frames(&bytes), [("HEADERS", 1, 0, false), ("DATA", 1, 5, false), ("HEADERS", 1, 0, true)]);
}

#[test]
fn a_half_close_rides_on_the_last_data_frame() {
    let mut pair = opened();
    let c = request(&mut pair, false);
    send(&mut pair.client, c, b"last", false);
    pair.client.stream(c).expect("open").end();
    let now = pair.clock.now();
    assert_eq!(frames(&transmit(&mut pair.client, now).0), [("HEADERS", 1, 0, false), ("DATA", 1, 4, true)]);
}

#[test]
fn a_half_close_with_nothing_before_it_is_an_empty_data_frame() {
    let mut pair = opened();
    let (c, s) = open(&mut pair, false);
    pair.client.stream(c).expect("open").end();
    let now = pair.clock.now();
    let (bytes, _) = transmit(&mut pair.client, now);
    assert_eq!(frames(&bytes), [("DATA", 1, 0, true)]);
    assert!(!pair.server.stream(s).expect("open").is_ended());
}

#[test]
fn small_messages_sent_together_leave_in_one_data_frame() {
    let mut pair = opened();
    let (c, _) = open(&mut pair, false);
    for _ in 0..1_000 {
        pair.client
            .stream(c)
            .expect("open")
            .send_data(b"\0\0\0\0\x05", (&b"small"[..]).into(), false, false)
            .expect("room");
    }
    let now = pair.clock.now();
    assert_eq!(frames(&transmit(&mut pair.client, now).0), [("DATA", 1, 10_000, false)]);
    // Beyond one frame they are queued and leave in full ones.
    for _ in 0..4_000 {
        pair.client
            .stream(c)
            .expect("open")
            .send_data(b"\0\0\0\0\x05", (&b"small"[..]).into(), false, false)
            .expect("room");
    }
    let frames = frames(&transmit(&mut pair.client, now).0);
    assert_eq!(frames.iter().map(|f| f.2).sum::<usize>(), 40_000);
    assert!(frames.len() <= 4, "{frames:?}");
}

#[test]
fn messages_of_two_streams_never_share_a_frame() {
    let mut pair = opened();
    let (a, b) = (request(&mut pair, false), request(&mut pair, false));
    for _ in 0..2 {
        send(&mut pair.client, a, b"aa", false);
        send(&mut pair.client, b, b"bbb", false);
    }
    let now = pair.clock.now();
    let frames = frames(&transmit(&mut pair.client, now).0);
    let data = [("DATA", 1, 2, false), ("DATA", 3, 3, false), ("DATA", 1, 2, false), ("DATA", 3, 3, false)];
    assert_eq!(frames[2..], data);
}

#[test]
fn large_bodies_take_turns_frame_by_frame() {
    let mut pair = opened();
    let keys: Vec<_> = (0..3).map(|_| request(&mut pair, false)).collect();
    let body = Bytes::from(vec![1; 60_000]);
    for key in keys {
        let mut stream = pair.client.stream(key).expect("open");
        stream.send_data(b"", (&body).into(), false, false).expect("room");
    }
    let now = pair.clock.now();
    let (bytes, segments) = transmit(&mut pair.client, now);
    assert!(segments > 1, "large bodies are not copied");
    let order: Vec<u32> = frames(&bytes).iter().filter(|f| f.0 == "DATA").map(|f| f.1).collect();
    assert_eq!(order, [1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5]);
}

#[test]
fn one_write_is_bounded_and_control_frames_come_before_queued_data() {
    let mut pair = opened();
    let keys: Vec<_> = (0..15).map(|_| open(&mut pair, false).0).collect();
    let body = Bytes::from(vec![1; 60_000]);
    for key in &keys {
        let mut stream = pair.client.stream(*key).expect("open");
        stream.send_data(b"", (&body).into(), false, false).expect("room");
    }
    pair.client.stream(keys[0]).expect("open").reset(proto_core::error::ErrorCode::Cancel);
    let now = pair.clock.now();
    let (bytes, _) = transmit(&mut pair.client, now);
    assert!(bytes.len() <= (64 + 256 + 16) * 1024, "{} bytes", bytes.len());
    let sent = frames(&bytes);
    assert_eq!(sent[0], ("RST_STREAM", 1, 0, false));
    assert!(sent.iter().all(|f| f.0 != "DATA" || f.1 != 1), "what a cancel drops is not sent");
}

#[test]
fn trailers_wait_behind_queued_data_and_other_streams_headers_do_not() {
    over_every_link(|mut pair| {
        let (c1, s1) = open(&mut pair, true);
        respond(&mut pair.server, s1, false);
        let body = vec![3; 100_000];
        pair.server.stream(s1).expect("open").send_data(b"", (&body).into(), false, true).expect("forced");
        trailers(&mut pair.server, s1);
        assert!(pair.server.stream(s1).expect("open").send_headers().is_none(), "trailers go once");
        let (c2, s2) = open(&mut pair, true);
        respond(&mut pair.server, s2, false);
        trailers(&mut pair.server, s2);
        pair.run();
        assert!(pair.client.stream(c2).expect("open").is_ended());
        assert!(!pair.client.stream(c1).expect("open").is_ended());
        let mut got = 0;
        for _ in 0..5 {
            got += read(&mut pair.client, c1).len();
            pair.run();
        }
        assert_eq!(got, body.len());
        // HPACK is in step: both trailers were read.
        for key in [c1, c2] {
            let stream = pair.client.stream(key).expect("open");
            assert!(stream.is_ended() && stream.trailers().is_some_and(|t| t.len() == 1));
        }
    });
}

#[test]
fn trailers_end_the_stream_whatever_their_writer_says() {
    for queued in [0, 100_000] {
        let mut pair = opened();
        let (c, s) = open(&mut pair, true);
        respond(&mut pair.server, s, false);
        pair.server.stream(s).expect("open").send_data(b"", (&vec![1; queued]).into(), false, true).expect("forced");
        let block = pair.server.stream(s).expect("open").send_headers().expect("may end");
        let _ = block.end(false);
        for _ in 0..5 {
            pair.run();
            read(&mut pair.client, c);
        }
        let stream = pair.client.stream(c).expect("open");
        assert!(stream.is_ended() && stream.reset_reason().is_none());
    }
}

#[test]
fn a_sender_is_blocked_at_the_cap_and_told_when_there_is_room() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        let body = vec![9; 10_000];
        let mut sent = 0;
        for _ in 0..100 {
            match pair.client.stream(c).expect("open").send_data(b"", (&body).into(), false, false) {
                Ok(()) => sent += body.len(),
                Err(Blocked) => pair.run(),
            }
        }
        assert!(!pair.client.has_output() && sent < 200_000, "{sent}");
        assert!(pair.client.stream(c).expect("open").unsent() >= 64 * 1024);
        pair.client_events();
        // The peer's window is full, and nobody reads there.
        let mut got = 0;
        for _ in 0..100 {
            if !pair.client.can_send(c) {
                got += read(&mut pair.server, s).len();
                pair.run();
            }
        }
        assert!(pair.client.can_send(c), "blocked for ever");
        assert!(got > 0);
        let (key, ready) = at_client(&mut pair);
        assert!(key == c && ready.has(Ready::WRITABLE));
        send(&mut pair.client, c, &body, true);
        for _ in 0..20 {
            got += read(&mut pair.server, s).len();
            pair.run();
        }
        assert_eq!(got, sent + body.len());
        assert!(pair.server.stream(s).expect("open").is_ended());
    });
}

#[test]
fn a_connection_that_is_full_blocks_all_and_wakes_all() {
    let mut pair = opened();
    let keys: Vec<_> = (0..40).map(|_| open(&mut pair, false)).collect();
    let body = vec![9; 63_000];
    let mut blocked = Vec::new();
    for round in 0..2 {
        for (c, _) in &keys {
            let mut stream = pair.client.stream(*c).expect("open");
            if stream.send_data(b"", (&body).into(), false, false).is_err() && round == 1 {
                blocked.push(*c);
            }
        }
    }
    assert!(pair.client.unsent() < 1024 * 1024 + 64 * 1024, "{}", pair.client.unsent());
    assert!(blocked.len() > 20);
    pair.client_events();
    let mut woken = Vec::new();
    for _ in 0..40 {
        pair.run();
        for (_, s) in &keys {
            read(&mut pair.server, *s);
        }
        for event in pair.client_events() {
            if let proto_core::h2::Event::Stream { key, ready, .. } = event
                && ready.has(Ready::WRITABLE)
            {
                woken.push(key);
            }
        }
    }
    assert_eq!(pair.client.unsent(), 0);
    assert!(blocked.iter().all(|key| woken.contains(key)), "somebody sleeps for ever");
}

#[test]
fn a_final_reply_is_accepted_whatever_is_unsent() {
    let mut pair = opened();
    let (_, s) = open(&mut pair, true);
    respond(&mut pair.server, s, false);
    let body = vec![9; 70_000];
    let mut stream = pair.server.stream(s).expect("open");
    stream.send_data(b"", (&body).into(), false, false).expect("room");
    assert_eq!(stream.send_data(b"", (&body).into(), true, false), Err(Blocked));
    assert_eq!(stream.send_data(b"", (&body).into(), true, true), Ok(()));
    assert_eq!(stream.unsent(), 140_000);
}

#[test]
fn nothing_is_sent_on_a_stream_that_may_not_send() {
    let mut pair = opened();
    let (c, s) = open(&mut pair, true);
    // No headers yet, or our side has ended: accepted and dropped, so that any order of calls is safe.
    send(&mut pair.server, s, b"too early", false);
    pair.server.stream(s).expect("open").end();
    send(&mut pair.client, c, b"too late", false);
    assert!(!pair.server.has_output() && !pair.client.has_output());
    assert!(pair.client.stream(c).expect("open").send_headers().is_none());
}
