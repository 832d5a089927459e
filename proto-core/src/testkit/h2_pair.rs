//! Two HTTP/2 connections over a link in memory that chops.

use super::{Clock, Random};
use crate::buf::{Incoming, Outgoing};
use crate::config::Config;
use crate::h2::{Connection, Event, Side};
use alloc::vec::Vec;
use core::time::Duration;

/// How a link cuts what it carries.
#[derive(Clone, Debug)]
pub enum Chop {
    /// Not at all.
    Whole,
    /// Byte by byte.
    Ones,
    /// Anywhere, on a seed.
    Random(Random),
}

impl Chop {
    /// The size of the next piece of `len` bytes, at least one byte.
    pub(super) fn next(&mut self, len: usize) -> usize {
        match self {
            Chop::Whole => len,
            Chop::Ones => 1.min(len),
            Chop::Random(random) => {
                let most = if random.one_in(3) { len } else { len.min(40) };
                (1 + random.below(most)).min(len)
            }
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Wire {
    outgoing: Outgoing,
    incoming: Incoming,
    /// Everything that went over it.
    log: Vec<u8>,
    keep_log: bool,
}

impl Wire {
    /// Moves what the sender has to the receiver. Says whether anything moved.
    fn carry(&mut self, from: &mut Connection, to: &mut Connection, clock: &Clock, chop: &mut Chop) -> bool {
        let mut moved = false;
        while from.poll_transmit(clock.now(), &mut self.outgoing) {
            moved = true;
            while !self.outgoing.is_empty() {
                let mut segment = [&[][..]; 1];
                self.outgoing.segments(&mut segment);
                let n = chop.next(segment[0].len());
                if self.keep_log {
                    self.log.extend_from_slice(&segment[0][..n]);
                }
                self.incoming.extend_from_slice(&segment[0][..n]);
                self.outgoing.advance(n);
                // What a fault is shows in `close_reason`.
                let _ = to.receive(clock.now(), &mut self.incoming);
            }
        }
        moved
    }
}

/// A client and a server, connected.
#[derive(Debug)]
pub struct H2Pair {
    /// One end.
    pub client: Connection,
    /// The other.
    pub server: Connection,
    /// Their time.
    pub clock: Clock,
    chop: Chop,
    to_server: Wire,
    to_client: Wire,
}

impl H2Pair {
    /// Both ends with the default settings; nothing has been exchanged yet.
    pub fn new(chop: Chop) -> Self {
        Self::with_config(chop, &Config::default(), &Config::default())
    }

    /// Each end with its own settings.
    pub fn with_config(chop: Chop, client: &Config, server: &Config) -> Self {
        let clock = Clock::new();
        H2Pair {
            client: Connection::new(Side::Client, client, clock.now()),
            server: Connection::new(Side::Server, server, clock.now()),
            clock,
            chop,
            to_server: Wire::default(),
            to_client: Wire::default(),
        }
    }

    /// Keeps what goes over the link from now on, see `sent_to_server` and `sent_to_client`.
    pub fn keep_log(&mut self) {
        self.to_server.keep_log = true;
        self.to_client.keep_log = true;
    }

    /// What went to the server since the log was last taken.
    pub fn sent_to_server(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.to_server.log)
    }

    /// What went to the client since the log was last taken.
    pub fn sent_to_client(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.to_client.log)
    }

    /// Carries bytes until both ends are silent.
    pub fn run(&mut self) {
        while self.run_to_server() | self.run_to_client() {}
    }

    /// Carries what the client has. Says whether anything moved.
    pub fn run_to_server(&mut self) -> bool {
        self.to_server.carry(&mut self.client, &mut self.server, &self.clock, &mut self.chop)
    }

    /// Carries what the server has. Says whether anything moved.
    pub fn run_to_client(&mut self) -> bool {
        self.to_client.carry(&mut self.server, &mut self.client, &self.clock, &mut self.chop)
    }

    /// Time passes; timers that come due on the way are served at their time, and what they cause is carried.
    pub fn pass(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while let Some(due) = crate::time::earliest(self.client.poll_timeout(), self.server.poll_timeout()) {
            if due > end {
                break;
            }
            self.clock.advance_to(due);
            self.client.handle_timeout(self.clock.now());
            self.server.handle_timeout(self.clock.now());
            self.run();
        }
        self.clock.advance_to(end);
    }

    /// The client's events so far.
    pub fn client_events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.client.poll_event()).collect()
    }

    /// The server's events so far.
    pub fn server_events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.server.poll_event()).collect()
    }
}
