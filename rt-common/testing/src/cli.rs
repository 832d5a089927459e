//! A client for tests of the server: the core's own connection over a pipe, real or simulated, with PINGs of its own and
//! every answer timed.

use bytes::Buf;
use proto_core::Config;
use proto_core::buf::{Incoming, MessageBuf, Outgoing};
use proto_core::call::{CallId, CallOptions, Head, Recv, SendError};
use proto_core::connection::{Client, Connection, Event};
use proto_core::error::ConnectionError;
use proto_core::grpc::{Code, Status};
use proto_core::rpc::MethodInfo;
use proto_core::time::Instant;
use rt_std::os::{Address, Os, Pipe};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// One call and what has come back.
#[derive(Default)]
pub struct Call {
    pub id: Option<CallId>,
    pub messages: Vec<(Vec<u8>, Instant)>,
    pub ended: Option<(Status, Instant)>,
}

pub struct Cli {
    pub os: Arc<dyn Os>,
    pub pipe: Arc<dyn Pipe>,
    pub core: Connection<Client>,
    input: Incoming,
    out: Outgoing,
    /// Encoded, not written.
    pub wire: Vec<u8>,
    pub eof: bool,
    pub calls: BTreeMap<u32, Call>,
    tap: Tap,
    /// PINGs answered, and when.
    pub pongs: BTreeMap<u64, Instant>,
    pub goaway: bool,
    /// Events of the core so far.
    pub moved: usize,
    /// The core has ended the connection.
    pub closed: bool,
    started: Instant,
}

/// Looks at whole frames as they come in, before the core does.
#[derive(Default)]
struct Tap(Vec<u8>);

impl Tap {
    /// Type, flags, payload of each frame; those that `frame` lets pass are put into `through`.
    fn feed(&mut self, bytes: &[u8], through: &mut Incoming, mut frame: impl FnMut(u8, u8, &[u8]) -> bool) {
        self.0.extend_from_slice(bytes);
        let mut rest = &self.0[..];
        while rest.len() >= 9 {
            let length = 9 + u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            if rest.len() < length {
                break;
            }
            if frame(rest[3], rest[4], &rest[9..length]) {
                through.extend_from_slice(&rest[..length]);
            }
            rest = &rest[length..];
        }
        let used = self.0.len() - rest.len();
        self.0.drain(..used);
    }
}

impl Cli {
    /// Connects; nothing is written yet but what the core has to say by itself.
    pub fn new(os: &Arc<dyn Os>, address: &Address, config: Config) -> Self {
        let pipe = os.connect(address).expect("a connection can be begun");
        while !pipe.connected().expect("the server listens") {
            let _ = pipe.wait(false, true, None);
        }
        Self::over(os, pipe, config)
    }

    /// Over this pipe.
    pub fn over(os: &Arc<dyn Os>, pipe: Arc<dyn Pipe>, config: Config) -> Self {
        let started = os.now();
        Cli {
            os: os.clone(),
            pipe,
            core: Connection::client(config, started),
            input: Incoming::new(),
            out: Outgoing::new(),
            wire: Vec::new(),
            eof: false,
            calls: BTreeMap::new(),
            tap: Tap::default(),
            pongs: BTreeMap::new(),
            goaway: false,
            moved: 0,
            closed: false,
            started,
        }
    }

    pub fn now(&self) -> Instant {
        self.os.now()
    }

    /// The core's clock goes at half speed: the server's deadline passes first, and the client sees what it says to that.
    fn clock(&self) -> Instant {
        self.started + (self.now() - self.started) / 2
    }

    /// What the core has to say, behind what waits already.
    pub fn collect(&mut self) {
        while self.core.poll_transmit(self.clock(), &mut self.out) {
            while !self.out.is_empty() {
                let mut segments = [&[][..]; 16];
                let count = self.out.segments(&mut segments);
                let bytes: usize = segments[..count].iter().map(|s| s.len()).sum();
                for segment in &segments[..count] {
                    self.wire.extend_from_slice(segment);
                }
                self.out.advance(bytes);
            }
        }
    }

