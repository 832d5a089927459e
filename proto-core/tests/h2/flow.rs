//! Flow control: windows on both levels, credit, loans, and what a peer may not do with them.

use crate::common::*;
use proto_core::Config;
use proto_core::error::ErrorCode;
use proto_core::frame::{flag, kind, setting, settings, window_update};
use proto_core::h2::Side;
use proto_core::testkit::{Chop, H2Pair, H2Raw, Random, RawFrame};

/// Increments that the connection announced, by stream.
fn credit(frames: &[RawFrame], stream: u32) -> u32 {
    frames
        .iter()
        .filter(|frame| frame.head.kind == kind::WINDOW_UPDATE && frame.head.stream == stream)
        .map(|frame| u32::from_be_bytes(frame.payload[..4].try_into().expect("4 bytes")))
        .sum()
}

#[test]
fn a_slow_stream_does_not_hold_up_the_others() {
    over_every_link(|mut pair| {
        let slow: Vec<_> = (0..20).map(|_| open(&mut pair, false)).collect();
        let (c, s) = open(&mut pair, false);
        let body = vec![1; 64_000];
        // Together more than the connection's window, and nobody reads the slow ones.
        for (client, _) in &slow {
            send(&mut pair.client, *client, &body, false);
            pair.run();
        }
        send(&mut pair.client, c, b"quick", true);
        pair.run();
        assert_eq!(read(&mut pair.server, s), b"quick");
        for (_, server) in slow {
            assert_eq!(read(&mut pair.server, server).len(), body.len());
        }
    });
}

#[test]
fn connection_credit_returns_on_receipt_and_stream_credit_when_taken() {
    let mut raw = H2Raw::open(Side::Server, &Config::default());
    raw.send_request(1, false).expect("legal");
    raw.send_request(3, false).expect("legal");
    let mut frames = Vec::new();
    for stream in [1, 3] {
        for _ in 0..4 {
            raw.send_data(stream, &[0; 16_000], false).expect("within the window");
        }
        frames.extend(raw.frames());
    }
    // 128,000 bytes of 1 MiB: nothing is owed yet, and nothing was taken.
    assert_eq!((credit(&frames, 0), credit(&frames, 1)), (0, 0));
    let keys: Vec<_> = raw.events().into_iter().map(stream_key).collect();
    read(&mut raw.connection, keys[0]);
    let frames = raw.frames();
    assert_eq!((credit(&frames, 1), credit(&frames, 3)), (64_000, 0));
}

