//! What a handler can do with its call: [`CallHandle`] over its connection.
//!
//! Nothing here waits for the peer but the blocking forms, which are for threads of the application; they are not to be
//! called by a handler's own task. What waits is `wait`.

use super::conn::{Conn, State};
use super::limits::{BITE, FLUSH_ABOVE};
use super::wait::Waiting;
use crate::rules::Rule;
use bytes::Bytes;
use futures_lite::future::block_on;
use proto_core::buf::{MessageBuf, Payload};
use proto_core::call::{CallId, Recv, SendError};
use proto_core::grpc::{Code, Metadata, Status};
use proto_core::rpc::{CallEvent, CallHandle, CancelToken, OnCancel, Received, Wait};
use proto_core::time::Instant;
use rt_common::ended::CutShort;
use std::sync::Arc;

/// One call, from a handler's side. It may outlive the call: then everything says that the call is over, and how.
pub(super) struct Handle {
    conn: Arc<Conn>,
    id: CallId,
    /// Of a call that has been released.
    cut: CutShort,
}

/// What `send` did.
enum Sent {
    /// Accepted; to be flushed now, or at the end of the handler's poll.
    Yes {
        flush: bool,
    },
    Blocked,
    Failed(Status),
}

impl Handle {
    pub(super) fn new(conn: Arc<Conn>, id: CallId) -> Self {
        Handle { conn, id, cut: CutShort::new() }
    }

    /// The call is being released, and was cut short like this.
    pub(super) fn remember(&self, status: Status) {
        self.cut.remember(status);
    }

    fn now(&self) -> Instant {
        self.conn.hub.os.now()
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
            Ok(()) => Sent::Yes { flush: self.goes_now(state, now) },
            Err(SendError::Blocked) => {
                if let Some(entry) = state.calls.get(self.id) {
                    entry.writable = false;
                }
                Sent::Blocked
            }
            Err(SendError::TooLarge(status)) => Sent::Failed(status),
            Err(SendError::Ended) => Sent::Failed(state.status_of(self.id)),
        }
    }

    /// A message was accepted. A lone one leaves at once; of a burst within one poll of the handler they are held back for
    /// up to 50 us, so that many leave in one write. The end of the poll flushes.
    fn goes_now(&self, state: &mut State, now: Instant) -> bool {
        let polling = state.calls.get(self.id).is_some_and(|entry| entry.polling);
        let goes = match state.corked {
            _ if !polling || state.unsent() >= FLUSH_ABOVE => true,
            Some(since) => now >= since + BITE,
            None if state.driving => {
                // The connection's task is at work, and flushes soon.
                state.corked = Some(now);
                false
            }
            None if now >= state.sent_at + BITE => true,
            None => {
                state.corked = Some(now);
                false
            }
        };
        if goes {
            state.sent_at = now;
        }
        goes
    }

    /// One pull; `None`: nothing yet.
    fn pull(&self, into: &mut MessageBuf) -> Option<Received> {
        let now = self.now();
        let mut held = self.conn.lock();
        into.clear();
        let received = match self.check(&mut held) {
            Err(status) => Some(Received::Failed(status)),
            Ok(()) => match held.core.call(self.id).map(|mut call| call.recv(now, into)) {
                Err(_) => Some(Received::Failed(held.status_of(self.id))),
                Ok(Recv::Message) => Some(Received::Message),
                Ok(Recv::End) => Some(Received::End),
                Ok(Recv::Failed(status)) => Some(Received::Failed(status)),
                Ok(Recv::Pending) => {
                    if let Some(entry) = held.calls.get(self.id) {
                        entry.readable = false;
                    }
                    None
                }
            },
        };
        // What was pulled may have opened the peer's window: that goes with the next write, or now if the handler is to wait.
        let held = if received.is_none() { self.conn.flush_soon(held) } else { held };
        self.conn.unlock(held);
        received
    }

    fn past(&self, until: Option<Instant>) -> bool {
        until.is_some_and(|until| self.now() >= until)
    }
}

