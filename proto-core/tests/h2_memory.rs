//! The bound on a connection's memory (`h2`'s documentation), filled by a peer that does its worst within the protocol, and measured.
//!
//! A program of its own, since the allocator counts everything in it.

use cap::Cap;
use proto_core::frame::{self, Head, flag, kind, setting};
use proto_core::h2::{Connection, Event, QueuedReplies, Side, StreamKey};
use proto_core::hpack::{Encoder, Known};
use proto_core::testkit::Clock;
use proto_core::{Config, Incoming};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const STREAMS: u32 = 100;
const WINDOW: usize = 64 * 1024;
const KIB: usize = 1024;

/// A server and what its worst client sends.
struct Siege {
    server: Connection,
    incoming: Incoming,
    clock: Clock,
    encoder: Encoder,
    /// Memory before the connection was made.
    before: usize,
}

impl Siege {
    fn new(config: &Config) -> Self {
        let (clock, encoder) = (Clock::new(), Encoder::new(4_096));
        let before = ALLOCATOR.allocated();
        let server = Connection::new(Side::Server, config, clock.now());
        let mut siege = Siege { server, incoming: Incoming::new(), clock, encoder, before };
        let mut hello = frame::PREFACE.to_vec();
        // The client takes nothing: its own windows are shut.
        frame::settings(&mut hello, &[(setting::INITIAL_WINDOW_SIZE, 0)]);
        frame::settings_ack(&mut hello);
        siege.send(&hello);
        siege
    }

    fn send(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
        self.server.receive(self.clock.now(), &mut self.incoming).expect("legal, every bit of it");
    }

    /// Memory that the connection and its buffers hold.
    fn held(&self) -> usize {
        ALLOCATOR.allocated() - self.before
    }

    /// Opens streams with header lists as large as allowed.
    fn open(&mut self) -> Vec<StreamKey> {
        for n in 0..STREAMS {
            let mut block = Vec::new();
            self.encoder.begin(&mut block);
            for (name, value) in [(Known::Method, "POST"), (Known::Scheme, "http"), (Known::Path, "/")] {
                self.encoder.field(&mut block, name, value.as_bytes());
            }
            self.encoder.field_other(&mut block, b"x-large", &vec![b'v'; 15 * KIB], true);
            let mut bytes = Vec::new();
            let flags = flag::END_HEADERS;
            let head = Head { len: block.len() as u32, kind: kind::HEADERS, flags, stream: 2 * n + 1 };
            bytes.extend_from_slice(&head.to_bytes());
            bytes.extend_from_slice(&block);
            self.send(&bytes);
        }
        let mut keys = Vec::new();
        while let Some(event) = self.server.poll_event() {
            let Event::Stream { key, .. } = event else { continue };
            keys.push(key);
        }
        assert_eq!(keys.len(), STREAMS as usize);
        keys
    }
}

/// DATA of this length on a stream.
fn data(out: &mut Vec<u8>, stream: u32, len: usize) {
    frame::data_head(out, stream, len as u32, false);
    out.resize(out.len() + len, 1);
}

/// A frame to be ignored, that fills the rest of a chunk.
fn filler(out: &mut Vec<u8>, until: usize) {
    while out.len() + frame::HEAD_LEN < until {
        let len = (until - out.len() - frame::HEAD_LEN).min(16 * KIB);
        out.extend_from_slice(&Head { len: len as u32, kind: 0xfa, flags: 0, stream: 0 }.to_bytes());
        out.resize(out.len() + len, 2);
    }
}

/// The bound without what handlers add: see `h2`'s documentation.
fn bound(config: &Config, lists: usize, unsent: usize) -> usize {
    let windows = 4 * STREAMS as usize * WINDOW;
    // A message beyond its window pins half of itself again at most.
    let loans = config.loan_pool * 3 / 2;
    let streams = STREAMS as usize * (2 * KIB + lists * 2 * config.max_header_list_size as usize);
    let tables = 2 * 2 * 4_096;
    let chunks = 4 * 66 * KIB;
    let control = QueuedReplies::HARD_CAP;
    windows + loans + streams + tables + chunks + unsent + control
}

