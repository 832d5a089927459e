//! Which octets may stand in names and values (RFC 9113 section 8.2.1, RFC 9110 sections 5.1 and 5.5).

/// The name is a lower-case token, as RFC 9110 section 5.1 and RFC 9113 section 8.2.1 ask of a field name. An empty
/// name and a pseudo-header's colon are refused: pseudo-headers are [`Known`](super::Known) or unknown.
pub fn name_is_valid(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&b| NAME_CHARS[usize::from(b)])
}

/// The value holds no control character but the tab (RFC 9110 section 5.5): in particular no CR, LF or NUL.
/// Octets from 0x80 up are allowed (obs-text: old peers send UTF-8 there).
///
/// White space at either end is *not* refused here, against the letter of RFC 9113 section 8.2.1: gRPC peers send
/// a `grpc-message` that ends in a space as it is. See [`trim_outer_whitespace`].
#[inline]
pub fn value_is_valid(value: &[u8]) -> bool {
    let (chunks, rest) = value.as_chunks::<8>();
    chunks.iter().all(|chunk| !has_control(*chunk) || all_value_chars(chunk)) && all_value_chars(rest)
}

#[inline]
fn all_value_chars(octets: &[u8]) -> bool {
    octets.iter().copied().all(is_value_char)
}

#[inline]
fn is_value_char(octet: u8) -> bool {
    octet >= 0x20 && octet != 0x7f || octet == b'\t'
}

/// One of eight octets is below 0x20 (the tab too) or 0x7f.
#[inline]
fn has_control(octets: [u8; 8]) -> bool {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let word = u64::from_le_bytes(octets);
    let low = word & LOW;
    // The top bit of each octet, without a carry into the next: set by 0x20 and more, and by 0x7f.
    let printable = low + 0x6060_6060_6060_6060;
    let delete = low + 0x0101_0101_0101_0101;
    (!printable | delete) & !word & !LOW != 0
}

/// The value without spaces and tabs at either end, which PROTOCOL-HTTP2 allows a receiver to strip.
pub fn trim_outer_whitespace(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

static NAME_CHARS: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = matches!(i as u8, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*'
            | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_tokens() {
        for good in [&b"x"[..], b"grpc-status", b"a.b_c-1", b"!#$%&'*+-.^_`|~"] {
            assert!(name_is_valid(good));
        }
        for bad in [&b""[..], b"X-Up", b"a b", b"a:b", b":path", b"a\0", b"a\r", b"\xc3\xa9", b"a\x7f", b"a(b"] {
            assert!(!name_is_valid(bad), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn values_refuse_controls_and_allow_the_rest() {
        for good in [&b""[..], b" a b ", b"tab\there", "h\u{e9}llo \u{1f600}".as_bytes(), b"\xff\x80"] {
            assert!(value_is_valid(good));
        }
        for control in (0..0x20).filter(|&c| c != b'\t').chain([0x7f]) {
            for position in 0..40 {
                let mut value = [b'v'; 40];
                value[position] = control;
                assert!(!value_is_valid(&value), "{control:#x} at {position}");
            }
        }
    }

    #[test]
    fn outer_whitespace_is_trimmed_and_inner_kept() {
        assert_eq!(trim_outer_whitespace(b" \t a b\t "), b"a b");
        assert_eq!(trim_outer_whitespace(b" \t "), b"");
        assert_eq!(trim_outer_whitespace(b"plain"), b"plain");
    }
}
