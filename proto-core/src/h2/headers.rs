//! Header blocks that arrive: assembled within bounds, decoded in order whatever becomes of them, judged, and given to their stream.

use super::index::Found;
use super::state::{Input, State, Step};
use super::{Connection, Ready, Side, validate};
use crate::error::ErrorCode::{self, CompressionError, EnhanceYourCalm, ProtocolError, RefusedStream};
use crate::frame::{self, Continuation, FrameError, Headers};
use crate::hpack::Known;
use alloc::vec::Vec;

/// Memory that an empty assembly keeps.
const KEEP_CAPACITY: usize = 4 * 1024;

/// An RST_STREAM frame, bytes.
const RST_STREAM_LEN: usize = frame::HEAD_LEN + 4;

/// A header block that waits for its CONTINUATION frames.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    block: Vec<u8>,
    head: Option<BlockHead>,
}

/// What the HEADERS frame said.
#[derive(Clone, Copy, Debug)]
struct BlockHead {
    stream: u32,
    end_stream: bool,
    /// It depends on itself (RFC 7540 section 5.3.1).
    self_dependent: bool,
}

impl Assembly {
    /// Memory that it holds, used or not.
    pub(super) fn memory(&self) -> usize {
        self.block.capacity()
    }

    /// The stream whose CONTINUATION must come next (RFC 9113 section 6.10).
    pub(super) fn stream(&self) -> Option<u32> {
        self.head.map(|head| head.stream)
    }
}

impl Connection {
    pub(super) fn on_headers(&mut self, headers: Headers<'_>) -> Result<(), FrameError> {
        if headers.stream.is_multiple_of(2) {
            let what = "HEADERS on a stream that only a push would open (RFC 9113 section 5.1.1)";
            return Err(FrameError::connection(ProtocolError, what));
        }
        let head = BlockHead {
            stream: headers.stream,
            end_stream: headers.end_stream,
            self_dependent: headers.dependency.is_some_and(|d| d.on == headers.stream),
        };
        if headers.end_headers {
            return self.on_block(head, headers.fragment);
        }
        self.guards.continuation.begin();
        self.assembly.head = Some(head);
        self.assembly.block.clear();
        self.assembly.block.extend_from_slice(headers.fragment);
        Ok(())
    }

    /// One of the stream that is being assembled.
    pub(super) fn on_continuation(&mut self, more: Continuation<'_>) -> Result<(), FrameError> {
        self.guards.continuation.check(self.assembly.block.len() + more.fragment.len())?;
        self.assembly.block.extend_from_slice(more.fragment);
        if !more.end_headers {
            return Ok(());
        }
        let Some(head) = self.assembly.head.take() else { return Ok(()) };
        let mut block = core::mem::take(&mut self.assembly.block);
        let result = self.on_block(head, &block);
        block.clear();
        block.shrink_to(KEEP_CAPACITY);
        self.assembly.block = block;
        result
    }

    /// A whole block. It is decoded first, whatever becomes of it, or the table would be out of step.
    fn on_block(&mut self, head: BlockHead, block: &[u8]) -> Result<(), FrameError> {
        if let Err(error) = self.decoder.decode(block, &mut self.scratch) {
            return Err(FrameError::connection(CompressionError, error.what()));
        }
        if self.goaway.is_beyond(head.stream) {
            return Ok(());
        }
        match self.streams.find(head.stream) {
            Found::Slot(slot) => self.on_block_of(slot, head),
            Found::Gone(state) => self.on_late(head.stream, state.step(Input::RecvHeaders)),
            Found::Unknown { never } => self.on_block_of_unknown(head, never),
        }
    }

    fn on_block_of_unknown(&mut self, head: BlockHead, never: bool) -> Result<(), FrameError> {
        if self.side == Side::Server && head.stream > self.last_peer_id {
            self.last_peer_id = head.stream;
            return self.on_request(head);
        }
        if !never && self.was_opened(head.stream) {
            // Closed so long ago that nobody knows how.
            return self.guards.glitches.charge(self.now);
        }
        let what = "HEADERS on a stream that was never opened (RFC 9113 section 5.1.1)";
        Err(FrameError::connection(ProtocolError, what))
    }

    /// Ids up to the last one have been used, or skipped.
    pub(super) fn was_opened(&self, id: u32) -> bool {
        match self.side {
            Side::Client => id % 2 == 1 && id < self.next_id,
            Side::Server => id % 2 == 1 && id <= self.last_peer_id,
        }
    }

    /// A late frame on a stream that is gone, or closed.
    pub(super) fn on_late(&mut self, stream: u32, step: Step) -> Result<(), FrameError> {
        match step {
            Step::StreamError(code, what) => Err(FrameError::stream(stream, code, what)),
            Step::ConnectionError(code, what) => Err(FrameError::connection(code, what)),
            Step::To(_) | Step::Refused | Step::Ignored => Ok(()),
        }
    }

