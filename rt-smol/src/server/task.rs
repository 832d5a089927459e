//! The task of a handler that waits for something.
//!
//! When its call is cut short (by its caller, its deadline, the loss of its connection, the server's end), the task is woken
//! and drops the handler, at the await where it stood. A call that the application has ended itself (`context.cancel`) lets
//! its handler run to its end.

use super::conn::{Conn, Found};
use super::finish::panicked;
use super::guard::{caught, dropping};
use super::hub::Place;
use super::limits::NEVER;
use crate::rules::Rule;
use proto_core::call::CallId;
use proto_core::grpc::Status;
use proto_core::rpc::{CallFuture, ServerCall};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The task. Dropped before its end, it cancels the call.
pub(super) struct Handler {
    conn: Arc<Conn>,
    id: CallId,
    found: Found,
    /// Until the end.
    future: Option<CallFuture>,
    place: Option<Place>,
    /// It was polled before.
    begun: bool,
}

impl Handler {
    pub(super) fn new(
        conn: Arc<Conn>,
        id: CallId,
        found: Found,
        future: CallFuture,
        place: Place,
        begun: bool,
    ) -> Self {
        Handler { conn, id, found, future: Some(future), place: Some(place), begun }
    }

    pub(super) fn id(&self) -> CallId {
        self.id
    }

    /// Its call has ended: it is dropped where it stands.
    fn give_up(&mut self) {
        let Some(future) = self.future.take() else { return };
        let (conn, hub) = (&self.conn, &self.conn.hub);
        dropping(hub, || drop(future));
        hub.stats.calls.one();
        let now = hub.os.now();
        let mut held = conn.lock();
        held.release_call(now, self.id);
        let held = conn.flush(held, None);
        conn.unlock(held);
        self.place = None;
    }

    /// It has come back: its answer leaves at once, if the way is free.
    fn end(&mut self, mut call: ServerCall, result: Result<(), Status>) {
        let (conn, hub) = (&self.conn, &self.conn.hub);
        let now = hub.os.now();
        let mut held = conn.lock();
        held.polls -= 1;
        held.finish(hub, self.id, &self.found, result, &mut call, now);
        let held = conn.flush(held, None);
        conn.unlock(held);
        let future = self.future.take();
        dropping(hub, || drop((future, call)));
        self.place = None;
    }
}

impl Future for Handler {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.future.is_none() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut held = this.conn.lock();
        if held.is_cut(this.id) && held.rules.hold(Rule::ServerHandlerLooks) {
            drop(held);
            this.give_up();
            return Poll::Ready(());
        }
        let begins = this.begun || !held.is_full();
        let old = held.calls.get(this.id).and_then(|entry| {
            entry.polling = begins;
            entry.task.replace(waker)
        });
        if begins {
            held.polls += 1;
        } else {
            held.hold_task(this.id);
        }
        drop(held);
        drop(old);
        if !begins {
            return Poll::Pending;
        }
        let first = !std::mem::replace(&mut this.begun, true);
        let hub = &this.conn.hub;
        let since = if first { hub.os.now() } else { NEVER };
        // Always there: only its end takes it, and that is the last poll.
        let Some(future) = &mut this.future else { return Poll::Ready(()) };
        let polled = caught(hub, || future.as_mut().poll(cx));
        if first {
            hub.polled_first(&this.found, since);
        }
        match polled {
            Some(Poll::Pending) => {
                let mut held = this.conn.lock();
                held.polls -= 1;
                if let Some(entry) = held.calls.get(this.id) {
                    entry.polling = false;
                }
                // What it has sent goes now, while it waits.
                let flushes = held.rules.hold(Rule::ServerPollFlushes);
                let held = if flushes { this.conn.flush(held, None) } else { held };
                this.conn.unlock(held);
                return Poll::Pending;
            }
            Some(Poll::Ready((call, result))) => this.end(call, result),
            None => {
                let status = panicked(&this.found);
                this.end(ServerCall::default(), Err(status));
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.give_up();
    }
}
