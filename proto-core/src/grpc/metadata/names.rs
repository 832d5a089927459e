//! Which names an application may use, and which bytes a value may have.

use super::MetadataError;

/// Names that gRPC or HTTP/2 writes by itself, or forbids (PROTOCOL-HTTP2.md "Requests"; RFC 9113 section 8.2.2).
/// Names that begin with "grpc-" are reserved as a whole.
const RESERVED: [&str; 11] = [
    "te",
    "content-type",
    "content-length",
    "user-agent",
    "host",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "trailer",
];

/// May the application set this name?
pub(super) fn check(name: &str) -> Result<(), MetadataError> {
    let bytes = name.as_bytes();
    if bytes.first() == Some(&b':') || is_reserved(bytes) {
        return Err(MetadataError::Reserved { name: name.into() });
    }
    if bytes.is_empty() || !bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        return Err(MetadataError::Name { name: name.into() });
    }
    Ok(())
}

/// Does the name belong to gRPC or HTTP/2?
fn is_reserved(name: &[u8]) -> bool {
    let grpc = name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"grpc-"));
    grpc || RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved.as_bytes()))
}

/// Does a value of this name travel as base64?
pub(crate) fn is_bin(name: &[u8]) -> bool {
    name.len() >= 4 && name[name.len() - 4..].eq_ignore_ascii_case(b"-bin")
}

/// Can a header carry this value (RFC 9110 section 5.5: no control characters but the tab)?
pub(super) fn is_value(value: &[u8]) -> bool {
    value.iter().all(|&b| b == b'\t' || (b >= 0x20 && b != 0x7f))
}
