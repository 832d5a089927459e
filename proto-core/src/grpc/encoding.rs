//! Message encodings (`grpc-encoding`): the seam for compression. So far identity only.
//!
//! An encoding that we do not know is answered as compression.md says: UNIMPLEMENTED with `grpc-accept-encoding` by a
//! server, INTERNAL by a client.

use super::{Code, Local, Origin, Seen, Status};
use alloc::format;
use alloc::string::String;

/// What `grpc-accept-encoding` tells the peer.
pub(crate) const ACCEPT: &[u8] = b"identity";

/// How the messages of one direction of a call may be encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// No `grpc-encoding`, or `identity`: no message may have the compressed flag.
    #[default]
    Identity,
}

impl Encoding {
    /// Reads `grpc-encoding`.
    pub(crate) fn parse(value: &[u8]) -> Option<Encoding> {
        (value == b"identity").then_some(Encoding::Identity)
    }

    /// May a message of this encoding have the compressed flag?
    pub(crate) fn compresses(self) -> bool {
        match self {
            Encoding::Identity => false,
        }
    }
}

/// A server's answer to a request in an encoding that it does not know.
pub(crate) fn unknown_at_server(value: &[u8]) -> Status {
    unknown(Code::Unimplemented, "request", value)
}

/// A client's verdict on a response in an encoding that it did not offer.
pub(crate) fn unknown_at_client(value: &[u8]) -> Status {
    unknown(Code::Internal, "response", value)
}

fn unknown(code: Code, what: &str, value: &[u8]) -> Status {
    let value = String::from_utf8_lossy(&value[..value.len().min(64)]);
    let message = format!("the {what} has grpc-encoding {value:?}; supported is \"identity\"");
    Status::new(code, message).with_origin(Origin::Local(Local::PeerMisbehaved)).with_seen(Seen::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_known_and_never_compresses() {
        assert_eq!(Encoding::parse(b"identity"), Some(Encoding::Identity));
        assert!(!Encoding::Identity.compresses());
    }

    #[test]
    fn an_unknown_encoding_gets_the_status_of_its_side() {
        assert_eq!(Encoding::parse(b"snappy"), None);
        let status = unknown_at_server(b"snappy");
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().contains("snappy") && status.message().contains("identity"), "{status}");
        assert_eq!(unknown_at_client(b"snappy").code(), Code::Internal);
    }
}
