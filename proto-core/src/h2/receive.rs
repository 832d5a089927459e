//! Bytes of the peer: frames parsed in place, each given to the part that it concerns.

use super::index::Found;
use super::preface::Fault;
use super::state::{Input, State, Step};
use super::window::{overflow, overrun};
use super::{Connection, Ready, Reset, Side};
use crate::buf::Incoming;
use crate::error::ErrorCode::{FlowControlError, FrameSizeError, ProtocolError};
use crate::error::{ConnectionError, ErrorCode};
use crate::frame::{self, Data, FrameError, HEAD_LEN, Head, flag, kind};
use crate::time::Instant;
use bytes::Bytes;

/// The body of a DATA frame.
enum Body<'a> {
    Small(&'a [u8]),
    /// Worth keeping as a part of the input.
    Large(Bytes),
}

impl Body<'_> {
    fn len(&self) -> usize {
        match self {
            Body::Small(bytes) => bytes.len(),
            Body::Large(bytes) => bytes.len(),
        }
    }
}

impl Connection {
    /// Takes bytes from the peer. On an error events decoded before it stand, and a GOAWAY waits to be transmitted.
    ///
    /// Incomplete frames stay in `input`. Once the connection is closed whatever comes is dropped, and the error is its `close_reason`.
    pub fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
        self.tick(now);
        if !input.as_slice().is_empty() {
            self.heard = self.now;
        }
        while self.closed.is_none() {
            match self.receive_one(input) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(FrameError { code, stream: None, what }) => self.fail(code, what),
                Err(FrameError { code, stream: Some(stream), .. }) => {
                    if let Err(fault) = self.on_stream_fault(stream, code).and_then(|()| self.guards.replies.check()) {
                        self.fail(fault.code, fault.what);
                    }
                }
            }
        }
        input.consume(usize::MAX);
        self.closed.clone().map_or(Ok(()), Err)
    }

    /// Takes the preface, or one frame. False when more bytes are needed.
    fn receive_one(&mut self, input: &mut Incoming) -> Result<bool, FrameError> {
        if !self.is_ready() {
            match self.greet(input.as_slice()) {
                Ok(Some(0)) => {}
                Ok(Some(n)) => {
                    input.consume(n);
                    return Ok(true);
                }
                Ok(None) => return Ok(false),
                Err(Fault::NotHttp2(peer)) => {
                    self.close(ConnectionError::NotHttp2 { peer });
                    return Ok(true);
                }
                Err(Fault::Wrong(fault)) => return Err(fault),
            }
        }
        let bytes = input.as_slice();
        let Some(head) = Head::read(bytes) else { return Ok(false) };
        if head.len > self.local.max_frame_size {
            let what = "a frame longer than SETTINGS_MAX_FRAME_SIZE (RFC 9113 section 4.2)";
            return Err(FrameError::connection(FrameSizeError, what));
        }
        self.check_assembly(head)?;
        let end = HEAD_LEN + head.len as usize;
        let Some(payload) = bytes.get(HEAD_LEN..end) else { return Ok(false) };
        // A fault of one stream must not make us read its frame again.
        let result = if head.kind == kind::DATA {
            match Data::read(head, payload).map(|data| data.data.len()) {
                Ok(len) => self.on_data(head, len, input),
                Err(fault) => Err(fault),
            }
        } else {
            self.on_frame(head, payload)
        };
        input.consume(end);
        result.map(|()| true)
    }

    /// Between HEADERS and the last of its CONTINUATION frames nothing else may come (RFC 9113 section 6.10).
    fn check_assembly(&self, head: Head) -> Result<(), FrameError> {
        let expected = self.assembly.stream();
        let is_continuation = head.kind == kind::CONTINUATION;
        if (is_continuation && expected == Some(head.stream)) || (!is_continuation && expected.is_none()) {
            return Ok(());
        }
        let what = if is_continuation {
            "CONTINUATION without HEADERS before it (RFC 9113 section 6.10)"
        } else {
            "a frame within a header block (RFC 9113 section 6.10)"
        };
        Err(FrameError::connection(ProtocolError, what))
    }

    fn on_frame(&mut self, head: Head, payload: &[u8]) -> Result<(), FrameError> {
        match head.kind {
            // Of a stream that our GOAWAY has turned away (RFC 9113 section 6.8).
            kind::WINDOW_UPDATE | kind::RST_STREAM | kind::PRIORITY if self.goaway.is_beyond(head.stream) => Ok(()),
            kind::HEADERS => self.on_headers(frame::Headers::read(head, payload)?),
            kind::WINDOW_UPDATE => self.on_window_update(head, payload),
            kind::RST_STREAM => self.on_rst_stream(frame::StreamReset::read(head, payload)?),
            kind::SETTINGS => {
                self.on_settings(frame::Settings::read(head, payload)?)?;
                self.guards.replies.check()
            }
            kind::PING => {
                self.on_ping(frame::Ping::read(head, payload)?)?;
                self.guards.replies.check()
            }
            kind::GOAWAY => self.on_goaway(frame::GoAway::read(head, payload)?),
            kind::CONTINUATION => self.on_continuation(frame::Continuation::read(head, payload)?),
            kind::PRIORITY => self.on_priority(head, payload),
            kind::PUSH_PROMISE => {
                frame::PushPromise::read(head, payload)?;
                let what = "PUSH_PROMISE, which nobody may send to us (RFC 9113 sections 6.6 and 8.4)";
                Err(FrameError::connection(ProtocolError, what))
            }
            // RFC 9113 section 5.5: unknown types are ignored.
            _ => Ok(()),
        }
    }

    /// DATA: the connection's window first, whatever becomes of the stream.
    fn on_data(&mut self, head: Head, len: usize, input: &mut Incoming) -> Result<(), FrameError> {
        if !self.recv_window.received(head.len) {
            return Err(overrun(0));
        }
        self.recv_window.consumed(head.len as usize);
        self.give_connection_credit(2);
        if self.goaway.is_beyond(head.stream) {
            return Ok(());
        }
        match self.streams.find(head.stream) {
            Found::Slot(slot) => {
                let start = HEAD_LEN + usize::from(head.has(flag::PADDED));
                let range = start..start + len;
                if self.is_worth_sharing(slot, head.stream, len, input) {
                    let bytes = input.share(head.stream, range);
                    self.on_data_of(slot, head, Body::Large(bytes))
                } else {
                    self.on_data_of(slot, head, Body::Small(&input.as_slice()[range]))
                }
            }
            Found::Gone(state) => self.on_late(head.stream, state.step(Input::RecvData)),
            Found::Unknown { never } => self.on_stray(head.stream, never),
        }
    }

    /// Is a payload kept by reference, pinning its chunk? Within a stream's own window a quarter of the chunk suffices (the bound on
    /// memory counts four times that window). What is borrowed beyond it is much, and may pin half of itself again at most: two thirds of
    /// the chunk must be the stream's own.
    fn is_worth_sharing(&self, slot: u32, stream: u32, len: usize, input: &Incoming) -> bool {
        if !input.is_worth_sharing(len) {
            return false;
        }
        if self.streams[slot].recv.loan == 0 {
            return true;
        }
        let mut own = input.shared_with(stream);
        let mut rest = input.as_slice();
        while let Some(head) = Head::read(rest) {
            let Some(behind) = rest.get(HEAD_LEN + head.len as usize..) else { break };
            // What is short of a quarter is copied, and would not pin; a run of such frames is not looked through.
            if !input.is_worth_sharing(head.len as usize) {
                break;
            }
            if head.kind == kind::DATA && head.stream == stream {
                own += head.len as usize;
            }
            rest = behind;
        }
        own * 3 >= input.chunk_len() * 2
    }

    /// A frame on a stream of which nothing is known.
    fn on_stray(&mut self, stream: u32, never: bool) -> Result<(), FrameError> {
        if !never && self.was_opened(stream) {
            return self.guards.glitches.charge(self.now);
        }
        Err(FrameError::connection(ProtocolError, "a frame on an idle stream (RFC 9113 section 5.1)"))
    }

    fn on_data_of(&mut self, slot: u32, head: Head, body: Body<'_>) -> Result<(), FrameError> {
        let stream = &mut self.streams[slot];
        match stream.state.step(Input::RecvData) {
            Step::To(_) => {}
            step => return self.on_late(head.stream, step),
        }
        let fault = |code, what| Err(FrameError::stream(head.stream, code, what));
        if !stream.has_headers && !stream.released {
            return fault(ProtocolError, "DATA before the response's HEADERS (RFC 9113 section 8.1)");
        }
        let len = body.len();
        if !stream.recv.window.received(head.len) {
            return Err(overrun(head.stream));
        }
        if !stream.recv.count_content(len) {
            return fault(ProtocolError, "more body than content-length says (RFC 9113 section 8.1.1)");
        }
        let end_stream = head.has(flag::END_STREAM);
        self.guards.tiny_data.empty += u64::from(len == 0 && !end_stream);
        // Padding is done with; and so is what nobody waits for.
        let padding = head.len as usize - len;
        let done = if stream.released { head.len as usize } else { padding };
        if !stream.released {
            match body {
                Body::Small(bytes) => stream.recv.bytes.push_copy(bytes),
                Body::Large(bytes) => stream.recv.bytes.push_shared(bytes),
            }
        }
        if end_stream {
            self.on_remote_end(slot)?;
        } else if done > 0 {
            self.on_taken(slot, done);
        }
        if len > 0 && self.streams.in_use(slot) {
            self.mark(slot, Ready::DATA);
        }
        Ok(())
    }

    fn on_rst_stream(&mut self, frame: frame::StreamReset) -> Result<(), FrameError> {
        match self.streams.find(frame.stream) {
            Found::Slot(slot) => {
                let Step::To(State::ResetByPeer) = self.streams[slot].state.step(Input::RecvReset) else {
                    return self.on_late_reset(self.streams[slot].state);
                };
                let unprocessed = frame.code == ErrorCode::RefusedStream.to_wire();
                let opened = self.streams[slot].opened;
                self.cut_stream(slot, Reset { code: frame.code, by_peer: true, unprocessed });
                if self.side == Side::Server { self.guards.rapid_reset.note(opened, self.now) } else { Ok(()) }
            }
            Found::Gone(state) => self.on_late_reset(state),
            Found::Unknown { never } => self.on_stray(frame.stream, never),
        }
    }

    /// RST_STREAM on a closed stream: it may have crossed our last frame, but nobody resets twice.
    fn on_late_reset(&mut self, state: State) -> Result<(), FrameError> {
        if state == State::ResetByPeer { self.guards.glitches.charge(self.now) } else { Ok(()) }
    }

    fn on_window_update(&mut self, head: Head, payload: &[u8]) -> Result<(), FrameError> {
        let read = frame::WindowUpdate::read(head, payload);
        if let Err(FrameError { stream: Some(stream), .. }) = read {
            // A bad increment on a stream that is idle is the connection's matter (RFC 9113 section 5.1).
            if let Found::Unknown { never } = self.streams.find(stream) {
                return self.on_stray(stream, never);
            }
        }
        let update = read?;
        let increment = i64::from(update.increment);
        if update.stream == 0 {
            return if self.send_window.grow(increment) { Ok(()) } else { Err(overflow(0)) };
        }
        match self.streams.find(update.stream) {
            Found::Slot(slot) => {
                let stream = &mut self.streams[slot];
                if let Step::To(_) = stream.state.step(Input::RecvWindowUpdate) {
                    if !stream.send.window.grow(increment) {
                        return Err(FrameError::stream(update.stream, FlowControlError, overflow(0).what));
                    }
                    self.streams.update_sendable(slot);
                }
                Ok(())
            }
            // It may have been on its way when the stream ended (RFC 9113 section 5.1).
            Found::Gone(_) => Ok(()),
            Found::Unknown { never } => self.on_stray(update.stream, never),
        }
    }

    /// PRIORITY is read and has no effect (RFC 9113 section 5.3.2): no state is kept of it (CVE-2019-9513).
    fn on_priority(&mut self, head: Head, payload: &[u8]) -> Result<(), FrameError> {
        let priority = match frame::Priority::read(head, payload) {
            Err(FrameError { stream: Some(stream), code, what }) if self.is_idle(stream) => {
                // RST_STREAM must not be sent on an idle stream.
                return Err(FrameError::connection(code, what));
            }
            read => read?,
        };
        if priority.dependency.on == priority.stream {
            let what = "a stream that depends on itself (RFC 7540 section 5.3.1)";
            let fault = FrameError::stream(priority.stream, ProtocolError, what);
            return Err(FrameError { stream: fault.stream.filter(|stream| !self.is_idle(*stream)), ..fault });
        }
        Ok(())
    }

    fn is_idle(&self, stream: u32) -> bool {
        !self.was_opened(stream)
    }
}
