//! A server's peer that does not begin as an HTTP/2 client does: one that speaks HTTP/1.x is answered so that it understands.

use super::machine::Machine;
use crate::buf::Incoming;
use crate::error::{ConnectionError, Stranger};
use crate::h1::Look;
use crate::time::Instant;

impl Machine {
    /// Takes the first bytes of a peer that are no preface. While the head of a request is incomplete it stays in `input`; the handshake's
    /// time-out bounds the wait for it.
    pub(super) fn receive_from_stranger(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
        match self.refusal.look(input.as_slice()) {
            Look::Other => return self.h2.receive(now, input),
            Look::Begun(line) => {
                let peer = line.map(|request| Stranger::Http1Client { request });
                self.h2.suspect(now, peer, input.as_slice());
            }
            Look::Request { line, answer } => {
                self.h2.dismiss(now, Stranger::Http1Client { request: line }, &answer);
                input.consume(usize::MAX);
            }
        }
        self.h2.close_reason().cloned().map_or(Ok(()), Err)
    }
}
