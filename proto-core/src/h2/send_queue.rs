//! What was accepted to be sent on one stream and is not framed yet, and the window that holds it back.

use super::window::{DEFAULT_WINDOW, SendWindow};
use crate::buf::{ByteQueue, COPY_UP_TO, Payload};
use crate::hpack::{Encoder, Known};
use alloc::vec::Vec;
use bytes::Bytes;

/// How a stream's sending side ends once the queue is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// Not yet.
    #[default]
    No,
    /// END_STREAM on the last DATA frame.
    Data,
    /// The trailers that wait in `trailers`.
    Trailers,
}

/// The sending half of a stream.
#[derive(Debug)]
pub(super) struct SendQueue {
    pub(super) bytes: ByteQueue,
    pub(super) window: SendWindow,
    pub(super) end: End,
    pub(super) trailers: Fields,
    /// A send was refused: `Ready::WRITABLE` is owed.
    pub(super) blocked: bool,
    /// Counted among the streams that have bytes and window.
    pub(super) sendable: bool,
}

impl Default for SendQueue {
    fn default() -> Self {
        SendQueue {
            bytes: ByteQueue::default(),
            window: SendWindow::new(DEFAULT_WINDOW),
            end: End::No,
            trailers: Fields::default(),
            blocked: false,
            sendable: false,
        }
    }
}

impl SendQueue {
    /// A new stream's. The buffers were emptied by `reset`.
    pub(super) fn begin(&mut self, window: u32) {
        self.window = SendWindow::new(window);
    }

    /// Queues a message. Small ones are copied together; a large one is kept by reference, a large borrowed one is copied once into
    /// memory of its own.
    pub(super) fn push(&mut self, prefix: &[u8], body: Payload<'_>) {
        self.bytes.push_copy(prefix);
        match body {
            Payload::Shared(bytes) if bytes.len() > COPY_UP_TO => self.bytes.push_shared(bytes.clone()),
            Payload::Slice(bytes) if bytes.len() > COPY_UP_TO => self.bytes.push_shared(Bytes::copy_from_slice(bytes)),
            small => self.bytes.push_copy(small.as_slice()),
        }
    }

    /// Has it bytes, and window for them? (The connection's window is another matter.)
    pub(super) fn can_send(&self) -> bool {
        !self.bytes.is_empty() && self.window.available() > 0
    }

    /// Drops what waits. `sendable` is its counter's to clear.
    pub(super) fn reset(&mut self) {
        self.bytes.reset();
        self.end = End::No;
        self.trailers.clear();
        self.blocked = false;
    }
}

/// Fields that wait to be encoded: header blocks must be encoded in the order in which they leave, so trailers behind queued DATA are
/// kept as they were given.
#[derive(Debug, Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    known: Option<Known>,
    name: usize,
    value: usize,
    sensitive: bool,
}

impl Fields {
    /// Memory that they hold, used or not.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.fields.capacity() * size_of::<Field>()
    }

    pub(super) fn clear(&mut self) {
        if self.fields.is_empty() {
            return;
        }
        self.bytes.clear();
        self.bytes.shrink_to(4 * 1024);
        self.fields.clear();
        self.fields.shrink_to(64);
    }

    pub(super) fn push(&mut self, known: Option<Known>, name: &[u8], value: &[u8], sensitive: bool) {
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.fields.push(Field { known, name: name.len(), value: value.len(), sensitive });
    }

    /// Writes the fields of a block that was begun.
    pub(super) fn encode(&self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let mut rest = &self.bytes[..];
        for field in &self.fields {
            // The lengths are those of what `push` appended.
            let (name, tail) = rest.split_at(field.name);
            let (value, tail) = tail.split_at(field.value);
            rest = tail;
            match field.known {
                Some(known) => encoder.field(out, known, value),
                None => encoder.field_other(out, name, value, field.sensitive),
            }
        }
    }
}
