//! A thousand channels and their servers in one thread: servers come and go, all of them vanish for a minute, and no call hangs.

use crate::world::{World, at, ms, tcp};
use proto_core::Instant;
use proto_core::channel::{ChannelConfig, ConnectionKey, Order, Pick, State, Waiter};
use proto_core::testkit::Random;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

const SERVERS: usize = 1_000;
const OUTAGE: Duration = Duration::from_secs(120);
const END_OF_OUTAGE: Duration = Duration::from_secs(180);
const END: Duration = Duration::from_secs(480);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Timer,
    Call,
    Resolved,
    Connected(ConnectionKey),
    /// The server goes, or comes.
    Crash,
    Restart,
}

struct Server {
    world: World,
    up: bool,
    connections: Vec<ConnectionKey>,
    /// Calls that wait: since when, and how.
    waiting: Vec<(Instant, bool, Waiter)>,
    attempts_in_outage: u32,
}

struct Fleet {
    random: Random,
    events: BinaryHeap<Reverse<(Instant, usize, Event)>>,
    servers: Vec<Server>,
    /// Connect orders by tenths of seconds.
    connects: BTreeMap<u64, u32>,
    served: u64,
    failed: u64,
}

impl Fleet {
    fn new() -> Self {
        let server = |index: usize| {
            let config = ChannelConfig { seed: index as u64, ..ChannelConfig::default() };
            let world = World::with(&format!("server-{index}:1"), config);
            Server { world, up: true, connections: vec![], waiting: vec![], attempts_in_outage: 0 }
        };
        let mut fleet = Fleet {
            random: Random::seed(1),
            events: BinaryHeap::new(),
            servers: (0..SERVERS).map(server).collect(),
            connects: BTreeMap::new(),
            served: 0,
            failed: 0,
        };
        for index in 0..SERVERS {
            let first = at(fleet.random.below(2_000) as u64);
            fleet.events.push(Reverse((first, index, Event::Call)));
            fleet.events.push(Reverse((at(0) + OUTAGE, index, Event::Crash)));
            fleet.events.push(Reverse((at(0) + END_OF_OUTAGE, index, Event::Restart)));
            let crash = fleet.random.below(100_000) as u64;
            fleet.events.push(Reverse((at(crash), index, Event::Crash)));
            fleet.events.push(Reverse((at(crash + 100 + fleet.random.below(10_000) as u64), index, Event::Restart)));
        }
        fleet
    }

    fn run(&mut self) {
        while let Some(Reverse((now, index, event))) = self.events.pop() {
            if now > Instant::ZERO + END {
                return;
            }
            self.servers[index].world.now = now;
            self.happen(now, index, event);
            self.serve(now, index);
        }
    }

    fn after(&mut self, now: Instant, millis: u64, index: usize, event: Event) {
        let then = now + ms(1 + self.random.below(millis as usize) as u64);
        self.events.push(Reverse((then, index, event)));
    }

    fn happen(&mut self, now: Instant, index: usize, event: Event) {
        let patient = self.random.one_in(4);
        let server = &mut self.servers[index];
        let channel = &mut server.world.channel;
        match event {
            Event::Timer => channel.handle_timeout(now),
            Event::Resolved => channel.handle_resolved(now, Ok(vec![tcp("10.0.0.1:1"), tcp("10.0.0.2:1")])),
            Event::Connected(key) if server.up => {
                channel.handle_connected(key);
                channel.handle_ready(now, key);
                server.connections.push(key);
            }
            Event::Connected(key) => channel.handle_failed(now, key, "connection refused"),
            Event::Restart => server.up = true,
            Event::Crash => {
                server.up = false;
                for key in server.connections.drain(..) {
                    channel.handle_closed(now, key, "reset by peer");
                }
            }
            Event::Call => {
                server.waiting.push((now, patient, Waiter::new(patient)));
                self.after(now, 4_000, index, Event::Call);
            }
        }
    }

    /// What a runtime does after every input: waiting calls, orders, the timer.
    fn serve(&mut self, now: Instant, index: usize) {
        let server = &mut self.servers[index];
        let (up, channel) = (server.up, &mut server.world.channel);
        server.waiting.retain_mut(|(since, patient, call)| match channel.pick(now, call) {
            Pick::Ready(key) => {
                assert!(up && server.connections.contains(&key));
                self.served += 1;
                false
            }
            Pick::Fail(status) => {
                assert!(!*patient, "{status}");
                self.failed += 1;
                false
            }
            Pick::Wait => {
                let longest = if *patient { Duration::from_secs(240) } else { Duration::from_secs(1) };
                assert!(now - *since <= longest, "a call has waited since {since:?}");
                true
            }
        });
        while let Some(order) = self.servers[index].world.channel.poll_order() {
            match order {
                Order::Resolve { .. } => self.after(now, 20, index, Event::Resolved),
                Order::Connect { key, .. } => {
                    *self.connects.entry(now.as_nanos() / 100_000_000).or_default() += 1;
                    let outage = Instant::ZERO + OUTAGE..Instant::ZERO + END_OF_OUTAGE;
                    self.servers[index].attempts_in_outage += u32::from(outage.contains(&now));
                    self.after(now, 50, index, Event::Connected(key));
                }
                Order::Abort { .. } | Order::Close { .. } => {}
            }
        }
        if let Some(due) = self.servers[index].world.channel.poll_timeout() {
            // The idle time-out moves with every call; a timer that comes too early does no harm.
            if due < now + Duration::from_secs(150) {
                self.events.push(Reverse((due, index, Event::Timer)));
            }
        }
    }
}

#[test]
fn a_thousand_servers_come_and_go_and_no_call_hangs() {
    let mut fleet = Fleet::new();
    fleet.run();
    for server in &fleet.servers {
        assert_eq!(server.world.channel.state(), State::Ready);
        assert!(server.waiting.is_empty());
        // 60 s hold at most 8 rounds (1 + 1.6 + 2.56 + ... s less 20 %), each of two addresses.
        assert!((2..=18).contains(&server.attempts_in_outage), "{} attempts", server.attempts_in_outage);
    }
    // The clients do not come back in step: of a thousand, few in the same tenth of a second.
    let after = (Instant::ZERO + END_OF_OUTAGE).as_nanos() / 100_000_000;
    let most = fleet.connects.range(after..).map(|(_, connects)| *connects).max();
    assert!(most.is_some_and(|most| most < 50), "{most:?} connects in 100 ms");
    assert!(fleet.served > 100_000, "{} calls served", fleet.served);
    assert!(fleet.failed > 1_000, "{} calls failed fast", fleet.failed);
}
