//! The serving side: calls found by the router, run one after the other, answered through the connection.

use super::world::{Shared, lock, metadata};
use crate::load::{Load as Message, LoadServiceServer, blocking};
use bytes::Bytes;
use proto_core::call::{CallId, Recv, SendError};
use proto_core::connection::{Connection, Event, Server};
use proto_core::rpc::{
    BlockingService, CallHandle, CancelToken, Kind, OnCancel, Peer, Received, Request, Response, Router, Sender,
    ServerCall,
};
use proto_core::{Instant, MessageBuf, Metadata, Payload, Status};
use std::collections::VecDeque;
use std::sync::Arc;

/// Replies longer than this go to the connection as they are; shorter ones are copied, and the buffer stays ours.
const SHARE_ABOVE: usize = 16 * 1024;

/// The handlers.
struct Work {
    /// With each unary reply.
    metadata: Metadata,
}

impl blocking::LoadService for Work {
    fn echo(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        let mut response = Response::new(request.into_inner());
        if !self.metadata.is_empty() {
            response.metadata_mut().extend(&self.metadata);
        }
        Ok(response)
    }

    fn repeat(&self, request: Request<Message>, replies: &mut Sender<Message>) -> Result<(), Status> {
        for _ in 0..request.count {
            replies.send(Message { payload: request.payload.clone(), count: 0 })?;
        }
        Ok(())
    }
}

/// What was found for a path.
#[derive(Clone, Copy)]
struct Found {
    service: usize,
    method: u16,
    kind: Kind,
    path: &'static str,
}

/// A server of one connection.
pub(super) struct Host {
    world: Shared,
    router: Router<usize>,
    services: Vec<Box<dyn BlockingService>>,
    /// Found, by the index of the call's id; its message has not come yet.
    waiting: Vec<Option<Found>>,
    ready: VecDeque<(CallId, Found)>,
    /// The worker's own call: its buffers are used again and again.
    bench: ServerCall,
}

impl Host {
    pub(super) fn new(world: Shared, entries: usize) -> Self {
        let service = LoadServiceServer::blocking(Work { metadata: metadata(entries) });
        let mut router = Router::new();
        // It is the only one: its name is new.
        let _ = router.add(service.info(), 0);
        Host {
            world,
            router,
            services: vec![Box::new(service)],
            waiting: Vec::new(),
            ready: VecDeque::new(),
            bench: ServerCall::default(),
        }
    }

    /// Runs all calls whose messages are there. False: there was nothing to do.
    pub(super) fn serve(&mut self) -> bool {
        self.dispatch();
        let some = !self.ready.is_empty();
        while let Some((id, found)) = self.ready.pop_front() {
            self.run(id, &found);
        }
        some
    }

    /// Events become calls to run.
    fn dispatch(&mut self) {
        let world = &mut *lock(&self.world);
        let now = world.now;
        while let Some(event) = world.server.poll_event() {
            match event {
                Event::Incoming => {
                    while let Some(id) = world.server.accept() {
                        incoming(&self.router, &mut world.server, &mut self.waiting, &mut self.ready, now, id);
                    }
                }
                Event::Readable(id) => {
                    let Some(place) = self.waiting.get_mut(id.index()) else { continue };
                    if world.server.call(id).is_ok_and(|call| call.can_start()) {
                        self.ready.extend(place.take().map(|found| (id, found)));
                    }
                }
                Event::Ended(id) => {
                    if let Some(place) = self.waiting.get_mut(id.index())
                        && place.take().is_some()
                        && let Ok(call) = world.server.call(id)
                    {
                        call.release(now);
                    }
                }
                _ => {}
            }
        }
    }

    fn run(&mut self, id: CallId, found: &Found) {
        let Some((metadata, deadline)) = self.begin(id) else { return };
        let handle = Arc::new(Handle { world: self.world.clone(), id });
        self.bench.context.renew(found.path, metadata, Peer::Unknown, deadline, handle);
        let service = &self.services[found.service];
        let result = service.on_call(&mut self.bench.context);
        let result = result.and_then(|()| service.call(found.method, &mut self.bench));
        self.bench.request.clear();
        self.finish(id, found, result);
        self.bench.context.forget();
    }

