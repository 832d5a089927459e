//! What every server of a runtime does with a call around its handler, and what it reports in the end.
//!
//! Pure glue between [`ServerCall`] and the connection's call: when handlers run, and where, is the runtime's.

use super::service::ServerCall;
use crate::buf::Payload;
use crate::call::{CallMut, Kind, Recv, SendError};
use crate::connection::Server;
use crate::grpc::{Metadata, Status};
use crate::time::Instant;
use bytes::Bytes;
use core::fmt;

/// Replies longer than this go to the connection as they are; shorter ones are copied, and the buffer is used again.
const SHARE_ABOVE: usize = 16 * 1024;

/// For runtimes.
impl ServerCall {
    /// Takes the one request message of a call whose client does not stream, once it [can
    /// start](CallMut::can_start). `Err`: it cannot be served, and was ended; it is to be released.
    pub fn take_request(&mut self, now: Instant, call: &mut CallMut<'_, Server>) -> Result<(), Status> {
        let status = match call.recv(now, &mut self.request) {
            Recv::Message => return Ok(()),
            Recv::Failed(status) => status,
            Recv::End | Recv::Pending => Status::unimplemented("exactly one request message was expected"),
        };
        call.finish(now, &status, &Metadata::new());
        Err(status)
    }

    /// Ends the call with what its handler returned: the reply that stands in `self.reply`, or a status. `trailers` are
    /// those that the handler has set on its context. Nothing happens to a call that is over.
    pub fn answer(
        &mut self,
        now: Instant,
        call: &mut CallMut<'_, Server>,
        kind: Kind,
        result: Result<(), Status>,
        mut trailers: Metadata,
    ) {
        let status = match result {
            Ok(()) if kind.server_streams => Status::OK,
            Ok(()) => {
                trailers.extend(&self.reply.trailers);
                match self.send_reply(now, call, &trailers) {
                    Err(SendError::TooLarge(status)) => status,
                    // Accepted; or the call is over, and nobody waits for an answer.
                    _ => return,
                }
            }
            Err(status) if status.is_ok() && !kind.server_streams => {
                Status::internal("the handler failed with code OK and no reply")
            }
            Err(status) => status,
        };
        call.finish(now, &status, &trailers);
    }

    fn send_reply(
        &mut self,
        now: Instant,
        call: &mut CallMut<'_, Server>,
        trailers: &Metadata,
    ) -> Result<(), SendError> {
        let reply = &mut self.reply;
        if reply.message.len() <= SHARE_ABOVE {
            return call.reply(now, &reply.headers, Payload::Slice(&reply.message), trailers);
        }
        let message = Bytes::from(core::mem::take(&mut reply.message));
        call.reply(now, &reply.headers, Payload::Shared(&message), trailers)
    }
}

/// What a server has done, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Calls whose handlers have ended, or were ended by `on_call`.
    pub calls: u64,
    /// Calls that the end of the grace cut off.
    pub forced: u64,
    /// Handlers that had not come back when the server ended.
    pub left_behind: usize,
    /// Calls that were too many: RESOURCE_EXHAUSTED.
    pub refused: u64,
    /// Calls of a method that no service has.
    pub unimplemented: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections closed because they were too many (all, or with a pending handshake).
    pub connections_refused: u64,
    /// Times that accepting failed; the server goes on.
    pub accept_errors: u64,
    /// TLS handshakes that failed (`ServerBuilder::on_tls_failure` hears why).
    pub tls_failures: u64,
    /// Handlers that took long where handlers of their method had been fast, so that what waited behind them was held up.
    pub slow_handlers: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls ended, {} of them by force", self.calls, self.forced)?;
        if self.left_behind > 0 {
            write!(f, ", {} handlers left behind", self.left_behind)?;
        }
        if self.refused > 0 {
            write!(f, ", {} calls refused", self.refused)?;
        }
        if self.panics > 0 {
            write!(f, ", {} handlers panicked", self.panics)?;
        }
        Ok(())
    }
}
