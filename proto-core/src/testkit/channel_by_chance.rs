//! A channel whose outside does anything, by chance.
//!
//! What must hold whatever it does is asserted on the way; the functions here panic where it does not.

use super::Random;
use crate::channel::{Address, Channel, ChannelConfig, ConnectionKey, Order, Pick, State, Target, Waiter};
use crate::time::Instant;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

fn ms(millis: usize) -> Duration {
    Duration::from_millis(millis as u64)
}

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

/// A channel whose outside does anything in any order: reports come true or not, orders are carried out late or never.
#[derive(Debug)]
pub struct ChannelByChance {
    random: Random,
    now: Instant,
    channel: Channel,
    known: BTreeMap<ConnectionKey, Known>,
    asked: bool,
    calls: Vec<Waiter>,
    stopped: bool,
}

impl ChannelByChance {
    /// A new channel, of a configuration by chance.
    pub fn new(mut random: Random) -> Self {
        let config = ChannelConfig {
            seed: random.next_u64(),
            // Whoever gives no time gets no connection.
            connect_timeout: ms(1 + random.below(30_000)),
            idle_timeout: random.one_in(2).then(|| ms(random.below(100_000))),
            ..ChannelConfig::default()
        };
        // The targets are good ones.
        let target = Target::parse(random.pick::<&str>(&TARGETS)).expect("a good target");
        let calls = (0..6).map(|i| Waiter::new(i & 1 == 0)).collect();
        let channel = Channel::new(target, config);
        ChannelByChance {
            random,
            now: Instant::ZERO,
            channel,
            known: BTreeMap::new(),
            asked: false,
            calls,
            stopped: false,
        }
    }

    /// What is chosen from.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The channel was shut down on the way.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// A key that was ordered once, or none yet.
    fn key(&mut self) -> Option<ConnectionKey> {
        // Recent ones more often: they are the ones that matter.
        let back = self.random.below(3).min(self.random.below(50));
        self.known.keys().rev().nth(back).or_else(|| self.known.keys().next()).copied()
    }

