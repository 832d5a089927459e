//! What fronts and servers on a loop of one's own are made of: calls with types, on a connection that somebody drives.
//!
//! A loop that speaks gRPC drives a [`Connection`] with bytes and time. Generated code wants more than that: a client
//! wants a [`Front`](super::Front) that encodes, starts, pulls and decodes; a service wants its handlers found, started
//! with their context, awaited and answered. All of it is here, without I/O, threads or wakers:
//!
//! | | |
//! |---|---|
//! | [`Driven`] | a connection with the loop's clock, and what its handlers have asked for |
//! | [`Lend`] | how the loop lets callers and handlers at it: written by the loop, a line or two |
//! | [`Caller`] | a client's front, for generated clients |
//! | [`start`], [`open`] | what it is made of, for fronts of one's own: calls as [`Replies`] and [`Requests`] |
//! | [`Handlers`] | a server's handlers, of [services](super::AsyncService) whose handlers are `async fn`s |
//!
//! The loop polls: after each turn it polls its [`Handlers`], and whoever awaits a call. So nothing is lost where there
//! is no waker; where there is one (several tasks, threads), [`Lend::waiting`] is the place to keep it.
//!
//! What it does not do: it makes no connections (`channel` does) and sends no call a second time. The guide
//! [Write a runtime](crate::guide) uses all of it.

mod caller;
mod handle;
mod handlers;
mod replies;
mod requests;
mod start;

pub use caller::Caller;
pub use handlers::{Handlers, Services};
pub use replies::Replies;
pub use requests::Requests;
pub use start::{open, start};

use crate::buf::{Incoming, Outgoing};
use crate::call::CallId;
use crate::config::Config;
use crate::connection::{Client, Connection, Server};
use crate::error::ConnectionError;
use crate::grpc::Metadata;
use crate::rpc::cancel::Subscribers;
use crate::time::{Instant, earliest};
use crate::timer::{TimerKey, Timers};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::task;
use core::time::Duration;

/// How long a closed connection's last words may take to leave.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes that are taken after a write has failed, of a peer that goes on talking.
const HEARD_OUT: usize = 8 << 20;

/// A connection that a loop drives, with the loop's present time, and what handlers have asked for meanwhile. It
/// dereferences to the [`Connection`], so that the loop reads as with a bare one.
///
/// Call [`handle_timeout`](Self::handle_timeout) in every turn, due or not: it also tells the calls what time it is.
pub struct Driven<R> {
    connection: Connection<R>,
    now: Instant,
    /// Since when the connection is closed.
    closed_at: Option<Instant>,
    failed: Option<Failed>,
    /// When handlers want to be polled again, by the index of their call.
    alarms: Timers,
    notes: Vec<Note>,
}

/// A write has failed, and what the peer had said before is heard first.
struct Failed {
    reason: String,
    written: u64,
    /// Bytes taken since.
    heard: usize,
    /// Of an incomplete frame: what of them will be shown again.
    rest: usize,
    /// As many as these had been taken when the time was served last.
    served: usize,
}

/// What the connection does not keep for a handler.
#[derive(Default)]
struct Note {
    generation: u32,
    trailers: Metadata,
    /// The handler has ended the call by itself, through its context.
    stopped: bool,
    subscribers: Subscribers,
}

impl<R> Driven<R> {
    /// Of a connection that was made `now`.
    pub fn new(connection: Connection<R>, now: Instant) -> Self {
        Driven { connection, now, closed_at: None, failed: None, alarms: Timers::new(), notes: Vec::new() }
    }

