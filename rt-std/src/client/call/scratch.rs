//! A thread's buffers for encoding requests and holding replies, kept from call to call.

use bytes::Bytes;
use proto_core::{MessageBuf, Status};
use std::cell::Cell;

/// A buffer that has grown beyond this is given back.
const KEEP: usize = 64 * 1024;

/// Messages above this are passed on as they are, below it they are copied into the connection's output.
const SHARE: usize = 16 * 1024;

thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static MESSAGE: Cell<Option<MessageBuf>> = const { Cell::new(None) };
}

/// A message in its encoded form: small ones in the thread's buffer, large ones in memory of their own.
pub(crate) enum Encoded {
    Small(Vec<u8>),
    Large(Bytes),
}

impl Encoded {
    /// Encodes into the thread's buffer.
    pub(crate) fn new<M>(message: &M, encode: proto_core::rpc::method::EncodeFn<M>) -> Result<Self, Status> {
        let mut bytes = BYTES.take();
        bytes.clear();
        if let Err(status) = encode(message, &mut bytes) {
            give_back(bytes);
            return Err(status);
        }
        Ok(if bytes.len() > SHARE { Encoded::Large(bytes.into()) } else { Encoded::Small(bytes) })
    }

    pub(crate) fn payload(&self) -> proto_core::Payload<'_> {
        match self {
            Encoded::Small(bytes) => proto_core::Payload::Slice(bytes),
            Encoded::Large(bytes) => proto_core::Payload::Shared(bytes),
        }
    }

    /// For a call that keeps its message (one copy of a small one).
    pub(crate) fn into_bytes(mut self) -> Bytes {
        match &mut self {
            Encoded::Small(bytes) => Bytes::copy_from_slice(bytes),
            Encoded::Large(bytes) => std::mem::take(bytes),
        }
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        if let Encoded::Small(bytes) = self {
            give_back(std::mem::take(bytes));
        }
    }
}

fn give_back(bytes: Vec<u8>) {
    if bytes.capacity() <= KEEP {
        BYTES.set(bytes);
    }
}

/// Lends the thread's buffer for a reply.
pub(crate) fn with_message<T>(act: impl FnOnce(&mut MessageBuf) -> T) -> T {
    let mut message = MESSAGE.take().unwrap_or_default();
    message.clear();
    let value = act(&mut message);
    message.clear();
    MESSAGE.set(Some(message));
    value
}
