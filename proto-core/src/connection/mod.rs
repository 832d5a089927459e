//! `Connection<Client>` and `Connection<Server>`: one gRPC connection as a pure state machine.
//!
//! It joins `h2` (streams, windows, settings) and `call` (the life of a call). Runtimes drive it: bytes, time and
//! commands in; bytes, events and the next timeout out. `channel` decides which connections there are.

pub(crate) mod answers;
mod arrival;
mod event;
pub(crate) mod machine;
mod memory;
mod opening;
mod pulling;
mod request_head;
mod stranger;
mod streams;

use crate::buf::{Incoming, Outgoing};
use crate::call::{CallId, CallMut, CallOptions, Head, StaleCall};
use crate::config::Config;
use crate::error::ConnectionError;
use crate::time::Instant;
use alloc::string::String;
use core::marker::PhantomData;
use core::time::Duration;
pub use event::{Event, StartError};
use machine::{Machine, Side};
pub use pulling::{Ended, Pulled, Sent};

/// The role that starts calls.
#[derive(Debug)]
pub enum Client {}
/// The role that answers calls.
#[derive(Debug)]
pub enum Server {}

/// One gRPC connection.
///
/// The canonical loop of whoever drives it:
///
/// ```text
///   loop {
///       poll_event    until there is none: pull messages, send, finish          <-+
///       poll_transmit -> write          while it yields and the socket takes       |
///       wait for input, a command of the application, or poll_timeout              |
///       read -> receive                 while wants_input                          |
///       handle_timeout                  if it is due: input before time         ---+
///   }
/// ```
///
/// Any other order is safe. When `is_closed` and everything is written, close the transport; calls that live keep
/// their verdicts until they are released. Two connections wired together in memory, as tests use them:
/// `testkit::Pair` (feature `testkit`).
///
/// ```
/// # macro_rules! both { ({ $($body:tt)* }) => {
/// #     fn with_status() -> Result<(), Status> { $($body)* Ok(()) }
/// #     fn with_box() -> Result<(), Box<dyn std::error::Error>> { $($body)* Ok(()) }
/// #     with_status().unwrap();
/// #     with_box().unwrap();
/// # } }
/// use proto_core::call::{CallOptions, Head};
/// use proto_core::connection::Event;
/// use proto_core::{Config, Connection, Incoming, Instant, MessageBuf, Outgoing, Status};
///
/// # fn main() { both! { {
/// # let (now, message) = (Instant::from_nanos(1), &b"an encoded message"[..]);
/// let mut conn = Connection::client(Config { authority: "example.com".into(), ..Config::default() }, now);
/// let call = conn.start(now, Head::new("/hello.v1.HelloService/SayHello"), &CallOptions::default())?;
/// conn.call(call)?.send(now, message)?;
/// conn.call(call)?.finish(now)?;
///
/// let (mut outgoing, mut incoming) = (Outgoing::new(), Incoming::new());
/// while conn.poll_transmit(now, &mut outgoing) {
///     // Bytes for the peer, any way you like.
///     # assert!(outgoing.len() > 0);
///     outgoing.advance(outgoing.len());
/// }
/// // Bytes from the peer: incoming.spare(), incoming.filled(n).
/// conn.receive(now, &mut incoming)?;
/// while let Some(event) = conn.poll_event() {
///     match event {
///         Event::Readable(id) => drop(conn.pull(now, id, &mut MessageBuf::new())),
///         event => println!("{event:?}"),
///     }
/// }
/// # } } }
/// ```
#[derive(Debug)]
pub struct Connection<R> {
    pub(crate) machine: Machine,
    role: PhantomData<R>,
}

