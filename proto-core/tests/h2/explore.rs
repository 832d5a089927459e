//! All interleavings of a few operations on two streams, with tiny windows and a pool of loans that is too small for both: whatever came before,
//! once both ends read, nobody waits for ever. (Calls and their messages: `tests/call/explore.rs`.)

use crate::common::*;
use proto_core::error::ErrorCode;
use proto_core::h2::{Connection, StreamKey, StreamMut};
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, H2Pair, explore};
use proto_core::{Config, MessageBuf};
use std::fmt;

/// What may happen next, to one of the streams. Each is tried in every state that the others lead to.
#[derive(Clone, Copy, Debug)]
enum Step {
    ClientSends,
    ClientEnds,
    ClientReads,
    ClientWants,
    ClientResets,
    ServerReads,
    ServerWants,
    ServerAnswers,
    ServerEnds,
    ServerLetsGo,
    ToServer,
    ToClient,
}

/// The streams, and both directions of the link.
const STREAMS: usize = 2;

fn steps() -> Vec<(usize, Step)> {
    use Step::*;
    let of_streams = [
        ClientSends,
        ClientEnds,
        ClientReads,
        ClientWants,
        ClientResets,
        ServerReads,
        ServerWants,
        ServerAnswers,
        ServerEnds,
        ServerLetsGo,
    ];
    let both = (0..STREAMS).flat_map(|stream| of_streams.map(|step| (stream, step)));
    both.chain([(0, ToServer), (0, ToClient)]).collect()
}

struct World {
    pair: H2Pair,
    client: [StreamKey; STREAMS],
    server: [StreamKey; STREAMS],
    asks: Asks,
}

/// All that the future depends on: between two steps nothing is left in the link.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.pair.client, self.pair.server)
    }
}

/// A message, four times as long as the window: it arrives whole by a loan alone, and the pool has room for one such loan.
const MESSAGE: &[u8] = b"0123456789abcdef";

/// Takes whole messages, and what is left when the stream has ended. Asks for the rest of one that has begun, as who waits for it does.
fn drain(connection: &mut Connection, key: StreamKey) -> usize {
    let Some(mut stream) = connection.stream(key) else { return 0 };
    let available = stream.available();
    let ended = stream.is_ended() || stream.reset_reason().is_some();
    let n = if ended { available } else { available - available % MESSAGE.len() };
    stream.take(0, n, &mut MessageBuf::new());
    let begun = available - n;
    if begun > 0 {
        stream.want(MESSAGE.len() - begun);
    }
    n
}

/// What somebody who waits for a message asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asks {
    /// What has not arrived of it, and no more, as `StreamMut::want` has it.
    WhatIsMissing,
    /// The whole of it, whatever has arrived. Five steps of that do no harm; after six, two streams can hold what is left of their loans, and
    /// wait for each other's.
    TheWhole,
}

fn want(stream: &mut StreamMut<'_>, asks: Asks) {
    let arrived = if asks == Asks::TheWhole { 0 } else { stream.available() };
    if let Some(missing @ 1..) = MESSAGE.len().checked_sub(arrived) {
        stream.want(missing);
    }
}

impl World {
    fn new(asks: Asks) -> Self {
        // The pool has 12 bytes: twice a message of one byte with its prefix.
        let config = Config { stream_window: 4, loan_pool: 8, max_receive_message_size: 1, ..Config::default() };
        let mut pair = H2Pair::with_config(Chop::Whole, &config, &config);
        let streams = [(); STREAMS].map(|()| open(&mut pair, false));
        World { pair, client: streams.map(|(client, _)| client), server: streams.map(|(_, server)| server), asks }
    }

    fn step(&mut self, stream: usize, step: Step) {
        let World { pair, client, server, asks } = self;
        let (client, server) = (client[stream], server[stream]);
        match step {
            Step::ToServer => drop(pair.run_to_server()),
            Step::ToClient => drop(pair.run_to_client()),
            Step::ClientReads => drop(drain(&mut pair.client, client)),
            Step::ServerReads => drop(drain(&mut pair.server, server)),
            _ => {}
        }
        at_the_client(&mut pair.client, client, step, *asks);
        at_the_server(&mut pair.server, server, step, *asks);
    }

