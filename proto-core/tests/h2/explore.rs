//! All interleavings of a few operations with a tiny window: whatever came before, once both ends read, nobody waits for ever.

use crate::common::*;
use proto_core::Config;
use proto_core::error::ErrorCode;
use proto_core::h2::{Connection, StreamKey};
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, H2Pair};

/// What may happen next. Each is tried in every state that the others lead to.
#[derive(Clone, Copy, Debug)]
enum Step {
    ClientSends,
    ClientEnds,
    ClientReads,
    ClientResets,
    ServerReads,
    ServerWants,
    ServerAnswers,
    ServerEnds,
    ServerLetsGo,
    ToServer,
    ToClient,
}

const STEPS: [Step; 11] = [
    Step::ClientSends,
    Step::ClientEnds,
    Step::ClientReads,
    Step::ClientResets,
    Step::ServerReads,
    Step::ServerWants,
    Step::ServerAnswers,
    Step::ServerEnds,
    Step::ServerLetsGo,
    Step::ToServer,
    Step::ToClient,
];

struct World {
    pair: H2Pair,
    client: StreamKey,
    server: StreamKey,
}

fn drain(connection: &mut Connection, key: StreamKey) -> usize {
    if connection.stream(key).is_some() { read(connection, key).len() } else { 0 }
}

impl World {
    fn new() -> Self {
        let config = Config { stream_window: 4, loan_pool: 8, max_receive_message_size: 1, ..Config::default() };
        let mut pair = H2Pair::with_config(Chop::Whole, &config, &config);
        let (client, server) = open(&mut pair, false);
        World { pair, client, server }
    }

    fn step(&mut self, step: Step) {
        let World { pair, client, server } = self;
        let body = &b"0123456"[..];
        match step {
            Step::ToServer => drop(pair.run_to_server()),
            Step::ToClient => drop(pair.run_to_client()),
            Step::ClientReads => drop(drain(&mut pair.client, *client)),
            Step::ServerReads => drop(drain(&mut pair.server, *server)),
            _ => {}
        }
        if let Some(mut stream) = pair.client.stream(*client) {
            match step {
                Step::ClientSends => drop(stream.send_data(b"", body.into(), false, false)),
                Step::ClientEnds => stream.end(),
                Step::ClientResets => stream.reset(ErrorCode::Cancel),
                _ => {}
            }
        }
        let Some(mut stream) = pair.server.stream(*server) else { return };
        match step {
            Step::ServerWants => stream.want(7),
            Step::ServerLetsGo => stream.release(),
            Step::ServerAnswers => {
                if let Some(mut block) = stream.send_headers() {
                    block.field(Known::Status, b"200");
                    let _ = block.end(false);
                }
                if let Some(mut stream) = pair.server.stream(*server) {
                    let _ = stream.send_data(b"", body.into(), false, false);
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

    /// Both ends read until nothing comes. Then nothing may be left that waits, and letting go must leave nothing behind.
    fn wind_up(mut self, history: &[Step]) {
        // Each round moves a window of 4 bytes at least.
        for _ in 0..100 {
            self.pair.run();
            let read = drain(&mut self.pair.client, self.client) + drain(&mut self.pair.server, self.server);
            if read == 0 && !self.pair.client.has_output() && !self.pair.server.has_output() {
                break;
            }
        }
        let World { mut pair, client, server } = self;
        assert_eq!((pair.client.unsent(), pair.server.unsent()), (0, 0), "{history:?}");
        for (connection, key) in [(&mut pair.client, client), (&mut pair.server, server)] {
            if let Some(stream) = connection.stream(key) {
                stream.release();
            }
        }
        pair.run();
        assert_eq!((pair.client.live_streams(), pair.server.live_streams()), (0, 0), "{history:?}");
        assert_eq!(pair.server.borrowed(), 0, "{history:?}");
        assert!(pair.client.close_reason().is_none() && pair.server.close_reason().is_none(), "{history:?}");
    }
}

#[test]
fn no_interleaving_leaves_both_ends_waiting() {
    // `DEPTH` looks further: 11 times the work a step.
    let depth = std::env::var("DEPTH").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    for number in 0..STEPS.len().pow(depth) {
        let mut rest = number;
        let history: Vec<Step> = (0..depth)
            .map(|_| {
                let step = STEPS[rest % STEPS.len()];
                rest /= STEPS.len();
                step
            })
            .collect();
        let mut world = World::new();
        for step in &history {
            world.step(*step);
        }
        world.wind_up(&history);
    }
}