    /// The time that the loop told last.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// It is `now`: for callers between turns. Unlike [`handle_timeout`](Self::handle_timeout) this serves nothing that is
    /// due, which is for the loop to do when it has read.
    pub fn tell_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// See [`Connection::receive`].
    pub fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
        let there = input.as_slice().len();
        let received = self.at(now, |connection, now| connection.receive(now, input));
        if let Some(failed) = &mut self.failed {
            failed.heard = failed.heard.saturating_add(there.saturating_sub(failed.rest));
            failed.rest = input.as_slice().len();
        }
        received
    }

    /// See [`Connection::receive_eof`]. After a [failed write](Self::write_failed) the connection is lost by that.
    pub fn receive_eof(&mut self, now: Instant) {
        match &self.failed {
            Some(_) => self.lose(now),
            None => self.at(now, Connection::receive_eof),
        }
    }

    /// See [`Connection::lost`]. After a [failed write](Self::write_failed) the connection is lost by that.
    pub fn lost(&mut self, now: Instant, reason: String, written: Option<u64>) {
        match &self.failed {
            Some(_) => self.lose(now),
            None => self.at(now, |connection, now| connection.lost(now, reason, written)),
        }
    }

    /// A write of what is in `out` has failed; `reason` is the transport's own words. What the peer said before (an answer, a
    /// GOAWAY, the client's CANCEL) may lie in the socket still, so the connection is not lost yet: nothing more is to be
    /// written, input is wanted in any case, and the next turn is due at once. The connection is lost, for this reason, by
    /// an end or an error of the input, by a turn that finds none before its [`handle_timeout`](Self::handle_timeout), or
    /// after 8 MiB.
    ///
    /// That turn is the loop's own: whoever tells the time without having read does it with [`tell_time`](Self::tell_time).
    /// A loop of completions, who cannot know that nothing is there, tells when its read has ended.
    pub fn write_failed(&mut self, now: Instant, reason: &dyn fmt::Display, out: &Outgoing) {
        self.now = self.now.max(now);
        let (reason, written) = (reason.to_string(), out.written());
        self.failed.get_or_insert(Failed { reason, written, heard: 0, rest: 0, served: 0 });
    }

    /// Lost by the write that has failed.
    fn lose(&mut self, now: Instant) {
        if let Some(failed) = &mut self.failed {
            let (reason, written) = (core::mem::take(&mut failed.reason), failed.written);
            self.at(now, |connection, now| connection.lost(now, reason, Some(written)));
        }
    }

    /// See [`Connection::shutdown`].
    pub fn shutdown(&mut self, now: Instant, grace: Duration) {
        self.at(now, |connection, now| connection.shutdown(now, grace));
    }

    /// See [`Connection::poll_transmit`]; here it is false once a write [has failed](Self::write_failed).
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
        self.failed.is_none() && self.at(now, |connection, now| connection.poll_transmit(now, out))
    }

    /// See [`Connection::wants_input`]; here it is false once the connection is closed, too: then there is nothing left to
    /// hear. And it is true, until then, after a [failed write](Self::write_failed).
    pub fn wants_input(&self) -> bool {
        (self.failed.is_some() || self.connection.wants_input()) && !self.connection.is_closed()
    }

    /// May the transport be dropped? When the connection is closed and its last words have left, which the loop knows
    /// (`written`: nothing is left in its `Outgoing`); or a second later: a peer that does not read keeps nothing alive. When a
    /// write has failed there are no last words to wait for.
    pub fn is_over(&self, written: bool) -> bool {
        let lingered = self.closed_at.is_some_and(|at| self.now >= at + LINGER);
        self.connection.is_closed() && (self.failed.is_some() || lingered || written && !self.connection.has_output())
    }

    /// See [`Connection::poll_timeout`]; here also when a handler wants to be polled again. O(1).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let lingers = self.closed_at.map(|at| at + LINGER).filter(|at| *at > self.now);
        let hears = self.failed.as_ref().filter(|_| !self.connection.is_closed()).map(|_| self.now);
        earliest(earliest(earliest(self.connection.poll_timeout(), self.alarms.next()), lingers), hears)
    }

    /// See [`Connection::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(failed) = &mut self.failed {
            let heard_out = failed.heard == failed.served || failed.heard >= HEARD_OUT;
            failed.served = failed.heard;
            if heard_out {
                self.lose(now);
            }
        }
        self.at(now, Connection::handle_timeout);
        while self.alarms.pop_due(self.now).is_some() {}
    }

    /// Does it at this time, which the calls are told too, and notes whether that was the connection's end.
    fn at<O>(&mut self, now: Instant, act: impl FnOnce(&mut Connection<R>, Instant) -> O) -> O {
        self.now = self.now.max(now);
        let value = act(&mut self.connection, self.now);
        if self.connection.is_closed() {
            self.closed_at.get_or_insert(self.now);
        }
        value
    }

    /// The handler of this call wants to be polled at this point, if not before.
    fn alarm(&mut self, id: CallId, at: Instant) {
        let key = TimerKey { slot: id.slot, tag: id.generation };
        if self.alarms.due_at(key).is_none_or(|set| at < set) {
            self.alarms.set(key, at);
        }
    }

    fn note(&mut self, id: CallId) -> &mut Note {
        let at = id.index();
        if at >= self.notes.len() {
            self.notes.resize_with(at + 1, Note::default);
        }
        let note = &mut self.notes[at];
        if note.generation != id.generation {
            *note = Note { generation: id.generation, ..Note::default() };
        }
        note
    }

    /// Nobody speaks of this call any more.
    fn forget(&mut self, id: CallId) {
        self.alarms.cancel(TimerKey { slot: id.slot, tag: id.generation });
        if let Some(note) = self.notes.get_mut(id.index()).filter(|note| note.generation == id.generation) {
            *note = Note::default();
        }
    }
}

