//! Calls that begin: `on_call` at the headers, the handler when it may start. Its first poll is made right here, by the
//! connection's task; most handlers end with it, and the replies of a batch leave in one write. A handler that waits for
//! something goes on in a task of its own.

use super::calls::Stage;
use super::conn::{Conn, Found, Held};
use super::drive::Drive;
use super::finish::panicked;
use super::guard::{caught, dropping};
use super::handle::Handle;
use super::hub::Place;
use super::limits::{BITE, FLUSH_ABOVE, TURN};
use super::task::Handler;
use crate::rules::Rule;
use proto_core::call::CallId;
use proto_core::grpc::{Code, Local, Metadata, Origin, Status};
use proto_core::rpc::{Context as CallContext, ServerCall};
use proto_core::time::Instant;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A call that user code sees next.
struct Begun {
    found: Found,
    call: ServerCall,
    /// Metadata, deadline and handle of a call that user code has not seen yet.
    first: Option<(Metadata, Option<Instant>, Arc<Handle>)>,
    /// Of a call whose handler starts; without it, `on_call` runs alone.
    place: Option<Place>,
}

impl Drive {
    /// Begins the calls that there are; true when its time was up before the last.
    pub(super) fn begin_calls(&mut self, cx: &mut Context<'_>, began: Instant) -> bool {
        let conn = self.conn.clone();
        let mut now = conn.hub.os.now();
        // Since when the first reply that is not flushed waits.
        let mut oldest: Option<Instant> = None;
        loop {
            // Before the lock: giving a place back may wake somebody.
            let asked = self.place.is_some() || !conn.lock().fresh.is_empty();
            if asked && self.place.is_none() {
                self.place = conn.hub.handler();
            }
            let mut held = conn.lock();
            let unsent = held.unsent();
            if unsent > FLUSH_ABOVE || oldest.is_some_and(|oldest| now >= oldest + BITE) {
                oldest = None;
                held = conn.flush(held, Some(&mut *cx));
            }
            let more = now >= began + TURN && !held.fresh.is_empty();
            let next = if more { None } else { held.fresh.pop_front() };
            let Some(id) = next else {
                conn.unlock(held);
                self.place = None;
                return more;
            };
            if !asked && held.rules.hold(Rule::ServerPlaceAskedFor) {
                // It came meanwhile (a flush has let it go, say): a place is to be asked for first.
                held.fresh.push_front(id);
                conn.unlock(held);
                continue;
            }
            let begun = self.begin(&conn, &mut held, id, now);
            conn.unlock(held);
            if let Some(begun) = begun {
                self.run(&conn, id, begun, now);
            }
            now = conn.hub.os.now();
            oldest.get_or_insert(now);
        }
    }

    /// May this call start now? Takes it out of the way when it has ended, or holds it back.
    fn begin(&mut self, conn: &Arc<Conn>, held: &mut Held<'_>, id: CallId, now: Instant) -> Option<Begun> {
        let full = held.is_full();
        let state = &mut **held;
        let entry = state.calls.get(id)?;
        let found = entry.found.clone();
        let Ok(mut call) = state.core.call(id) else { return None };
        if call.is_cancelled() {
            state.release_call(now, id);
            return None;
        }
        let mut place = None;
        let mut server_call = self.bench.take().unwrap_or_default();
        if call.can_start() {
            if full {
                state.held.push_back(id);
                self.bench = Some(server_call);
                return None;
            }
            if self.place.is_none() {
                self.bench = Some(server_call);
                refuse(conn, held, id, now);
                return None;
            }
            call = state.core.call(id).ok()?;
            let needs_request = !found.method.kind.client_streams;
            if needs_request && server_call.take_request(now, &mut call).is_err() {
                state.release_call(now, id);
                self.bench = Some(server_call);
                return None;
            }
            place = self.place.take();
            entry.stage = Stage::Started;
            entry.polling = true;
        }
        let first = match entry.context.take() {
            Some(context) => {
                server_call.context = context;
                None
            }
            None => {
                let handle = Arc::new(Handle::new(conn.clone(), id));
                entry.handle = Arc::downgrade(&handle);
                Some((call.take_metadata(), call.deadline(), handle))
            }
        };
        Some(Begun { found, call: server_call, first, place })
    }

