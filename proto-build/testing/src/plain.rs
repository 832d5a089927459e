//! A message that is no prost message, and the codec that writes it: its text, upside down.

use proto_core::Status;
use proto_core::buf::MessageBuf;
use proto_core::prost::bytes::Buf;
use proto_core::rpc::{Decode, Encode};

/// A message of this crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Whatever.
    pub text: String,
}

/// Writes and reads notes.
#[derive(Debug)]
pub enum Lines {}

impl Encode<Note> for Lines {
    fn encode(message: &Note, out: &mut Vec<u8>) -> Result<(), Status> {
        out.extend(message.text.bytes().rev());
        Ok(())
    }
}

impl Decode<Note> for Lines {
    fn decode(from: &mut MessageBuf) -> Result<Note, Status> {
        let bytes: Vec<u8> = from.copy_to_bytes(from.remaining()).iter().rev().copied().collect();
        let text = String::from_utf8(bytes).map_err(|e| Status::internal(e.to_string()))?;
        Ok(Note { text })
    }
}
