//! Messages to bytes and back: a codec is a type that generated code names, never a blanket impl on messages.

use crate::buf::MessageBuf;
use crate::grpc::Status;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

/// Writes messages of type `M`.
pub trait Encode<M> {
    /// Appends the message to `out`.
    fn encode(message: &M, out: &mut Vec<u8>) -> Result<(), Status>;
}

/// Reads messages of type `M`.
pub trait Decode<M> {
    /// Reads a whole message. One that does not parse is INTERNAL.
    fn decode(from: &mut MessageBuf) -> Result<M, Status>;
}

/// Messages by prost.
#[cfg(feature = "prost")]
#[derive(Debug)]
pub enum Prost {}

#[cfg(feature = "prost")]
impl<M: prost::Message> Encode<M> for Prost {
    fn encode(message: &M, out: &mut Vec<u8>) -> Result<(), Status> {
        // Room for all of it at once: a buffer that grows on the way copies a large message, and ends up twice as large.
        out.reserve(message.encoded_len());
        message.encode_raw(out);
        Ok(())
    }
}

#[cfg(feature = "prost")]
impl<M: prost::Message + Default> Decode<M> for Prost {
    fn decode(from: &mut MessageBuf) -> Result<M, Status> {
        M::decode(from).map_err(|e| Status::internal(alloc::format!("message does not parse: {e}")))
    }
}

/// Bytes as they are, for proxies.
#[derive(Debug)]
pub enum Raw {}

impl Encode<Bytes> for Raw {
    fn encode(message: &Bytes, out: &mut Vec<u8>) -> Result<(), Status> {
        out.extend_from_slice(message);
        Ok(())
    }
}

impl Decode<Bytes> for Raw {
    fn decode(from: &mut MessageBuf) -> Result<Bytes, Status> {
        Ok(from.copy_to_bytes(from.remaining()))
    }
}