    /// Runs user code: `on_call`, the handler's first poll.
    fn run(&mut self, conn: &Arc<Conn>, id: CallId, begun: Begun, now: Instant) {
        let Begun { found, mut call, first, place } = begun;
        let hub = &conn.hub;
        let mut result = Some(Ok(()));
        if let Some((metadata, deadline, handle)) = first {
            call.context.renew(found.method.path, metadata, conn.peer.clone(), deadline, handle);
            result = caught(hub, || found.service.on_call(&mut call.context));
        }
        let result = result.unwrap_or_else(|| Err(panicked(&found)));
        match (result, place) {
            (Err(status), place) => {
                self.end(conn, id, &found, call, Err(status));
                drop(place);
            }
            (Ok(()), None) => self.after_headers(conn, id, call.context),
            (Ok(()), Some(place)) => self.start(conn, id, found, call, place, now),
        }
    }

    /// `on_call` has run: the handler starts now, or when its message comes.
    fn after_headers(&mut self, conn: &Conn, id: CallId, context: CallContext) {
        let now = conn.hub.os.now();
        let mut held = conn.lock();
        let state = &mut *held;
        let ready = match state.core.call(id) {
            Ok(call) if !call.is_cancelled() => call.can_start(),
            _ => {
                state.leftovers.push(context);
                state.release_call(now, id);
                return conn.unlock(held);
            }
        };
        match state.calls.get(id) {
            None => state.leftovers.push(context),
            Some(entry) => {
                entry.context = Some(context);
                entry.stage = if ready { Stage::Queued } else { Stage::Waiting };
                if ready {
                    state.fresh.push_back(id);
                }
            }
        }
        conn.unlock(held);
    }

    /// The handler: polled once, unless handlers of its method have been slow at that.
    fn start(&mut self, conn: &Arc<Conn>, id: CallId, found: Found, call: ServerCall, place: Place, now: Instant) {
        let hub = &conn.hub;
        let Some(mut future) = caught(hub, || found.service.call(found.number, call)) else {
            let status = panicked(&found);
            return self.end(conn, id, &found, ServerCall::default(), Err(status));
        };
        if hub.means.get(found.index) > BITE {
            return self.hand_over(Handler::new(conn.clone(), id, found, future, place, false));
        }
        // Whatever it waits for is registered anew by its task's first poll.
        let polled = caught(hub, || future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        hub.polled_first(&found, now);
        match polled {
            Some(Poll::Pending) => return self.hand_over(Handler::new(conn.clone(), id, found, future, place, true)),
            Some(Poll::Ready((call, result))) => self.end(conn, id, &found, call, result),
            None => self.end(conn, id, &found, ServerCall::default(), Err(panicked(&found))),
        }
        dropping(hub, || drop(future));
    }

    /// To the executor.
    fn hand_over(&self, handler: Handler) {
        if let Some(entry) = self.conn.lock().calls.get(handler.id()) {
            entry.polling = false;
        }
        self.conn.hub.os.spawn(Box::pin(handler));
    }

    /// The call's answer; its buffers are kept for the next one.
    fn end(&mut self, conn: &Conn, id: CallId, found: &Found, mut call: ServerCall, result: Result<(), Status>) {
        let now = conn.hub.os.now();
        let mut held = conn.lock();
        held.finish(&conn.hub, id, found, result, &mut call, now);
        conn.unlock(held);
        // The application's values go now.
        dropping(&conn.hub, || call.context.forget());
        call.request.clear();
        self.bench = Some(call);
    }
}

/// One handler too many. Never REFUSED_STREAM, whose transparent retries make a storm; never a queue, which would deadlock
/// services that call each other.
fn refuse(conn: &Conn, held: &mut Held<'_>, id: CallId, now: Instant) {
    let most = conn.hub.limits.max_concurrent_handlers;
    let message = format!("{most} handlers run already, as many as max_concurrent_handlers allows");
    let limit = Local::Limit { setting: "max_concurrent_handlers" };
    let status = Status::new(Code::ResourceExhausted, message).with_origin(Origin::Local(limit));
    if let Ok(mut call) = held.core.call(id) {
        call.finish(now, &status, &Metadata::new());
    }
    held.release_call(now, id);
    conn.hub.stats.refused.one();
}
