//! What HTTP/2 reports of a stream, and what that means for its call.

use super::machine::{Machine, Side};
use crate::call::response;
use crate::call::state::bit;
use crate::error::{ConnectionError, ErrorCode};
use crate::grpc::message::{FrameError, Front, front, has_more};
use crate::grpc::status::local;
use crate::grpc::{Code, Local, Seen, Status};
use crate::h2::{Ready, Reset, StreamKey};
use crate::time::Instant;
use alloc::format;
use alloc::string::{String, ToString};

/// The tag of a stream that has no call yet.
const UNTAGGED: u32 = u32::MAX;

impl Machine {
    /// Something moved on a stream. Bits are served in the order of the wire: headers, data, end, reset.
    pub(super) fn on_stream(&mut self, now: Instant, key: StreamKey, tag: u32, ready: Ready) {
        let slot = if tag == UNTAGGED { self.on_new_stream(now, key, ready) } else { Some(tag) };
        let Some(slot) = slot.filter(|&slot| self.calls.get(slot).is_some_and(|call| call.stream == Some(key))) else {
            return;
        };
        if ready.has(Ready::HEADERS) && self.side == Side::Client {
            self.on_response_headers(now, slot, key);
        }
        if ready.has(Ready::DATA) {
            self.on_data(now, slot);
        }
        if ready.has(Ready::END) && !self.calls[slot].recv_closed {
            self.calls[slot].recv_closed = true;
            match self.side {
                Side::Client => self.on_response_end(now, slot, key),
                Side::Server => self.on_request_end(now, slot),
            }
        }
        if ready.has(Ready::RESET) {
            self.on_reset(now, slot, key);
        }
        if ready.has(Ready::WRITABLE) && self.calls[slot].blocked {
            self.calls[slot].blocked = false;
            self.raise(slot, bit::WRITABLE);
        }
    }

    fn on_response_headers(&mut self, now: Instant, slot: u32, key: StreamKey) {
        let Some(stream) = self.h2.stream(key) else { return };
        // Headers that end the stream are trailers, and read as such at its end.
        if self.calls[slot].is_over() || stream.ended_by_headers() {
            return;
        }
        let Some(list) = stream.headers() else { return };
        let call = &mut self.calls[slot];
        let outcome = response::headers(list, self.settings.codec, call);
        call.headers_received = true;
        self.has_answers = true;
        let waited_for = call.kind.is_none_or(|kind| kind.client_streams || kind.server_streams);
        match outcome {
            Err(status) => self.fail(now, slot, status),
            // A unary caller waits for the end alone.
            Ok(()) if waited_for && self.calls[slot].armed => self.raise(slot, bit::READABLE),
            Ok(()) => {}
        }
    }

    fn on_data(&mut self, now: Instant, slot: u32) {
        if self.calls[slot].is_over() {
            return self.discard(slot);
        }
        match self.side {
            Side::Client => self.on_response_data(now, slot),
            Side::Server => self.on_request_data(now, slot),
        }
    }

    /// What still arrives on a call whose input nobody wants gives its window back.
    pub(crate) fn discard(&mut self, slot: u32) {
        let call = &mut self.calls[slot];
        if !call.input_dropped {
            return;
        }
        call.whole = None;
        if let Some(mut stream) = call.stream.and_then(|key| self.h2.stream(key)) {
            let arrived = stream.available();
            stream.take(arrived, 0, &mut crate::buf::MessageBuf::new());
        }
    }

    fn on_response_data(&mut self, now: Instant, slot: u32) {
        let call = &mut self.calls[slot];
        if call.http_status != response::OK {
            // The body of an error page; its trailers may still have a status.
            call.input_dropped = true;
            return self.discard(slot);
        }
        if call.kind.is_some_and(|kind| kind.server_streams) {
            return self.report_message(now, slot);
        }
        let received = call.message_received;
        match self.look(slot) {
            Err(error) => self.fail_frame(now, slot, error),
            Ok(Front::Message { len }) if received || self.is_followed(slot, len) => {
                self.fail_cardinality(now, slot, "several messages where one is required");
            }
            Ok(Front::Partial { missing }) => self.want(slot, missing),
            Ok(_) => {}
        }
    }

    fn on_request_data(&mut self, now: Instant, slot: u32) {
        match self.calls[slot].kind {
            None => {}
            Some(kind) if kind.client_streams => self.report_message(now, slot),
            Some(_) => self.check_request(now, slot),
        }
    }

    /// A unary request has become complete, or not: if so, that is reported.
    fn report_request(&mut self, now: Instant, slot: u32) {
        self.check_request(now, slot);
        if self.calls[slot].request_complete {
            self.raise_readable(slot);
        }
    }

    /// Reports a whole message to an application that waits for one; wants the rest of one that has begun.
    pub(crate) fn report_message(&mut self, now: Instant, slot: u32) {
        if !self.calls[slot].armed {
            return;
        }
        match self.look(slot) {
            Ok(Front::Message { .. }) => self.raise_readable(slot),
            Ok(Front::Partial { missing }) => self.want(slot, missing),
            Ok(Front::Empty) => {}
            Err(error) => self.fail_frame(now, slot, error),
        }
    }