    /// Both ends send no more, and read until nothing comes. Then nothing may be left that waits, and letting go must leave nothing behind.
    fn wind_up(mut self, history: &[(usize, Step)]) {
        for stream in 0..STREAMS {
            self.step(stream, Step::ClientEnds);
            self.step(stream, Step::ServerEnds);
        }
        // Each round moves a window of 4 bytes at least.
        for _ in 0..200 {
            self.pair.run();
            let mut read = 0;
            for stream in 0..STREAMS {
                read += drain(&mut self.pair.client, self.client[stream]);
                read += drain(&mut self.pair.server, self.server[stream]);
            }
            if read == 0 && !self.pair.client.has_output() && !self.pair.server.has_output() {
                break;
            }
        }
        let World { mut pair, client, server, .. } = self;
        assert_eq!((pair.client.unsent(), pair.server.unsent()), (0, 0), "{history:?}");
        for (connection, keys) in [(&mut pair.client, client), (&mut pair.server, server)] {
            for key in keys {
                if let Some(stream) = connection.stream(key) {
                    stream.release();
                }
            }
        }
        pair.run();
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0), "{history:?}");
        assert_eq!((pair.client.borrowed(), pair.server.borrowed()), (0, 0), "{history:?}");
        assert!(pair.client.close_reason().is_none() && pair.server.close_reason().is_none(), "{history:?}");
        assert_eq!(pair.client.windows().send, pair.server.windows().receive, "{history:?}");
        assert_eq!(pair.server.windows().send, pair.client.windows().receive, "{history:?}");
    }
}

fn at_the_client(connection: &mut Connection, key: StreamKey, step: Step, asks: Asks) {
    let Some(mut stream) = connection.stream(key) else { return };
    match step {
        Step::ClientSends => drop(stream.send_data(b"", MESSAGE.into(), false, false)),
        Step::ClientEnds => stream.end(),
        Step::ClientWants => want(&mut stream, asks),
        Step::ClientResets => stream.reset(ErrorCode::Cancel),
        _ => {}
    }
}

fn at_the_server(connection: &mut Connection, key: StreamKey, step: Step, asks: Asks) {
    let Some(mut stream) = connection.stream(key) else { return };
    match step {
        Step::ServerWants => want(&mut stream, asks),
        Step::ServerLetsGo => stream.release(),
        Step::ServerAnswers => {
            if let Some(mut block) = stream.send_headers() {
                block.field(Known::Status, b"200");
                let _ = block.end(false);
            }
            if let Some(mut stream) = connection.stream(key) {
                let _ = stream.send_data(b"", MESSAGE.into(), false, false);
            }
        }
        Step::ServerEnds => {
            if let Some(block) = stream.send_headers() {
                let _ = block.end(true);
            }
        }
        _ => {}
    }
}

/// Where the exploring starts, beside a new connection: with bytes of both streams stuck behind their windows, or more wanted than is lent.
fn openings() -> [Vec<(usize, Step)>; 4] {
    use Step::*;
    let both = |steps: &[Step]| steps.iter().flat_map(|&step| (0..STREAMS).map(move |stream| (stream, step))).collect();
    [
        both(&[ClientSends, ToServer]),
        both(&[ServerWants, ClientSends, ToServer, ToClient]),
        both(&[ServerAnswers, ToClient, ClientWants, ToServer]),
        both(&[ClientSends, ServerAnswers, ServerWants, ToServer, ToClient, ServerReads]),
    ]
}

#[test]
fn no_interleaving_leaves_both_ends_waiting() {
    // `DEPTH` looks further: seven times the work a step.
    let depth = std::env::var("DEPTH").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut states = explored(depth, Asks::WhatIsMissing);
    states += explored(depth.min(5), Asks::TheWhole);
    println!("{states} states");
    assert!(states > 1_000 || depth < 3);
}

/// All states up to this depth, from each of the openings too: how many there are.
fn explored(depth: usize, asks: Asks) -> usize {
    let step = |world: &mut World, (stream, step)| world.step(stream, step);
    let mut states = explore(depth, &steps(), || World::new(asks), step, World::wind_up);
    for opening in openings() {
        let opened = || {
            let mut world = World::new(asks);
            opening.iter().for_each(|&(stream, step)| world.step(stream, step));
            world
        };
        states += explore(depth - 1, &steps(), opened, step, |world, history| {
            world.wind_up(&[&opening, history].concat());
        });
    }
    states
}
