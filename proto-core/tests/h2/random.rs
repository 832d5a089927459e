//! Seeded sequences of any operations in any order on both ends: bytes arrive once and in order, windows are conserved, what is
//! held is bounded, timers progress, and in the end everything is given back.

use crate::common::*;
use bytes::Bytes;
use proto_core::Config;
use proto_core::error::ErrorCode;
use proto_core::h2::{Connection, Event, Side, StreamKey};
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, H2Pair, Random};
use std::collections::BTreeMap;
use std::time::Duration;

/// What one end knows of a stream.
#[derive(Debug, Default)]
struct Progress {
    sent: u64,
    got: u64,
    ended: bool,
    headers_sent: bool,
}

/// One end under random operations.
struct End {
    side: Side,
    /// By the wire's id, with the key.
    streams: BTreeMap<u32, (StreamKey, Progress)>,
}

/// Byte number `n` of a stream, from this end: tells lost, doubled and misplaced ones.
fn byte(id: u32, side: Side, n: u64) -> u8 {
    (n.wrapping_mul(31) ^ u64::from(id) ^ if side == Side::Client { 0 } else { 0x55 }) as u8
}

impl End {
    fn new(side: Side) -> Self {
        End { side, streams: BTreeMap::new() }
    }

    fn events(&mut self, connection: &mut Connection) {
        while let Some(event) = connection.poll_event() {
            if let Event::Stream { key, .. } = event {
                let Some(stream) = connection.stream(key) else { panic!("an event of a stream that is gone") };
                let id = stream.id();
                self.streams.entry(id).or_insert((key, Progress::default()));
            }
        }
    }

    fn pick(&self, random: &mut Random) -> Option<u32> {
        let n = random.below(self.streams.len());
        self.streams.keys().nth(n).copied()
    }

    fn step(&mut self, connection: &mut Connection, random: &mut Random, now: proto_core::Instant) {
        self.events(connection);
        let operation = random.below(12);
        if operation == 0 && self.side == Side::Client && connection.can_open() {
            let mut block = connection.open(now, 1).expect("can open");
            for (name, value) in [(Known::Method, "POST"), (Known::Scheme, "http"), (Known::Path, "/p")] {
                block.field(name, value.as_bytes());
            }
            block.other(b"x-random", &vec![b'v'; random.below(300)], random.one_in(2));
            let ended = random.one_in(4);
            let key = block.end(ended);
            let id = connection.stream(key).expect("open").id();
            self.streams.insert(id, (key, Progress { ended, headers_sent: true, ..Progress::default() }));
            return;
        }
        let Some(id) = self.pick(random) else { return };
        let Some((key, mut known)) = self.streams.remove(&id) else { return };
        let mut released = false;
        match operation {
            1 if self.side == Side::Server && !known.headers_sent => {
                if let Some(mut block) = connection.stream(key).expect("kept").send_headers() {
                    block.field(Known::Status, b"200");
                    let _ = block.end(false);
                    known.headers_sent = true;
                }
            }
            2 if known.headers_sent && !known.ended && random.one_in(3) => {
                known.ended = true;
                if random.one_in(2) {
                    connection.stream(key).expect("kept").end();
                } else if let Some(mut block) = connection.stream(key).expect("kept").send_headers() {
                    block.other(b"x-end", b"1", false);
                    drop(block);
                }
            }
            3 if random.one_in(20) => connection.stream(key).expect("kept").reset(ErrorCode::Cancel),
            4 if random.one_in(10) => {
                release(connection, key);
                released = true;
            }
            5 => connection.stream(key).expect("kept").want(random.below(400_000)),
            6..=8 if known.headers_sent && !known.ended => self.send(connection, id, key, &mut known, random),
            _ => self.take(connection, id, key, &mut known, random),
        }
        if !released {
            self.streams.insert(id, (key, known));
        }
    }

    fn send(&self, connection: &mut Connection, id: u32, key: StreamKey, known: &mut Progress, random: &mut Random) {
        let len = if random.one_in(3) { random.below(60_000) } else { random.below(200) };
        let body: Vec<u8> = (0..len as u64).map(|n| byte(id, self.side, known.sent + n)).collect();
        let (prefix, rest) = body.split_at(random.below(len.min(6)));
        let end = random.one_in(30);
        let force = random.one_in(20);
        let shared = Bytes::copy_from_slice(rest);
        let mut stream = connection.stream(key).expect("kept");
        let payload = if random.one_in(2) { (&shared).into() } else { rest.into() };
        if stream.send_data(prefix, payload, end, force).is_ok() {
            known.sent += len as u64;
            known.ended |= end;
        } else {
            assert!(!connection.can_send(key) && !force);
        }
    }

