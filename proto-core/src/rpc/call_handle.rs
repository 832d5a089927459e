//! What a runtime provides for a call that it serves: [`CallHandle`], behind every [`Context`](super::Context).
//!
//! The handlers' side of it stands in `context`, `stream` and `asynchronous`.

use super::cancel::CancelToken;
use crate::buf::{MessageBuf, Payload};
use crate::grpc::{Metadata, Status};
use crate::time::Instant;
use bytes::Bytes;

/// What a runtime provides for one call that it serves. Blocking operations block the calling thread and are woken by
/// the call's end.
pub trait CallHandle: CancelToken {
    /// The runtime's clock.
    fn now(&self) -> Instant;
    /// The server is shutting down (or its connection drains): come to an end.
    fn draining(&self) -> bool;
    /// Sends initial metadata now.
    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status>;
    /// Adds to the trailing metadata, sent at the call's end whatever its status.
    fn add_trailers(&self, metadata: Metadata);
    /// Ends the call with this status, whatever the handler returns later.
    fn cancel(&self, status: Status);
    /// The peer's certificates, DER, leaf first.
    fn certificates(&self) -> &[Bytes] {
        &[]
    }
    /// Pulls the next request message into `into` (emptied first), waiting until `until` at the longest; `None` waits for the
    /// call's end, a point that has passed does not wait at all.
    fn recv(&self, into: &mut MessageBuf, until: Option<Instant>) -> Received;
    /// Sends a reply message; blocks while windows or buffers are full. With `wait` false: `Ok(false)` instead of blocking.
    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status>;
    /// The call is over: cancelled, or finished by its handler's return. What is sent now is refused.
    fn is_over(&self) -> bool {
        self.cancelled().is_some()
    }
    /// True when the call ended before `until`.
    fn wait_cancelled(&self, until: Option<Instant>) -> bool;
    /// For handlers that are futures: ready when `event` may have happened, when the call has ended (its handler's return
    /// included), or at `until`. What happened before the first poll counts, so that nothing between a look and the wait
    /// is missed. Who is woken looks again (`recv` with a point that has passed, `send` without waiting, `cancelled`), since
    /// it may be nothing. A runtime whose handlers block has no use for it, and is ready at once.
    fn wait(&self, event: CallEvent, until: Option<Instant>) -> Wait<'_> {
        let _ = (event, until);
        alloc::boxed::Box::pin(core::future::ready(()))
    }
}

/// What a handler waits for ([`CallHandle::wait`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEvent {
    /// `recv` would yield something.
    Readable,
    /// `send` would take a message.
    Writable,
    /// The call's end.
    End,
}

/// A future of nothing but the moment.
pub type Wait<'a> = core::pin::Pin<alloc::boxed::Box<dyn Future<Output = ()> + Send + 'a>>;

/// What [`CallHandle::recv`] yields.
#[derive(Clone, Debug)]
#[must_use]
pub enum Received {
    /// A message stands in the buffer.
    Message,
    /// The client has half-closed: no message comes any more.
    End,
    /// Nothing came before `until`; the call goes on.
    TimedOut,
    /// The call is over (cancelled, deadline, connection lost), with this status.
    Failed(Status),
}