fn fill_and_measure(fragments: impl Fn(u32) -> Vec<Vec<u8>>) -> (usize, usize) {
    let config = Config::default();
    let mut siege = Siege::new(&config);
    siege.open();
    for stream in (0..STREAMS).map(|n| 2 * n + 1) {
        for piece in fragments(stream) {
            siege.send(&piece);
        }
    }
    (siege.held(), bound(&config, 1, 0))
}

fn full_windows_of_large_frames_each_in_a_chunk_of_its_own_stay_within_the_bound() {
    let (held, bound) = fill_and_measure(|stream| {
        let piece = || {
            let mut piece = Vec::new();
            data(&mut piece, stream, 16 * KIB);
            filler(&mut piece, 64 * KIB);
            piece
        };
        (0..4).map(|_| piece()).collect()
    });
    println!("held {held}, bound {bound}");
    assert!(held <= bound, "{held} > {bound}");
    assert!(held > STREAMS as usize * WINDOW, "the windows are not full: {held}");
}

fn full_windows_of_single_bytes_and_of_mixed_frames_stay_within_the_bound() {
    let tiny = |stream| {
        let mut bytes = Vec::new();
        (0..WINDOW).for_each(|_| data(&mut bytes, stream, 1));
        bytes.chunks(64 * KIB).map(<[u8]>::to_vec).collect()
    };
    let mixed = |stream| {
        let mut pieces = Vec::new();
        let mut left = WINDOW;
        for len in [16 * KIB, 1, 5_000, 16 * KIB, 1, 1, 100, 16 * KIB, 10_000, 300].into_iter().cycle() {
            let len = len.min(left);
            left -= len;
            let mut piece = Vec::new();
            data(&mut piece, stream, len);
            pieces.push(piece);
            if left == 0 {
                break;
            }
        }
        pieces
    };
    for (held, bound) in [fill_and_measure(tiny), fill_and_measure(mixed)] {
        println!("held {held}, bound {bound}");
        assert!(held <= bound, "{held} > {bound}");
        assert!(held > STREAMS as usize * WINDOW, "the windows are not full: {held}");
    }
}

fn a_pool_that_is_lent_out_and_filled_slowly_stays_within_the_bound() {
    let config = Config::default();
    let mut siege = Siege::new(&config);
    let keys = siege.open();
    let message = 4 * KIB * KIB;
    for key in &keys {
        siege.server.stream(*key).expect("open").want(message);
    }
    assert!(siege.server.borrowed() > config.loan_pool - message);
    let (mut filled, mut stream) = (0, 1);
    while filled < siege.server.borrowed() {
        // One frame a read: each would pin a chunk of four times its size.
        for _ in 0..message / (16 * KIB) {
            let mut piece = Vec::new();
            data(&mut piece, stream, 16 * KIB);
            filler(&mut piece, 60 * KIB);
            siege.send(&piece);
        }
        filled += message;
        stream += 2;
    }
    let (held, bound) = (siege.held(), bound(&config, 1, 0));
    println!("held {held}, bound {bound}");
    assert!(held <= bound, "{held} > {bound}");
    assert!(held > config.loan_pool * 3 / 4, "the pool is not full: {held}");
}