impl Driven<Client> {
    /// A client's connection, made now.
    pub fn client(config: Config, now: Instant) -> Self {
        Driven::new(Connection::client(config, now), now)
    }
}

impl Driven<Server> {
    /// A server's connection, made now.
    pub fn server(config: Config, now: Instant) -> Self {
        Driven::new(Connection::server(config, now), now)
    }
}

impl<R> Deref for Driven<R> {
    type Target = Connection<R>;
    fn deref(&self) -> &Connection<R> {
        &self.connection
    }
}

impl<R> DerefMut for Driven<R> {
    fn deref_mut(&mut self) -> &mut Connection<R> {
        &mut self.connection
    }
}

impl<R: fmt::Debug> fmt::Debug for Driven<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driven")
            .field("connection", &self.connection)
            .field("now", &self.now)
            .field("alarms", &self.alarms.len())
            .finish_non_exhaustive()
    }
}

/// How a loop lets its callers and handlers at what it drives. A clone lends the same thing.
///
/// A loop of one thread has `Rc<RefCell<Driven<Client>>>`, for which it is implemented. Handlers may be sent to other
/// threads, so a server's needs a lock, which is the standard library's, and so a type of the loop's own:
///
/// ```
/// use proto_core::connection::Server;
/// use proto_core::rpc::driven::{Driven, Lend};
/// use std::sync::{Arc, Mutex, PoisonError};
///
/// #[derive(Clone)]
/// struct Shared(Arc<Mutex<Driven<Server>>>);
///
/// impl Lend<Driven<Server>> for Shared {
///     fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
///         act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
///     }
/// }
/// ```
pub trait Lend<T>: Clone {
    /// Lets `act` at it. `act` is short, does no I/O, and borrows nothing else of the loop's.
    fn lend<O>(&self, act: impl FnOnce(&mut T) -> O) -> O;

    /// Somebody has polled a call or waits in a handler, and there is nothing for them yet. A loop that polls in every
    /// turn has nothing to do here, as by default; one whose callers or handlers are tasks of their own keeps
    /// `cx.waker()`, and wakes all that it has kept after each turn in which something happened: in which
    /// [`poll_event`](Connection::poll_event) had something. After every turn would be too often, where `lend` wakes the loop: each
    /// would keep the other busy.
    fn waiting(&self, cx: &mut task::Context<'_>) {
        let _ = cx;
    }
}

impl<T> Lend<T> for alloc::rc::Rc<core::cell::RefCell<T>> {
    fn lend<O>(&self, act: impl FnOnce(&mut T) -> O) -> O {
        act(&mut self.borrow_mut())
    }
}
