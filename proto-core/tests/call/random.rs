//! Random operations in any order, and random bytes: no panic, no hang, nothing left behind.

use proto_core::buf::{Incoming, Outgoing};
use proto_core::call::{CallId, CallOptions, Head, Kind};
use proto_core::connection::Connection;
use proto_core::testkit::{Endpoint, Faults, KINDS, Pair, Random, client_by_chance, server_by_chance, take_events};
use proto_core::time::Instant;
use proto_core::{Config, Metadata, Status};
use std::time::Duration;

fn drop<T>(_: T) {}

fn release_all<R>(now: Instant, connection: &mut Connection<R>, calls: &[CallId]) {
    for &id in calls {
        if let Ok(call) = connection.call(id) {
            call.release(now);
        }
    }
}

fn config(random: &mut Random) -> Config {
    Config {
        max_concurrent_streams: *random.pick(&[1, 3, 100]),
        stream_window: *random.pick(&[1, 100, 65_536]),
        connection_window: *random.pick(&[65_536, 1_048_576]),
        max_unsent_per_call: *random.pick(&[1, 1_000, 65_536]),
        max_unsent: *random.pick(&[1, 20_000, 1_048_576]),
        max_receive_message_size: *random.pick(&[10, 100_000, 4_194_304]),
        max_pending_calls: *random.pick(&[0, 2, 1_000]),
        max_header_list_size: *random.pick(&[300, 16_384]),
        ..Config::default()
    }
}

fn play(seed: u64) {
    let mut random = Random::seed(seed);
    let faults = match random.below(4) {
        0 => Faults::NONE,
        1 => Faults::loss(seed, 200_000),
        _ => Faults::delays(seed),
    };
    let mut pair = Pair::new(config(&mut random), config(&mut random), faults);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let now = pair.now();
        match random.below(12) {
            0..=4 => client_by_chance(&mut random, now, &mut pair.client, &mut ours),
            5..=8 => server_by_chance(&mut random, now, &mut pair.server, &mut theirs),
            9 => drop(pair.step()),
            10 => pair.advance(Duration::from_millis(random.below(30) as u64)),
            _ => {
                take_events(&mut pair.client);
                take_events(&mut pair.server);
            }
        }
        if random.one_in(150) {
            let grace = Duration::from_millis(random.below(50) as u64);
            if random.one_in(2) { pair.client.shutdown(now, grace) } else { pair.server.shutdown(now, grace) }
        }
        let now = pair.now();
        pair.client.handle_timeout(now);
        pair.server.handle_timeout(now);
        assert!(pair.next_timeout().is_none_or(|due| due > now), "what was due is served");
    }
    // Everybody lets go: both ends come to rest, and nothing is left of any call.
    let now = pair.now();
    release_all(now, &mut pair.client, &ours);
    release_all(now, &mut pair.server, &theirs);
    assert!(pair.settle(), "seed {seed}: bytes for ever");
    // Calls that are held back while anything is unsent come one by one.
    while let Some(id) = pair.server.accept() {
        let now = pair.now();
        pair.server.call(id).unwrap().release(now);
        assert!(pair.settle(), "seed {seed}: bytes for ever");
    }
    assert_eq!(
        (pair.client.active_calls(), pair.server.active_calls()),
        (0, 0),
        "seed {seed}: unsent {:?}, closed {:?}, max {:?}",
        (pair.client.unsent(), pair.server.unsent()),
        (pair.client.close_reason(), pair.server.close_reason()),
        pair.server
    );
    take_events(&mut pair.client);
    take_events(&mut pair.server);
    assert_eq!(pair.client.unsent(), 0, "seed {seed}: {:?}", pair.client.close_reason());
    let closed = pair.client.close_reason().or(pair.server.close_reason());
    if let Some(proto_core::error::ConnectionError::PeerMisbehaved { code, what }) = closed {
        panic!("seed {seed}: one end says that the other misbehaved: {code} {what}");
    }
}

#[test]
fn random_operations_in_any_order_end_in_rest() {
    for seed in 1..=600 {
        play(seed);
    }
}

/// What each end of a few calls sends.
fn record() -> [Vec<u8>; 2] {
    let now = Instant::from_nanos(1_000_000_000);
    let (mut client, mut server) =
        (Connection::client(Config::default(), now), Connection::server(Config::default(), now));
    let (mut to_server, mut to_client, mut out) = (Incoming::new(), Incoming::new(), Outgoing::new());
    let mut logs = [Vec::new(), Vec::new()];
    let mut ids = Vec::new();
    for n in 0..4 {
        let deadline = Some(now + Duration::from_secs(n + 1));
        let mut options = CallOptions { kind: Kind::BIDI, deadline, ..CallOptions::default() };
        options.metadata.insert_bin("x-bin", &[1, 2, 3]).unwrap();
        let id = client.start(now, Head::new("/a.B/C"), &options).unwrap();
        client.call(id).unwrap().send_last(now, &vec![9; 100 * n as usize]).unwrap();
        ids.push(id);
    }
    for _ in 0..4 {
        move_bytes(now, &mut client, &mut server, &mut out, &mut to_server, &mut logs[0]);
        while let Some(id) = server.accept() {
            let mut call = server.call(id).unwrap();
            call.set_kind(Kind::BIDI);
            call.send(now, &b"answer"[..]).unwrap();
            call.finish(now, &Status::aborted("why not"), &Metadata::new());
            call.release(now);
        }
        move_bytes(now, &mut server, &mut client, &mut out, &mut to_client, &mut logs[1]);
    }
    assert!(ids.iter().all(|&id| client.call(id).unwrap().outcome().is_some()));
    logs
}

