//! What takes too long: handshake, settings ack, keepalive, idleness, age, the grace of a shutdown, peers that do not read.
//!
//! Guards against slow handshakes (CVE-2024-28854) and slow readers (CVE-2019-9517).

use super::{Connection, Ready, Side};
use crate::config::Config;
use crate::error::{ConnectionError, ErrorCode};
use crate::frame;
use crate::time::Instant;
use crate::timer::TimerKey;
use core::time::Duration;

/// The timers of a connection. Those of streams come behind, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    Handshake,
    SettingsAck,
    Keepalive,
    KeepaliveTimeout,
    Idle,
    MaxAge,
    Grace,
    Stall,
    DrainPing,
}

const KINDS: [Kind; 9] = [
    Kind::Handshake,
    Kind::SettingsAck,
    Kind::Keepalive,
    Kind::KeepaliveTimeout,
    Kind::Idle,
    Kind::MaxAge,
    Kind::Grace,
    Kind::Stall,
    Kind::DrainPing,
];

fn key(kind: Kind) -> TimerKey {
    TimerKey { slot: kind as u32, tag: 0 }
}

impl Connection {
    /// When `handle_timeout` wants to be called; O(1).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Serves what is due; afterwards `poll_timeout() > now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        // Whatever is armed meanwhile is later than `self.now`, see `arm`.
        while let Some(due) = self.timers.pop_due(self.now) {
            match KINDS.get(due.slot as usize) {
                Some(kind) => self.on_due(*kind),
                None => self.on_stream_stall(due.slot - KINDS.len() as u32, due.tag),
            }
        }
    }

    fn on_due(&mut self, kind: Kind) {
        match kind {
            Kind::Handshake => self.on_handshake_timeout(),
            Kind::SettingsAck => {
                frame::goaway(self.output.buf_mut(), self.last_peer_id, ErrorCode::SettingsTimeout, b"");
                self.close(ConnectionError::TimedOut { what: "the acknowledgement of our SETTINGS" });
            }
            Kind::Keepalive => self.on_keepalive_due(),
            Kind::KeepaliveTimeout => self.on_keepalive_timeout(),
            Kind::Idle => self.on_idle(),
            Kind::MaxAge => {
                self.begin_drain();
                if let (Some(grace), None) = (self.local.max_age_grace, &self.closed) {
                    self.arm(Kind::Grace, self.now + grace);
                }
            }
            Kind::Grace => self.cut(),
            Kind::Stall => self.on_stall(),
            // A peer that does not answer gets no more time to open streams.
            Kind::DrainPing => self.goaway_final(),
        }
    }

    pub(super) fn arm_first_timers(&mut self, config: &Config) {
        self.arm(Kind::Handshake, self.now + config.handshake_timeout);
        if self.local.keepalive_without_calls {
            self.arm_keepalive();
        }
        if self.local.idle_timeout.is_some() {
            self.arm_idle();
        }
        if let Some(age) = config.max_age.filter(|_| self.side == Side::Server) {
            self.arm(Kind::MaxAge, self.now + jittered(age, config.seed));
        }
    }

    pub(super) fn arm(&mut self, kind: Kind, at: Instant) {
        self.timers.set(key(kind), at.max(self.now + Duration::from_nanos(1)));
    }

    pub(super) fn disarm(&mut self, kind: Kind) {
        self.timers.cancel(key(kind));
    }

    pub(super) fn due_at(&self, kind: Kind) -> Option<Instant> {
        self.timers.due_at(key(kind))
    }

    pub(super) fn is_armed(&self, kind: Kind) -> bool {
        self.due_at(kind).is_some()
    }

    fn on_handshake_timeout(&mut self) {
        if self.is_ready() {
            return;
        }
        let reason = match (&self.suspect, self.side) {
            (Some(peer), _) => ConnectionError::NotHttp2 { peer: peer.clone() },
            (None, Side::Client) => {
                ConnectionError::TimedOut { what: "the server's SETTINGS (is it an HTTP/2 server?)" }
            }
            (None, Side::Server) => ConnectionError::TimedOut { what: "the client's preface and SETTINGS" },
        };
        self.close(reason);
    }

    pub(super) fn arm_idle(&mut self) {
        if let Some(timeout) = self.local.idle_timeout {
            self.arm(Kind::Idle, self.idle_since + timeout);
        }
    }

    fn on_idle(&mut self) {
        let Some(timeout) = self.local.idle_timeout else { return };
        if self.streams.live > 0 {
            // The last one that goes arms it again.
            return;
        }
        if self.idle_since + timeout <= self.now { self.begin_drain() } else { self.arm_idle() }
    }

    /// Something is held back because the peer does not read: it must move in time.
    pub(super) fn arm_stall(&mut self) {
        if let Some(timeout) = self.local.stall_timeout
            && self.closed.is_none()
            && !self.is_armed(Kind::Stall)
        {
            self.arm(Kind::Stall, self.now + timeout);
        }
    }

    fn on_stall(&mut self) {
        let Some(timeout) = self.local.stall_timeout else { return };
        let full = self.unsent() >= self.local.max_unsent || self.guards.replies.is_full();
        if !full {
            return;
        }
        if self.progress + timeout > self.now {
            return self.arm(Kind::Stall, self.progress + timeout);
        }
        self.output.clear();
        self.close(ConnectionError::TimedOut {
            what: "the peer to read (nothing has moved, and the buffers are full)",
        });
    }

    fn stall_key(&self, slot: u32) -> TimerKey {
        TimerKey { slot: KINDS.len() as u32 + slot, tag: self.streams[slot].generation }
    }

    /// The stream's last words wait for a peer that must take them in time.
    pub(super) fn arm_stream_stall(&mut self, slot: u32) {
        if let (Some(timeout), Side::Server) = (self.local.stall_timeout, self.side) {
            let at = self.now.max(self.streams[slot].moved) + timeout;
            self.streams[slot].stall_armed = true;
            self.timers.set(self.stall_key(slot), at);
        }
    }

    pub(super) fn disarm_stall(&mut self, slot: u32) {
        if core::mem::take(&mut self.streams[slot].stall_armed) {
            self.timers.cancel(self.stall_key(slot));
        }
    }

    fn on_stream_stall(&mut self, slot: u32, generation: u32) {
        let Some(timeout) = self.local.stall_timeout else { return };
        if !self.streams.in_use(slot) || self.streams[slot].generation != generation {
            return;
        }
        if self.streams[slot].moved + timeout > self.now {
            return self.arm_stream_stall(slot);
        }
        self.guards.stalls.streams += 1;
        self.mark(slot, Ready::RESET);
        self.reset_stream(slot, ErrorCode::Cancel);
    }
}

/// A tenth more or less, so that connections made together do not end together (gRFC A9).
fn jittered(age: Duration, seed: u64) -> Duration {
    // The mix of SplitMix64: neighbouring seeds give unrelated numbers.
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let permille = 900 + (z >> 32) as u32 % 201;
    age.checked_mul(permille).map_or(age, |scaled| scaled / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_their_number() {
        for (number, kind) in (0..).zip(KINDS) {
            assert_eq!(kind as u32, number);
        }
    }

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let age = Duration::from_secs(1000);
        let ages: alloc::vec::Vec<_> = (0..100).map(|seed| jittered(age, seed)).collect();
        assert!(ages.iter().all(|a| (900..=1100).contains(&a.as_secs())));
        assert!(ages.iter().any(|a| a.as_secs() < 930) && ages.iter().any(|a| a.as_secs() > 1070));
    }
}
