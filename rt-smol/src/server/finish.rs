//! The answer of a handler, and the end of its call.

use super::conn::{Found, State};
use super::hub::Hub;
use proto_core::call::CallId;
use proto_core::grpc::Status;
use proto_core::rpc::ServerCall;
use proto_core::time::Instant;

/// What a caller hears of a handler that panicked.
pub(super) fn panicked(found: &Found) -> Status {
    Status::unknown(format!("the handler of {} panicked", found.method.path))
}

impl State {
    /// The handler has come back with this: its answer is queued, and the call released.
    pub(super) fn finish(
        &mut self,
        hub: &Hub,
        id: CallId,
        found: &Found,
        result: Result<(), Status>,
        call: &mut ServerCall,
        now: Instant,
    ) {
        hub.stats.calls.one();
        let cut = self.over(id);
        let trailers = self.calls.get(id).map(|entry| std::mem::take(&mut entry.trailers)).unwrap_or_default();
        if !self.abandoned
            && let Ok(mut core) = self.core.call(id)
        {
            call.answer(now, &mut core, found.method.kind, result, trailers);
        }
        self.release(now, id, cut);
    }
}
