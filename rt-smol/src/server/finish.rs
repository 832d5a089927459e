//! The answer of a handler, and the end of its call.

use super::conn::{Found, State};
use super::hub::Hub;
use bytes::Bytes;
use proto_core::buf::Payload;
use proto_core::call::{CallId, SendError};
use proto_core::grpc::Status;
use proto_core::rpc::ServerCall;
use proto_core::time::Instant;

/// Replies longer than this go to the connection as they are; shorter ones are copied, and the buffer stays ours.
const SHARE_ABOVE: usize = 16 * 1024;

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
        if !self.abandoned {
            self.answer(id, found, result, call, now);
        }
        self.release_call(now, id);
    }

    fn answer(
        &mut self,
        id: CallId,
        found: &Found,
        result: Result<(), Status>,
        server_call: &mut ServerCall,
        now: Instant,
    ) {
        let streams = found.method.kind.server_streams;
        let mut trailers = self.calls.get(id).map(|entry| std::mem::take(&mut entry.trailers)).unwrap_or_default();
        let Ok(mut call) = self.core.call(id) else { return };
        let result = match result {
            Ok(()) if streams => Err(Status::OK),
            Ok(()) => {
                let reply = &mut server_call.reply;
                trailers.extend(&reply.trailers);
                let sent = if reply.message.len() > SHARE_ABOVE {
                    let message = Bytes::from(std::mem::take(&mut reply.message));
                    call.reply(now, &reply.headers, Payload::Shared(&message), &trailers)
                } else {
                    call.reply(now, &reply.headers, Payload::Slice(&reply.message), &trailers)
                };
                match sent {
                    Err(SendError::TooLarge(status)) => Err(status),
                    // Accepted; or the call is over, and nobody waits for an answer.
                    _ => Ok(()),
                }
            }
            Err(status) if status.is_ok() && !streams => {
                Err(Status::internal("the handler failed with code OK and no reply"))
            }
            Err(status) => Err(status),
        };
        if let Err(status) = result {
            call.finish(now, &status, &trailers);
        }
    }
}
