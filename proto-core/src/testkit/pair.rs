//! Two connections over a link in memory, under a virtual clock.

use super::clock::Clock;
use super::faults::{Break, Faults};
use super::pipe::Pipe;
use super::random::Random;
use crate::buf::{Incoming, Outgoing};
use crate::config::Config;
use crate::connection::{Client, Connection, Server};
use crate::error::ConnectionError;
use crate::h2;
use crate::time::{Instant, earliest};
use alloc::string::String;
use core::time::Duration;

/// A connection of any kind, as the network sees it.
pub trait Endpoint {
    /// See [`Connection::receive`].
    fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError>;
    /// See [`Connection::receive_eof`].
    fn receive_eof(&mut self, now: Instant);
    /// See [`Connection::lost`].
    fn lost(&mut self, now: Instant, reason: String, written: Option<u64>);
    /// See [`Connection::poll_transmit`].
    fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool;
    /// See [`Connection::wants_input`].
    fn wants_input(&self) -> bool;
    /// See [`Connection::close_reason`].
    fn close_reason(&self) -> Option<&ConnectionError>;
    /// See [`Connection::poll_timeout`].
    fn poll_timeout(&self) -> Option<Instant>;
    /// See [`Connection::handle_timeout`].
    fn handle_timeout(&mut self, now: Instant);
}

/// Both kinds of connection have these methods of their own.
macro_rules! endpoint {
    ([$($generic:tt)*] $connection:ty) => {
        impl<$($generic)*> Endpoint for $connection {
            fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
                self.receive(now, input)
            }
            fn receive_eof(&mut self, now: Instant) {
                self.receive_eof(now);
            }
            fn lost(&mut self, now: Instant, reason: String, written: Option<u64>) {
                self.lost(now, reason, written);
            }
            fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
                self.poll_transmit(now, out)
            }
            fn wants_input(&self) -> bool {
                self.wants_input()
            }
            fn close_reason(&self) -> Option<&ConnectionError> {
                self.close_reason()
            }
            fn poll_timeout(&self) -> Option<Instant> {
                self.poll_timeout()
            }
            fn handle_timeout(&mut self, now: Instant) {
                self.handle_timeout(now);
            }
        }
    };
}

endpoint!([] h2::Connection);
endpoint!([R] Connection<R>);

/// What belongs to one end beside its connection.
#[derive(Debug, Default)]
struct Buffers {
    incoming: Incoming,
    outgoing: Outgoing,
    /// It does not read: what arrives stays under way.
    stalled: bool,
    /// It was told that the peer will send no more.
    told: bool,
}

/// A client and a server, wired together in memory.
///
/// Nothing happens by itself: [`settle`](Pair::settle) moves bytes until both ends are quiet,
/// [`advance`](Pair::advance) lets time pass. The same seed gives the same run.
///
/// ```
/// use proto_core::call::{CallOptions, Head, Kind, Recv};
/// use proto_core::testkit::{Faults, Pair};
/// use proto_core::{Config, MessageBuf, Metadata, Status};
///
/// let mut pair = Pair::new(Config::default(), Config::default(), Faults::BYTE_BY_BYTE);
/// let now = pair.now();
/// let id = pair.client.start(now, Head::new("/hello.v1.HelloService/SayHello"), &CallOptions::default()).unwrap();
/// pair.client.call(id).unwrap().send_last(now, &b"Ada"[..]).unwrap();
/// pair.settle();
///
/// let served = pair.server.accept().unwrap();
/// let (mut message, now) = (MessageBuf::new(), pair.now());
/// let mut call = pair.server.call(served).unwrap();
/// call.set_kind(Kind::UNARY);
/// assert!(call.can_start() && matches!(call.recv(now, &mut message), Recv::Message));
/// call.reply(now, &Metadata::new(), &b"Hello, Ada!"[..], &Metadata::new()).unwrap();
/// pair.settle();
///
/// let now = pair.now();
/// let mut call = pair.client.call(id).unwrap();
/// assert!(matches!(call.recv(now, &mut message), Recv::Message));
/// assert!(matches!(call.recv(now, &mut message), Recv::End));
/// ```
#[derive(Debug)]
pub struct Pair<C = Connection<Client>, S = Connection<Server>> {
    /// The client's connection.
    pub client: C,
    /// The server's connection.
    pub server: S,
    /// What the network does. May be changed on the way.
    pub faults: Faults,
    /// Bytes that one direction holds at most, like a socket's buffers (default: no bound).
    pub capacity: usize,
    clock: Clock,
    random: Random,
    client_end: Buffers,
    server_end: Buffers,
    to_server: Pipe,
    to_client: Pipe,
    transferred: u64,
    over: Option<Break>,
}

