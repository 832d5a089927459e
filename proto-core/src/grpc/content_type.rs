//! `content-type` of gRPC: `application/grpc`, with `+codec` or `;parameters` (PROTOCOL-HTTP2.md, "Requests").

/// What both sides send: the default codec, protobuf, needs no suffix.
pub(crate) const GRPC: &[u8] = b"application/grpc";

/// The codec of a content-type without a suffix.
pub(crate) const DEFAULT_CODEC: &[u8] = b"proto";

/// The codec that a content-type names ("proto" where it names none), or `None` if it is not gRPC's.
///
/// `application/grpcfoo` and `application/grpc-web` are something else. Case does not matter (RFC 9110 section 8.3.1).
#[inline]
pub(crate) fn codec(value: &[u8]) -> Option<&[u8]> {
    // What nearly everybody sends.
    if value == GRPC { Some(DEFAULT_CODEC) } else { codec_of(value) }
}

fn codec_of(value: &[u8]) -> Option<&[u8]> {
    let (start, rest) = value.split_at_checked(GRPC.len())?;
    if !start.eq_ignore_ascii_case(GRPC) {
        return None;
    }
    match rest.first() {
        None | Some(b';' | b' ' | b'\t') => Some(DEFAULT_CODEC),
        Some(b'+') => {
            let end = rest.iter().position(|b| matches!(b, b';' | b' ' | b'\t')).unwrap_or(rest.len());
            Some(&rest[1..end])
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_with_and_without_a_codec_or_parameters_is_accepted() {
        for value in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;charset=utf-8",
            "application/grpc ; a=b",
            "Application/GRPC",
            "application/grpc+proto;a=b",
        ] {
            assert_eq!(codec(value.as_bytes()), Some(&b"proto"[..]), "{value}");
        }
        assert_eq!(codec(b"application/grpc+json"), Some(&b"json"[..]));
        assert_eq!(codec(b"application/grpc+"), Some(&b""[..]));
    }

    #[test]
    fn what_only_begins_like_grpc_is_refused() {
        for value in
            ["", "application/grpcfoo", "application/grpc-web", "application/grp", "text/html", "application/json"]
        {
            assert_eq!(codec(value.as_bytes()), None, "{value}");
        }
    }
}
