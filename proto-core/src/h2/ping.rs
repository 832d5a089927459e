//! PING (RFC 9113 section 6.7): echoed; sent for keepalive (gRFC A8) and to time a graceful GOAWAY.

use super::Connection;
use super::timeouts::Kind;
use crate::error::ConnectionError;
use crate::frame::{self, FrameError, Ping};
use crate::time::Instant;

const KEEPALIVE: [u8; 8] = *b"alive?\0\0";
const DRAIN: [u8; 8] = *b"drained?";

/// PINGs of ours that are under way.
#[derive(Debug, Default)]
pub(super) struct PingState {
    /// When the keepalive PING was sent that is not answered yet.
    keepalive: Option<Instant>,
    /// The PING behind the first GOAWAY is not answered yet.
    drain: bool,
}

impl Connection {
    pub(super) fn on_ping(&mut self, ping: Ping) -> Result<(), FrameError> {
        if ping.ack {
            return self.on_ping_ack(ping.payload);
        }
        let checked = self.guards.pings.check(self.now, self.streams.live > 0);
        self.reply(|out| frame::ping(out, true, ping.payload));
        checked
    }

    fn on_ping_ack(&mut self, payload: [u8; 8]) -> Result<(), FrameError> {
        match payload {
            KEEPALIVE if self.ping.keepalive.take().is_some() => {
                self.disarm(Kind::KeepaliveTimeout);
                self.arm_keepalive();
                Ok(())
            }
            DRAIN if core::mem::take(&mut self.ping.drain) => {
                self.disarm(Kind::DrainPing);
                self.goaway_final();
                Ok(())
            }
            _ => self.guards.glitches.charge(self.now),
        }
    }

    /// Sent behind GOAWAY(2^31-1): its ack tells that every stream the peer opened before it knew has arrived.
    pub(super) fn send_drain_ping(&mut self) {
        self.ping.drain = true;
        frame::ping(self.output.buf_mut(), false, DRAIN);
        self.arm(Kind::DrainPing, self.now + self.local.keepalive_timeout);
    }

    /// Starts the keepalive timer, if there is one and something to keep alive.
    pub(super) fn arm_keepalive(&mut self) {
        let Some(interval) = self.local.keepalive_interval else { return };
        if self.streams.counted > 0 || self.local.keepalive_without_calls {
            self.arm(Kind::Keepalive, self.heard.max(self.now) + interval);
        }
    }

    /// A stream was opened: what is to be kept alive begins.
    pub(super) fn keepalive_for_stream(&mut self) {
        if self.local.keepalive_interval.is_some() && self.ping.keepalive.is_none() && !self.is_armed(Kind::Keepalive) {
            self.arm_keepalive();
        }
    }

    /// Silence for an interval, perhaps.
    pub(super) fn on_keepalive_due(&mut self) {
        let Some(interval) = self.local.keepalive_interval else { return };
        // A stream that has ended and was not released is no call to the peer, whose patience is less then (gRFC A8).
        if self.streams.counted == 0 && !self.local.keepalive_without_calls {
            return;
        }
        if self.heard + interval > self.now {
            return self.arm(Kind::Keepalive, self.heard + interval);
        }
        self.ping.keepalive = Some(self.now);
        frame::ping(self.output.buf_mut(), false, KEEPALIVE);
        self.arm(Kind::KeepaliveTimeout, self.now + self.local.keepalive_timeout);
    }

    /// The keepalive PING was not answered in time. Anything else that came since will do.
    pub(super) fn on_keepalive_timeout(&mut self) {
        match self.ping.keepalive.take() {
            Some(sent) if self.heard > sent => self.arm_keepalive(),
            Some(_) => self.close(ConnectionError::TimedOut { what: "the answer to a keepalive PING" }),
            None => {}
        }
    }
}
