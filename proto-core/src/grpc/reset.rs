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

/// The name of a code of HTTP/2 (RFC 9113 section 7).
pub(crate) fn name(http2: u32) -> &'static str {
    match http2 {
        0 => "NO_ERROR",
        1 => "PROTOCOL_ERROR",
        2 => "INTERNAL_ERROR",
        3 => "FLOW_CONTROL_ERROR",
        4 => "SETTINGS_TIMEOUT",
        5 => "STREAM_CLOSED",
        6 => "FRAME_SIZE_ERROR",
        7 => "REFUSED_STREAM",
        8 => "CANCEL",
        9 => "COMPRESSION_ERROR",
        10 => "CONNECT_ERROR",
        11 => "ENHANCE_YOUR_CALM",
        12 => "INADEQUATE_SECURITY",
        13 => "HTTP_1_1_REQUIRED",
        _ => "an unknown code",
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

    #[test]
    fn every_code_of_the_rfc_has_its_name() {
        assert_eq!(name(7), "REFUSED_STREAM");
        assert_eq!(name(14), "an unknown code");
        assert!((0..14).all(|code| name(code) != "an unknown code"));
    }
}
