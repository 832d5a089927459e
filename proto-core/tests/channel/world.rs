//! A channel, a clock, and short words for what happens to them.

use proto_core::Instant;
use proto_core::channel::{Address, Channel, ChannelConfig, ConnectionKey, Order, Pick, State, Target, Waiter};
use proto_core::grpc::Status;
use std::time::Duration;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::ZERO + ms(millis)
}

pub(crate) fn tcp(address: &str) -> Address {
    Address::Tcp(address.parse().unwrap())
}

/// The defaults, without jitter.
pub(crate) fn steady() -> ChannelConfig {
    let mut config = ChannelConfig::default();
    config.backoff.jitter_percent = 0;
    config
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) channel: Channel,
}

impl World {
    pub(crate) fn new(target: &str) -> Self {
        Self::with(target, steady())
    }

    pub(crate) fn with(target: &str, config: ChannelConfig) -> Self {
        World { now: Instant::ZERO, channel: Channel::new(Target::parse(target).unwrap(), config) }
    }

    /// Time goes by; what is due is served.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.channel.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.channel.handle_timeout(self.now);
            assert!(self.channel.poll_timeout().is_none_or(|next| next > self.now));
        }
        self.now = end;
    }

    pub(crate) fn pick(&mut self, call: &mut Waiter) -> Pick {
        self.channel.pick(self.now, call)
    }

    pub(crate) fn waits(&mut self, call: &mut Waiter) -> bool {
        matches!(self.pick(call), Pick::Wait)
    }

    pub(crate) fn fails(&mut self, call: &mut Waiter) -> Status {
        match self.pick(call) {
            Pick::Fail(status) => status,
            other => panic!("{other:?} in {:?}", self.channel),
        }
    }

    pub(crate) fn picked(&mut self) -> ConnectionKey {
        match self.pick(&mut Waiter::new(false)) {
            Pick::Ready(key) => key,
            other => panic!("{other:?} in {:?}", self.channel),
        }
    }

    pub(crate) fn connect(&mut self) {
        self.channel.connect(self.now);
    }

    pub(crate) fn orders(&mut self) -> Vec<Order> {
        std::iter::from_fn(|| self.channel.poll_order()).collect()
    }

    /// The one order there is, which is to connect.
    pub(crate) fn connecting(&mut self) -> (ConnectionKey, Address) {
        match &self.orders()[..] {
            [Order::Connect { key, address, .. }] => (*key, address.clone()),
            other => panic!("{other:?} in {:?}", self.channel),
        }
    }

    /// The orders are to resolve this name, and nothing else.
    pub(crate) fn resolving(&mut self, name: &str) {
        match &self.orders()[..] {
            [Order::Resolve { host, port: 50051 }] if host == name => {}
            other => panic!("{other:?} in {:?}", self.channel),
        }
    }

    pub(crate) fn resolved(&mut self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| tcp(address)).collect();
        self.channel.handle_resolved(self.now, Ok(addresses));
    }

    pub(crate) fn unresolved(&mut self, error: &str) {
        self.channel.handle_resolved(self.now, Err(error.to_owned()));
    }

    pub(crate) fn ready(&mut self, key: ConnectionKey) {
        self.channel.handle_connected(key);
        self.channel.handle_ready(self.now, key);
        assert_eq!(self.channel.state(), State::Ready);
    }

    pub(crate) fn refused(&mut self, key: ConnectionKey) {
        self.channel.handle_failed(self.now, key, "connection refused");
    }

    /// A connection to the literal address of the target, ready.
    pub(crate) fn connected(&mut self) -> ConnectionKey {
        self.connect();
        let (key, _) = self.connecting();
        self.ready(key);
        key
    }

    /// Fails the one round that begins now (literal target), and says how long the channel waits afterwards.
    pub(crate) fn failed_round(&mut self) -> Duration {
        let (key, _) = self.connecting();
        self.refused(key);
        assert_eq!(self.channel.state(), State::TransientFailure);
        self.channel.poll_timeout().unwrap() - self.now
    }
}
