//! [`Handlers`]: the handlers of a server's connection, from the call's headers to its status.

use super::handle::{Handle, live, returned, tell};
use super::{Driven, Lend};
use crate::buf::Payload;
use crate::call::{CallId, Recv, SendError};
use crate::connection::{Event, Server};
use crate::grpc::{Metadata, Status};
use crate::rpc::context::{Context, Peer};
use crate::rpc::router::Router;
use crate::rpc::service::{AsyncService, CallFuture, MethodInfo, Reply, ServerCall};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::task::{self, Poll};

/// Replies longer than this go to the connection as they are; shorter ones are copied, and the buffer stays ours.
const SHARE_ABOVE: usize = 16 * 1024;

/// What a server serves, on every connection: `Router::new().with_service(HelloServiceServer::new(Greeter))?`.
pub type Services = Arc<Router<Arc<dyn AsyncService>>>;

/// The handlers of one server's connection: finds methods, starts handlers, polls them, answers.
///
/// [`poll`](Self::poll) does it all, and takes the connection's events. Drop it when the connection is over: then its
/// handlers end where they wait.
///
/// A handler whose call is cut short (by its caller, its deadline, the loss of the connection) is dropped where it waits;
/// one that has ended its call by itself (`context.cancel`) runs on to its end.
///
/// Handlers are `async fn`s that the loop itself polls, every one of them in each turn: right for a loop with few calls
/// at once; one with thousands spawns them on an executor and writes its own [`CallHandle`](crate::rpc::CallHandle). A
/// handler that computes for long holds the loop up, and one that panics unwinds it.
pub struct Handlers<L> {
    on: L,
    services: Services,
    peer: Peer,
    certificates: Arc<[Bytes]>,
    /// Those that wait for their message, and those under way.
    calls: Vec<Handler>,
    /// Calls that were served, for the next ones: their buffers are used again.
    spare: Vec<ServerCall>,
}

/// Served calls that are kept.
const SPARE: usize = 16;

struct Handler {
    id: CallId,
    service: Arc<dyn AsyncService>,
    number: u16,
    method: &'static MethodInfo,
    stage: Stage,
}

enum Stage {
    /// For the message and the half-close.
    Waiting(Context),
    Running(CallFuture),
    Over,
}

