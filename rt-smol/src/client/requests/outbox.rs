//! One encoded message on its way out.

use bytes::Bytes;
use proto_core::rpc::method::EncodeFn;
use proto_core::{Payload, Status};

/// Messages above this are passed on as they are, below it they are copied into the connection's output.
const SHARE: usize = 16 * 1024;

/// A message in its encoded form; its buffer is used again.
#[derive(Debug)]
pub(super) enum Outbox {
    Small(Vec<u8>),
    Large(Bytes),
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox::Small(Vec::new())
    }
}

impl Outbox {
    /// Encodes a message, into the buffer of the one before it.
    pub(super) fn encode<Q>(self, message: &Q, encode: EncodeFn<Q>) -> Result<Self, Status> {
        let mut bytes = match self {
            Outbox::Small(bytes) => bytes,
            Outbox::Large(_) => Vec::new(),
        };
        bytes.clear();
        encode(message, &mut bytes)?;
        Ok(if bytes.len() > SHARE { Outbox::Large(bytes.into()) } else { Outbox::Small(bytes) })
    }

    pub(super) fn payload(&self) -> Payload<'_> {
        match self {
            Outbox::Small(bytes) => Payload::Slice(bytes),
            Outbox::Large(bytes) => Payload::Shared(bytes),
        }
    }
}