fn move_bytes(
    now: Instant,
    from: &mut impl Endpoint,
    to: &mut impl Endpoint,
    out: &mut Outgoing,
    input: &mut Incoming,
    log: &mut Vec<u8>,
) {
    while from.poll_transmit(now, out) {
        let mut segments: [&[u8]; 16] = [&[]; 16];
        let count = out.segments(&mut segments);
        for segment in &segments[..count] {
            log.extend_from_slice(segment);
            input.extend_from_slice(segment);
        }
        out.advance(usize::MAX);
        to.receive(now, input).unwrap();
    }
}

/// Changes some bytes, drops some, doubles some.
fn mutate(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(8) {
        let at = random.below(out.len());
        match random.below(5) {
            0 => out[at] = random.next_u64() as u8,
            1 => out[at] ^= 1 << random.below(8),
            2 => {
                let end = (at + random.below(20)).min(out.len());
                out.drain(at..end);
            }
            3 => {
                let end = (at + random.below(60)).min(out.len());
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            _ => {
                let mut noise = vec![0; random.below(20)];
                random.fill(&mut noise);
                out.splice(at..at, noise);
            }
        }
        if out.is_empty() {
            out.push(0);
        }
    }
    out
}

/// Feeds bytes to a connection in random pieces with random operations in between; then the link is gone, and every
/// call has its verdict.
fn feed<R>(
    random: &mut Random,
    bytes: &[u8],
    mut connection: Connection<R>,
    op: fn(&mut Random, Instant, &mut Connection<R>, &mut Vec<CallId>),
) {
    let (mut now, mut calls) = (Instant::from_nanos(1_000_000_000), Vec::new());
    let (mut input, mut out) = (Incoming::new(), Outgoing::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(1 + random.below(rest.len().min(200)));
        rest = tail;
        op(random, now, &mut connection, &mut calls);
        input.extend_from_slice(piece);
        let outcome = connection.receive(now, &mut input);
        assert_eq!(outcome.is_err(), connection.is_closed());
        op(random, now, &mut connection, &mut calls);
        take_events(&mut connection);
        if random.one_in(3) && connection.poll_transmit(now, &mut out) {
            out.advance(random.below(out.len() + 1));
        }
        if random.one_in(10) {
            now = connection.poll_timeout().map_or(now, |due| due.max(now));
            connection.handle_timeout(now);
            assert!(connection.poll_timeout().is_none_or(|due| due > now));
        }
    }
    connection.receive_eof(now);
    for &id in &calls {
        if let Ok(call) = connection.call(id) {
            assert!(call.outcome().is_some(), "the connection is over, and so is the call");
            call.release(now);
        }
    }
    assert_eq!(connection.poll_timeout(), None);
}

#[test]
fn no_bytes_make_a_client_panic_or_leave_a_call_without_a_verdict() {
    let [_, from_server] = record();
    for seed in 1..=3_000 {
        let mut random = Random::seed(seed);
        let bytes = mutate(&mut random, &from_server);
        let mut client = Connection::client(Config::default(), Instant::from_nanos(1_000_000_000));
        for _ in 0..4 {
            let options = CallOptions { kind: *random.pick(&KINDS), ..CallOptions::default() };
            client.start(Instant::from_nanos(1_000_000_000), Head::new("/a.B/C"), &options).unwrap();
        }
        feed(&mut random, &bytes, client, client_by_chance);
    }
}

#[test]
fn no_bytes_make_a_server_panic_or_leave_a_call_without_a_verdict() {
    let [from_client, _] = record();
    for seed in 1..=3_000 {
        let mut random = Random::seed(seed);
        let bytes = mutate(&mut random, &from_client);
        let server = Connection::server(config(&mut random), Instant::from_nanos(1_000_000_000));
        feed(&mut random, &bytes, server, server_by_chance);
    }
}

#[test]
fn noise_alone_is_no_peer() {
    for seed in 1..=500 {
        let mut random = Random::seed(seed);
        let mut noise = vec![0; 1 + random.below(500)];
        random.fill(&mut noise);
        let now = Instant::from_nanos(1_000_000_000);
        feed(&mut random, &noise, Connection::client(Config::default(), now), client_by_chance);
        feed(&mut random, &noise, Connection::server(Config::default(), now), server_by_chance);
    }
}
