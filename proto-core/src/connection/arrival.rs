//! A server's new calls: read, refused where they are not proper gRPC, held until they are accepted.

use super::machine::{Machine, Side, news};
use crate::call::slab::List;
use crate::call::{CallId, request};
use crate::grpc::{Metadata, encoding};
use crate::h2::{Ready, StreamKey};
use crate::hpack::Known;
use crate::time::Instant;
use request::Refusal;

impl Machine {
    /// A stream that has no call yet. Its slot, if it has one now.
    pub(super) fn on_new_stream(&mut self, now: Instant, key: StreamKey, ready: Ready) -> Option<u32> {
        let readable = ready.has(Ready::HEADERS) && self.side == Side::Server;
        if !readable || ready.has(Ready::RESET) {
            // Reset before anybody saw it (or a stream whose call let go of it).
            self.h2.stream(key)?.release();
            return None;
        }
        let slot = self.calls.insert();
        let call = &mut self.calls[slot];
        call.stream = Some(key);
        call.max_receive = self.settings.max_receive;
        let mut stream = self.h2.stream(key)?;
        stream.set_tag(slot);
        let outcome = match stream.headers() {
            Some(list) => request::read(now, list, self.settings.codec, &mut self.calls[slot]),
            None => Err(Refusal::Http(b"400")),
        };
        if let Err(refusal) = outcome {
            self.refuse(key, &refusal);
            self.calls.remove(slot);
            return None;
        }
        self.calls[slot].headers_received = true;
        let deadline = self.calls[slot].deadline;
        self.set_deadline(slot, deadline);
        self.calls.push_back(List::Waiting, slot);
        self.waiting += 1;
        self.news |= news::INCOMING;
        Some(slot)
    }

    /// Answers a request that gets no handler.
    fn refuse(&mut self, key: StreamKey, refusal: &Refusal) {
        let before = self.h2.output_len();
        if let Some(mut block) = self.h2.stream(key).and_then(|stream| stream.send_headers()) {
            match refusal {
                Refusal::Http(code) => block.field(Known::Status, code),
                Refusal::Grpc(status) | Refusal::Encoding(status) => {
                    super::answers::response_head(&mut block, &mut self.response_head);
                    if let Refusal::Encoding(_) = refusal {
                        block.field(Known::GrpcAcceptEncoding, encoding::ACCEPT);
                    }
                    super::answers::status(&mut block, status, &NO_METADATA, &mut self.scratch);
                }
            }
            block.end(true);
        }
        if let Some(stream) = self.h2.stream(key) {
            stream.release();
        }
        self.h2.count_refusal(before);
    }

    pub(super) fn accept(&mut self) -> Option<CallId> {
        while let Some(slot) = self.calls.front(List::Waiting) {
            if self.calls[slot].is_over() {
                // Cancelled before anybody saw it. It has kept its stream until now, so that resetting calls is no
                // way around the limit of streams (CVE-2023-44487).
                self.release(self.now, slot);
                continue;
            }
            if self.unsent() > self.settings.max_unsent {
                self.accept_held = true;
                return None;
            }
            self.stop_waiting(slot);
            let call = &mut self.calls[slot];
            call.accepted = true;
            return Some(self.calls.id(slot));
        }
        None
    }
}

static NO_METADATA: Metadata = Metadata::new();
