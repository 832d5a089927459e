//! One end of a gRPC connection that is fed bytes, with an application that does what it likes.

use crate::input::Input;
use proto_core::call::CallId;
use proto_core::connection::Connection;
use proto_core::error::ConnectionError;
use proto_core::frame::{self, HEAD_LEN};
use proto_core::testkit::{Clock, Random, take_events};
use proto_core::time::Instant;
use proto_core::{Config, Incoming, Outgoing};
use std::time::Duration;

/// One operation of an application.
pub(crate) type Operation<R> = fn(&mut Random, Instant, &mut Connection<R>, &mut Vec<CallId>);

/// How an input begins, before the bytes of the wire.
pub(crate) struct Setup {
    pub(crate) config: Config,
    /// The application serves or asks as a good one does, instead of doing anything.
    pub(crate) well_behaved: bool,
    /// The peer has said what a good one says first.
    pub(crate) greeted: bool,
    chop: u8,
    choices: Random,
}

impl Setup {
    /// Two bytes, and a piece with the application's choices.
    pub(crate) fn read(input: &mut Input<'_>) -> Setup {
        let options = input.byte();
        let chop = input.byte();
        let config = Config {
            stream_window: [65_536, 100][usize::from(options >> 2 & 1)],
            max_concurrent_streams: [100, 2][usize::from(options >> 3 & 1)],
            max_unsent: [1 << 20, 1_000][usize::from(options >> 4 & 1)],
            max_receive_message_size: [4 << 20, 10][usize::from(options >> 5 & 1)],
            max_header_list_size: [16_384, 300][usize::from(options >> 6 & 1)],
            keepalive_interval: (options >> 7 == 1).then_some(Duration::from_secs(10)),
            ..Config::default()
        };
        let choices = Random::scripted(input.piece());
        Setup { config, well_behaved: options & 1 == 1, greeted: options & 2 == 2, chop, choices }
    }
}

/// The end under test.
pub(crate) struct OneEnd<R> {
    pub(crate) connection: Connection<R>,
    pub(crate) now: Instant,
    pub(crate) calls: Vec<CallId>,
    random: Random,
    /// Where reads end.
    chop: Option<Random>,
    /// What it may hold, bytes.
    bound: usize,
    incoming: Incoming,
    outgoing: Outgoing,
    /// What it sent and was not looked at: a part of a frame.
    sent: Vec<u8>,
    /// A client's preface has not been seen yet.
    preface: bool,
}

impl<R> OneEnd<R> {
    pub(crate) fn new(setup: Setup, bound: usize, client: bool, make: fn(Config, Instant) -> Connection<R>) -> Self {
        let now = Clock::new().now();
        OneEnd {
            connection: make(setup.config, now),
            now,
            calls: Vec::new(),
            random: setup.choices,
            chop: (setup.chop != 0).then(|| Random::seed(setup.chop.into())),
            bound,
            incoming: Incoming::new(),
            outgoing: Outgoing::new(),
            sent: Vec::new(),
            preface: client,
        }
    }

    /// Feeds the bytes in pieces, as a driver would, with operations in between.
    pub(crate) fn feed(&mut self, bytes: &[u8], operation: Operation<R>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            operation(&mut self.random, self.now, &mut self.connection, &mut self.calls);
            self.transmit();
            if !self.connection.wants_input() {
                assert!(self.connection.is_closed(), "it has written everything, and does not read");
                break;
            }
            let n = match &mut self.chop {
                None => rest.len(),
                Some(chop) => 1 + chop.below(rest.len().min(200)),
            };
            let (piece, tail) = rest.split_at(n);
            rest = tail;
            self.incoming.extend_from_slice(piece);
            let outcome = self.connection.receive(self.now, &mut self.incoming);
            match (outcome, self.connection.close_reason()) {
                (Err(error), reason) => assert_eq!(Some(&error), reason),
                // It was drained, and its last call has ended.
                (Ok(()), reason) => assert!(matches!(reason, None | Some(ConnectionError::PeerWentAway { .. }))),
            }
            operation(&mut self.random, self.now, &mut self.connection, &mut self.calls);
            take_events(&mut self.connection);
            self.pass();
            let held = self.connection.memory();
            assert!(held <= self.bound, "{held} bytes are held, the bound is {}", self.bound);
        }
    }

    /// Time passes, now and then, to the next timer or not as far.
    fn pass(&mut self) {
        match self.random.below(16) {
            0 => self.now = self.connection.poll_timeout().map_or(self.now, |due| due.max(self.now)),
            1 => self.now = self.now + Duration::from_millis(self.random.below(5_000) as u64),
            _ => return,
        }
        self.connection.handle_timeout(self.now);
        assert!(self.connection.poll_timeout().is_none_or(|due| due > self.now), "what is due is served");
    }

    /// The socket takes everything; all of it must be good frames.
    fn transmit(&mut self) {
        while self.connection.poll_transmit(self.now, &mut self.outgoing) {
            let mut segments = [&[][..]; 8];
            let count = self.outgoing.segments(&mut segments);
            let n = segments[..count].iter().map(|segment| segment.len()).sum();
            for segment in &segments[..count] {
                self.sent.extend_from_slice(segment);
            }
            self.outgoing.advance(n);
            self.look();
        }
    }

    fn look(&mut self) {
        let mut rest = &self.sent[..];
        if self.preface && rest.len() >= frame::PREFACE.len() {
            rest = rest.strip_prefix(frame::PREFACE).expect("a client begins with the preface");
            self.preface = false;
        }
        while !self.preface
            && let Some(read) = frame::parse(rest, (1 << 24) - 1)
        {
            let (_, n) = read.expect("what we send is good");
            assert!(n >= HEAD_LEN);
            rest = &rest[n..];
        }
        self.sent = rest.to_vec();
    }

    /// The peer is gone: every call has a verdict, and letting go of them leaves nothing.
    pub(crate) fn end(mut self, accept: fn(&mut Connection<R>) -> Option<CallId>) {
        self.connection.receive_eof(self.now);
        for id in std::mem::take(&mut self.calls) {
            if let Ok(call) = self.connection.call(id) {
                assert!(call.outcome().is_some(), "the connection is over, and so is the call");
                call.release(self.now);
            }
        }
        while let Some(id) = accept(&mut self.connection) {
            self.connection.call(id).expect("accepted").release(self.now);
        }
        take_events(&mut self.connection);
        self.transmit();
        let left = (self.connection.active_calls(), self.connection.unsent(), self.connection.borrowed());
        assert_eq!(left, (0, 0, 0), "calls, bytes to send, loans");
        assert!(self.connection.is_closed() && self.connection.poll_timeout().is_none());
    }
}
