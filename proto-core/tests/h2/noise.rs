//! Noise on a seed: random frames, and good conversations with bytes changed. Nothing panics, everything stays bounded, and every end is a typed one.

use crate::common::*;
use proto_core::Config;
use proto_core::frame::{Head, kind};
use proto_core::h2::{Event, Side};
use proto_core::testkit::{Chop, H2Pair, H2Raw, Random};
use proto_core::{Incoming, Outgoing};

/// Serves whatever a connection reports, as an application would.
fn serve(raw: &mut H2Raw, random: &mut Random) {
    for event in raw.events() {
        let Event::Stream { key, ready, .. } = event else { continue };
        let connection = &mut raw.connection;
        if connection.stream(key).is_none() {
            continue;
        }
        read(connection, key);
        match random.below(4) {
            0 => release(connection, key),
            1 if connection.stream(key).is_some_and(|stream| stream.headers().is_some()) && ready.0 & 1 != 0 => {
                if let Some(mut block) = connection.stream(key).and_then(|stream| stream.send_headers()) {
                    block.other(b"a", b"b", false);
                    let _ = block.end(false);
                }
            }
            2 => {
                let _ = connection
                    .stream(key)
                    .map(|mut stream| stream.send_data(b"", (&[1; 999][..]).into(), false, false));
            }
            _ => {}
        }
    }
}

fn random_frame(random: &mut Random, raw: &mut H2Raw) -> Vec<u8> {
    let kind = random.below(11) as u8;
    let stream = *random.pick(&[0, 1, 1, 3, 3, 5, 7, 9, 2]);
    let payload = if kind == kind::HEADERS && random.one_in(2) {
        raw.block(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x-a", "b")])
    } else {
        let len = *random.pick(&[0, 1, 4, 5, 6, 8, 12, 100]);
        let mut payload = vec![0; len];
        if random.one_in(2) {
            random.fill(&mut payload);
        }
        payload
    };
    let flags = if random.one_in(3) { random.next_u64() as u8 } else { 4 | random.below(2) as u8 };
    let head = Head { len: payload.len() as u32, kind, flags, stream };
    let mut frame = head.to_bytes().to_vec();
    frame.extend_from_slice(&payload);
    frame
}

#[test]
fn random_frames_end_in_typed_errors() {
    let mut closed = 0;
    for seed in seeds(1_000) {
        let mut random = Random::seed(seed);
        let side = if random.one_in(2) { Side::Client } else { Side::Server };
        let mut raw = H2Raw::open(side, &Config::default());
        raw.chop = if random.one_in(4) { Chop::Ones } else { Chop::Whole };
        for n in 0..60 {
            if side == Side::Client && raw.connection.can_open() && random.one_in(4) {
                let block = raw.connection.open(raw.clock.now(), n).expect("can open");
                let _ = block.end(random.one_in(2));
            }
            let frame = random_frame(&mut random, &mut raw);
            let outcome = raw.send(&frame);
            assert_eq!(outcome.is_err(), raw.connection.close_reason().is_some(), "seed {seed}");
            serve(&mut raw, &mut random);
            raw.frames();
            assert!(raw.connection.unsent() < 2 << 20);
            if outcome.is_err() {
                closed += 1;
                break;
            }
        }
    }
    assert!(closed > seeds(1_000).count() / 3, "only {closed} were noticed");
}

/// A conversation as bytes, each direction.
fn conversation() -> [Vec<u8>; 2] {
    let mut pair = H2Pair::new(Chop::Whole);
    pair.keep_log();
    for n in 0..6 {
        let (c, s) = open(&mut pair, false);
        send(&mut pair.client, c, &vec![1; n * 1_000], true);
        pair.run();
        respond(&mut pair.server, s, false);
        read(&mut pair.server, s);
        send(&mut pair.server, s, b"an answer", false);
        trailers(&mut pair.server, s);
        pair.run();
        read(&mut pair.client, c);
        release(&mut pair.client, c);
        release(&mut pair.server, s);
    }
    pair.run();
    [pair.sent_to_server(), pair.sent_to_client()]
}

#[test]
fn a_conversation_with_changed_bytes_never_panics() {
    let [to_server, to_client] = conversation();
    for seed in seeds(1_000) {
        let mut random = Random::seed(seed);
        let (side, mut bytes) =
            if random.one_in(2) { (Side::Server, to_server.clone()) } else { (Side::Client, to_client.clone()) };
        for _ in 0..1 + random.below(6) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next_u64() as u8,
                2 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
                _ => bytes.insert(at, random.next_u64() as u8),
            }
        }
        let mut raw = H2Raw::new(side, &Config::default());
        raw.chop = if random.one_in(4) { Chop::Ones } else { Chop::Random(Random::seed(seed)) };
        if side == Side::Client {
            for n in 0..6 {
                let _ = raw.connection.open(raw.clock.now(), n).expect("can open").end(true);
            }
        }
        let outcome = raw.send(&bytes);
        serve(&mut raw, &mut random);
        raw.frames();
        raw.connection.receive_eof(raw.clock.now());
        assert!(raw.connection.close_reason().is_some());
        assert_eq!(outcome.is_err(), outcome == Err(close_reason(&raw.connection).clone()));
    }
}

#[test]
fn pure_noise_is_no_http2_peer() {
    for seed in seeds(300) {
        let mut random = Random::seed(seed);
        let mut noise = vec![0; 16 + random.below(3_000)];
        random.fill(&mut noise);
        for side in [Side::Client, Side::Server] {
            let mut raw = H2Raw::new(side, &Config::default());
            let mut input = Incoming::new();
            input.extend_from_slice(&noise);
            assert!(raw.connection.receive(raw.clock.now(), &mut input).is_err(), "seed {seed}");
            // A server keeps its frames for HTTP/2 peers.
            let sends = raw.connection.poll_transmit(raw.clock.now(), &mut Outgoing::new());
            assert_eq!(sends, side == Side::Client, "seed {seed}");
        }
    }
}
