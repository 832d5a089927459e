//! Pulling messages out of a call.

use super::{Kind, Recv};
use crate::buf::MessageBuf;
use crate::connection::machine::{Machine, Side};
use crate::grpc::message::{Body, FrameError, Front, PREFIX, front};
use crate::grpc::status::local;
use crate::grpc::{Code, Status};
use crate::h2::StreamMut;
use crate::time::Instant;

impl Body for StreamMut<'_> {
    fn available(&self) -> usize {
        StreamMut::available(self)
    }
    fn peek(&self, at: usize, into: &mut [u8]) -> usize {
        self.peek_at(at, into)
    }
    fn take(&mut self, skip: usize, n: usize, into: &mut MessageBuf) {
        StreamMut::take(self, skip, n, into);
    }
}

impl Machine {
    pub(crate) fn recv(&mut self, now: Instant, slot: u32, into: &mut MessageBuf) -> Recv {
        into.clear();
        let call = &self.calls[slot];
        if call.input_dropped {
            return self.end_of(slot);
        }
        let (one_only, received) = (!self.peer_streams(slot), call.message_received);
        if one_only && received && call.is_over() {
            // A verdict of OK found no second message; behind any other nothing matters any more.
            return self.end_of(slot);
        }
        match self.front_of(slot) {
            Ok(Front::Message { .. }) if one_only && received => self.several(now, slot),
            Ok(Front::Message { len }) => {
                self.take_message(slot, len, into);
                Recv::Message
            }
            Ok(Front::Empty) => self.end_of(slot),
            Ok(Front::Partial { .. }) if self.calls[slot].is_over() => self.end_of(slot),
            Ok(Front::Partial { .. }) if self.calls[slot].recv_closed => self.broken(now, slot, FrameError::Truncated),
            Ok(Front::Partial { missing }) => {
                self.arm(slot);
                self.want(slot, missing);
                Recv::Pending
            }
            Err(error) => self.broken(now, slot, error),
        }
    }

    /// Where nothing more can be pulled: the verdict, the peer's half-close, or nothing yet.
    fn end_of(&mut self, slot: u32) -> Recv {
        let call = &self.calls[slot];
        match &call.verdict {
            Some(status) if status.is_ok() => Recv::End,
            Some(status) => Recv::Failed(status.clone()),
            None if self.side == Side::Server && call.recv_closed => Recv::End,
            None => {
                self.arm(slot);
                Recv::Pending
            }
        }
    }

    fn take_message(&mut self, slot: u32, len: usize, into: &mut MessageBuf) {
        if let Some(mut stream) = self.calls[slot].stream.and_then(|key| self.h2.stream(key)) {
            Body::take(&mut stream, PREFIX, len, into);
        }
        let call = &mut self.calls[slot];
        call.whole = None;
        (call.message_received, call.waited_for) = (true, false);
    }

    /// A message breaks the rules of framing. A verdict of the peer's that is an error already matters more.
    fn broken(&mut self, now: Instant, slot: u32, error: FrameError) -> Recv {
        let status = error.status(self.phase(slot));
        self.fail_pulling(now, slot, status)
    }

    fn several(&mut self, now: Instant, slot: u32) -> Recv {
        let what = "several messages where one is required".into();
        let status = local::misbehaved(Code::Unimplemented, what, self.phase(slot));
        self.fail_pulling(now, slot, status)
    }

    fn fail_pulling(&mut self, now: Instant, slot: u32, status: Status) -> Recv {
        if let Some(verdict) = self.verdict(slot).filter(|verdict| !verdict.is_ok()) {
            return Recv::Failed(verdict.clone());
        }
        self.fail(now, slot, status);
        self.end_of(slot)
    }

    /// May the peer send any number of messages?
    fn peer_streams(&self, slot: u32) -> bool {
        let kind = self.calls[slot].kind.unwrap_or(Kind::BIDI);
        match self.side {
            Side::Client => kind.server_streams,
            Side::Server => kind.client_streams,
        }
    }

    /// Everything has arrived: do all frames obey the rules? Looks at the prefixes alone.
    pub(crate) fn check_frames(&mut self, slot: u32) -> Result<(), FrameError> {
        let call = &self.calls[slot];
        let Some(stream) = call.stream.and_then(|key| self.h2.stream(key)) else { return Ok(()) };
        let mut at = 0;
        loop {
            match front(&stream, at, call.encoding, call.max_receive)? {
                Front::Empty => return Ok(()),
                Front::Partial { .. } => return Err(FrameError::Truncated),
                Front::Message { len } => at += PREFIX + len,
            }
        }
    }
}