impl<L: Lend<Driven<Server>> + Send + Sync + 'static> Handlers<L> {
    /// Of the connection that `on` lends, from this peer, for these services.
    pub fn new(on: L, services: Services, peer: Peer) -> Self {
        Handlers { on, services, peer, certificates: Arc::new([]), calls: Vec::new(), spare: Vec::new() }
    }

    /// The peer's certificates, DER, leaf first, as [`Context::certificates`] shows them to handlers: known when TLS is
    /// agreed on, and so before the first call.
    pub fn set_certificates(&mut self, certificates: impl IntoIterator<Item = Bytes>) {
        self.certificates = certificates.into_iter().collect();
    }

    /// Takes the connection's events, and polls every handler. Call it in each turn, after the connection has received
    /// and time was served, before its output is written; and whenever `cx`'s waker is woken.
    pub fn poll(&mut self, cx: &mut task::Context<'_>) {
        while let Some(event) = self.on.lend(|driven| driven.connection.poll_event()) {
            match event {
                Event::Incoming => self.accept(),
                Event::Ended(id) => self.ended(id),
                // Readiness: every handler is asked below.
                _ => {}
            }
        }
        for mut handler in core::mem::take(&mut self.calls) {
            self.advance(&mut handler, cx);
            if !matches!(handler.stage, Stage::Over) {
                self.calls.push(handler);
            }
        }
    }

    /// Calls whose handlers have not returned.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// No handler is under way.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// New calls: looked up, shown to `on_call`, or answered at once.
    fn accept(&mut self) {
        while let Some(id) = self.on.lend(|driven| driven.connection.accept()) {
            match self.admit(id) {
                Ok(handler) => self.calls.push(handler),
                Err(status) => self.answer(id, Err(status), None),
            }
        }
    }

    fn admit(&mut self, id: CallId) -> Result<Handler, Status> {
        let handle = Arc::new(Handle { on: self.on.clone(), id, certificates: self.certificates.clone() });
        let services = &self.services;
        let (route, metadata, deadline) = self.on.lend(|driven| {
            let mut call = driven.connection.call(id).map_err(|_| returned())?;
            let route = services.find(call.head().path.as_bytes())?;
            call.set_kind(route.method.kind);
            Ok::<_, Status>((route, call.take_metadata(), call.deadline()))
        })?;
        let (service, number, method) = (route.service.clone(), route.number, route.method);
        let mut context = Context::new(method.path, metadata, self.peer.clone(), deadline, handle);
        service.on_call(&mut context)?;
        Ok(Handler { id, service, number, method, stage: Stage::Waiting(context) })
    }

    /// The caller has gone, or the time: who waits for that is told.
    fn ended(&self, id: CallId) {
        let told = self.on.lend(|driven| {
            let status = driven.connection.call(id).ok()?.outcome()?.clone();
            Some((driven.note(id).subscribers.cancel(&status), status))
        });
        if let Some((told, status)) = told {
            tell(told, &status);
        }
    }

    fn advance(&mut self, handler: &mut Handler, cx: &mut task::Context<'_>) {
        if let Stage::Waiting(context) = &mut handler.stage {
            match self.ready(handler.id, handler.method) {
                Poll::Pending => return,
                Poll::Ready(None) => return handler.stage = Stage::Over,
                Poll::Ready(Some(mut call)) => {
                    call.context = core::mem::take(context);
                    handler.stage = Stage::Running(handler.service.call(handler.number, call));
                }
            }
        }
        let Stage::Running(future) = &mut handler.stage else { return };
        if self.on.lend(|driven| live(driven, handler.id).is_err() && !driven.note(handler.id).stopped) {
            handler.stage = Stage::Over;
            return self.answer(handler.id, Err(returned()), None);
        }
        if let Poll::Ready((call, result)) = future.as_mut().poll(cx) {
            handler.stage = Stage::Over;
            self.answer(handler.id, result.map(|()| handler.method), Some(call));
        }
    }

    /// May the handler start? With its request message, where it has exactly one. `None`: it has ended before.
    fn ready(&mut self, id: CallId, method: &MethodInfo) -> Poll<Option<ServerCall>> {
        let spare = &mut self.spare;
        self.on.lend(|driven| {
            let now = driven.now;
            let Ok(mut call) = driven.connection.call(id) else { return Poll::Ready(None) };
            if call.outcome().is_none() && !call.can_start() {
                return Poll::Pending;
            }
            let mut bench = spare.pop().unwrap_or_default();
            let started = call.outcome().is_none()
                && (method.kind.client_streams || matches!(call.recv(now, &mut bench.request), Recv::Message));
            if started {
                return Poll::Ready(Some(bench));
            }
            // Cancelled before it could start, or not a call that can be served: the core has answered.
            call.release(now);
            driven.forget(id);
            Poll::Ready(None)
        })
    }

    /// The answer, and the end of the call.
    fn answer(&mut self, id: CallId, result: Result<&MethodInfo, Status>, bench: Option<ServerCall>) {
        let mut bench = bench.unwrap_or_default();
        let subscribers = self.on.lend(|driven| {
            let now = driven.now;
            let mut note = core::mem::take(driven.note(id));
            if let Ok(mut call) = driven.connection.call(id) {
                let reply = &mut bench.reply;
                let status = match result {
                    Ok(method) if method.kind.server_streams => Status::OK,
                    Ok(_) => {
                        note.trailers.extend(&reply.trailers);
                        send_reply(reply, |headers, message| call.reply(now, headers, message, &note.trailers))
                    }
                    Err(status) => status,
                };
                // After a reply that was accepted the call is over, and this is nothing.
                call.finish(now, &status, &note.trailers);
                call.release(now);
            }
            driven.forget(id);
            note.subscribers
        });
        // The application's values go when nothing is lent.
        drop(subscribers);
        bench.context.forget();
        bench.request.clear();
        if self.spare.len() < SPARE {
            self.spare.push(bench);
        }
    }
}

/// Sends a unary reply; says what to end the call with.
fn send_reply(reply: &mut Reply, send: impl FnOnce(&Metadata, Payload<'_>) -> Result<(), SendError>) -> Status {
    let sent = if reply.message.len() > SHARE_ABOVE {
        let message = Bytes::from(core::mem::take(&mut reply.message));
        send(&reply.headers, Payload::Shared(&message))
    } else {
        send(&reply.headers, Payload::Slice(&reply.message))
    };
    match sent {
        Err(SendError::TooLarge(status)) => status,
        // Accepted; or the call is over, and nobody waits for an answer.
        _ => Status::OK,
    }
}

impl<L> fmt::Debug for Handlers<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("services", &self.services)
            .field("peer", &self.peer)
            .field("under_way", &self.calls.len())
            .finish_non_exhaustive()
    }
}
