//! The life of a call, client side and server side.
//!
//! CONTRACT SKELETON: owned by the call layer; bodies to come.

use crate::buf::{MessageBuf, Payload};
use crate::grpc::{Metadata, Status};
use crate::time::Instant;
use core::time::Duration;

/// Names a call of one connection. A stale id (of a released call) is an error, never somebody else's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl CallId {
    /// A small dense number, unique among the calls that are alive on the connection: an index for a driver's own tables.
    pub fn index(self) -> usize {
        self.slot as usize
    }
}

/// The call of this id has been released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleCall(pub CallId);

/// How many messages go each way (the four shapes of a call).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// The client sends any number of messages; otherwise exactly one.
    pub client_streams: bool,
    /// The server sends any number of messages; otherwise exactly one.
    pub server_streams: bool,
}

impl Kind {
    /// One message each way.
    pub const UNARY: Kind = Kind { client_streams: false, server_streams: false };
    /// One to the server, many back.
    pub const SERVER_STREAMING: Kind = Kind { client_streams: false, server_streams: true };
    /// Many to the server, one back.
    pub const CLIENT_STREAMING: Kind = Kind { client_streams: true, server_streams: false };
    /// Many both ways.
    pub const BIDI: Kind = Kind { client_streams: true, server_streams: true };
}

/// What a client's call is called.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// "/package.Service/Method".
    pub path: &'a str,
    /// Instead of the connection's authority.
    pub authority: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// A call of this path.
    pub fn new(path: &'a str) -> Self {
        Head { path, authority: None }
    }
}

/// Options of a client's call at this layer.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// Which shape (default unary).
    pub kind: Kind,
    /// When it ends with DEADLINE_EXCEEDED; `grpc-timeout` is computed when HEADERS leave.
    pub deadline: Option<Instant>,
    /// Sent with the headers.
    pub metadata: Metadata,
    /// Largest reply message instead of the connection's limit, bytes.
    pub max_receive_message_size: Option<usize>,
}

/// What a pull yields.
#[derive(Clone, Debug)]
#[must_use]
pub enum Recv {
    /// A message stands in the buffer.
    Message,
    /// Nothing yet: `Event::Readable` comes.
    Pending,
    /// The peer has sent everything (client: the status is OK; server: the client half-closed).
    End,
    /// The call is over, with this status.
    Failed(Status),
}

/// Why a message was not accepted.
#[derive(Clone, Debug)]
pub enum SendError {
    /// Windows or buffers are full: `Event::Writable` comes; send the same message again then.
    Blocked,
    /// The call is over (client: `recv` tells how), or this side has finished sending.
    Ended,
    /// It can never be sent: over the limit. The call fails with this status (RESOURCE_EXHAUSTED).
    TooLarge(Status),
}

/// A request's head as the server sees it.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// "/package.Service/Method", not yet looked up; starts with a slash.
    pub path: &'a str,
    /// `:authority` or `host`; may be empty.
    pub authority: &'a str,
    /// From `grpc-timeout`, counted from the arrival of the headers.
    pub deadline: Option<Instant>,
    /// The client's request metadata.
    pub metadata: &'a Metadata,
}

/// One call, borrowed from its connection.
#[derive(Debug)]
pub struct CallMut<'a, R> {
    pub(crate) connection: &'a mut crate::connection::Connection<R>,
    pub(crate) id: CallId,
}

