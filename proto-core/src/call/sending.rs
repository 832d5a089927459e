//! Sending messages, on a stream or before there is one.

use super::{Kind, SendError};
use crate::buf::Payload;
use crate::connection::machine::{Machine, Side};
use crate::grpc::message::{PREFIX, prefix};
use crate::grpc::status::local;
use crate::time::Instant;
use bytes::Bytes;

/// What else goes with a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct With {
    /// It is the last one: half-close.
    pub(crate) last: bool,
    /// It is accepted whatever waits already (a final reply, so that a slow reader holds no worker).
    pub(crate) force: bool,
}

/// A payload above this is kept by reference while it waits (it is copied into the output up to this size).
pub(crate) const LARGE: usize = 16 * 1024;

impl Machine {
    /// Sends a message. `Blocked` leaves everything as it was.
    pub(crate) fn send(&mut self, now: Instant, slot: u32, body: Payload<'_>, with: With) -> Result<(), SendError> {
        self.check_send(now, slot, body)?;
        let Some(key) = self.calls[slot].stream else { return self.hold(slot, body, with) };
        if !with.force && !self.h2.stream(key).is_some_and(|mut stream| stream.admit()) {
            self.calls[slot].blocked = true;
            return Err(SendError::Blocked);
        }
        if self.side == Side::Server {
            self.open_response(slot);
        }
        let Some(mut stream) = self.h2.stream(key) else { return Err(SendError::Ended) };
        // The length was checked against the limit, which is at most four bytes' worth. Room was checked as well, so
        // that headers and message go together or not at all.
        let prefix = prefix(body.as_slice().len() as u32);
        if stream.send_data(&prefix, body, with.last, true).is_err() {
            return Err(SendError::Ended);
        }
        let call = &mut self.calls[slot];
        call.message_sent = true;
        call.send_closed |= with.last;
        Ok(())
    }

    /// May this message be sent at all?
    fn check_send(&mut self, now: Instant, slot: u32, body: Payload<'_>) -> Result<(), SendError> {
        let call = &self.calls[slot];
        let kind = call.kind.unwrap_or(Kind::BIDI);
        let streams = if self.side == Side::Client { kind.client_streams } else { kind.server_streams };
        if call.is_over() || call.send_closed || (call.message_sent && !streams) {
            return Err(SendError::Ended);
        }
        let (len, limit) = (body.as_slice().len(), self.settings.max_send);
        if len <= limit {
            return Ok(());
        }
        let status = local::too_large(len, limit, "max_send_message_size", self.phase(slot), self.seen(slot));
        self.fail(now, slot, status.clone());
        Err(SendError::TooLarge(status))
    }

    /// Before there is a stream: is less waiting than a call and the connection may have?
    fn may_hold(&self, slot: u32) -> bool {
        let held = &self.calls[slot].held;
        let room = held.bytes.len() < self.settings.max_unsent_per_call && self.unsent() < self.settings.max_unsent;
        held.large.is_none() && room
    }

    /// Keeps a message until there is a stream: a copy, or a reference to a large one.
    fn hold(&mut self, slot: u32, body: Payload<'_>, with: With) -> Result<(), SendError> {
        if !with.force && !self.may_hold(slot) {
            // There will be room once there is a stream.
            self.calls[slot].blocked = true;
            return Err(SendError::Blocked);
        }
        let call = &mut self.calls[slot];
        let before = call.held.len();
        match body {
            Payload::Shared(bytes) if bytes.len() > LARGE => call.held.large = Some(bytes.clone()),
            body => {
                let body = body.as_slice();
                call.held.bytes.reserve(PREFIX + body.len());
                call.held.bytes.extend_from_slice(&prefix(body.len() as u32));
                call.held.bytes.extend_from_slice(body);
            }
        }
        call.message_sent = true;
        call.send_closed |= with.last;
        self.held += call.held.len() - before;
        Ok(())
    }

    /// Client: what another attempt at this call has sent, framed, and its half-close; accepted beyond the caps. Nothing
    /// happens to a call that is over.
    pub(crate) fn resend(&mut self, now: Instant, slot: u32, framed: &[Bytes], ended: bool) {
        if self.calls[slot].is_over() || self.calls[slot].send_closed {
            return;
        }
        for chunk in framed {
            match self.calls[slot].stream.and_then(|key| self.h2.stream(key)) {
                // Forced data is never blocked.
                Some(mut stream) => drop(stream.send_data(&[], Payload::Shared(chunk), false, true)),
                None => {
                    self.calls[slot].held.bytes.extend_from_slice(chunk);
                    self.held += chunk.len();
                }
            }
            self.calls[slot].message_sent = true;
        }
        if ended {
            // It is neither over nor closed.
            let _ = self.finish_sending(now, slot);
        }
    }

    /// Client: half-close.
    pub(crate) fn finish_sending(&mut self, now: Instant, slot: u32) -> Result<(), SendError> {
        let call = &mut self.calls[slot];
        if call.is_over() || call.send_closed {
            return Err(SendError::Ended);
        }
        call.send_closed = true;
        if let Some(mut stream) = call.stream.and_then(|key| self.h2.stream(key)) {
            stream.end();
        }
        self.pump(now);
        Ok(())
    }

    /// Would `send` be accepted?
    pub(crate) fn can_send(&self, slot: u32) -> bool {
        let call = &self.calls[slot];
        let may = !call.is_over() && !call.send_closed;
        may && call.stream.map_or_else(|| self.may_hold(slot), |key| self.h2.can_send(key))
    }
}