    /// A server's unary request: is it there, whole and alone?
    pub(crate) fn check_request(&mut self, now: Instant, slot: u32) {
        let call = &self.calls[slot];
        if call.is_over() || call.request_complete {
            return;
        }
        // A handler may have taken the message before the half-close came.
        let (ended, received) = (call.recv_closed, call.message_received);
        match self.look(slot) {
            Err(error) => self.fail_frame(now, slot, error),
            Ok(Front::Message { len }) if received || self.is_followed(slot, len) => {
                self.fail_cardinality(now, slot, "several request messages where one is required");
            }
            Ok(Front::Message { .. }) if ended => self.calls[slot].request_complete = true,
            Ok(Front::Empty) if ended && received => self.calls[slot].request_complete = true,
            Ok(Front::Empty) if ended => self.fail_cardinality(now, slot, "no request message where one is required"),
            Ok(Front::Partial { .. }) if ended => self.fail_frame(now, slot, FrameError::Truncated),
            Ok(Front::Partial { missing }) => self.want(slot, missing),
            Ok(Front::Message { .. } | Front::Empty) => {}
        }
    }

    fn on_request_end(&mut self, now: Instant, slot: u32) {
        let call = &self.calls[slot];
        if call.is_over() {
            return;
        }
        match call.kind {
            None => {}
            Some(kind) if !kind.client_streams => self.report_request(now, slot),
            Some(_) => self.raise_readable(slot),
        }
    }

    /// The server has said everything: the verdict is its status, if what came with it obeys the rules.
    fn on_response_end(&mut self, now: Instant, slot: u32, key: StreamKey) {
        if self.calls[slot].is_over() {
            return;
        }
        let Some(stream) = self.h2.stream(key) else { return };
        let call = &mut self.calls[slot];
        let status = match (stream.ended_by_headers(), stream.headers(), stream.trailers()) {
            (true, Some(list), _) => response::trailers(list, true, call),
            (_, _, Some(list)) => response::trailers(list, false, call),
            _ => response::without_trailers(call.http_status),
        };
        call.headers_received = true;
        self.has_answers = true;
        let expired = call.deadline.is_some_and(|deadline| deadline <= now);
        let status = match status.code() {
            Code::Ok => self.check_response(slot).err().unwrap_or(status),
            // The server noticed the deadline first, or heard of it on the way.
            Code::Cancelled if expired => local::deadline(self.phase(slot), Seen::Yes),
            _ => status,
        };
        self.end_by_peer(slot, status);
        self.stop_sending(slot, key);
        self.raise_readable(slot);
    }

    /// A client that still sends when the server is done stops (PROTOCOL-HTTP2.md, "Responses").
    fn stop_sending(&mut self, slot: u32, key: StreamKey) {
        let closed = core::mem::replace(&mut self.calls[slot].send_closed, true);
        // Half-closed, but behind messages that wait for the window: they are not wanted any more.
        let all_left = closed && self.h2.is_sent(key);
        if !all_left && let Some(mut stream) = self.h2.stream(key) {
            stream.reset(ErrorCode::NoError);
        }
        if core::mem::take(&mut self.calls[slot].blocked) {
            self.raise(slot, bit::WRITABLE);
        }
    }

    /// A response that ended with OK: does its body obey the rules?
    fn check_response(&mut self, slot: u32) -> Result<(), Status> {
        let call = &self.calls[slot];
        let (streams, received) = (call.kind.is_some_and(|kind| kind.server_streams), call.message_received);
        let phase = self.phase(slot);
        let violation = |what: &str| Err(local::misbehaved(Code::Unimplemented, what.into(), phase));
        if streams {
            return self.check_frames(slot).map_err(|error| error.status(phase));
        }
        match self.look(slot).map_err(|error| error.status(phase))? {
            Front::Partial { .. } => Err(FrameError::Truncated.status(phase)),
            Front::Empty if !received => violation("no response message where one is required"),
            Front::Message { len } if received || self.is_followed(slot, len) => {
                violation("several response messages where one is required")
            }
            Front::Empty | Front::Message { .. } => Ok(()),
        }
    }

    /// The stream was cut short, by the peer, by HTTP/2 on this side, or with the connection.
    fn on_reset(&mut self, now: Instant, slot: u32, key: StreamKey) {
        if self.calls[slot].is_over() {
            return;
        }
        let reset = self.h2.stream(key).and_then(|stream| stream.reset_reason());
        let Some(reset) = reset else { return };
        if !reset.by_peer && self.h2.close_reason().is_some() {
            return self.on_lost(now, slot, reset.unprocessed);
        }
        let status = match self.side {
            Side::Client => self.reset_at_client(now, slot, reset),
            Side::Server => self.reset_at_server(now, slot, reset),
        };
        self.end_by_peer(slot, status);
        self.calls[slot].input_dropped |= self.side == Side::Server;
        self.raise(slot, bit::ENDED);
    }

