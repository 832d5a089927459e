//! A status in trailers: `grpc-status`, `grpc-message`, `grpc-status-details-bin` (PROTOCOL-HTTP2.md, "Responses").

use super::{Inner, Status};
use crate::grpc::metadata::{InvalidBase64, Metadata, decode_bin};
use crate::grpc::{Code, Origin, Seen, percent};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

impl Status {
    /// The verdict that a peer sent: the raw values of its trailers, and the rest of them as metadata. OK with
    /// nothing else takes no memory.
    ///
    /// Details that are not base64 are left out: the verdict matters more.
    pub(crate) fn received(code: Code, message: Option<&[u8]>, details: Option<&[u8]>, metadata: &Metadata) -> Status {
        if code == Code::Ok && message.is_none() && details.is_none() {
            return Status::OK;
        }
        let mut decoded = Vec::new();
        if let Some(Err(InvalidBase64)) = details.map(|value| decode_bin(value.trim_ascii(), &mut decoded).map(drop)) {
            decoded.clear();
        }
        let inner = Inner {
            message: message.map(percent::decode).unwrap_or_default(),
            details: Bytes::from(decoded),
            metadata: metadata.clone(),
            origin: Some(Origin::Peer),
            seen: Some(Seen::Yes),
            ..Inner::default()
        };
        Status { code, inner: Some(Arc::new(inner)) }
    }
}
