//! What a handler can do with its call: [`CallHandle`] over a connection of the hub.
//!
//! A handler that has to wait parks; the reading and writing is done by the free worker, which unparks it when its call
//! has moved.

use super::calls::Direction;
use super::conn::{Conn, State};
use super::hub::{Hub, phase};
use super::limits::{BITE, FLUSH_ABOVE};
use proto_core::buf::{MessageBuf, Payload};
use proto_core::call::{CallId, Recv, SendError};
use proto_core::grpc::{Code, Metadata, Status};
use proto_core::rpc::{CallHandle, CancelToken, OnCancel, Received};
use proto_core::time::Instant;
use rt_common::ended::CutShort;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// One call, from a handler's side. It may outlive the call: then everything says that the call is over, and how.
pub(super) struct Handle {
    hub: Arc<Hub>,
    conn: Arc<Conn>,
    id: CallId,
    /// Of a call that has been released.
    cut: CutShort,
}

/// What `send` did.
enum Sent {
    /// Accepted; the flush is due, or somebody else's.
    Yes,
    Blocked,
    Failed(Status),
}

impl Handle {
    pub(super) fn new(hub: Arc<Hub>, conn: Arc<Conn>, id: CallId) -> Self {
        Handle { hub, conn, id, cut: CutShort::new() }
    }

    /// The call is being released, and was cut short like this.
    pub(super) fn remember(&self, status: Status) {
        self.cut.remember(status);
    }

    /// Blocks until `ready` yields, or `until`. With `until` in the past it does not block at all.
    fn wait_for<T>(
        &self,
        direction: Direction,
        until: Option<Instant>,
        mut ready: impl FnMut(&mut State, Instant) -> Option<T>,
    ) -> Option<T> {
        let Handle { hub, conn, .. } = self;
        loop {
            let now = hub.os.now();
            let mut held = hub.conn(conn);
            let value = ready(&mut held, now);
            if value.is_some() || until.is_some_and(|until| now >= until) {
                hub.unlock(conn, held);
                return value;
            }
            if held.has_output() && held.may_write() {
                held = hub.flush(conn, held);
                hub.unlock(conn, held);
                continue;
            }
            let key = held.next_key;
            held.next_key += 1;
            let Some(entry) = held.calls.get(self.id) else {
                // Released meanwhile: `ready` has seen the call just now and said "not yet", so it looks once more.
                hub.unlock(conn, held);
                continue;
            };
            entry.add_waiter(key, hub.os.me(), direction);
            hub.unlock(conn, held);
            hub.os.park(until);
            let mut held = hub.conn(conn);
            if let Some(entry) = held.calls.get(self.id) {
                entry.remove_waiter(key);
            }
        }
    }

    /// The call as it stands, or how it ended.
    fn check(&self, state: &mut State) -> Result<(), Status> {
        state.over(self.id).map_or(Ok(()), |status| Err(self.cut.or(status)))
    }

    fn try_send(&self, state: &mut State, now: Instant, message: Payload<'_>) -> Sent {
        if let Err(status) = self.check(state) {
            return Sent::Failed(status);
        }
        let Ok(mut call) = state.core.call(self.id) else { return Sent::Failed(state.status_of(self.id)) };
        match call.send(now, message) {
            Ok(()) => Sent::Yes,
            Err(SendError::Blocked) => Sent::Blocked,
            Err(SendError::TooLarge(status)) => Sent::Failed(status),
            Err(SendError::Ended) => Sent::Failed(state.status_of(self.id)),
        }
    }

    /// A message was accepted. A lone one leaves at once; within a burst they are held back for up to 50 us, so that
    /// many leave in one write. The handler's next wait or its end flushes, and so does the watch.
    fn cork(&self, state: &mut State, now: Instant) -> bool {
        match state.corked {
            Some(since) => now >= since + BITE || state.unsent() >= FLUSH_ABOVE,
            None if now >= state.sent_at + BITE || state.sent_at == Instant::ZERO => true,
            None => {
                state.corked = Some(now);
                false
            }
        }
    }
}

impl CallHandle for Handle {
    fn now(&self) -> Instant {
        self.hub.os.now()
    }

