//! Events of the core become calls to begin and wake-ups. Called by `deliver` alone, before a connection's lock is given back.

use super::calls::Stage;
use super::conn::{Found, State};
use super::hub::Hub;
use crate::rules::Rule;
use proto_core::call::CallId;
use proto_core::connection::Event;
use proto_core::grpc::Metadata;
use proto_core::rpc::CallEvent;
use proto_core::time::Instant;

impl State {
    /// Events become calls to begin and wake-ups.
    pub(super) fn dispatch(&mut self, hub: &Hub, now: Instant) {
        if self.abandoned {
            return;
        }
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::Incoming => {
                    while let Some(id) = self.core.accept() {
                        self.incoming(hub, now, id);
                    }
                }
                Event::Readable(id) => self.call_readable(id),
                Event::Writable(id) => {
                    if let Some(entry) = self.calls.get(id) {
                        entry.writable = true;
                        if self.rules.hold(Rule::ServerRoomWakes) {
                            entry.wake(CallEvent::Writable, &mut self.to_wake);
                        }
                    }
                }
                Event::Ended(id) => self.call_ended(now, id),
                Event::Ready => self.greeted = true,
                // Draining, Closed: asked of the core where they matter.
                _ => {}
            }
        }
    }

    /// A new call: found and queued, or answered at once.
    fn incoming(&mut self, hub: &Hub, now: Instant, id: CallId) {
        let Ok(mut call) = self.core.call(id) else { return };
        match hub.router.find(call.head().path.as_bytes()) {
            Ok(route) => {
                call.set_kind(route.method.kind);
                let (service, number) = (route.service.clone(), route.number);
                self.calls.insert(id, Found { service, number, index: route.index, method: route.method });
                self.fresh.push_back(id);
            }
            Err(status) => {
                call.finish(now, &status, &Metadata::new());
                call.release(now);
                hub.stats.unimplemented.one();
            }
        }
    }

    /// Something new to read: for the handler, or for the start of one.
    fn call_readable(&mut self, id: CallId) {
        let Some(entry) = self.calls.get(id) else { return };
        entry.readable = true;
        match entry.stage {
            Stage::Queued => {}
            Stage::Started if self.rules.broken(Rule::ServerMessageWakes) => {}
            Stage::Started => entry.wake(CallEvent::Readable, &mut self.to_wake),
            Stage::Waiting => {
                if self.core.call(id).is_ok_and(|call| call.can_start()) {
                    entry.stage = Stage::Queued;
                    self.fresh.push_back(id);
                }
            }
        }
    }

    /// A call ended without its handler's doing: whoever waits on it is woken, its handler's task too, which drops it.
    fn call_ended(&mut self, now: Instant, id: CallId) {
        let Some(entry) = self.calls.get(id) else { return };
        let waiting = entry.stage == Stage::Waiting;
        if self.rules.hold(Rule::ServerEndWakes) {
            entry.wake_all(&mut self.to_wake);
        }
        let subscribers = entry.take_subscribers();
        if !subscribers.is_empty() {
            let status = self.status_of(id);
            self.ended.extend(subscribers.into_iter().map(|(_, on_cancel)| (on_cancel, status.clone())));
        }
        if waiting {
            self.release_call(now, id);
        }
    }
}
