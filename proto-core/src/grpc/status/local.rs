//! The verdicts that this side makes by itself. Every one says why, in which phase, and whether the server may have
//! seen the call.

use super::{Inner, Status};
use crate::error::ErrorCode;
use crate::grpc::{Code, Local, Origin, Seen, reset};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

/// What was under way when a call ended.
pub(crate) mod phase {
    /// A client's call waits inside the connection until the peer allows another stream.
    pub(crate) const QUEUED: &str = "waiting for a stream";
    /// A client still has messages to send.
    pub(crate) const SENDING: &str = "sending the request";
    /// A client has sent everything and the server has not answered.
    pub(crate) const WAITING: &str = "waiting for the response";
    /// Response headers are there, the status is not.
    pub(crate) const RECEIVING: &str = "receiving the response";
    /// A server's call, before its handler could start.
    pub(crate) const REQUEST: &str = "receiving the request";
    /// A server's call, while its handler may be at work.
    pub(crate) const HANDLING: &str = "handling the call";
}

/// A status with its origin, phase and `seen`.
pub(crate) fn status(code: Code, message: String, local: Local, phase: &'static str, seen: Seen) -> Status {
    let (origin, phase, seen) = (Some(Origin::Local(local)), Some(phase), Some(seen));
    Status { code, inner: Some(Arc::new(Inner { message, origin, phase, seen, ..Inner::default() })) }
}

/// The deadline passed here.
pub(crate) fn deadline(phase: &'static str, seen: Seen) -> Status {
    let message = format!("the deadline passed while {phase}");
    status(Code::DeadlineExceeded, message, Local::DeadlineExceeded { phase }, phase, seen)
}

/// This side cancelled, without saying why.
pub(crate) fn cancelled(phase: &'static str, seen: Seen) -> Status {
    status(Code::Cancelled, format!("cancelled by this side while {phase}"), Local::Cancelled, phase, seen)
}

/// The connection ended under the call: UNAVAILABLE at a client, CANCELLED at a server.
pub(crate) fn connection_lost(code: Code, why: &str, phase: &'static str, seen: Seen) -> Status {
    status(code, format!("the connection ended while {phase}: {why}"), Local::ConnectionLost, phase, seen)
}

/// The peer went away or refused the stream before it processed the call.
pub(crate) fn not_processed(why: &str, phase: &'static str) -> Status {
    let message = format!("the server did not take the call: {why}");
    status(Code::Unavailable, message, Local::GoneAway, phase, Seen::No)
}

/// RST_STREAM from the peer.
pub(crate) fn reset_by_peer(http2: u32, phase: &'static str, seen: Seen) -> Status {
    let message = format!("the peer reset the stream with {} ({http2}) while {phase}", ErrorCode::name_of(http2));
    status(reset::code(http2), message, Local::Reset { code: http2 }, phase, seen)
}

/// The peer broke gRPC.
pub(crate) fn misbehaved(code: Code, what: String, phase: &'static str) -> Status {
    status(code, what, Local::PeerMisbehaved, phase, Seen::Yes)
}

/// A message beyond a limit.
pub(crate) fn too_large(size: usize, limit: usize, setting: &'static str, phase: &'static str, seen: Seen) -> Status {
    let message = format!("a message of {size} bytes exceeds {setting} ({limit} bytes)");
    status(Code::ResourceExhausted, message, Local::Limit { setting }, phase, seen)
}

/// The call cannot be sent as it is.
pub(crate) fn bad_request(code: Code, what: String) -> Status {
    status(code, what, Local::BadRequest, "preparing the call", Seen::No)
}

impl Status {
    /// The same, with phase and `seen` where whoever made it did not say.
    pub(crate) fn completed(mut self, phase: &'static str, seen: Seen) -> Status {
        let inner = self.inner_mut();
        inner.phase.get_or_insert(phase);
        inner.seen.get_or_insert(seen);
        self
    }
}