    /// A new request.
    fn on_request(&mut self, head: BlockHead) -> Result<(), FrameError> {
        let refuse = |connection: &mut Self, code, what| {
            connection.streams.insert_gone(head.stream);
            Err(FrameError::stream(head.stream, code, what))
        };
        if self.scratch.is_over_limit() {
            self.guards.header_list.note();
            return self.answer_431(head);
        }
        let verdict = validate::request(&self.scratch).and_then(|()| validate::content_length(&self.scratch));
        let content = match verdict {
            Ok(content) => content,
            Err(what) => return refuse(self, ProtocolError, what),
        };
        if head.self_dependent {
            return refuse(self, ProtocolError, "a stream that depends on itself (RFC 7540 section 5.3.1)");
        }
        if !self.guards.streams.admit(self.streams.counted) {
            return refuse(self, RefusedStream, "more streams than we allow (RFC 9113 section 5.1.2)");
        }
        let slot = self.streams.insert(head.stream, self.local.window_in_force(), self.remote.initial_window);
        self.keepalive_for_stream();
        let stream = &mut self.streams[slot];
        stream.state = State::Open;
        stream.opened = self.now;
        stream.has_headers = true;
        stream.ended_by_headers = head.end_stream;
        stream.recv.content_left = content;
        core::mem::swap(&mut stream.headers, &mut self.scratch);
        self.mark(slot, Ready::HEADERS);
        if head.end_stream { self.on_remote_end(slot) } else { Ok(()) }
    }

    /// A request whose header list is too large: said so, and forgotten.
    fn answer_431(&mut self, head: BlockHead) -> Result<(), FrameError> {
        self.guards.induced_resets.charge(self.now)?;
        let before = self.output.len();
        let slot = self.streams.insert(head.stream, 0, self.remote.initial_window);
        let stream = &mut self.streams[slot];
        stream.state = if head.end_stream { State::HalfClosedRemote } else { State::Open };
        stream.released = true;
        let mut block = super::HeaderBlock::begin(self, slot);
        block.field(Known::Status, b"431");
        let _ = block.end(true);
        self.guards.replies.add(self.output.len() - before);
        self.guards.replies.check()
    }

    /// A block on a stream that lives: a response, or trailers.
    fn on_block_of(&mut self, slot: u32, head: BlockHead) -> Result<(), FrameError> {
        let stream = &self.streams[slot];
        match stream.state.step(Input::RecvHeaders) {
            Step::To(_) => {}
            step => return self.on_late(head.stream, step),
        }
        let fault = |code: ErrorCode, what| Err(FrameError::stream(head.stream, code, what));
        if self.scratch.is_over_limit() {
            self.guards.header_list.note();
            return fault(EnhanceYourCalm, "a header list above our limit");
        }
        if head.self_dependent {
            return fault(ProtocolError, "a stream that depends on itself (RFC 7540 section 5.3.1)");
        }
        if stream.has_headers { self.on_trailers(slot, head) } else { self.on_response(slot, head) }
    }

    fn on_response(&mut self, slot: u32, head: BlockHead) -> Result<(), FrameError> {
        let fault = |what| Err(FrameError::stream(head.stream, ProtocolError, what));
        let verdict =
            validate::response(&self.scratch).and_then(|status| Ok((status, validate::content_length(&self.scratch)?)));
        let (status, content) = match verdict {
            Ok(verdict) => verdict,
            Err(what) => return fault(what),
        };
        if status < 200 {
            // Interim responses are skipped; they do not end a stream.
            return if head.end_stream { fault("END_STREAM on a 1xx response (RFC 9113 section 8.1)") } else { Ok(()) };
        }
        let stream = &mut self.streams[slot];
        // 204 and 304 may name the length of a body that they do not have (RFC 9110 section 8.6).
        stream.recv.content_left = content.filter(|_| status != 204 && status != 304);
        stream.has_headers = true;
        stream.ended_by_headers = head.end_stream;
        core::mem::swap(&mut stream.headers, &mut self.scratch);
        self.mark(slot, Ready::HEADERS);
        if head.end_stream { self.on_remote_end(slot) } else { Ok(()) }
    }

    fn on_trailers(&mut self, slot: u32, head: BlockHead) -> Result<(), FrameError> {
        let fault = |what| Err(FrameError::stream(head.stream, ProtocolError, what));
        if !head.end_stream {
            return fault("trailers without END_STREAM (RFC 9113 section 8.1)");
        }
        if let Err(what) = validate::trailers(&self.scratch) {
            return fault(what);
        }
        let stream = &mut self.streams[slot];
        stream.has_trailers = true;
        core::mem::swap(&mut stream.trailers, &mut self.scratch);
        self.on_remote_end(slot)
    }

    /// The peer has half-closed a stream.
    pub(super) fn on_remote_end(&mut self, slot: u32) -> Result<(), FrameError> {
        let stream = &mut self.streams[slot];
        if !stream.recv.content_is_complete() {
            let what = "less body than content-length says (RFC 9113 section 8.1.1)";
            return Err(FrameError::stream(stream.id, ProtocolError, what));
        }
        if let Step::To(next) = stream.state.step(Input::RecvEnd) {
            stream.state = next;
        }
        stream.recv_ended = true;
        self.settle_loan(slot);
        self.mark(slot, Ready::END);
        if self.streams[slot].state.is_closed() {
            self.on_stream_closed(slot);
        }
        Ok(())
    }

    /// A fault that costs the peer one stream: RST_STREAM, from a budget.
    pub(super) fn on_stream_fault(&mut self, stream: u32, code: ErrorCode) -> Result<(), FrameError> {
        self.guards.induced_resets.charge(self.now)?;
        match self.streams.find(stream) {
            Found::Slot(slot) if !self.streams[slot].state.is_closed() => {
                self.guards.replies.add(RST_STREAM_LEN);
                self.reset_for_fault(slot, code);
            }
            _ => self.reply(|out| frame::rst_stream(out, stream, code)),
        }
        Ok(())
    }
}