fn stream_key(event: proto_core::h2::Event) -> proto_core::h2::StreamKey {
    match event {
        proto_core::h2::Event::Stream { key, .. } => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn connection_credit_comes_at_a_half_or_at_a_quarter_with_other_output() {
    let received = |streams: u32, ping: bool| {
        let mut raw = H2Raw::open(Side::Server, &Config::default());
        for stream in (0..streams).map(|n| 2 * n + 1) {
            raw.send_request(stream, false).expect("legal");
            for _ in 0..4 {
                raw.send_data(stream, &[0; 16_000], false).expect("within the window");
            }
        }
        if ping {
            raw.send_frame(kind::PING, 0, 0, &[0; 8]).expect("legal");
        }
        credit(&raw.frames(), 0)
    };
    assert_eq!(received(4, true), 0);
    assert_eq!(received(5, false), 0);
    assert_eq!(received(5, true), 5 * 64_000);
    assert!(received(9, false) >= 512 * 1024);
}

#[test]
fn padding_counts_fully_and_is_given_back() {
    let mut raw = H2Raw::open(Side::Server, &Config::default());
    raw.send_request(1, false).expect("legal");
    let mut padded = vec![255];
    padded.extend_from_slice(b"x");
    padded.extend_from_slice(&[0; 255]);
    let mut given_back = 0;
    for _ in 0..2_000 {
        raw.send_frame(kind::DATA, flag::PADDED, 1, &padded).expect("the window is given back");
        given_back += credit(&raw.frames(), 1);
    }
    let key = raw.events().pop().map(stream_key).expect("a stream");
    assert_eq!(raw.connection.stream(key).expect("open").available(), 2_000);
    assert!(given_back >= 2_000 * 256 - 33 * 1024, "{given_back}");
}

#[test]
fn data_beyond_the_streams_window_resets_the_stream() {
    let mut raw = H2Raw::open(Side::Server, &Config::default());
    raw.send_request(1, false).expect("legal");
    for _ in 0..4 {
        raw.send_data(1, &[0; 16_384], false).expect("within the window");
    }
    raw.frames();
    raw.send_data(1, b"x", false).expect("costs the stream only");
    let frames = raw.frames();
    assert_eq!(frames.iter().find_map(RawFrame::code), Some(ErrorCode::FlowControlError.to_wire()));
    assert!(raw.connection.close_reason().is_none());
}

#[test]
fn data_beyond_the_connections_window_ends_the_connection() {
    let config = Config { connection_window: 65_535, stream_window: 1 << 20, ..Config::default() };
    let mut raw = H2Raw::open(Side::Server, &config);
    // Credit returns on receipt, at a half: a peer that keeps to it never runs dry, so ask for less than that.
    raw.send_request(1, false).expect("legal");
    let mut outcome = Ok(());
    for _ in 0..2 {
        outcome = outcome.and(raw.send_data(1, &[0; 16_000], false));
    }
    outcome.expect("within the window");
    assert_eq!(credit(&raw.frames(), 0), 0);
    // Now 33,535 are left; the credit that the next frame causes counts only for what comes after.
    let config = Config { max_frame_size: 65_536, ..config };
    let mut raw = H2Raw::open(Side::Server, &config);
    raw.send_request(1, false).expect("legal");
    let error = raw.send_data(1, &[0; 65_536], false).expect_err("one byte too many");
    assert_eq!(
        error.to_string(),
        "the peer broke the protocol: DATA beyond the window (RFC 9113 section 6.9); ended with FLOW_CONTROL_ERROR"
    );
}

#[test]
fn our_window_counts_from_the_peers_acknowledgement_on() {
    let config = Config { stream_window: 1_000, ..Config::default() };
    let mut raw = H2Raw::new(Side::Server, &config);
    let mut hello = proto_core::frame::PREFACE.to_vec();
    settings(&mut hello, &[]);
    raw.send(&hello).expect("legal");
    raw.send_request(1, false).expect("legal");
    // The peer has not seen our SETTINGS: the default of 65,535 is in force.
    for _ in 0..4 {
        raw.send_data(1, &[0; 16_000], false).expect("within the default window");
    }
    raw.send_frame(kind::SETTINGS, flag::ACK, 0, &[]).expect("legal");
    raw.frames();
    raw.send_request(3, false).expect("legal");
    raw.send_data(3, &[0; 1_000], false).expect("legal");
    assert_eq!(raw.frames().iter().find_map(RawFrame::code), None);
    raw.send_data(3, &[0; 1], false).expect("costs the stream only");
    assert_eq!(raw.frames().iter().find_map(RawFrame::code), Some(3));
}

#[test]
fn a_peer_that_shrinks_and_grows_its_window_gets_exactly_what_it_allows() {
    let mut raw = H2Raw::open(Side::Client, &Config::default());
    let mut block = raw.connection.open(raw.clock.now(), 0).expect("a stream");
    block.field(proto_core::hpack::Known::Method, b"POST");
    let key = block.end(false);
    let data = |raw: &mut H2Raw| -> usize {
        raw.frames().iter().filter(|f| f.head.kind == kind::DATA).map(|f| f.payload.len()).sum()
    };
    let window = |raw: &mut H2Raw, size| raw.send_with(|out| settings(out, &[(setting::INITIAL_WINDOW_SIZE, size)]));
    window(&mut raw, 100).expect("legal");
    let body = vec![5; 1_000];
    send(&mut raw.connection, key, &body, false);
    assert_eq!(data(&mut raw), 100);
    // Below zero: what was sent is owed first.
    window(&mut raw, 30).expect("legal");
    raw.send_with(|out| window_update(out, 1, 70)).expect("legal");
    assert_eq!(data(&mut raw), 0);
    raw.send_with(|out| window_update(out, 1, 1)).expect("legal");
    assert_eq!(data(&mut raw), 1);
    window(&mut raw, 230).expect("legal");
    assert_eq!(data(&mut raw), 200);
    window(&mut raw, 0).expect("legal");
    window(&mut raw, 230).expect("legal");
    assert_eq!(data(&mut raw), 0);
}

#[test]
fn a_message_larger_than_the_window_is_lent_whole_and_returned() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        let body = vec![1; 1_000_000];
        pair.client.stream(c).expect("open").send_data(b"", (&body).into(), false, true).expect("forced");
        pair.run();
        let arrived = pair.server.stream(s).expect("open").available();
        assert!(arrived <= 65_536);
        pair.server.stream(s).expect("open").want(body.len() - arrived);
        assert_eq!(pair.server.borrowed(), body.len() - 65_536);
        pair.run();
        assert_eq!(pair.server.stream(s).expect("open").available(), body.len());
        assert_eq!(read(&mut pair.server, s).len(), body.len());
        assert_eq!(pair.server.borrowed(), 0);
        // The stream is back at its own window.
        send(&mut pair.client, c, &body, true);
        pair.run();
        assert_eq!(pair.server.stream(s).expect("open").available(), 65_536);
    });
}

