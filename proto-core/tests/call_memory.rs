//! The bound of what one gRPC connection holds in memory (`Config::memory_bound`), filled by a peer that does its
//! worst, and measured.
//!
//! A program of its own, since the allocator counts everything in it.

use cap::Cap;
use proto_core::call::{CallId, Kind, Recv, SendError};
use proto_core::connection::{Connection, Server};
use proto_core::frame::kind;
use proto_core::h2::Side;
use proto_core::testkit::{Clock, H2Raw, RawFrame};
use proto_core::{Config, MessageBuf, Metadata};
use std::alloc::System;
use std::collections::BTreeMap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

type Raw = H2Raw<Connection<Server>>;

const STREAMS: u32 = 100;
const REPLY: usize = 100_000;

/// What the windows still allow the peer to send.
struct Windows {
    connection: i64,
    streams: BTreeMap<u32, i64>,
}

impl Windows {
    fn update(&mut self, frames: &[RawFrame]) {
        for frame in frames.iter().filter(|frame| frame.head.kind == kind::WINDOW_UPDATE) {
            let increment = i64::from(u32::from_be_bytes(frame.payload[..4].try_into().unwrap()));
            match frame.head.stream {
                0 => self.connection += increment,
                stream => *self.streams.entry(stream).or_insert(65_536) += increment,
            }
        }
    }

    /// Sends as much of `body` as the windows allow, in frames of this size; says how much.
    fn send(&mut self, raw: &mut Raw, stream: u32, body: &[u8], frame: usize) -> usize {
        let mut sent = 0;
        for piece in body.chunks(frame) {
            let window = self.streams.entry(stream).or_insert(65_536);
            if *window < piece.len() as i64 || self.connection < piece.len() as i64 {
                break;
            }
            *window -= piece.len() as i64;
            self.connection -= piece.len() as i64;
            raw.send_data(stream, piece, false).unwrap();
            sent += piece.len();
            let frames = raw.frames();
            self.update(&frames);
        }
        sent
    }
}

fn open(raw: &mut Raw, stream: u32) -> CallId {
    let long = "v".repeat(10_000);
    let list = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/a.B/C"),
        ("content-type", "application/grpc"),
        ("x-long", &*long),
    ];
    raw.send_headers(stream, &list, false).unwrap();
    let id = raw.connection.accept().expect("a call");
    raw.connection.call(id).unwrap().set_kind(Kind::BIDI);
    id
}

/// One after the other: they share the counter.
#[test]
fn the_bound_holds_and_memory_comes_back() {
    a_connection_that_is_filled_to_the_brim_stays_within_its_bound();
    a_connection_that_was_used_and_is_idle_holds_little();
}

fn a_connection_that_is_filled_to_the_brim_stays_within_its_bound() {
    let config = Config { max_concurrent_streams: STREAMS, ..Config::default() };
    let bound = config.memory_bound(REPLY);
    let before = ALLOCATOR.allocated();
    let mut raw = Raw::over(Side::Server, Connection::server(config, Clock::new().now()));
    raw.greet();
    let (now, mut buf) = (raw.clock.now(), MessageBuf::new());
    let mut windows = Windows { connection: 1024 * 1024, streams: BTreeMap::new() };
    let calls: Vec<(u32, CallId)> =
        (0..STREAMS).map(|n| 2 * n + 1).map(|stream| (stream, open(&mut raw, stream))).collect();
    let frames = raw.frames();
    windows.update(&frames);

    // Small messages that nobody pulls, in frames of a few bytes, or of half a read; and messages as large as they
    // may be, that somebody waits for.
    let small: Vec<u8> = std::iter::repeat_n([0, 0, 0, 0, 1, 7], 20_000).flatten().collect();
    let mut large = vec![0; 4 * 1024 * 1024 + 4];
    large[..5].copy_from_slice(&[0, 0, 0x40, 0, 0]);
    let mut received = 0;
    for &(stream, id) in &calls {
        let begun = if stream % 16 == 1 {
            received += windows.send(&mut raw, stream, &large[..5], 16_384);
            assert!(matches!(raw.connection.call(id).unwrap().recv(now, &mut buf), Recv::Pending));
            let frames = raw.frames();
            windows.update(&frames);
            (&large[5..], 16_384)
        } else {
            (&small[..], if stream % 4 == 1 { 60 } else { 16_384 })
        };
        received += windows.send(&mut raw, stream, begun.0, begun.1);
    }
    // A header block of the largest size that waits for its CONTINUATION.
    raw.send_frame(kind::HEADERS, 0, 201, &[0x88; 8_000]).unwrap();

    // Handlers that send as much as they may to a peer that does not read, and end with a reply that is always
    // accepted.
    let reply = vec![5; REPLY];
    for &(_, id) in &calls {
        let mut call = raw.connection.call(id).unwrap();
        while call.send(now, &[1; 3_000][..]).is_ok() {}
        assert!(matches!(call.send(now, &b"x"[..]), Err(SendError::Blocked)));
    }
    for &(_, id) in &calls[50..] {
        let mut call = raw.connection.call(id).unwrap();
        call.reply(now, &Metadata::new(), &reply, &Metadata::new()).unwrap();
    }

    let held = raw.connection.memory();
    println!("received {received} bytes; the connection holds {held} bytes, its bound is {bound}");
    assert!(received > 16 * 1024 * 1024, "the pool is lent out: {received}");
    assert!(held > received, "what was received is held");
    assert!(held < bound, "{held} bytes are held, the bound is {bound}");
    drop((small, large, reply, buf));
    let allocated = ALLOCATOR.allocated() - before;
    println!("allocated are {allocated} bytes, the test's own few among them");
    assert!(allocated < bound, "{allocated} bytes are allocated, the bound is {bound}");
    // What is shared with a chunk counts once in `memory`, and pins half of itself again at most where it is much.
    assert!(held < allocated && allocated < held * 3 / 2, "the account is true: {held} of {allocated}");
    for (_, id) in calls {
        raw.connection.call(id).unwrap().release(now);
    }
    let left = raw.connection.memory() - raw.connection.unsent();
    assert!(left < 3 * 1024 * 1024, "what was received came back: {left} bytes are left beside the replies");
    raw.connection.receive_eof(now);
    assert!(raw.connection.memory() < 3 * 1024 * 1024, "and so did the rest: {} bytes", raw.connection.memory());
}

fn a_connection_that_was_used_and_is_idle_holds_little() {
    let mut raw = Raw::over(Side::Server, Connection::server(Config::default(), Clock::new().now()));
    raw.greet();
    let now = raw.clock.now();
    for stream in (0..50).map(|n| 2 * n + 1) {
        let id = open(&mut raw, stream);
        raw.connection.call(id).unwrap().finish(now, &proto_core::Status::OK, &Metadata::new());
        raw.connection.call(id).unwrap().release(now);
        raw.frames();
    }
    let held = raw.connection.memory();
    println!("{held} bytes");
    assert!(held < 128 * 1024, "{held} bytes");
}