impl<R> Connection<R> {
    /// Takes bytes from the peer. Events decoded before an error stand; a GOAWAY waits to be transmitted after it.
    ///
    /// ```
    /// # use proto_core::{Connection, Incoming, Instant, Outgoing};
    /// # let now = Instant::ZERO;
    /// let mut connection = Connection::server(Default::default(), now);
    /// let mut incoming = Incoming::new();
    /// # let read = |spare: &mut [u8]| { spare[..18].copy_from_slice(b"GET / HTTP/1.1\r\n\r\n"); 18 };
    /// let n = read(incoming.spare());                  // from a socket
    /// incoming.filled(n);
    /// if let Err(error) = connection.receive(now, &mut incoming) {
    ///     println!("{error}");                         // and on to the end of the turn: its last words are to be written
    /// }
    /// # assert!(connection.is_closed());
    /// ```
    pub fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
        let outcome = if self.machine.h2.is_met_by_stranger(input.as_slice()) {
            self.machine.receive_from_stranger(now, input)
        } else {
            self.machine.h2.receive(now, input)
        };
        self.machine.pump(now);
        outcome
    }

    /// The peer will send no more: a read returned 0. Calls under way fail.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant};
    /// # use proto_core::call::{CallOptions, Head};
    /// # let now = Instant::ZERO;
    /// # let mut connection = Connection::client(Default::default(), now);
    /// # let id = connection.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap();
    /// connection.receive_eof(now);
    /// assert!(connection.is_closed());
    /// assert!(connection.call(id).unwrap().outcome().is_some_and(|status| !status.is_ok()));
    /// ```
    pub fn receive_eof(&mut self, now: Instant) {
        self.machine.h2.receive_eof(now);
        self.machine.pump(now);
    }

    /// The transport broke, in these words. `written`: `Outgoing::written()` where known, to tell which calls never
    /// left.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant, Outgoing};
    /// # let (now, outgoing) = (Instant::ZERO, Outgoing::new());
    /// # let mut connection = Connection::client(Default::default(), now);
    /// let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);    // of a read or a write
    /// connection.lost(now, error.to_string(), Some(outgoing.written()));
    /// assert!(connection.close_reason().unwrap().to_string().contains("connection reset"));
    /// ```
    pub fn lost(&mut self, now: Instant, reason: String, written: Option<u64>) {
        self.machine.h2.lost(now, reason, written);
        self.machine.pump(now);
    }

    /// Fills an empty `out`; false when there is nothing to send. While something is left in `out` it stays as it is, and
    /// that is to be written first. After [`lost`](Self::lost) there is nothing to send, and `out` is emptied.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant, Outgoing};
    /// # use std::io::{ErrorKind, Write};
    /// # fn example(connection: &mut Connection<proto_core::connection::Client>, outgoing: &mut Outgoing, now: Instant, mut socket: impl Write) -> std::io::Result<()> {
    /// while connection.poll_transmit(now, outgoing) {
    ///     match socket.write(outgoing.chunk()) {
    ///         Ok(n) => outgoing.advance(n),
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => break,     // wait for room, and go on
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok(()) }
    /// # let mut written = Vec::new();
    /// # let mut connection = Connection::client(Default::default(), Instant::ZERO);
    /// # example(&mut connection, &mut Outgoing::new(), Instant::ZERO, &mut written).unwrap();
    /// # assert!(written.starts_with(b"PRI * HTTP/2.0"));
    /// ```
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
        self.machine.poll_transmit(now, out)
    }

    /// `poll_transmit` would yield something; O(1).
    pub fn has_output(&self) -> bool {
        self.machine.h2.has_output()
    }

    /// False while too many replies wait unread by the peer: do not read.
    pub fn wants_input(&self) -> bool {
        self.machine.h2.wants_input()
    }

    /// The next event; O(1).
    ///
    /// ```
    /// # use proto_core::connection::{Client, Connection, Event};
    /// # use proto_core::Instant;
    /// # fn example(connection: &mut Connection<Client>) {
    /// while let Some(event) = connection.poll_event() {
    ///     match event {
    ///         Event::Readable(id) | Event::Ended(id) => { /* pull: `recv` until it is `Pending` */ }
    ///         Event::Writable(id) => { /* the message that was `Blocked`, again */ }
    ///         Event::Closed => { /* `close_reason` says why; the calls have their verdicts */ }
    ///         _ => {}
    ///     }
    /// }
    /// # }
    /// # example(&mut Connection::client(Default::default(), Instant::ZERO));
    /// ```
    pub fn poll_event(&mut self) -> Option<Event> {
        self.machine.poll_event()
    }

    /// When to call `handle_timeout`; O(1). Every operation may change it.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant};
    /// # let now = Instant::ZERO;
    /// # let connection = Connection::client(Default::default(), now);
    /// // How long to wait for input or room at the longest; `None`: as long as it takes.
    /// let wait = connection.poll_timeout().map(|due| due - now);
    /// # assert!(wait.is_some());
    /// ```
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    /// Serves what is due; afterwards `poll_timeout() > now`. After any wait, and after what has come was received: input
    /// before time.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant};
    /// # use std::time::Duration;
    /// # let mut now = Instant::ZERO;
    /// let mut connection = Connection::server(Default::default(), now);
    /// now = now + Duration::from_secs(60);             // nobody has sent a byte
    /// connection.handle_timeout(now);
    /// assert!(connection.is_closed(), "the handshake has a time-out");
    /// ```
    pub fn handle_timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }

    /// One call, borrowed. An id whose call was released is an error, never somebody else's call.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant};
    /// # use proto_core::call::{CallOptions, Head};
    /// # let now = Instant::ZERO;
    /// # let mut connection = Connection::client(Default::default(), now);
    /// let id = connection.start(now, Head::new("/a.B/C"), &CallOptions::default())?;
    /// connection.call(id)?.send_last(now, &b"an encoded message"[..])?;
    /// connection.call(id)?.release(now);               // done with it: cancelled, where it is not over
    /// assert!(connection.call(id).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call(&mut self, id: CallId) -> Result<CallMut<'_, R>, StaleCall> {
        match self.machine.calls.find(id) {
            Some(slot) => Ok(CallMut::new(self, id, slot)),
            None => Err(StaleCall(id)),
        }
    }

    /// GOAWAY, drain, close. Write what `poll_transmit` yields and go on turning until `is_closed`.
    ///
    /// ```
    /// # use proto_core::{Connection, Instant, Outgoing};
    /// # use std::time::Duration;
    /// # let (now, mut outgoing) = (Instant::ZERO, Outgoing::new());
    /// # let mut connection = Connection::client(Default::default(), now);
    /// connection.shutdown(now, Duration::from_secs(5));
    /// # connection.poll_transmit(now, &mut outgoing);
    /// assert!(connection.is_closed(), "no call was under way");
    /// ```
    ///
    /// Calls left after `grace` are cut (client: UNAVAILABLE; server: cancelled).
    pub fn shutdown(&mut self, now: Instant, grace: Duration) {
        self.machine.shutdown(now, grace);
    }

    /// Bytes accepted to be sent and not handed to `poll_transmit` yet.
    pub fn unsent(&self) -> usize {
        self.machine.unsent()
    }

    /// Bytes of memory that the connection and its calls hold, used or not (see
    /// [`h2::Connection::memory`](crate::h2::Connection::memory)). Visits every stream and call.
    /// [`Config::memory_bound`] is never exceeded.
    pub fn memory(&self) -> usize {
        self.machine.memory()
    }

    /// The flow control windows of the connection (not those of its streams).
    pub fn windows(&self) -> crate::h2::Windows {
        self.machine.h2.windows()
    }

    /// Bytes that messages longer than their stream's window have borrowed, of [`Config::loan_pool`].
    pub fn borrowed(&self) -> usize {
        self.machine.h2.borrowed()
    }

    /// Calls that are not released.
    pub fn active_calls(&self) -> usize {
        self.machine.calls.len()
    }

    /// The peer's SETTINGS have arrived.
    pub fn is_ready(&self) -> bool {
        self.machine.h2.is_ready()
    }

    /// No new calls.
    pub fn is_draining(&self) -> bool {
        self.machine.h2.is_draining()
    }

    /// It is over (everything that could be written has been handed out by `poll_transmit` when `has_output` is false).
    pub fn is_closed(&self) -> bool {
        self.machine.h2.close_reason().is_some()
    }

    /// Why it ended.
    pub fn close_reason(&self) -> Option<&ConnectionError> {
        self.machine.h2.close_reason()
    }
}