    fn take(&self, connection: &mut Connection, id: u32, key: StreamKey, known: &mut Progress, random: &mut Random) {
        let bytes = if random.one_in(2) { read(connection, key) } else { take_some(connection, key, random) };
        self.check(id, known, &bytes);
    }

    fn check(&self, id: u32, known: &mut Progress, bytes: &[u8]) {
        let peer = if self.side == Side::Client { Side::Server } else { Side::Client };
        for got in bytes {
            assert_eq!(*got, byte(id, peer, known.got), "stream {id}, byte {}", known.got);
            known.got += 1;
        }
    }
}

fn take_some(connection: &mut Connection, key: StreamKey, random: &mut Random) -> Vec<u8> {
    use bytes::Buf;
    let mut stream = connection.stream(key).expect("kept");
    let n = random.below(stream.available() + 1);
    let mut seen = vec![0; n.min(9)];
    let peeked = stream.peek(&mut seen);
    let mut message = proto_core::MessageBuf::new();
    stream.take(0, n, &mut message);
    let bytes = message.copy_to_bytes(message.remaining()).to_vec();
    assert_eq!(bytes.len(), n);
    assert_eq!(seen[..peeked], bytes[..peeked]);
    bytes
}

fn configs(random: &mut Random) -> [Config; 2] {
    [(); 2].map(|()| Config {
        stream_window: *random.pick(&[1_000, 5_000, 65_536, 200_000]),
        connection_window: *random.pick(&[65_535, 1 << 20]),
        loan_pool: *random.pick(&[100_000, 16 << 20]),
        max_receive_message_size: 1_000,
        max_concurrent_streams: *random.pick(&[1, 5, 100]),
        max_frame_size: *random.pick(&[16_384, 40_000]),
        header_table_size: *random.pick(&[0, 100, 4_096]),
        // Bytes may lie about for long here.
        handshake_timeout: Duration::from_secs(36_000),
        settings_ack_timeout: Duration::from_secs(36_000),
        stall_timeout: None,
        ..Config::default()
    })
}

fn run(seed: u64) {
    let mut random = Random::seed(seed);
    let [client_config, server_config] = configs(&mut random);
    let chop = if random.one_in(2) { Chop::Whole } else { Chop::Random(Random::seed(seed)) };
    let mut pair = H2Pair::with_config(chop, &client_config, &server_config);
    let mut ends = [End::new(Side::Client), End::new(Side::Server)];
    for step in 0..600 {
        let now = pair.clock.now();
        ends[0].step(&mut pair.client, &mut random, now);
        ends[1].step(&mut pair.server, &mut random, now);
        match random.below(6) {
            0 => pair.run(),
            1 => drop(pair.run_to_server()),
            2 => drop(pair.run_to_client()),
            3 => pair.pass(Duration::from_millis(random.below(3_000) as u64)),
            _ => {}
        }
        for (connection, config) in [(&pair.client, &client_config), (&pair.server, &server_config)] {
            assert!(connection.close_reason().is_none(), "seed {seed}, step {step}: {:?}", connection.close_reason());
            assert!(connection.borrowed() <= config.loan_pool);
            assert!(connection.poll_timeout().is_none_or(|due| due > pair.clock.now()));
        }
    }
    wind_up(pair, ends, seed);
}

/// Reads everything that is under way, lets everything go, and sees that nothing is left.
fn wind_up(mut pair: H2Pair, mut ends: [End; 2], seed: u64) {
    let mut progress = true;
    while progress {
        pair.run();
        progress = false;
        for (end, connection) in ends.iter_mut().zip([&mut pair.client, &mut pair.server]) {
            end.events(connection);
            let ids: Vec<u32> = end.streams.keys().copied().collect();
            for id in ids {
                let (key, mut known) = end.streams.remove(&id).expect("listed");
                let before = known.got;
                let bytes = read(connection, key);
                end.check(id, &mut known, &bytes);
                progress |= known.got > before;
                end.streams.insert(id, (key, known));
            }
        }
    }
    assert_eq!((pair.client.unsent(), pair.server.unsent()), (0, 0), "seed {seed}: bytes are stuck");
    for (end, connection) in ends.iter_mut().zip([&mut pair.client, &mut pair.server]) {
        for (key, _) in end.streams.values() {
            release(connection, *key);
        }
    }
    pair.run();
    for connection in [&mut pair.client, &mut pair.server] {
        while let Some(Event::Stream { key, .. }) = connection.poll_event() {
            release(connection, key);
        }
    }
    pair.run();
    assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0), "seed {seed}");
    assert_eq!((pair.client.borrowed(), pair.server.borrowed()), (0, 0), "seed {seed}");
    assert!(!pair.client.has_output() && !pair.server.has_output(), "seed {seed}");
}

#[test]
fn any_order_of_operations_keeps_the_invariants() {
    for seed in seeds(60) {
        run(seed);
    }
}
