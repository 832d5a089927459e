//! A server's answers: headers, the final reply, the status.

use super::sending::With;
use super::{Kind, SendError};
use crate::buf::Payload;
use crate::connection::answers;
use crate::connection::machine::Machine;
use crate::error::ErrorCode;
use crate::grpc::status::local;
use crate::grpc::{Code, Local, Metadata, Seen, Status};
use crate::time::Instant;

static NONE: Metadata = Metadata::new();

impl Machine {
    /// The method was found.
    pub(crate) fn set_kind(&mut self, slot: u32, kind: Kind) {
        let now = self.now;
        self.calls[slot].kind = Some(kind);
        if kind.client_streams {
            self.report_message(now, slot);
        } else {
            self.check_request(now, slot);
        }
    }

    /// May a handler start?
    pub(crate) fn can_start(&self, slot: u32) -> bool {
        let call = &self.calls[slot];
        !call.is_over() && call.kind.is_some_and(|kind| kind.client_streams || call.request_complete)
    }

    /// Sends response headers, unless they have gone or the call is over.
    pub(crate) fn send_headers(&mut self, slot: u32, metadata: &Metadata) -> bool {
        let call = &self.calls[slot];
        if call.is_over() || call.headers_sent {
            return false;
        }
        let Some(stream) = call.stream.and_then(|key| self.h2.stream(key)) else { return false };
        let Some(mut block) = stream.send_headers() else { return false };
        answers::response_head(&mut block, &mut self.response_head);
        answers::metadata(&mut block, metadata, &mut self.scratch);
        block.end(false);
        self.calls[slot].headers_sent = true;
        true
    }

    /// Response headers without metadata, before the first message.
    pub(crate) fn open_response(&mut self, slot: u32) {
        if !self.calls[slot].headers_sent {
            self.send_headers(slot, &NONE);
        }
    }

    /// A whole unary reply.
    pub(crate) fn reply(
        &mut self,
        now: Instant,
        slot: u32,
        headers: &Metadata,
        body: Payload<'_>,
        trailers: &Metadata,
    ) -> Result<(), SendError> {
        if !headers.is_empty() && self.calls[slot].verdict.is_none() && body.as_slice().len() <= self.settings.max_send
        {
            self.send_headers(slot, headers);
        }
        self.send(now, slot, body, With { force: true, last: false })?;
        self.finish(now, slot, &Status::OK, trailers);
        Ok(())
    }

    /// The handler's verdict.
    pub(crate) fn finish(&mut self, now: Instant, slot: u32, status: &Status, trailers: &Metadata) -> bool {
        let call = &self.calls[slot];
        if call.is_over() {
            return false;
        }
        let needs_reply = call.kind.is_some_and(|kind| !kind.server_streams) && !call.message_sent;
        let phase = self.phase(slot);
        let status = if status.is_ok() && needs_reply {
            let what = "the handler ended with OK and sent no reply where one is required".into();
            local::status(Code::Internal, what, Local::Application, phase, Seen::Yes)
        } else if status.is_ok() {
            status.clone()
        } else {
            status.clone().completed(phase, Seen::Yes)
        };
        self.answer(slot, &status, trailers);
        self.conclude(slot, status);
        // What is left of the stream is HTTP/2's business: it sends what is queued, and RST_STREAM(NO_ERROR) if the
        // client has not finished.
        if let Some(stream) = self.calls[slot].stream.take().and_then(|key| self.h2.stream(key)) {
            stream.release();
        }
        self.pump(now);
        true
    }

    /// Writes trailers, or headers that are trailers at once where nothing was sent. The stream stays with the call:
    /// a handler may still be at work on it.
    pub(crate) fn answer(&mut self, slot: u32, status: &Status, trailers: &Metadata) {
        let call = &self.calls[slot];
        let Some(key) = call.stream else { return };
        if let Some(mut block) = self.h2.stream(key).and_then(|stream| stream.send_headers()) {
            if !call.headers_sent {
                answers::response_head(&mut block, &mut self.response_head);
            }
            answers::status(&mut block, status, trailers, &mut self.scratch);
            block.end(true);
        }
        if !call.recv_closed
            && let Some(mut stream) = self.h2.stream(key)
            && stream.unsent() == 0
        {
            stream.reset(ErrorCode::NoError);
        }
    }
}