impl Connection<Client> {
    /// A client's connection; the preface waits to be transmitted.
    pub fn client(config: Config, now: Instant) -> Self {
        Connection { machine: Machine::new(Side::Client, &config, now), role: PhantomData }
    }

    /// Starts a call. Beyond the peer's stream limit it waits inside the connection for its turn (its deadline runs).
    pub fn start(&mut self, now: Instant, head: Head<'_>, options: &CallOptions) -> Result<CallId, StartError> {
        let started = self.machine.start(now, head, options);
        self.machine.pump(now);
        started
    }

    /// Passes over stream ids, as if they had been used: to see what comes when they run out. For tests.
    #[cfg(any(test, feature = "testkit"))]
    pub fn skip_ids(&mut self, next: u32) {
        self.machine.h2.skip_ids(next);
    }
}

impl Connection<Server> {
    /// A server's connection.
    pub fn server(config: Config, now: Instant) -> Self {
        Connection { machine: Machine::new(Side::Server, &config, now), role: PhantomData }
    }

    /// The next new call: its headers are there (calls that are not proper gRPC were answered already). Yields
    /// nothing while more than 1 MiB is unsent; `Event::Incoming` comes again.
    ///
    /// ```
    /// # use proto_core::connection::{Connection, Server};
    /// # use proto_core::call::Kind;
    /// # use proto_core::{Instant, Metadata, Status};
    /// # fn example(connection: &mut Connection<Server>, now: Instant) -> Result<(), proto_core::call::StaleCall> {
    /// while let Some(id) = connection.accept() {
    ///     let mut call = connection.call(id)?;
    ///     match call.head().path {
    ///         "/hello.v1.HelloService/SayHello" => call.set_kind(Kind::UNARY),
    ///         _ => {
    ///             call.finish(now, &Status::unimplemented("no such method"), &Metadata::new());
    ///             call.release(now);
    ///         }
    ///     }
    /// }
    /// # Ok(()) }
    /// # example(&mut Connection::server(Default::default(), Instant::ZERO), Instant::ZERO).unwrap();
    /// ```
    pub fn accept(&mut self) -> Option<CallId> {
        self.machine.accept()
    }
}