impl Pair {
    /// Two gRPC connections.
    pub fn new(client: Config, server: Config, faults: Faults) -> Self {
        let now = Clock::new().now();
        Pair::over(Connection::client(client, now), Connection::server(server, now), faults)
    }
}

impl<C: Endpoint, S: Endpoint> Pair<C, S> {
    /// Any two connections, made at the time of a new [`Clock`].
    pub fn over(client: C, server: S, faults: Faults) -> Self {
        Pair {
            client,
            server,
            faults,
            capacity: usize::MAX,
            clock: Clock::new(),
            random: Random::seed(faults.seed),
            client_end: Buffers::default(),
            server_end: Buffers::default(),
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            transferred: 0,
            over: None,
        }
    }

    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Bytes that arrived so far, in both directions together.
    pub fn transferred(&self) -> u64 {
        self.transferred
    }

    /// Bytes under way, in both directions together.
    pub fn under_way(&self) -> usize {
        self.to_server.under_way + self.to_client.under_way
    }

    /// The client stops reading, or reads again.
    pub fn stall_client(&mut self, stalled: bool) {
        self.client_end.stalled = stalled;
    }

    /// The server stops reading, or reads again.
    pub fn stall_server(&mut self, stalled: bool) {
        self.server_end.stalled = stalled;
    }

    /// Is the link still there?
    pub fn is_connected(&self) -> bool {
        self.over.is_none()
    }

    /// The link ends now.
    pub fn cut(&mut self, end: Break) {
        if self.over.is_some() {
            return;
        }
        self.over = Some(end);
        let now = self.now();
        if end == Break::Reset {
            self.to_server.lose();
            self.to_client.lose();
            let written = self.client_end.outgoing.written();
            self.client.lost(now, "connection reset by peer".into(), Some(written));
            let written = self.server_end.outgoing.written();
            self.server.lost(now, "connection reset by peer".into(), Some(written));
        } else {
            // What was written still arrives.
            while self.deliver_all(true) {}
            self.client.receive_eof(now);
            self.server.receive_eof(now);
        }
    }

    /// Moves bytes until nothing is left to move; time passes as far as the network's delays need it. False: it did
    /// not end within a million steps, which no pair that does what it should does.
    pub fn settle(&mut self) -> bool {
        for _ in 0..1_000_000 {
            if self.step() {
                continue;
            }
            match self.next_arrival() {
                Some(at) => self.pass_to(at),
                None => return true,
            }
        }
        false
    }

    /// Lets time pass, delivering and firing timers on the way, in order.
    pub fn advance(&mut self, by: Duration) {
        let until = self.now() + by;
        loop {
            while self.step() {}
            match self.next_due() {
                Some(at) if at <= until => self.pass_to(at),
                _ => break,
            }
        }
        self.clock.advance_to(until);
    }

    /// Moves the clock alone: nothing is delivered and no timer is served before the next call of `settle` or
    /// `advance`.
    pub fn skip(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Writes what both ends have, delivers what has arrived. True if anything moved.
    pub fn step(&mut self) -> bool {
        let wrote = self.write_all();
        let delivered = self.deliver_all(false);
        let hung_up = self.hang_up();
        wrote || delivered || hung_up
    }

    /// An end that is closed and has written everything closes its socket: the other learns it behind the last byte.
    fn hang_up(&mut self) -> bool {
        let now = self.now();
        let mut hung_up = false;
        let gone = |closed: bool, from: &Buffers, pipe: &Pipe, to: &Buffers| {
            closed && from.outgoing.is_empty() && pipe.under_way == 0 && !to.told
        };
        if gone(self.client.close_reason().is_some(), &self.client_end, &self.to_server, &self.server_end) {
            (self.server_end.told, hung_up) = (true, true);
            self.server.receive_eof(now);
        }
        if gone(self.server.close_reason().is_some(), &self.server_end, &self.to_client, &self.client_end) {
            (self.client_end.told, hung_up) = (true, true);
            self.client.receive_eof(now);
        }
        hung_up
    }

    /// When the next timer of either end is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        earliest(self.client.poll_timeout(), self.server.poll_timeout())
    }

