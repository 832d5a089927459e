//! Any sequence of inputs is safe: reports in any order, about anything, orders carried out late or never.

use crate::world::{Random, World, ms, tcp};
use proto_core::channel::{Address, Channel, ChannelConfig, ConnectionKey, Order, Pick, State, Waiter};
use std::collections::BTreeMap;
use std::time::Duration;

const TARGETS: [&str; 3] = ["10.0.0.7:50051", "db.example:50051", "unix:/run/app"];

/// What the outside knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Ordered, not reported to be ready.
    Attempt,
    /// Reported to be ready.
    Ready,
    /// Reported to drain.
    Draining,
    /// The channel ordered it to close.
    Closing,
    /// Reported to be over, or aborted by the channel.
    Over,
}

struct Fuzz {
    random: Random,
    world: World,
    known: BTreeMap<ConnectionKey, Known>,
    asked: bool,
    calls: Vec<Waiter>,
    stopped: bool,
}

impl Fuzz {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let config = ChannelConfig {
            seed,
            connect_timeout: ms(random.below(30_000)),
            idle_timeout: Some(ms(random.below(100_000))).filter(|_| seed & 1 == 0),
            ..ChannelConfig::default()
        };
        let target = TARGETS[random.below(3) as usize];
        let calls = (0..6).map(|i| Waiter::new(i & 1 == 0)).collect();
        let world = World::with(target, config);
        Fuzz { random, world, known: BTreeMap::new(), asked: false, calls, stopped: false }
    }

    fn channel(&mut self) -> &mut Channel {
        &mut self.world.channel
    }

    /// A key that was ordered once, or none yet.
    fn key(&mut self) -> Option<ConnectionKey> {
        // Recent ones more often: they are the ones that matter.
        let back = self.random.below(3).min(self.random.below(50)) as usize;
        self.known.keys().rev().nth(back).or_else(|| self.known.keys().next()).copied()
    }

    /// Carries one order out, as far as it is carried out at all, and checks that it makes sense.
    fn obey(&mut self) {
        let Some(order) = self.channel().poll_order() else { return };
        match order {
            Order::Resolve { host, port } => {
                assert_eq!((host.as_str(), port), ("db.example", 50051));
                assert!(!std::mem::replace(&mut self.asked, true), "two lookups at once");
                assert!(!self.stopped);
            }
            Order::Connect { key, .. } => {
                assert_eq!(self.known.insert(key, Known::Attempt), None, "{key} given twice");
                assert!(!self.stopped);
            }
            Order::Abort { key } => {
                let before = self.known.insert(key, Known::Over);
                assert_eq!(before, Some(Known::Attempt), "{key} aborted");
            }
            Order::Close { key, .. } => {
                let before = self.known.insert(key, Known::Closing);
                let lives = matches!(before, Some(Known::Ready | Known::Draining | Known::Closing));
                assert!(lives, "{key} closed, but it was {before:?}");
            }
        }
    }

    fn resolve(&mut self) {
        let found: Vec<Address> = (0..self.random.below(4)).map(|i| tcp(&format!("10.0.0.{i}:1"))).collect();
        let result = if self.random.one_in(3) { Err("no such host".to_owned()) } else { Ok(found) };
        let now = self.world.now;
        self.channel().handle_resolved(now, result);
        self.asked = false;
    }

    /// Reports something about some key, true or not.
    fn report(&mut self) {
        let Some(key) = self.key() else { return };
        let now = self.world.now;
        let known = self.known[&key];
        match self.random.below(6) {
            0 => self.channel().handle_connected(key),
            1 | 2 => {
                let before = self.channel().state();
                self.channel().handle_ready(now, key);
                if before != State::Ready && self.channel().state() == State::Ready {
                    assert_eq!(known, Known::Attempt);
                    self.known.insert(key, Known::Ready);
                }
            }
            3 => {
                self.channel().handle_draining(now, key);
                if known == Known::Ready {
                    self.known.insert(key, Known::Draining);
                }
            }
            4 => {
                self.channel().handle_failed(now, key, "connection refused");
                self.known.insert(key, Known::Over);
            }
            _ => {
                self.channel().handle_closed(now, key, "reset by peer");
                self.known.insert(key, Known::Over);
            }
        }
    }

    fn pick(&mut self) {
        let now = self.world.now;
        let index = self.random.below(self.calls.len() as u64) as usize;
        match self.world.channel.pick(now, &mut self.calls[index]) {
            Pick::Ready(key) => {
                assert_eq!(self.world.channel.state(), State::Ready);
                assert_eq!(self.known.get(&key), Some(&Known::Ready), "{key}");
            }
            Pick::Fail(status) => {
                assert!(self.stopped || index & 1 == 1, "a call that waits for ready failed: {status}");
                assert!(status.can_retry() != self.stopped);
                self.calls[index] = Waiter::new(index & 1 == 0);
            }
            Pick::Wait => {
                let state = self.world.channel.state();
                let fails_fast = index & 1 == 1;
                assert!(state == State::Connecting || (state == State::TransientFailure && !fails_fast), "{state}");
            }
        }
    }

    fn wait(&mut self) {
        let until = match self.random.below(4) {
            0 => self.channel().poll_timeout().unwrap_or(self.world.now),
            1 => self.world.now + ms(self.random.below(200_000)),
            _ => self.world.now + ms(self.random.below(2_000)),
        };
        self.world.now = self.world.now.max(until);
        if !self.random.one_in(3) {
            let now = self.world.now;
            self.channel().handle_timeout(now);
            assert!(self.channel().poll_timeout().is_none_or(|next| next > now));
        }
    }

    fn step(&mut self) {
        let (state, generation) = (self.channel().state(), self.channel().generation());
        let now = self.world.now;
        match self.random.below(20) {
            0..=4 => self.obey(),
            5..=8 => self.report(),
            9 | 10 => self.resolve(),
            11..=13 => self.pick(),
            14..=16 => self.wait(),
            17 => self.channel().connect(now),
            18 if self.random.one_in(2) => self.channel().call_started(now),
            18 => self.channel().call_ended(now),
            _ if self.random.one_in(200) => {
                self.stopped = true;
                self.channel().shutdown(ms(1));
            }
            _ => {
                let _status = self.channel().deadline_exceeded(now);
            }
        }
        if self.channel().state() != state {
            assert_ne!(self.channel().generation(), generation, "a change that nobody would notice");
        }
        assert_eq!(self.channel().state() == State::Shutdown, self.stopped);
        let current = self.channel().current();
        assert_eq!(current.is_some(), self.channel().state() == State::Ready);
        assert!(current.is_none_or(|key| self.known[&key] == Known::Ready));
    }

    /// After a shutdown nothing is left that nobody ends.
    fn end(mut self) {
        self.channel().shutdown(Duration::ZERO);
        self.stopped = true;
        let before = self.known.clone();
        for _ in 0..1_000 {
            self.obey();
        }
        for (key, known) in &self.known {
            let ended = matches!(known, Known::Closing | Known::Over);
            assert!(ended, "{key} was {:?} before the shutdown, and {known:?} after it", before[key]);
        }
    }

    /// From now on everything outside works: a call that waits gets its connection in time.
    fn recovers(mut self) {
        let deadline = self.world.now + Duration::from_secs(200);
        let mut call = Waiter::new(true);
        self.world.channel.call_started(self.world.now);
        loop {
            if let Pick::Ready(key) = self.world.pick(&mut call) {
                return assert_eq!(self.known.get(&key), Some(&Known::Ready));
            }
            let now = self.world.now;
            loop {
                if std::mem::take(&mut self.asked) {
                    self.channel().handle_resolved(now, Ok(vec![tcp("10.0.0.1:1")]));
                }
                match self.channel().poll_order() {
                    Some(Order::Connect { key, .. }) => {
                        self.known.insert(key, Known::Attempt);
                    }
                    Some(Order::Resolve { .. }) => self.asked = true,
                    Some(Order::Abort { key } | Order::Close { key, .. }) => {
                        self.channel().handle_closed(now, key, "closed");
                    }
                    None => break,
                }
            }
            // Whatever was begun stands by now; reports that come too late do not matter.
            for key in self.known.keys().rev().take(2).copied().collect::<Vec<_>>() {
                self.channel().handle_ready(now, key);
                self.known.insert(key, Known::Ready);
            }
            self.world.now = match self.channel().poll_timeout() {
                Some(due) if due > now => (now + ms(500)).min(due),
                _ => now + ms(1),
            };
            let now = self.world.now;
            self.channel().handle_timeout(now);
            assert!(now < deadline, "no connection: {:?}", self.world.channel);
        }
    }
}

#[test]
fn any_sequence_of_inputs_is_safe_and_every_connection_is_ended() {
    for seed in 0..2_000 {
        let mut fuzz = Fuzz::new(seed);
        for _ in 0..300 {
            fuzz.step();
        }
        fuzz.end();
    }
}

#[test]
fn after_any_sequence_of_inputs_a_call_still_gets_a_connection() {
    for seed in 0..2_000 {
        let mut fuzz = Fuzz::new(seed);
        for _ in 0..fuzz.random.below(300) {
            fuzz.step();
        }
        if !fuzz.stopped {
            fuzz.recovers();
        }
    }
}