#[test]
fn loans_wait_their_turn_and_none_is_forgotten() {
    let server = Config { loan_pool: 300_000, max_receive_message_size: 200_000, ..Config::default() };
    over_every_link_with(&Config::default(), &server, |mut pair| {
        let keys: Vec<_> = (0..6).map(|_| open(&mut pair, false)).collect();
        let body = vec![1; 200_000];
        for (c, _) in &keys {
            pair.client.stream(*c).expect("open").send_data(b"", (&body).into(), true, true).expect("forced");
        }
        pair.run();
        for (_, s) in &keys {
            let mut stream = pair.server.stream(*s).expect("open");
            let missing = body.len() - stream.available();
            stream.want(missing);
        }
        assert!(pair.server.borrowed() <= 300_000);
        // One of those that wait goes away; one that has a loan, too.
        release(&mut pair.server, keys[5].1);
        release(&mut pair.server, keys[0].1);
        let mut done = 0;
        for _ in 0..10 {
            pair.run();
            for (_, s) in &keys[1..5] {
                if pair.server.stream(*s).expect("open").available() == body.len() {
                    read(&mut pair.server, *s);
                    done += 1;
                }
            }
        }
        assert_eq!((done, pair.server.borrowed()), (4, 0));
        assert!(pair.server.loan_waits() >= 4);
    });
}

/// Bytes in equal bytes out, and neither side ever holds more than its bounds.
#[test]
fn windows_are_conserved_under_random_reading() {
    for seed in 0..20 {
        let mut random = Random::seed(seed);
        let mut pair = H2Pair::new(Chop::Random(Random::seed(seed)));
        let keys: Vec<_> = (0..8).map(|_| open(&mut pair, false)).collect();
        let (mut sent, mut got) = ([0; 8], [0; 8]);
        for _ in 0..300 {
            let n = random.below(8);
            let (c, s) = keys[n];
            if random.one_in(2) {
                let body = vec![n as u8; random.below(40_000)];
                let mut stream = pair.client.stream(c).expect("open");
                if stream.send_data(b"", (&body).into(), false, false).is_ok() {
                    sent[n] += body.len();
                }
            } else {
                let bytes = read(&mut pair.server, s);
                assert!(bytes.len() <= 65_536 && bytes.iter().all(|b| *b == n as u8));
                got[n] += bytes.len();
            }
            if random.one_in(3) {
                pair.run();
            }
            assert!(pair.client.unsent() <= 1024 * 1024 + 40_000);
        }
        for _ in 0..200 {
            pair.run();
            for (n, (_, s)) in keys.iter().enumerate() {
                got[n] += read(&mut pair.server, *s).len();
            }
        }
        assert_eq!(got, sent, "seed {seed}");
        assert!(pair.client.close_reason().is_none() && pair.server.close_reason().is_none());
    }
}

#[test]
fn two_ends_that_let_go_of_a_stream_do_not_wait_for_each_other() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        respond(&mut pair.server, s, false);
        let body = vec![1; 300_000];
        for (connection, key) in [(&mut pair.client, c), (&mut pair.server, s)] {
            connection.stream(key).expect("open").send_data(b"", (&body).into(), true, true).expect("forced");
        }
        // Both windows are full of bytes that nobody has taken.
        pair.run();
        release(&mut pair.client, c);
        release(&mut pair.server, s);
        pair.run();
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0));
    });
}

#[test]
fn a_stream_that_ends_returns_the_loan_that_it_did_not_use() {
    over_every_link(|mut pair| {
        let (c, s) = open(&mut pair, false);
        pair.server.stream(s).expect("open").want(1_000_000);
        assert_eq!(pair.server.borrowed(), 1_000_000 - 65_536);
        let body = vec![1; 100_000];
        pair.client.stream(c).expect("open").send_data(b"", (&body).into(), true, true).expect("forced");
        for _ in 0..3 {
            pair.run();
        }
        // Only what waits beyond the stream's own window is still borrowed.
        assert_eq!(pair.server.stream(s).expect("open").available(), 100_000);
        assert_eq!(pair.server.borrowed(), 100_000 - 65_536);
        read(&mut pair.server, s);
        assert_eq!(pair.server.borrowed(), 0);
    });
}
