//! Percent-encoding of `grpc-message` (PROTOCOL-HTTP2.md, "Responses"): UTF-8 with everything outside
//! %x20-24 / %x26-7E escaped.

use alloc::string::String;
use alloc::vec::Vec;

/// Appends `message` in its wire form.
///
/// A space at either end is escaped as well: HTTP/2 forbids values with outer white space (RFC 9113 section 8.2.1)
/// and peers strip it.
pub(crate) fn encode(message: &str, into: &mut Vec<u8>) {
    let bytes = message.as_bytes();
    let last = bytes.len().saturating_sub(1);
    for (at, &byte) in bytes.iter().enumerate() {
        let outer_space = byte == b' ' && (at == 0 || at == last);
        if (0x20..=0x7e).contains(&byte) && byte != b'%' && !outer_space {
            into.push(byte);
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            into.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Reads the wire form. Never fails: a bad escape is kept as it stands, invalid UTF-8 becomes U+FFFD.
pub(crate) fn decode(value: &[u8]) -> String {
    if !value.contains(&b'%') {
        return String::from_utf8_lossy(value).into_owned();
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, escape(tail)) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            _ => out.push(byte),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(bad) => String::from_utf8_lossy(bad.as_bytes()).into_owned(),
    }
}

/// The byte that the two hex digits after a percent sign stand for.
pub(crate) fn escape(after: &[u8]) -> Option<u8> {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    let (&high, &low) = (after.first()?, after.get(1)?);
    u8::try_from(hex(high)? * 16 + hex(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(message: &str) -> String {
        let mut out = Vec::new();
        encode(message, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn printable_ascii_goes_out_as_it_is() {
        assert_eq!(encoded("no such user: 'ada' $&~"), "no such user: 'ada' $&~");
    }

    #[test]
    fn percent_signs_controls_and_unicode_are_escaped() {
        assert_eq!(encoded("100%"), "100%25");
        assert_eq!(encoded("\ta\r\n☺😈"), "%09a%0D%0A%E2%98%BA%F0%9F%98%88");
        assert_eq!(encoded("\u{7f}"), "%7F");
    }

    #[test]
    fn outer_spaces_survive() {
        assert_eq!(encoded(" a b "), "%20a b%20");
        assert_eq!(encoded(" "), "%20");
        assert_eq!(decode(encoded(" a b ").as_bytes()), " a b ");
    }

    #[test]
    fn every_message_survives_the_wire() {
        for message in ["", "%", "%%41", "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n", "\0"] {
            assert_eq!(decode(encoded(message).as_bytes()), message);
        }
    }

    #[test]
    fn bad_escapes_are_kept() {
        for bad in ["%", "a%", "%4", "%zz", "%4z", "%%", "100% sure"] {
            assert_eq!(decode(bad.as_bytes()), bad);
        }
        assert_eq!(decode(b"%%41"), "%A");
        assert_eq!(decode(b"%e2%98%ba"), "☺");
    }

    #[test]
    fn invalid_utf8_is_replaced_and_never_fails() {
        assert_eq!(decode(b"a%FFb"), "a\u{fffd}b");
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
    }
}
