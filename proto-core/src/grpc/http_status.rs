//! HTTP status -> gRPC code, for an answer without `grpc-status` (http-grpc-status-mapping.md).

use super::Code;

/// The code for a final HTTP status that came without a `grpc-status`.
pub(crate) fn code(http: u16) -> Code {
    match http {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// Reads `:status`: exactly three digits (RFC 9110 section 15). Zero for anything else.
pub(crate) fn parse(value: &[u8]) -> u16 {
    match *value {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_statuses_map_as_the_document_says() {
        let table = [
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (429, Code::Unavailable),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
            (200, Code::Unknown),
            (204, Code::Unknown),
            (302, Code::Unknown),
            (415, Code::Unknown),
            (418, Code::Unknown),
            (500, Code::Unknown),
            (0, Code::Unknown),
        ];
        for (http, expected) in table {
            assert_eq!(code(http), expected, "{http}");
        }
    }

    #[test]
    fn a_status_is_three_digits() {
        assert_eq!(parse(b"200"), 200);
        assert_eq!(parse(b"503"), 503);
        for bad in [&b""[..], b"20", b"2000", b"2 0", b"099", b"abc"] {
            assert_eq!(parse(bad), 0);
        }
    }
}
