//! RST_STREAM code -> gRPC code (PROTOCOL-HTTP2.md, "Errors").

use super::Code;

/// The code for a call that the peer cut short with this code of HTTP/2. Codes that RFC 9113 does not define count as
/// INTERNAL_ERROR (its section 7 allows that).
pub(crate) fn code(http2: u32) -> Code {
    match http2 {
        7 => Code::Unavailable,
        8 => Code::Cancelled,
        11 => Code::ResourceExhausted,
        12 => Code::PermissionDenied,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_codes_map_as_the_document_says() {
        for http2 in [0, 1, 2, 3, 4, 5, 6, 9, 10, 13, 14, u32::MAX] {
            assert_eq!(code(http2), Code::Internal, "{http2}");
        }
        assert_eq!(code(7), Code::Unavailable);
        assert_eq!(code(8), Code::Cancelled);
        assert_eq!(code(11), Code::ResourceExhausted);
        assert_eq!(code(12), Code::PermissionDenied);
    }
}
