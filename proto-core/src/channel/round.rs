//! What a channel does between its inputs: rounds of attempts, from the lookup to a connection or to the backoff.

use super::address::Address;
use super::failure::{Cause, ConnectFailure, Rough};
use super::machine::Channel;
use super::orders::{ConnectionKey, Order};
use super::state::{Attempt, Phase, Stage};
use crate::time::Instant;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// A connection that was ready and ended sooner than this has not lasted.
const SHORT_LIFE: Duration = Duration::from_secs(1);
/// So many connections in a row may not last, without a call having ended meanwhile, before the channel backs off. Otherwise a server
/// that takes connections and goes away at once would be connected to for ever, without pause, by one call that is sent again
/// each time.
const SHORT_LIVES: u32 = 3;

impl Channel {
    /// Changes what the channel is doing.
    pub(super) fn enter(&mut self, phase: Phase) {
        if phase.state() != self.phase.state() {
            self.generation = self.generation.wrapping_add(1);
        }
        self.phase = phase;
    }

    /// Begins a round of attempts: resolves the name, or tries the literal address.
    pub(super) fn begin_round(&mut self, now: Instant) {
        if let Some(address) = &self.hop.literal {
            if self.addresses.is_empty() {
                self.addresses.push(address.clone());
            }
            return self.try_address(now, now, 0);
        }
        // A lookup that was given up may still be under way: its answer will do.
        if !self.lookup {
            self.lookup = true;
            let (host, port) = (self.hop.host.clone(), self.hop.port);
            self.orders.push_back(Order::Resolve { host, port });
        }
        self.enter(Phase::Resolving { round: now });
    }

    /// The answer of the lookup.
    pub(super) fn resolved(&mut self, now: Instant, result: Result<Vec<Address>, String>) {
        let round = match self.phase {
            Phase::Resolving { round } => round,
            // The lookup had been given up for lost and here it is: no address was tried yet, so no server needs the backoff.
            Phase::BackingOff { .. }
                if result.is_ok() && matches!(self.failure, Some(ConnectFailure::Resolve { .. })) =>
            {
                now
            }
            _ => return,
        };
        let error = match result {
            Ok(found) => {
                let mut seen = BTreeSet::new();
                let found: Vec<Address> = found.into_iter().filter(|address| seen.insert(address.clone())).collect();
                if !found.is_empty() {
                    self.addresses = found;
                    return self.try_address(now, round, 0);
                }
                "the name has no addresses".to_owned()
            }
            Err(error) => error,
        };
        self.unresolved(now, round, error);
    }

    /// No answer, or a bad one: what was found earlier is better than nothing.
    fn unresolved(&mut self, now: Instant, round: Instant, error: String) {
        if self.addresses.is_empty() {
            let (host, through) = (self.hop.host.clone(), self.hop.through().map(ToOwned::to_owned));
            self.failure = Some(ConnectFailure::Resolve { host, through, error });
        }
        self.try_address(now, round, 0);
    }

    /// Tries the address of this place; if there is none, the round has failed. `failure` says why then.
    fn try_address(&mut self, now: Instant, round: Instant, index: usize) {
        let Some(address) = self.addresses.get(index) else { return self.round_failed(round) };
        self.last_key = self.last_key.wrapping_add(1);
        let (key, address) = (ConnectionKey(self.last_key), address.clone());
        self.orders.push_back(Order::Connect { key, address: address.clone(), tunnel: self.hop.tunnel.clone() });
        let attempt = Attempt { key, address, index, since: now, stage: Stage::Socket, cause: None, connected: false };
        self.enter(Phase::Connecting { round, attempt });
    }

    /// The attempt under way failed: the next address at once.
    pub(super) fn attempt_failed(&mut self, now: Instant, error: &str) {
        let Phase::Connecting { round, attempt } = &mut self.phase else { return };
        let cause = attempt.cause.take();
        let (round, next) = (*round, attempt.index.saturating_add(1));
        if self.once {
            return self.stream_over(error, cause);
        }
        self.failure = Some(ConnectFailure::Connect {
            address: attempt.address.clone(),
            host: self.hop.name().map(ToOwned::to_owned),
            through: self.hop.through().map(ToOwned::to_owned),
            tried: next,
            of: self.addresses.len(),
            error: error.to_owned(),
            cause,
        });
        self.try_address(now, round, next);
    }

    /// Every address failed: the next round begins when the backoff, counted from the beginning of this one, is over.
    fn round_failed(&mut self, round: Instant) {
        let until = round.checked_add(self.backoff.next());
        self.failures = self.failures.wrapping_add(1);
        self.generation = self.generation.wrapping_add(1);
        self.enter(Phase::BackingOff { until });
    }