    fn draining(&self) -> bool {
        self.hub.phase.load(Relaxed) >= phase::DRAINING || self.hub.conn(&self.conn).core.is_draining()
    }

    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        let now = self.hub.os.now();
        let mut held = self.hub.conn(&self.conn);
        let result = self.check(&mut held).and_then(|()| {
            let sent = held.core.call(self.id).is_ok_and(|mut call| call.send_headers(now, metadata));
            let late = || {
                Status::new(Code::FailedPrecondition, "initial metadata was sent already, by itself or with a message")
            };
            if sent { Ok(()) } else { Err(late()) }
        });
        held = self.hub.flush(&self.conn, held);
        self.hub.unlock(&self.conn, held);
        result
    }

    fn certificates(&self) -> &[bytes::Bytes] {
        self.conn.pipe.certificates()
    }

    fn add_trailers(&self, metadata: Metadata) {
        let mut held = self.hub.conn(&self.conn);
        if let Some(entry) = held.calls.get(self.id) {
            entry.trailers.extend(&metadata);
        }
    }

    fn cancel(&self, status: Status) {
        let now = self.hub.os.now();
        let mut held = self.hub.conn(&self.conn);
        if self.check(&mut held).is_ok() {
            let trailers = held.calls.get(self.id).map(|entry| std::mem::take(&mut entry.trailers)).unwrap_or_default();
            // A handler cannot end a call "by force" with OK: it returns for that.
            let status = if status.is_ok() { Status::cancelled("cancelled by the handler") } else { status };
            if let Ok(mut call) = held.core.call(self.id) {
                call.finish(now, &status, &trailers);
            }
            held.end_by_handler(self.id, status);
        }
        held = self.hub.flush(&self.conn, held);
        self.hub.unlock(&self.conn, held);
    }

    fn recv(&self, into: &mut MessageBuf, until: Option<Instant>) -> Received {
        let id = self.id;
        let received = self.wait_for(Direction::Recv, until, |state, now| {
            into.clear();
            if let Some(status) = state.known_end(id) {
                return Some(Received::Failed(self.cut.or(status)));
            }
            let Ok(mut call) = state.core.call(id) else { return Some(Received::Failed(state.status_of(id))) };
            match call.recv(now, into) {
                Recv::Message => Some(Received::Message),
                Recv::End => Some(Received::End),
                Recv::Failed(status) => Some(Received::Failed(status)),
                Recv::Pending => None,
            }
        });
        received.unwrap_or(Received::TimedOut)
    }

    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status> {
        let until = if wait { None } else { Some(Instant::ZERO) };
        let mut flush = false;
        let sent = self.wait_for(Direction::Send, until, |state, now| match self.try_send(state, now, message) {
            Sent::Blocked => None,
            Sent::Failed(status) => Some(Err(status)),
            Sent::Yes => {
                flush = self.cork(state, now);
                if flush {
                    state.sent_at = now;
                }
                Some(Ok(()))
            }
        });
        if flush {
            self.hub.flush_now(&self.conn);
        }
        match sent {
            Some(Ok(())) => Ok(true),
            Some(Err(status)) => Err(status),
            None => Ok(false),
        }
    }

    fn wait_cancelled(&self, until: Option<Instant>) -> bool {
        self.wait_for(Direction::End, until, |state, _| self.check(state).err()).is_some()
    }
}

impl CancelToken for Handle {
    fn cancelled(&self) -> Option<Status> {
        self.check(&mut self.hub.conn(&self.conn)).err()
    }

    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        let mut held = self.hub.conn(&self.conn);
        if let Err(status) = self.check(&mut held) {
            drop(held);
            on_cancel.cancelled(status);
            return 0;
        }
        held.next_key += 1;
        let key = held.next_key;
        if let Some(entry) = held.calls.get(self.id) {
            entry.subscribe(key, on_cancel);
        }
        key
    }

    fn unsubscribe(&self, key: u64) {
        let mut held = self.hub.conn(&self.conn);
        let gone = held.calls.get(self.id).and_then(|entry| entry.unsubscribe(key));
        drop(held);
        drop(gone);
    }
}
