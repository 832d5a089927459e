//! Integers with a prefix (RFC 7541 section 5.1).

use super::error::DecodeError;
use alloc::vec::Vec;

/// Octets that one integer may take, prefix included. Four octets of seven bits after the prefix reach 2^28, more
/// than any index, length or table size that we accept; longer forms only serve an attack (CVE-2024-7246).
const MAX_OCTETS: usize = 5;

/// Reads the rest of an integer whose first octet was `first`, with a prefix of `bits` bits. Yields it and the input
/// behind it.
#[inline]
pub(super) fn decode(first: u8, bits: u32, input: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    let prefix = (1usize << bits) - 1;
    let value = usize::from(first) & prefix;
    if value < prefix { Ok((value, input)) } else { decode_rest(prefix, input) }
}

#[inline]
fn decode_rest(prefix: usize, mut input: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    let mut value = prefix;
    for position in 0..MAX_OCTETS - 1 {
        let [octet, rest @ ..] = input else { return Err(DecodeError::Truncated) };
        // At most 4 * 7 bits and a prefix of 7: no overflow in 32 bits.
        value += usize::from(octet & 0x7f) << (7 * position);
        input = rest;
        if octet & 0x80 == 0 {
            return Ok((value, input));
        }
    }
    Err(DecodeError::IntegerTooLong)
}

/// Writes `value` with a prefix of `bits` bits below the bits of `pattern`.
#[inline]
pub(super) fn encode(pattern: u8, bits: u32, value: usize, out: &mut Vec<u8>) {
    let prefix = (1usize << bits) - 1;
    if value < prefix {
        out.push(pattern | value as u8);
    } else {
        out.push(pattern | prefix as u8);
        encode_rest(value - prefix, out);
    }
}

fn encode_rest(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn appendix_c1_examples() {
        for (bits, value, octets) in [(5, 10, vec![10]), (5, 1337, vec![31, 154, 10]), (8, 42, vec![42])] {
            let mut out = Vec::new();
            encode(0, bits, value, &mut out);
            assert_eq!(out, octets);
            assert_eq!(decode(out[0], bits, &out[1..]), Ok((value, &[][..])));
        }
    }

    #[test]
    fn every_prefix_round_trips_around_its_edges() {
        for bits in 4..=7 {
            for value in (0..400).chain([16_383, 16_384, 1 << 20, (1 << 28) - 1]) {
                let mut out = Vec::new();
                encode(0, bits, value, &mut out);
                assert_eq!(decode(out[0], bits, &out[1..]), Ok((value, &[][..])));
            }
        }
    }

    #[test]
    fn an_integer_of_more_than_five_octets_is_refused() {
        let five = [0xff, 0xff, 0xff, 0x7f];
        assert_eq!(decode(0x7f, 7, &five), Ok((127 + (1 << 28) - 1, &[][..])));
        // Zeros that add nothing to the value count as well.
        for six in [[0xff, 0xff, 0xff, 0xff, 0x01], [0x80, 0x80, 0x80, 0x80, 0x00]] {
            assert_eq!(decode(0x7f, 7, &six), Err(DecodeError::IntegerTooLong));
        }
    }

    #[test]
    fn an_integer_that_breaks_off_is_refused() {
        assert_eq!(decode(0x1f, 5, &[0x80]), Err(DecodeError::Truncated));
        assert_eq!(decode(0x1f, 5, &[]), Err(DecodeError::Truncated));
    }
}