    /// Takes the message and the head of the call; `None`: it has ended meanwhile.
    fn begin(&mut self, id: CallId) -> Option<(Metadata, Option<Instant>)> {
        let world = &mut *lock(&self.world);
        let mut call = world.server.call(id).ok()?;
        match call.recv(world.now, &mut self.bench.request) {
            Recv::Message => Some((call.take_metadata(), call.deadline())),
            _ => {
                call.release(world.now);
                None
            }
        }
    }

    fn finish(&mut self, id: CallId, found: &Found, result: Result<(), Status>) {
        let world = &mut *lock(&self.world);
        let now = world.now;
        let Ok(mut call) = world.server.call(id) else { return };
        let reply = &mut self.bench.reply;
        let result = match result {
            Ok(()) if found.kind.server_streams => Err(Status::OK),
            Ok(()) => {
                let sent = if reply.message.len() > SHARE_ABOVE {
                    let message = Bytes::from(std::mem::take(&mut reply.message));
                    call.reply(now, &reply.headers, &message, &reply.trailers)
                } else {
                    call.reply(now, &reply.headers, &reply.message, &reply.trailers)
                };
                match sent {
                    Err(SendError::TooLarge(status)) => Err(status),
                    _ => Ok(()),
                }
            }
            Err(status) => Err(status),
        };
        if let Err(status) = result {
            call.finish(now, &status, &Metadata::new());
        }
        call.release(now);
    }
}

/// A new call: found, or answered at once.
fn incoming(
    router: &Router<usize>,
    server: &mut Connection<Server>,
    waiting: &mut Vec<Option<Found>>,
    ready: &mut VecDeque<(CallId, Found)>,
    now: Instant,
    id: CallId,
) {
    let Ok(mut call) = server.call(id) else { return };
    match router.find(call.head().path.as_bytes()) {
        Ok(route) => {
            let (kind, path) = (route.method.kind, route.method.path);
            let found = Found { service: *route.service, method: route.number, kind, path };
            call.set_kind(kind);
            if call.can_start() {
                return ready.push_back((id, found));
            }
            if waiting.len() <= id.index() {
                waiting.resize(id.index() + 1, None);
            }
            waiting[id.index()] = Some(found);
        }
        Err(status) => {
            call.finish(now, &status, &Metadata::new());
            call.release(now);
        }
    }
}

/// What a handler does with its call.
struct Handle {
    world: Shared,
    id: CallId,
}

impl CancelToken for Handle {
    fn cancelled(&self) -> Option<Status> {
        let world = &mut *lock(&self.world);
        world.server.call(self.id).ok()?.outcome().filter(|status| !status.is_ok()).cloned()
    }

    /// Nobody cancels calls here.
    fn subscribe(&self, _on_cancel: Arc<dyn OnCancel>) -> u64 {
        0
    }

    fn unsubscribe(&self, _key: u64) {}
}

impl CallHandle for Handle {
    fn now(&self) -> Instant {
        lock(&self.world).now
    }

    fn draining(&self) -> bool {
        false
    }

    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        let world = &mut *lock(&self.world);
        let sent = world.server.call(self.id).is_ok_and(|mut call| call.send_headers(world.now, metadata));
        if sent { Ok(()) } else { Err(Status::internal("headers cannot be sent any more")) }
    }

    /// The handlers here set none.
    fn add_trailers(&self, _metadata: Metadata) {}

    fn cancel(&self, status: Status) {
        let world = &mut *lock(&self.world);
        if let Ok(mut call) = world.server.call(self.id) {
            call.cancel(world.now, status);
        }
    }

    /// The one request of a call stands in its `ServerCall` before the handler starts.
    fn recv(&self, _into: &mut MessageBuf, _until: Option<Instant>) -> Received {
        Received::End
    }

    /// Where a runtime would let the handler wait, the link is moved until there is room.
    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status> {
        let world = &mut *lock(&self.world);
        loop {
            let call = world.server.call(self.id);
            let mut call = call.map_err(|_| Status::cancelled("the call has ended"))?;
            match call.send(world.now, message) {
                Ok(()) => return Ok(true),
                Err(SendError::TooLarge(status)) => return Err(status),
                Err(SendError::Ended) => return Err(Status::cancelled("the call has ended")),
                Err(SendError::Blocked) if !wait => return Ok(false),
                Err(SendError::Blocked) => {
                    if !world.turn()? {
                        return Err(Status::internal("a sender is blocked, and nothing moves"));
                    }
                }
            }
        }
    }

    fn wait_cancelled(&self, _until: Option<Instant>) -> bool {
        self.cancelled().is_some()
    }
}