    fn reset_at_client(&mut self, now: Instant, slot: u32, reset: Reset) -> Status {
        let phase = self.phase(slot);
        // A server that has answered has seen the call, whatever its code says.
        if reset.unprocessed && !self.calls[slot].headers_received {
            return local::not_processed(&self.why_unprocessed(), phase);
        }
        let seen = self.seen(slot);
        if !reset.by_peer && reset.code == ErrorCode::EnhanceYourCalm.to_wire() {
            // HTTP/2's word for the one limit that it enforces on a stream.
            let limit = Local::Limit { setting: "max_header_list_size" };
            let message = "the response's header list exceeds max_header_list_size".into();
            return local::status(Code::ResourceExhausted, message, limit, phase, Seen::Yes);
        }
        if !reset.by_peer {
            let what = format!("the server broke HTTP/2 on this stream: {}", ErrorCode::name_of(reset.code));
            return local::misbehaved(Code::Internal, what, phase);
        }
        let expired = self.calls[slot].deadline.is_some_and(|deadline| deadline <= now);
        if expired && reset.code == ErrorCode::Cancel.to_wire() {
            return local::deadline(phase, seen);
        }
        local::reset_by_peer(reset.code, phase, seen)
    }

    pub(super) fn why_unprocessed(&self) -> String {
        let goaway = self.h2.peers_goaway().map(|goaway| goaway.to_string());
        goaway.unwrap_or_else(|| "it refused the stream (REFUSED_STREAM)".into())
    }

    fn reset_at_server(&mut self, now: Instant, slot: u32, reset: Reset) -> Status {
        let phase = self.phase(slot);
        if self.calls[slot].deadline.is_some_and(|deadline| deadline <= now) {
            return local::deadline(phase, Seen::Yes);
        }
        let (code, name) = (reset.code, ErrorCode::name_of(reset.code));
        let message = match reset.by_peer {
            true if code == ErrorCode::Cancel.to_wire() => {
                format!("the client cancelled the call ({name}) while {phase}")
            }
            true => format!("the client reset the stream with {name} ({code}) while {phase}"),
            false => format!("the client broke HTTP/2 on this stream ({name}) while {phase}"),
        };
        local::status(Code::Cancelled, message, Local::Reset { code: reset.code }, phase, Seen::Yes)
    }

    /// The connection ended under a call: UNAVAILABLE at a client, CANCELLED at a server.
    pub(super) fn on_lost(&mut self, now: Instant, slot: u32, unprocessed: bool) {
        let phase = self.phase(slot);
        let seen = if unprocessed { Seen::No } else { self.seen(slot) };
        let expired = self.calls[slot].deadline.is_some_and(|deadline| deadline <= now);
        let reason = self.h2.close_reason();
        let why = reason.map_or_else(|| "it was closed".into(), ToString::to_string);
        let code = if self.side == Side::Client { Code::Unavailable } else { Code::Cancelled };
        let status = match reason {
            _ if expired => local::deadline(phase, seen),
            Some(ConnectionError::Shutdown) => {
                local::status(code, format!("{why} while {phase}"), Local::Shutdown, phase, seen)
            }
            _ => local::connection_lost(code, &why, phase, seen),
        };
        self.end_by_peer(slot, status);
        self.calls[slot].input_dropped |= self.side == Side::Server;
        self.raise(slot, bit::ENDED);
    }

    /// Looks at the front of what a call has received. A whole message stays one until it is taken: it is noted.
    pub(crate) fn look(&mut self, slot: u32) -> Result<Front, FrameError> {
        let found = self.front_of(slot);
        if let Ok(Front::Message { len }) = found {
            self.calls[slot].whole = Some(len);
        }
        found
    }

    /// The same without a note, for who takes the message at once.
    #[inline]
    pub(crate) fn front_of(&mut self, slot: u32) -> Result<Front, FrameError> {
        let call = &self.calls[slot];
        let Some(key) = call.stream else { return Ok(Front::Empty) };
        match (call.whole, self.h2.stream(key)) {
            (_, None) => Ok(Front::Empty),
            (Some(len), Some(_)) => Ok(Front::Message { len }),
            (None, Some(stream)) => front(&stream, 0, call.encoding, call.max_receive),
        }
    }

    /// Is there more than the message of `len` bytes at the front?
    pub(crate) fn is_followed(&mut self, slot: u32, len: usize) -> bool {
        self.calls[slot].stream.and_then(|key| self.h2.stream(key)).is_some_and(|stream| has_more(&stream, len))
    }

    /// A message is on its way of which this much is missing: it is helped along if somebody waits for it, and where there is room anyway.
    pub(crate) fn want(&mut self, slot: u32, missing: usize) {
        let call = &self.calls[slot];
        if let Some(mut stream) = call.stream.and_then(|key| self.h2.stream(key)) {
            if call.waited_for { stream.want(missing) } else { stream.expect(missing) }
        }
    }

    fn fail_frame(&mut self, now: Instant, slot: u32, error: FrameError) {
        let status = error.status(self.phase(slot));
        self.fail(now, slot, status);
    }

    fn fail_cardinality(&mut self, now: Instant, slot: u32, what: &str) {
        let status = local::misbehaved(Code::Unimplemented, what.into(), self.phase(slot));
        self.fail(now, slot, status);
    }
}