fn streams_that_wait_for_a_loan_and_go_away_leave_nothing_behind() {
    let mut siege = Siege::new(&Config::default());
    let keys = siege.open();
    for key in &keys[..4] {
        siege.server.stream(*key).expect("open").want(4 * KIB * KIB);
    }
    for key in &keys[4..] {
        siege.server.stream(*key).expect("open").release();
    }
    let mut out = proto_core::Outgoing::new();
    let mut held = [0; 2];
    for n in STREAMS..STREAMS + 20_000 {
        let mut bytes = Vec::new();
        let at = frame::headers_head(&mut bytes);
        siege.encoder.begin(&mut bytes);
        for (name, value) in [(Known::Method, "POST"), (Known::Scheme, "http"), (Known::Path, "/")] {
            siege.encoder.field(&mut bytes, name, value.as_bytes());
        }
        let len = (bytes.len() - at - frame::HEAD_LEN) as u32;
        let head = Head { len, kind: kind::HEADERS, flags: flag::END_HEADERS, stream: 2 * n + 1 };
        frame::patch_head(&mut bytes, at, head);
        siege.send(&bytes);
        let Some(Event::Stream { key, .. }) = siege.server.poll_event() else { panic!("no stream") };
        let mut stream = siege.server.stream(key).expect("open");
        stream.want(4 * KIB * KIB);
        stream.release();
        siege.server.poll_transmit(siege.clock.now(), &mut out);
        out.advance(usize::MAX);
        if n == STREAMS + 1_000 {
            held[0] = siege.held();
        }
        held[1] = siege.held();
    }
    assert!(held[1] <= held[0] + KIB, "{} grew to {}", held[0], held[1]);
}

fn unread_answers_and_replies_stay_within_the_bound() {
    let config = Config::default();
    let mut siege = Siege::new(&config);
    let keys = siege.open();
    let part = vec![3; 16_000];
    for key in &keys {
        if let Some(mut block) = siege.server.stream(*key).expect("open").send_headers() {
            block.field(Known::Status, b"200");
            let _ = block.end(false);
        }
        // A handler that sends for as long as it may.
        while siege.server.stream(*key).expect("open").send_data(b"", part[..].into(), false, false).is_ok() {}
    }
    while siege.server.wants_input() {
        let mut bytes = Vec::new();
        frame::settings(&mut bytes, &[]);
        siege.send(&bytes);
    }
    let (held, bound) = (siege.held(), bound(&config, 1, config.max_unsent + config.max_unsent_per_call));
    println!("held {held}, unsent {}, bound {bound}", siege.server.unsent());
    assert!(siege.server.unsent() >= config.max_unsent);
    // Slots and header lists aside, unread answers cost what is unsent and the slack of their buffers.
    assert!(held <= bound && held < 8 * KIB * KIB, "{held}");
}

fn an_idle_connection_is_small_and_gives_back_what_it_used() {
    let config = Config::default();
    let mut siege = Siege::new(&config);
    siege.incoming.release_memory();
    let idle = siege.held();
    println!("an idle connection after its handshake: {idle} bytes");
    assert!(idle < 24 * KIB, "{idle}");
    let keys = siege.open();
    for stream in (0..STREAMS).map(|n| 2 * n + 1) {
        let mut piece = Vec::new();
        (0..4).for_each(|_| data(&mut piece, stream, 16 * KIB));
        siege.send(&piece);
    }
    for key in keys {
        siege.server.stream(key).expect("open").release();
    }
    let mut out = proto_core::Outgoing::new();
    while siege.server.poll_transmit(siege.clock.now(), &mut out) {
        out.advance(usize::MAX);
    }
    drop(out);
    siege.incoming.release_memory();
    let after = siege.held();
    println!("after 100 large streams: {after} bytes");
    assert!(after < STREAMS as usize * 40 * KIB, "{after}");
}

/// All of them count in one allocator, so they are one test: what the test harness frees when one of several ends would count too.
#[test]
fn the_bound_on_memory_holds() {
    full_windows_of_large_frames_each_in_a_chunk_of_its_own_stay_within_the_bound();
    full_windows_of_single_bytes_and_of_mixed_frames_stay_within_the_bound();
    a_pool_that_is_lent_out_and_filled_slowly_stays_within_the_bound();
    streams_that_wait_for_a_loan_and_go_away_leave_nothing_behind();
    unread_answers_and_replies_stay_within_the_bound();
    an_idle_connection_is_small_and_gives_back_what_it_used();
}
