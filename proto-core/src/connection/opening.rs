//! A client's calls on their way to a stream: checked, started, queued while the server's limit is reached.

use super::StartError;
use super::machine::Machine;
use crate::call::slab::List;
use crate::call::state::bit;
use crate::call::{CallId, CallOptions, Head};
use crate::grpc::status::local::{self, phase};
use crate::grpc::{Code, Local, Metadata, Seen, Status};
use crate::h2::OpenError;
use crate::time::Instant;
use crate::{Payload, h2};
use alloc::format;

impl Machine {
    pub(super) fn start(&mut self, now: Instant, head: Head<'_>, options: &CallOptions) -> Result<CallId, StartError> {
        if self.h2.is_draining() || self.h2.close_reason().is_some() {
            return Err(StartError::Closed);
        }
        self.request_head.check(head).map_err(StartError::Bad)?;
        let at_once = self.waiting == 0 && self.h2.can_open();
        if !at_once && self.waiting >= self.settings.max_waiting {
            return Err(StartError::TooManyPending(too_many(self.settings.max_waiting)));
        }
        let slot = self.calls.insert();
        let call = &mut self.calls[slot];
        call.kind = Some(options.kind);
        call.max_receive = match options.max_receive_message_size {
            None => self.settings.max_receive,
            Some(own) => own.min(crate::config::MAX_MESSAGE),
        };
        if call.max_receive > self.settings.max_receive {
            self.h2.allow_messages(call.max_receive);
        }
        let id = self.calls.id(slot);
        if options.deadline.is_some_and(|deadline| deadline <= now) {
            self.fail(now, slot, local::deadline("starting the call", Seen::No));
            return Ok(id);
        }
        self.set_deadline(slot, options.deadline);
        if !at_once || self.open(now, slot, head, &options.metadata).is_err() {
            self.wait(slot, head, &options.metadata);
        }
        Ok(id)
    }

    /// Puts a call into the queue, with copies of what its headers will need.
    fn wait(&mut self, slot: u32, head: Head<'_>, metadata: &Metadata) {
        self.copy_text(slot, head.path, |call| &mut call.path);
        self.copy_text(slot, head.authority.unwrap_or_default(), |call| &mut call.authority);
        self.calls[slot].headers.extend(metadata);
        self.calls.push_back(List::Waiting, slot);
        self.waiting += 1;
    }

    /// Takes a call out of the queue, if it stands in it.
    pub(crate) fn stop_waiting(&mut self, slot: u32) {
        if self.calls.is_queued(List::Waiting, slot) {
            self.calls.unlink(List::Waiting, slot);
            self.waiting -= 1;
        }
    }

    /// Opens streams for waiting calls, in their order, as many as the server allows.
    pub(super) fn open_waiting(&mut self, now: Instant) {
        if self.side == h2::Side::Server {
            return;
        }
        while self.h2.can_open() {
            let Some(slot) = self.calls.front(List::Waiting) else { return };
            if self.calls[slot].deadline.is_some_and(|deadline| deadline <= now) {
                // Its timer is due as well: no stream for a call that is too late.
                self.on_deadline(now, slot);
                continue;
            }
            if !self.open_next(now, slot) {
                return;
            }
        }
    }

    /// Opens a stream for the first in the queue, and sends what it has held so far. False: not now.
    fn open_next(&mut self, now: Instant, slot: u32) -> bool {
        let call = &mut self.calls[slot];
        let path = core::mem::take(&mut call.path);
        let authority = core::mem::take(&mut call.authority);
        let mut metadata = core::mem::take(&mut call.headers);
        let head = Head { path: &path, authority: Some(&*authority).filter(|authority| !authority.is_empty()) };
        let opened = self.open(now, slot, head, &metadata);
        if opened.is_ok() {
            metadata.clear();
        }
        let call = &mut self.calls[slot];
        (call.path, call.authority, call.headers) = (path, authority, metadata);
        if opened.is_err() {
            return false;
        }
        self.stop_waiting(slot);
        self.send_held(slot);
        true
    }

    /// Writes the request's headers. `grpc-timeout` is what is left now.
    fn open(&mut self, now: Instant, slot: u32, head: Head<'_>, metadata: &Metadata) -> Result<(), OpenError> {
        let left = self.calls[slot].deadline.map(|deadline| deadline.saturating_duration_since(now));
        let block = self.h2.open(now, slot)?;
        let key = self.request_head.write(block, &self.settings, head, left, metadata, &mut self.scratch);
        self.calls[slot].stream = Some(key);
        Ok(())
    }

    /// Sends what was accepted while there was no stream; never refused, since it was accepted.
    fn send_held(&mut self, slot: u32) {
        let call = &mut self.calls[slot];
        let Some(mut stream) = call.stream.and_then(|key| self.h2.stream(key)) else { return };
        let (len, end) = (call.held.len(), call.send_closed);
        let large = call.held.large.take();
        let sent_bytes = match call.held.bytes.is_empty() {
            true => Ok(()),
            false => stream.send_data(&[], Payload::Slice(&call.held.bytes), end && large.is_none(), true),
        };
        let sent_large = match &large {
            None => Ok(()),
            // Accepted within the limit of four bytes.
            Some(body) => {
                let prefix = crate::grpc::message::prefix(body.len() as u32);
                stream.send_data(&prefix, Payload::Shared(body), end, true)
            }
        };
        debug_assert!(sent_bytes.is_ok() && sent_large.is_ok(), "forced data is never blocked");
        if end && call.held.bytes.is_empty() && large.is_none() {
            stream.end();
        }
        call.held.bytes.clear();
        self.held -= len;
        if core::mem::take(&mut self.calls[slot].blocked) {
            self.raise(slot, bit::WRITABLE);
        }
    }

    /// No stream will be opened any more: calls that wait for one cannot have been seen.
    pub(super) fn fail_waiting(&mut self, now: Instant) {
        if self.side == h2::Side::Server {
            return;
        }
        while let Some(slot) = self.calls.front(List::Waiting) {
            let status = match self.h2.close_reason() {
                _ if self.shutting_down => {
                    let message = "the connection was shut down while the call waited for a stream".into();
                    local::status(Code::Unavailable, message, Local::Shutdown, phase::QUEUED, Seen::No)
                }
                _ if self.h2.ids_ran_out() => lost("its stream ids have run out"),
                Some(reason) => lost(&format!("{reason}")),
                None if self.h2.peer_went_away() => local::not_processed(&self.why_unprocessed(), phase::QUEUED),
                None => lost("this side takes it out of use"),
            };
            self.fail(now, slot, status);
        }
    }
}

/// The connection takes no more calls, for this reason.
fn lost(why: &str) -> Status {
    local::connection_lost(Code::Unavailable, why, phase::QUEUED, Seen::No)
}

fn too_many(limit: usize) -> Status {
    let message = format!("{limit} calls wait for a stream already, as many as max_pending_calls allows");
    let limit = Local::Limit { setting: "max_pending_calls" };
    local::status(Code::ResourceExhausted, message, limit, phase::QUEUED, Seen::No)
}