impl CallHandle for Handle {
    fn now(&self) -> Instant {
        self.now()
    }

    fn draining(&self) -> bool {
        self.conn.hub.is_stopping() || {
            let held = self.conn.lock();
            !held.abandoned && held.core.is_draining()
        }
    }

    fn certificates(&self) -> &[Bytes] {
        self.conn.certificates.get().map_or(&[], Vec::as_slice)
    }

    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        let now = self.now();
        let mut held = self.conn.lock();
        let result = self.check(&mut held).and_then(|()| {
            let sent = held.core.call(self.id).is_ok_and(|mut call| call.send_headers(now, metadata));
            let late = || {
                Status::new(Code::FailedPrecondition, "initial metadata was sent already, by itself or with a message")
            };
            if sent { Ok(()) } else { Err(late()) }
        });
        let held = self.conn.flush(held, None);
        self.conn.unlock(held);
        result
    }

    fn add_trailers(&self, metadata: Metadata) {
        let mut held = self.conn.lock();
        if let Some(entry) = held.calls.get(self.id) {
            entry.trailers.extend(&metadata);
        }
    }

    fn cancel(&self, status: Status) {
        let now = self.now();
        let mut held = self.conn.lock();
        if self.check(&mut held).is_ok() {
            let trailers = held.calls.get(self.id).map(|entry| std::mem::take(&mut entry.trailers)).unwrap_or_default();
            // A handler cannot end a call "by force" with OK: it returns for that.
            let status = if status.is_ok() { Status::cancelled("cancelled by the handler") } else { status };
            if let Ok(mut call) = held.core.call(self.id) {
                call.finish(now, &status, &trailers);
            }
            held.end_by_handler(self.id, status);
        }
        let held = self.conn.flush(held, None);
        self.conn.unlock(held);
    }

    fn recv(&self, into: &mut MessageBuf, until: Option<Instant>) -> Received {
        loop {
            if let Some(received) = self.pull(into) {
                return received;
            }
            if self.past(until) {
                return Received::TimedOut;
            }
            block_on(self.wait(CallEvent::Readable, until));
        }
    }

    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status> {
        loop {
            let now = self.now();
            let mut held = self.conn.lock();
            let sent = self.try_send(&mut held, now, message);
            let held = match sent {
                Sent::Yes { flush: true } => self.conn.flush(held, None),
                Sent::Blocked => self.conn.flush_soon(held),
                _ => held,
            };
            self.conn.unlock(held);
            match sent {
                Sent::Yes { .. } => return Ok(true),
                Sent::Failed(status) => return Err(status),
                Sent::Blocked if !wait => return Ok(false),
                Sent::Blocked => block_on(self.wait(CallEvent::Writable, None)),
            }
        }
    }

    fn wait_cancelled(&self, until: Option<Instant>) -> bool {
        loop {
            if self.check(&mut self.conn.lock()).is_err() {
                return true;
            }
            if self.past(until) {
                return false;
            }
            block_on(self.wait(CallEvent::End, until));
        }
    }

    fn wait(&self, event: CallEvent, until: Option<Instant>) -> Wait<'_> {
        Box::pin(Waiting::new(&self.conn, self.id, event, until))
    }
}

impl CancelToken for Handle {
    fn cancelled(&self) -> Option<Status> {
        self.check(&mut self.conn.lock()).err()
    }

    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        let mut held = self.conn.lock();
        let looks = held.rules.hold(Rule::ServerSubscriberLooks);
        if let (true, Err(status)) = (looks, self.check(&mut held)) {
            drop(held);
            on_cancel.cancelled(status);
            return 0;
        }
        let key = held.new_key();
        if let Some(entry) = held.calls.get(self.id) {
            entry.subscribe(key, on_cancel);
        }
        key
    }

    fn unsubscribe(&self, key: u64) {
        let mut held = self.conn.lock();
        let gone = held.calls.get(self.id).and_then(|entry| entry.unsubscribe(key));
        drop(held);
        drop(gone);
    }
}
