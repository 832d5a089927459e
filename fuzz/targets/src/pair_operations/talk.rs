//! What one call has said in both directions, so that what arrives can be compared.

use bytes::Buf;
use proto_core::MessageBuf;
use proto_core::call::{CallId, Kind};
use proto_core::connection::Event;

/// Messages of one direction.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Lengths of those that were accepted.
    sent: Vec<usize>,
    got: usize,
    /// The sender has ended, properly.
    pub(super) ended: bool,
}

/// The messages of call number `call`: each has its own content.
fn content(call: usize, up: bool, number: usize, len: usize) -> Vec<u8> {
    let first = (call * 7 + number * 3 + usize::from(up)) as u8;
    (0..len).map(|at| first.wrapping_add((at as u8).wrapping_mul(31))).collect()
}

impl Direction {
    /// The next message of this length.
    pub(super) fn next(&self, call: usize, up: bool, len: usize) -> Vec<u8> {
        content(call, up, self.sent.len(), len)
    }

    /// It was accepted.
    pub(super) fn accepted(&mut self, len: usize) {
        self.sent.push(len);
    }

    pub(super) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// A message arrived: it must be the next one.
    pub(super) fn arrived(&mut self, call: usize, up: bool, message: &mut MessageBuf) {
        let bytes = message.copy_to_bytes(message.remaining());
        let len = *self.sent.get(self.got).expect("a message that nobody sent");
        assert!(bytes == content(call, up, self.got, len), "call {call}: message {} is another one", self.got);
        self.got += 1;
    }

    /// The receiver has heard the proper end.
    pub(super) fn is_complete(&self) -> bool {
        self.got == self.sent.len()
    }
}

/// What one end of a call waits for: an event has to wake it.
#[derive(Debug, Default)]
pub(super) struct Waits {
    pub(super) to_receive: bool,
    pub(super) to_send: bool,
}

impl Waits {
    /// An event named the call.
    pub(super) fn wake(&mut self, event: Event) {
        self.to_receive &= !matches!(event, Event::Readable(_) | Event::Ended(_));
        self.to_send &= !matches!(event, Event::Writable(_) | Event::Ended(_));
    }
}

/// One call, as both ends know it.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) kind: Kind,
    /// The client's id, until it is released.
    pub(super) client: Option<CallId>,
    /// The server's id, while it is accepted and not released.
    pub(super) server: Option<CallId>,
    pub(super) up: Direction,
    pub(super) down: Direction,
    pub(super) client_waits: Waits,
    pub(super) server_waits: Waits,
    /// The server has heard the client's end.
    pub(super) heard: bool,
    /// The client has heard how it ended.
    pub(super) over: bool,
}