    /// One round: writes and reads what goes; false when neither did.
    fn turn(&mut self, read: bool) -> bool {
        let mut moved = false;
        self.collect();
        if !self.wire.is_empty() {
            match self.pipe.try_write(&[&self.wire]) {
                Ok(n) => {
                    self.wire.drain(..n);
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.wire.clear(),
            }
        }
        let mut buf = [0; 4096];
        if read && !self.eof {
            match self.pipe.try_read(&mut buf) {
                Ok(0) => self.end("eof"),
                Ok(n) => {
                    moved = true;
                    self.arrived(&buf[..n]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.end("error"),
            }
        }
        self.core.handle_timeout(self.clock());
        self.events();
        moved
    }

    fn end(&mut self, why: &str) {
        self.eof = true;
        self.core.lost(self.clock(), why.into(), None);
    }

    fn arrived(&mut self, bytes: &[u8]) {
        let now = self.now();
        let (pongs, goaway) = (&mut self.pongs, &mut self.goaway);
        // The core sent no PINGs: their answers are not its business.
        self.tap.feed(bytes, &mut self.input, |kind, flags, payload| match kind {
            6 if flags & 1 != 0 => {
                let number = u64::from_be_bytes(payload.try_into().expect("a PING has 8 bytes"));
                pongs.entry(number).or_insert(now);
                false
            }
            7 => {
                *goaway = true;
                true
            }
            _ => true,
        });
        match self.core.receive(self.clock(), &mut self.input) {
            Ok(()) | Err(ConnectionError::PeerWentAway { code: 0, .. }) => {}
            Err(error) => panic!("the server broke the protocol: {error:?}"),
        }
    }

    fn events(&mut self) {
        let (now, clock) = (self.now(), self.clock());
        while let Some(event) = self.core.poll_event() {
            self.moved += 1;
            self.closed |= event == Event::Closed;
        }
        let mut buffer = MessageBuf::new();
        for call in self.calls.values_mut() {
            let Some(id) = call.id else { continue };
            while let Ok(mut state) = self.core.call(id) {
                let status = match state.recv(clock, &mut buffer) {
                    Recv::Message => {
                        let length = buffer.remaining();
                        call.messages.push((buffer.copy_to_bytes(length).to_vec(), now));
                        continue;
                    }
                    Recv::Pending => break,
                    Recv::End => Status::OK,
                    Recv::Failed(status) => status,
                };
                call.ended = Some((status, now));
                call.id = None;
                state.release(clock);
                break;
            }
        }
    }

    /// Writes what goes now; reads nothing, collects nothing.
    pub fn write_only(&mut self) {
        match self.pipe.try_write(&[&self.wire]) {
            Ok(n) => drop(self.wire.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // The server may have stopped reading: that is what some scenarios want.
                let until = Some(self.now() + Duration::from_micros(100));
                let _ = self.pipe.wait(false, true, until);
            }
            Err(_) => self.wire.clear(),
        }
    }

    /// Writes everything; blocks without reading.
    pub fn flush(&mut self) {
        self.collect();
        while !self.wire.is_empty() {
            if !self.turn(false) && !self.wire.is_empty() {
                let _ = self.pipe.wait(false, true, None);
            }
        }
    }

    /// Reads and writes until `done`, or `until`, or the end of the connection. True: done.
    pub fn pump(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            if self.eof || self.now() >= until {
                return false;
            }
            if !self.turn(true) && !done(self) && !self.eof {
                let timer =
                    self.core.poll_timeout().map_or(until, |at| (self.started + (at - self.started) * 2).min(until));
                let _ = self.pipe.wait(true, !self.wire.is_empty(), Some(timer));
            }
        }
    }

    pub fn pump_for(&mut self, time: Duration) {
        self.pump(self.now() + time, |_| false);
    }

    /// How a call ended, and when.
    pub fn ended(&self, label: u32) -> Option<(Code, Instant)> {
        self.calls.get(&label)?.ended.as_ref().map(|(status, at)| (status.code(), *at))
    }

    pub fn status(&self, label: u32) -> Option<&Status> {
        self.calls.get(&label)?.ended.as_ref().map(|(status, _)| status)
    }

    pub fn all_ended(&self, labels: impl IntoIterator<Item = u32>) -> bool {
        labels.into_iter().all(|label| self.ended(label).is_some())
    }

    fn start(&mut self, label: u32, method: &'static MethodInfo, timeout: Option<Duration>) -> CallId {
        let now = self.clock();
        let options = CallOptions { kind: method.kind, deadline: timeout.map(|t| now + t), ..CallOptions::default() };
        let id = self.core.start(now, Head::new(method.path), &options).expect("the connection takes calls");
        self.calls.insert(label, Call { id: Some(id), ..Call::default() });
        id
    }

    /// A call with one request.
    pub fn request(&mut self, label: u32, method: &'static MethodInfo, timeout: Option<Duration>, message: &[u8]) {
        let id = self.start(label, method, timeout);
        let now = self.clock();
        self.core.call(id).expect("just started").send_last(now, message).expect("one message is accepted");
    }

    /// A call whose requests come later.
    pub fn open(&mut self, label: u32, method: &'static MethodInfo) {
        self.start(label, method, None);
    }

    /// One more request; false when it is blocked, or the call is over.
    pub fn send(&mut self, label: u32, message: &[u8]) -> bool {
        let Some(id) = self.calls[&label].id else { return false };
        let now = self.clock();
        match self.core.call(id).map(|mut call| call.send(now, message)) {
            Ok(Ok(())) => true,
            Ok(Err(SendError::Blocked | SendError::Ended)) | Err(_) => false,
            Ok(Err(SendError::TooLarge(status))) => panic!("{status}"),
        }
    }

    pub fn finish(&mut self, label: u32) {
        if let Some(id) = self.calls[&label].id {
            let now = self.clock();
            let _ = self.core.call(id).map(|mut call| call.finish(now));
        }
    }

    /// The client gives the call up.
    pub fn cancel(&mut self, label: u32) {
        if let Some(id) = self.calls.get_mut(&label).and_then(|call| call.id.take()) {
            let now = self.clock();
            if let Ok(mut call) = self.core.call(id) {
                call.cancel(now, Status::cancelled("the scenario's doing"));
                call.release(now);
            }
        }
    }

    /// Bytes of messages that came back.
    pub fn received(&self, label: u32) -> usize {
        self.calls.get(&label).map_or(0, |call| call.messages.iter().map(|m| m.0.len()).sum())
    }

    /// A PING of our own, behind what the core has to say.
    pub fn ping(&mut self, number: u64) {
        self.collect();
        self.wire.extend_from_slice(&[0, 0, 8, 6, 0, 0, 0, 0, 0]);
        self.wire.extend_from_slice(&number.to_be_bytes());
    }

    /// PING and its answer, within `limit`.
    pub fn ping_within(&mut self, number: u64, limit: Duration) {
        let sent = self.now();
        self.ping(number);
        self.flush();
        let answered = self.pump(sent + limit, |cli| cli.pongs.contains_key(&number));
        assert!(answered, "PING {number} was not answered within {limit:?}");
    }
}
