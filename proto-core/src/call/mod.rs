//! The life of a call, client side and server side: one machine for both roles and the four shapes.
//!
//! A call is a slot of its connection. Applications (the runtimes) hold a [`CallId`] and borrow the call as
//! [`CallMut`] to pull messages, send, finish and cancel; events of the connection say when that is worth while. What
//! HTTP/2 reports comes in through `connection::streams`.
//!
//! Both sides judge for themselves: [`CallMut::outcome`] is this side's verdict, and the peer's may differ. The
//! server may have ended a call with OK while the client says DEADLINE_EXCEEDED. Cancelling stops the work and rolls
//! nothing back.
//!
//! What it does not do: it knows no message types (`rpc` does), it does not choose connections (`channel` does), it
//! does not wait (runtimes do).

mod answering;
mod ending;
mod errors;
mod fields;
mod handle;
mod receiving;
pub(crate) mod request;
pub(crate) mod response;
mod sending;
pub(crate) mod slab;
pub(crate) mod state;

use crate::grpc::{Metadata, Status};
use crate::time::Instant;
pub use handle::CallMut;
pub(crate) use sending::LARGE;

/// Names a call of one connection. A stale id (of a released call) is an error, never somebody else's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl CallId {
    /// A small dense number, unique among the calls that are alive on the connection: an index for a driver's own
    /// tables.
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
    /// Largest reply message instead of the connection's limit, bytes. A larger one than that raises the connection's pool of loans (see `Config::loan_pool`).
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