    /// A connection stands.
    pub(super) fn ready(&mut self, now: Instant, key: ConnectionKey, address: Address) {
        self.unorder(key);
        self.failure = None;
        self.enter(Phase::Ready { key, since: now, address });
    }

    /// The connection that calls went to takes no more: IDLE, until somebody wants it, unless this happens again and again.
    pub(super) fn ready_over(&mut self, now: Instant, reason: &str) {
        let Phase::Ready { since, address, .. } = &self.phase else { return };
        if self.once {
            let cause = self.last_cause.take();
            return self.stream_over(reason, cause);
        }
        if now - *since >= SHORT_LIFE {
            self.short_lives = 0;
        } else {
            self.short_lives = self.short_lives.saturating_add(1);
        }
        if self.short_lives <= SHORT_LIVES {
            self.backoff.reset();
            return self.enter(Phase::Idle);
        }
        let since = *since;
        self.failure = Some(ConnectFailure::Connect {
            address: address.clone(),
            host: self.hop.name().map(ToOwned::to_owned),
            through: self.hop.through().map(ToOwned::to_owned),
            tried: 1,
            of: 1,
            error: format!("{} connections in a row ended within {}: {reason}", self.short_lives, Rough(SHORT_LIFE)),
            cause: None,
        });
        self.round_failed(since);
    }

    /// There is no other connection to be had. What runs on the one that there was may come to its end.
    fn stream_over(&mut self, reason: &str, cause: Option<Cause>) {
        self.failures = self.failures.wrapping_add(1);
        self.failure = Some(ConnectFailure::Stream { error: reason.to_owned(), cause });
        self.enter(Phase::Shutdown);
    }

    /// The time of what is under way is over.
    pub(super) fn time_out(&mut self, now: Instant) {
        let timeout = Rough(self.connect_timeout).to_string();
        match &self.phase {
            Phase::Resolving { round } => {
                let round = *round;
                self.unresolved(now, round, format!("no answer within {timeout}"));
            }
            Phase::Connecting { attempt, .. } => {
                let error = match (attempt.connected, attempt.stage) {
                    (true, _) => format!("connected, but no SETTINGS of HTTP/2 came within {timeout}"),
                    (false, Stage::Socket) => format!("no connection within {timeout}"),
                    (false, Stage::Tunnel) => format!("connected to the proxy, but it made no tunnel within {timeout}"),
                    (false, Stage::Tls) => format!("connected, but the TLS handshake was not over within {timeout}"),
                };
                self.abort(attempt.key);
                self.attempt_failed(now, &error);
            }
            Phase::BackingOff { .. } => self.begin_round(now),
            Phase::Idle | Phase::Ready { .. } | Phase::Shutdown => {}
        }
    }

    /// Nobody has needed the channel for long.
    pub(super) fn go_idle(&mut self) {
        // No call is counted; should one go on nevertheless, it may.
        if let Phase::Ready { key, .. } = self.phase {
            self.leaving.push(key);
            self.orders.push_back(Order::Close { key, grace: Duration::MAX });
        }
        self.give_up();
        self.backoff.reset();
        self.enter(Phase::Idle);
    }

    /// Orders everything to end that is under way or stands.
    pub(super) fn stop(&mut self, grace: Duration) {
        if let Phase::Ready { key, .. } = self.phase {
            self.leaving.push(key);
        }
        self.give_up();
        for index in 0..self.leaving.len() {
            let key = self.leaving[index];
            self.unorder(key);
            self.orders.push_back(Order::Close { key, grace });
        }
    }

    /// Gives up the lookup or attempt under way.
    fn give_up(&mut self) {
        if let Phase::Connecting { attempt, .. } = &self.phase {
            self.abort(attempt.key);
        }
        let before = self.orders.len();
        self.orders.retain(|order| !matches!(order, Order::Resolve { .. }));
        if self.orders.len() < before {
            // Nobody will answer what nobody was asked.
            self.lookup = false;
        }
    }

    /// Orders an attempt to end, or takes back the order to begin it.
    pub(super) fn abort(&mut self, key: ConnectionKey) {
        if !self.unorder(key) {
            self.orders.push_back(Order::Abort { key });
        }
    }

    /// Takes back the order about this key that nobody has carried out yet. True if there was one.
    pub(super) fn unorder(&mut self, key: ConnectionKey) -> bool {
        let before = self.orders.len();
        self.orders.retain(|order| order.key() != Some(key));
        self.orders.len() < before
    }
}