impl<R> CallMut<'_, R> {
    /// Its id.
    pub fn id(&self) -> CallId {
        self.id
    }
    /// Pulls the next message into `into`. Errors of the call come after all messages that arrived before them.
    pub fn recv(&mut self, now: Instant, into: &mut MessageBuf) -> Recv {
        let _ = (now, into);
        todo!()
    }
    /// Sends one message (client: request; server: reply; headers go first if they have not gone).
    pub fn send<'m>(&mut self, now: Instant, message: impl Into<Payload<'m>>) -> Result<(), SendError> {
        let _ = (now, message.into());
        todo!()
    }
    /// Would `send` be accepted now?
    pub fn can_send(&self) -> bool {
        todo!()
    }
    /// This side's verdict, once it stands (client: after the trailers, even if messages wait; server: failed, or finished).
    pub fn outcome(&self) -> Option<&Status> {
        todo!()
    }
    /// Has the call failed for the handler's eyes (server: cancelled, deadline, connection lost)?
    pub fn is_cancelled(&self) -> bool {
        todo!()
    }
    /// The call's deadline.
    pub fn deadline(&self) -> Option<Instant> {
        todo!()
    }
    /// Ends the call at once: RST_STREAM(CANCEL) on the wire, this status at home (client: CANCELLED by default).
    pub fn cancel(&mut self, now: Instant, status: Status) {
        let _ = (now, status);
        todo!()
    }
    /// The application is done with the call. A call that is not over is cancelled. The slot is recycled.
    pub fn release(self, now: Instant) {
        let _ = now;
        todo!()
    }
}

impl CallMut<'_, crate::connection::Client> {
    /// Half-close: no more messages.
    pub fn finish(&mut self, now: Instant) -> Result<(), SendError> {
        let _ = now;
        todo!()
    }
    /// Sends the last message and half-closes, in one DATA frame where it fits.
    pub fn send_last<'m>(&mut self, now: Instant, message: impl Into<Payload<'m>>) -> Result<(), SendError> {
        let _ = (now, message.into());
        todo!()
    }
    /// Initial metadata, once the headers are there (trailers-only: empty, at the end).
    pub fn headers(&self) -> Option<&Metadata> {
        todo!()
    }
    /// Takes it.
    pub fn take_headers(&mut self) -> Option<Metadata> {
        todo!()
    }
    /// Trailing metadata, once the trailers are there.
    pub fn take_trailers(&mut self) -> Option<Metadata> {
        todo!()
    }
    /// Everything that was accepted by `send` has left for the socket, and the half-close too (for `reply.all_sent()`).
    pub fn all_sent(&self) -> bool {
        todo!()
    }
}

impl CallMut<'_, crate::connection::Server> {
    /// Method, metadata, deadline.
    pub fn head(&self) -> RequestHead<'_> {
        todo!()
    }
    /// The method was found: how many messages go each way. Cardinality is enforced from here on.
    pub fn set_kind(&mut self, kind: Kind) {
        let _ = kind;
        todo!()
    }
    /// A handler may start: for unary and server streaming the message and the half-close are there. `Event::Readable` comes when this turns true.
    pub fn can_start(&self) -> bool {
        todo!()
    }
    /// Takes the request's metadata out.
    pub fn take_metadata(&mut self) -> Metadata {
        todo!()
    }
    /// Sends initial metadata, before any message. A second time, or after a message: false.
    pub fn send_headers(&mut self, now: Instant, metadata: &Metadata) -> bool {
        let _ = (now, metadata);
        todo!()
    }
    /// A unary reply in one go: headers (if not sent), message, trailers with OK. Always accepted (mechanics 3), too large excepted.
    pub fn reply<'m>(
        &mut self,
        now: Instant,
        headers: &Metadata,
        message: impl Into<Payload<'m>>,
        trailers: &Metadata,
    ) -> Result<(), SendError> {
        let _ = (now, headers, message.into(), trailers);
        todo!()
    }
    /// Ends the call: trailers with this status (trailers-only where nothing was sent), then RST_STREAM(NO_ERROR) if the client still sends.
    /// False if the call was over already (this side's verdict stands in `outcome`).
    pub fn finish(&mut self, now: Instant, status: &Status, trailers: &Metadata) -> bool {
        let _ = (now, status, trailers);
        todo!()
    }
    /// Time until the deadline.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.deadline().map(|d| d.saturating_duration_since(now))
    }
}