    /// When something happens next by itself: bytes arrive, or a timer is due.
    pub fn next_due(&self) -> Option<Instant> {
        earliest(self.next_arrival(), self.next_timeout())
    }

    /// When the next bytes arrive at an end that reads.
    fn next_arrival(&self) -> Option<Instant> {
        let reads = |end: &Buffers, wants: bool| !end.stalled && wants;
        let to_server = self.to_server.next().filter(|_| reads(&self.server_end, self.server.wants_input()));
        let to_client = self.to_client.next().filter(|_| reads(&self.client_end, self.client.wants_input()));
        earliest(to_server, to_client)
    }

    /// Moves the clock to `at` and serves the timers that are due by then, input first.
    fn pass_to(&mut self, at: Instant) {
        self.clock.advance_to(at);
        while self.deliver_all(false) {}
        let now = self.now();
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            self.client.handle_timeout(now);
        }
        if self.server.poll_timeout().is_some_and(|due| due <= now) {
            self.server.handle_timeout(now);
        }
    }

    fn write_all(&mut self) -> bool {
        let now = self.now();
        let connected = self.over.is_none();
        let mut moved = false;
        let room = |pipe: &Pipe, capacity: usize| capacity.saturating_sub(pipe.under_way);
        let (out, pipe) = (&mut self.client_end.outgoing, &mut self.to_server);
        moved |= write_end(now, &mut self.client, out, connected, |out| {
            let room = room(pipe, self.capacity);
            pipe.write(now, out, room, &self.faults, &mut self.random)
        });
        let (out, pipe) = (&mut self.server_end.outgoing, &mut self.to_client);
        moved |= write_end(now, &mut self.server, out, connected, |out| {
            let room = room(pipe, self.capacity);
            pipe.write(now, out, room, &self.faults, &mut self.random)
        });
        moved
    }

    /// Delivers one piece in each direction, whatever the ends want if `anyway`.
    fn deliver_all(&mut self, anyway: bool) -> bool {
        let now = self.now();
        let mut arrived = 0;
        let mut moved = false;
        // Which direction comes first is chance: the two are independent.
        let client_first = self.faults.seed != 0 && self.random.one_in(2);
        for to_client in [client_first, !client_first] {
            let n = if to_client {
                deliver(now, &mut self.client, &mut self.client_end, &mut self.to_client, anyway)
            } else {
                deliver(now, &mut self.server, &mut self.server_end, &mut self.to_server, anyway)
            };
            moved |= n.is_some();
            arrived += n.unwrap_or(0) as u64;
        }
        self.transferred += arrived;
        if let Some((after, end)) = self.faults.cut
            && self.over.is_none()
            && self.transferred > after
        {
            self.cut(end);
        }
        moved
    }
}

/// Writes what one end has. What is left when the link is gone is lost.
fn write_end(
    now: Instant,
    connection: &mut impl Endpoint,
    out: &mut Outgoing,
    connected: bool,
    mut write: impl FnMut(&mut Outgoing) -> usize,
) -> bool {
    let mut moved = false;
    loop {
        if out.is_empty() && !connection.poll_transmit(now, out) {
            return moved;
        }
        if !connected {
            out.advance(usize::MAX);
            moved = true;
            continue;
        }
        if write(out) == 0 {
            return moved;
        }
        moved = true;
    }
}

/// Delivers the next piece to one end.
fn deliver(
    now: Instant,
    connection: &mut impl Endpoint,
    end: &mut Buffers,
    pipe: &mut Pipe,
    anyway: bool,
) -> Option<usize> {
    if !anyway && (end.stalled || !connection.wants_input()) {
        return None;
    }
    let n = pipe.deliver(now, &mut end.incoming)?;
    // An error closes the connection, and is kept there.
    let _ = connection.receive(now, &mut end.incoming);
    Some(n)
}
