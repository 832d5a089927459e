//! [`CallMut`]: one call, borrowed from its connection.

use super::sending::With;
use super::state::Call;
use super::{CallId, Kind, Recv, RequestHead, SendError, response};
use crate::buf::{MessageBuf, Payload};
use crate::connection::{Client, Connection, Server};
use crate::grpc::{Metadata, Status};
use crate::time::Instant;
use bytes::Bytes;
use core::time::Duration;

/// One call, borrowed from its connection.
#[derive(Debug)]
pub struct CallMut<'a, R> {
    connection: &'a mut Connection<R>,
    id: CallId,
    /// The slot of `id`: looked up once, and the call cannot go away while it is borrowed.
    slot: u32,
}

impl<'a, R> CallMut<'a, R> {
    pub(crate) fn new(connection: &'a mut Connection<R>, id: CallId, slot: u32) -> Self {
        CallMut { connection, id, slot }
    }

    fn state(&self) -> &Call {
        &self.connection.machine.calls[self.slot]
    }

    fn state_mut(&mut self) -> &mut Call {
        &mut self.connection.machine.calls[self.slot]
    }

    /// Its id.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Pulls the next message into `into`, which is emptied first. A verdict of the peer's comes after all messages
    /// that arrived before it; one of this side's (deadline, cancelled, a broken rule), and at a server a
    /// cancellation, comes at once.
    pub fn recv(&mut self, now: Instant, into: &mut MessageBuf) -> Recv {
        self.connection.machine.recv(now, self.slot, into)
    }

    /// Sends one message (client: request; server: reply; headers go first if they have not gone).
    ///
    /// `Blocked` leaves everything as it was: nothing of the message was taken, and `Event::Writable` comes.
    pub fn send<'m>(&mut self, now: Instant, message: impl Into<Payload<'m>>) -> Result<(), SendError> {
        self.connection.machine.send(now, self.slot, message.into(), With::default())
    }

    /// Would `send` be accepted now?
    pub fn can_send(&self) -> bool {
        self.connection.machine.can_send(self.slot)
    }

    /// This side's verdict, once it stands (client: after the trailers, even if messages wait; server: failed, or
    /// finished).
    pub fn outcome(&self) -> Option<&Status> {
        self.state().verdict.as_ref()
    }

    /// Has the call failed for the handler's eyes (server: cancelled, deadline, connection lost)?
    pub fn is_cancelled(&self) -> bool {
        self.outcome().is_some_and(|status| !status.is_ok())
    }

    /// The call's deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    /// Ends the call at once: RST_STREAM(CANCEL) on the wire, this status at home. Nothing happens to a call that is
    /// over; OK counts as CANCELLED.
    pub fn cancel(&mut self, now: Instant, status: Status) {
        self.connection.machine.cancel(now, self.slot, status);
    }

    /// The application is done with the call. A call that is not over is cancelled. The slot is recycled.
    pub fn release(self, now: Instant) {
        self.connection.machine.release(now, self.slot);
    }
}

impl CallMut<'_, Client> {
    /// Half-close: no more messages.
    pub fn finish(&mut self, now: Instant) -> Result<(), SendError> {
        self.connection.machine.finish_sending(now, self.slot)
    }

    /// Sends the last message and half-closes, in one DATA frame where it fits.
    pub fn send_last<'m>(&mut self, now: Instant, message: impl Into<Payload<'m>>) -> Result<(), SendError> {
        self.connection.machine.send(now, self.slot, message.into(), With { last: true, force: false })
    }

    /// What another attempt at this call has sent (`channel::Script`).
    pub(crate) fn resend(&mut self, now: Instant, framed: &[Bytes], ended: bool) {
        self.connection.machine.resend(now, self.slot, framed, ended);
    }

    /// Initial metadata, once the headers are there (trailers-only: empty, at the end).
    pub fn headers(&self) -> Option<&Metadata> {
        let call = self.state();
        call.headers_received.then_some(&call.headers)
    }

    /// Takes it. A second time it is empty.
    pub fn take_headers(&mut self) -> Option<Metadata> {
        let call = self.state_mut();
        call.headers_received.then(|| response::take(&mut call.headers))
    }

    /// Trailing metadata, once the trailers are there. A second time it is empty.
    pub fn take_trailers(&mut self) -> Option<Metadata> {
        let call = self.state_mut();
        (call.recv_closed && call.is_over()).then(|| response::take(&mut call.trailers))
    }

    /// Everything that was accepted by `send` has left for the socket, and the half-close too (for
    /// `reply.all_sent()`). Once the call is over: had it by then?
    pub fn all_sent(&self) -> bool {
        self.connection.machine.everything_sent(self.slot)
    }
}

impl CallMut<'_, Server> {
    /// Method, metadata, deadline.
    pub fn head(&self) -> RequestHead<'_> {
        let call = self.state();
        RequestHead { path: &call.path, authority: &call.authority, deadline: call.deadline, metadata: &call.headers }
    }

    /// The method was found: how many messages go each way. Cardinality is enforced from here on.
    pub fn set_kind(&mut self, kind: Kind) {
        self.connection.machine.set_kind(self.slot, kind);
    }

    /// A handler may start: for unary and server streaming the message and the half-close are there. Ask after
    /// `set_kind`; where it was false, `Event::Readable` comes when it turns true.
    pub fn can_start(&self) -> bool {
        self.connection.machine.can_start(self.slot)
    }

    /// Takes the request's metadata out.
    pub fn take_metadata(&mut self) -> Metadata {
        core::mem::take(&mut self.state_mut().headers)
    }

    /// Sends initial metadata, before any message. A second time, or after a message: false.
    pub fn send_headers(&mut self, now: Instant, metadata: &Metadata) -> bool {
        let sent = self.connection.machine.send_headers(self.slot, metadata);
        self.connection.machine.pump(now);
        sent
    }

    /// A unary reply in one go: headers (if not sent), message, trailers with OK. Always accepted, too
    /// large excepted.
    pub fn reply<'m>(
        &mut self,
        now: Instant,
        headers: &Metadata,
        message: impl Into<Payload<'m>>,
        trailers: &Metadata,
    ) -> Result<(), SendError> {
        self.connection.machine.reply(now, self.slot, headers, message.into(), trailers)
    }

    /// Ends the call: trailers with this status (trailers-only where nothing was sent), then RST_STREAM(NO_ERROR) if
    /// the client still sends. False if the call was over already (this side's verdict stands in `outcome`).
    ///
    /// OK from a handler that owes a reply and sent none becomes INTERNAL.
    pub fn finish(&mut self, now: Instant, status: &Status, trailers: &Metadata) -> bool {
        self.connection.machine.finish(now, self.slot, status, trailers)
    }

    /// Time until the deadline.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(now))
    }
}