    /// Carries one order out, as far as it is carried out at all, and checks that it makes sense.
    fn obey(&mut self) {
        let Some(order) = self.channel.poll_order() else { return };
        match order {
            Order::Resolve { host, port } => {
                assert_eq!((host.as_str(), port), ("db.example", 50051));
                assert!(!core::mem::replace(&mut self.asked, true), "two lookups at once");
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
        let found: Vec<Address> =
            (0..self.random.below(4)).map(|i| Address::Tcp(([10, 0, 0, i as u8], 1).into())).collect();
        let result = if self.random.one_in(3) { Err("no such host".to_owned()) } else { Ok(found) };
        let now = self.now;
        self.channel.handle_resolved(now, result);
        self.asked = false;
    }

    /// Reports something about some key, true or not.
    fn report(&mut self) {
        let Some(key) = self.key() else { return };
        let now = self.now;
        let known = self.known[&key];
        match self.random.below(6) {
            0 => self.channel.handle_connected(key),
            1 | 2 => {
                let before = self.channel.state();
                self.channel.handle_ready(now, key);
                if before != State::Ready && self.channel.state() == State::Ready {
                    assert_eq!(known, Known::Attempt);
                    self.known.insert(key, Known::Ready);
                }
            }
            3 => {
                self.channel.handle_draining(now, key);
                if known == Known::Ready {
                    self.known.insert(key, Known::Draining);
                }
            }
            4 => {
                self.channel.handle_failed(now, key, "connection refused");
                self.known.insert(key, Known::Over);
            }
            _ => {
                self.channel.handle_closed(now, key, "reset by peer");
                self.known.insert(key, Known::Over);
            }
        }
    }

    fn pick(&mut self) {
        let now = self.now;
        let index = self.random.below(self.calls.len());
        match self.channel.pick(now, &mut self.calls[index]) {
            Pick::Ready(key) => {
                assert_eq!(self.channel.state(), State::Ready);
                assert_eq!(self.known.get(&key), Some(&Known::Ready), "{key}");
            }
            Pick::Fail(status) => {
                assert!(self.stopped || index & 1 == 1, "a call that waits for ready failed: {status}");
                assert!(status.can_retry() != self.stopped);
                self.calls[index] = Waiter::new(index & 1 == 0);
            }
            Pick::Wait => {
                let state = self.channel.state();
                let fails_fast = index & 1 == 1;
                assert!(state == State::Connecting || (state == State::TransientFailure && !fails_fast), "{state}");
            }
        }
    }

    fn wait(&mut self) {
        let until = match self.random.below(4) {
            0 => self.channel.poll_timeout().unwrap_or(self.now),
            1 => self.now + ms(self.random.below(200_000)),
            _ => self.now + ms(self.random.below(2_000)),
        };
        self.now = self.now.max(until);
        if !self.random.one_in(3) {
            let now = self.now;
            self.channel.handle_timeout(now);
            assert!(self.channel.poll_timeout().is_none_or(|next| next > now));
        }
    }

    /// The next thing happens.
    pub fn step(&mut self) {
        let (state, generation) = (self.channel.state(), self.channel.generation());
        let now = self.now;
        match self.random.below(20) {
            0..=4 => self.obey(),
            5..=8 => self.report(),
            9 | 10 => self.resolve(),
            11..=13 => self.pick(),
            14..=16 => self.wait(),
            17 => self.channel.connect(now),
            18 if self.random.one_in(2) => self.channel.call_started(now),
            18 => self.channel.call_ended(now),
            _ if self.random.one_in(200) => {
                self.stopped = true;
                self.channel.shutdown(ms(1));
            }
            _ => {
                let _status = self.channel.deadline_exceeded(now);
            }
        }
        if self.channel.state() != state {
            assert_ne!(self.channel.generation(), generation, "a change that nobody would notice");
        }
        assert_eq!(self.channel.state() == State::Shutdown, self.stopped);
        let current = self.channel.current();
        assert_eq!(current.is_some(), self.channel.state() == State::Ready);
        assert!(current.is_none_or(|key| self.known[&key] == Known::Ready));
    }

    /// After a shutdown nothing is left that nobody ends.
    pub fn end(mut self) {
        self.channel.shutdown(Duration::ZERO);
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
    pub fn recovers(mut self) {
        let deadline = self.now + Duration::from_secs(200);
        let mut call = Waiter::new(true);
        self.channel.call_started(self.now);
        loop {
            if let Pick::Ready(key) = self.channel.pick(self.now, &mut call) {
                return assert_eq!(self.known.get(&key), Some(&Known::Ready));
            }
            let now = self.now;
            loop {
                if core::mem::take(&mut self.asked) {
                    self.channel.handle_resolved(now, Ok(vec![Address::Tcp(([10, 0, 0, 1], 1).into())]));
                }
                match self.channel.poll_order() {
                    Some(Order::Connect { key, .. }) => {
                        self.known.insert(key, Known::Attempt);
                    }
                    Some(Order::Resolve { .. }) => self.asked = true,
                    Some(Order::Abort { key } | Order::Close { key, .. }) => {
                        self.channel.handle_closed(now, key, "closed");
                    }
                    None => break,
                }
            }
            // Whatever was begun stands by now; reports that come too late do not matter.
            for key in self.known.keys().rev().take(2).copied().collect::<Vec<_>>() {
                self.channel.handle_ready(now, key);
                self.known.insert(key, Known::Ready);
            }
            self.now = match self.channel.poll_timeout() {
                Some(due) if due > now => (now + ms(500)).min(due),
                _ => now + ms(1),
            };
            let now = self.now;
            self.channel.handle_timeout(now);
            assert!(now < deadline, "no connection: {:?}", self.channel);
        }
    }
}
