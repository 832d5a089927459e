//! Integers with a prefix (RFC 7541 section 5.1).

use super::decoder::DecodeError;
use alloc::vec::Vec;

/// Octets that one integer may take, prefix included. Four octets of seven bits after the prefix reach 2^28, more
/// than any index, length or table size that we accept; longer forms only serve an attack (CVE-2024-7246).
const MAX_OCTETS: usize = 5;

/// Reads the rest of an integer whose first octet was `first`, with a prefix of `bits` bits. `input` stands behind
/// the first octet and is advanced.
#[inline]
pub(super) fn decode(first: u8, bits: u32, input: &mut &[u8]) -> Result<usize, DecodeError> {
    let prefix = (1usize << bits) - 1;
    let value = usize::from(first) & prefix;
    if value < prefix { Ok(value) } else { decode_rest(prefix, input) }
}

fn decode_rest(prefix: usize, input: &mut &[u8]) -> Result<usize, DecodeError> {
    let mut value = prefix;
    for position in 0..MAX_OCTETS - 1 {
        let Some((&octet, rest)) = input.split_first() else { return Err(DecodeError::Truncated) };
        *input = rest;
        // At most 4 * 7 bits and a prefix of 7: no overflow in 32 bits.
        value += usize::from(octet & 0x7f) << (7 * position);
        if octet & 0x80 == 0 {
            return Ok(value);
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
            assert_eq!(decode(out[0], bits, &mut &out[1..]), Ok(value));
        }
    }

    #[test]
    fn every_prefix_round_trips_around_its_edges() {
        for bits in 4..=7 {
            for value in (0..400).chain([16_383, 16_384, 1 << 20, (1 << 28) - 1]) {
                let mut out = Vec::new();
                encode(0, bits, value, &mut out);
                let mut rest = &out[1..];
                assert_eq!(decode(out[0], bits, &mut rest), Ok(value));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn an_integer_of_more_than_five_octets_is_refused() {
        let five = [0xff, 0xff, 0xff, 0x7f];
        assert_eq!(decode(0x7f, 7, &mut &five[..]), Ok(127 + (1 << 28) - 1));
        // Zeros that add nothing to the value count as well.
        for six in [[0xff, 0xff, 0xff, 0xff, 0x01], [0x80, 0x80, 0x80, 0x80, 0x00]] {
            assert_eq!(decode(0x7f, 7, &mut &six[..]), Err(DecodeError::IntegerTooLong));
        }
    }

    #[test]
    fn an_integer_that_breaks_off_is_refused() {
        assert_eq!(decode(0x1f, 5, &mut &[0x80u8][..]), Err(DecodeError::Truncated));
        assert_eq!(decode(0x1f, 5, &mut &[][..]), Err(DecodeError::Truncated));
    }
}
