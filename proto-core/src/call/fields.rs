//! Which received fields are metadata, and which belong to gRPC or HTTP/2.

use crate::grpc::Metadata;
use crate::grpc::metadata::InvalidBase64;
use crate::hpack::{HeaderList, Known, Name};

/// Does the protocol itself speak through this field? Such fields are not shown as metadata.
const fn is_protocol(name: Known) -> bool {
    name.is_pseudo()
        || name.is_connection_specific()
        || matches!(
            name,
            Known::Te
                | Known::ContentType
                | Known::ContentLength
                | Known::UserAgent
                | Known::Host
                | Known::GrpcTimeout
                | Known::GrpcEncoding
                | Known::GrpcAcceptEncoding
                | Known::GrpcStatus
                | Known::GrpcMessage
                | Known::GrpcStatusDetailsBin
                | Known::GrpcMessageType
        )
}

/// The fields of the protocol as a set.
const PROTOCOL: u64 = {
    let (mut set, mut at) = (0, 0);
    while at < Known::ALL.len() {
        if is_protocol(Known::ALL[at]) {
            set |= 1 << Known::ALL[at] as u64;
        }
        at += 1;
    }
    set
};

/// Copies the metadata among `list` to `into`, in order, binary values decoded.
pub(super) fn metadata(list: &HeaderList, into: &mut Metadata) -> Result<(), InvalidBase64> {
    if list.has_only(PROTOCOL) {
        // Most calls.
        return Ok(());
    }
    // About what its names and values take: no growing on the way.
    into.reserve(list.len(), list.text_len());
    for field in list.iter() {
        match field.name {
            Name::Known(name) if is_protocol(name) => {}
            name => into.append_received(name.as_bytes(), field.value, field.sensitive)?,
        }
    }
    Ok(())
}

/// A received value as text for a message: printable, cut to 64 bytes.
pub(super) fn shown(value: &[u8]) -> alloc::string::String {
    alloc::string::ToString::to_string(&value[..value.len().min(64)].escape_ascii())
}
