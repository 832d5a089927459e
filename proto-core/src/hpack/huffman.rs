//! The Huffman code of strings (RFC 7541 section 5.2 and appendix B), by tables.
//!
//! The code is canonical: the lengths below determine every code. All tables are computed from them at compile time.

use super::error::DecodeError;
use alloc::vec::Vec;

/// Bits of each symbol's code (appendix B); the last is EOS.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26, 30,
];

const EOS: u16 = 256;
/// Bits of the longest code.
const MAX_BITS: usize = 30;
/// Codes of at most this many bits are decoded by one look into `SHORT`. They cover letters, digits and the usual
/// punctuation; the next longer code has 10 bits.
const SHORT_BITS: usize = 8;

/// The canonical code: symbols ordered by length, and for each length its first code and that code's rank.
struct Canonical {
    symbols: [u16; 257],
    first_code: [u32; MAX_BITS + 1],
    /// First code of the next length, aligned to this length: codes of this length are below it.
    end_code: [u32; MAX_BITS + 1],
    first_rank: [u16; MAX_BITS + 1],
}

static CANONICAL: Canonical = canonical();

const fn canonical() -> Canonical {
    let mut c = Canonical {
        symbols: [0; 257],
        first_code: [0; MAX_BITS + 1],
        end_code: [0; MAX_BITS + 1],
        first_rank: [0; MAX_BITS + 1],
    };
    let (mut bits, mut code, mut rank) = (1, 0u32, 0);
    while bits <= MAX_BITS {
        code <<= 1;
        c.first_code[bits] = code;
        c.first_rank[bits] = rank as u16;
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == bits {
                c.symbols[rank] = symbol as u16;
                rank += 1;
                code += 1;
            }
            symbol += 1;
        }
        c.end_code[bits] = code;
        bits += 1;
    }
    c
}

/// Code and length of each octet.
static CODES: [(u32, u8); 256] = codes();

const fn codes() -> [(u32, u8); 256] {
    let c = canonical();
    let mut codes = [(0, 0); 256];
    let mut rank = 0;
    // EOS is the last of the longest codes; the others are all octets.
    while rank < 256 {
        let symbol = c.symbols[rank] as usize;
        let bits = LENGTHS[symbol];
        let code = c.first_code[bits as usize] + (rank as u32 - c.first_rank[bits as usize] as u32);
        codes[symbol] = (code, bits);
        rank += 1;
    }
    codes
}

/// (symbol, length) for the complement of the next eight bits; length 0 if the code is longer than that.
static SHORT: [(u8, u8); 1 << SHORT_BITS] = {
    let codes = codes();
    let mut table = [(0, 0); 1 << SHORT_BITS];
    let mut symbol = 0;
    while symbol < 256 {
        let (code, bits) = codes[symbol];
        if bits as usize <= SHORT_BITS {
            let mut rest = 0;
            while rest < 1 << (SHORT_BITS - bits as usize) {
                let next = ((code as usize) << (SHORT_BITS - bits as usize)) | rest;
                table[!next & 0xff] = (symbol as u8, bits);
                rest += 1;
            }
        }
        symbol += 1;
    }
    table
};

/// Symbols that are decoded between two looks at the input: as many short codes as 56 bits hold.
const BATCH: usize = 56 / SHORT_BITS;

/// Appends the decoded string to `out`. On an error `out` holds some part of it.
pub(super) fn decode(mut input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    // The next bits stand at the top of `window`, complemented: what lies beyond the input then reads as ones, which
    // is what padding must be.
    let (mut window, mut available) = (0u64, 0usize);
    out.reserve(input.len() * 8 / 5 + 8);
    loop {
        refill(&mut window, &mut available, &mut input);
        // Short codes are gathered in a word, which is appended whole and cut to size: that needs no call.
        let (mut batch, mut count) = (0u64, 0);
        // With a full window no short code can be cut off, so that the batch needs no look at `available`.
        let full = available >= BATCH * SHORT_BITS;
        while count < BATCH {
            let (symbol, bits) = SHORT[(window >> (64 - SHORT_BITS)) as usize];
            if bits == 0 || !full && usize::from(bits) > available {
                break;
            }
            batch |= u64::from(symbol) << (8 * count);
            count += 1;
            window <<= bits;
            available -= usize::from(bits);
        }
        let end = out.len() + count;
        out.extend_from_slice(&batch.to_le_bytes());
        out.truncate(end);
        if count == BATCH || count > 0 && !input.is_empty() {
            continue;
        }
        // A long code stands here, or the end.
        if available <= SHORT_BITS {
            break;
        }
        let (symbol, bits) = decode_any(!(window >> 32) as u32);
        if bits > available {
            break;
        }
        if symbol == EOS {
            return Err(DecodeError::EosInString);
        }
        out.push(symbol as u8);
        window <<= bits;
        available -= bits;
    }
    // What is left must be the start of EOS and shorter than an octet (RFC 7541 section 5.2).
    if available < 8 && window == 0 { Ok(()) } else { Err(DecodeError::BadPadding) }
}

/// Fills the window up to at least 57 bits, or with all that is left.
#[inline(always)]
fn refill(window: &mut u64, available: &mut usize, input: &mut &[u8]) {
    if let Some(chunk) = input.first_chunk::<8>() {
        // Bits beyond the counted octets come again with the next refill, the same as now.
        *window |= !u64::from_be_bytes(*chunk) >> *available;
        let octets = (63 - *available) / 8;
        *input = &input[octets..];
        *available += octets * 8;
    } else {
        while *available <= 56
            && let [octet, rest @ ..] = *input
        {
            *window |= u64::from(!octet) << (56 - *available);
            *available += 8;
            *input = rest;
        }
    }
}

/// The symbol and length of the code at the top of `next`, by comparing it with the last code of each length.
#[cold]
fn decode_any(next: u32) -> (u16, usize) {
    let c = &CANONICAL;
    for bits in 1..=MAX_BITS {
        let code = next >> (32 - bits);
        if code < c.end_code[bits] {
            let rank = c.first_rank[bits] as usize + (code - c.first_code[bits]) as usize;
            return (c.symbols[rank], bits);
        }
    }
    // The code is complete: its last word, 30 ones, is EOS.
    (EOS, MAX_BITS)
}

/// Octets that `input` takes when encoded.
pub(super) fn encoded_len(input: &[u8]) -> usize {
    let bits: usize = input.iter().map(|&b| usize::from(LENGTHS[usize::from(b)])).sum();
    bits.div_ceil(8)
}

/// Appends `input`, encoded and padded, to `out`.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    let (mut window, mut pending) = (0u64, 0u32);
    for &octet in input {
        let (code, bits) = CODES[usize::from(octet)];
        window = window << bits | u64::from(code);
        pending += u32::from(bits);
        if pending >= 32 {
            pending -= 32;
            out.extend_from_slice(&((window >> pending) as u32).to_be_bytes());
        }
    }
    // Pad with ones to the end of the octet.
    let padding = pending.wrapping_neg() % 8;
    window = window << padding | ((1 << padding) - 1);
    pending += padding;
    while pending > 0 {
        pending -= 8;
        out.push((window >> pending) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries of appendix B, from its start, its end, and between.
    #[test]
    fn codes_are_those_of_appendix_b() {
        for (symbol, code, bits) in [
            (0, 0x1ff8, 13),
            (1, 0x7fffd8, 23),
            (10, 0x3ffffffc, 30),
            (22, 0x3ffffffe, 30),
            (b' ', 0x14, 6),
            (b'0', 0x0, 5),
            (b'a', 0x3, 5),
            (b'X', 0xfc, 8),
            (b'~', 0x1ffd, 13),
            (127, 0xffffffc, 28),
            (128, 0xfffe6, 20),
            (255, 0x3ffffee, 26),
        ] {
            assert_eq!(CODES[usize::from(symbol)], (code, bits), "{symbol}");
        }
        assert_eq!(decode_any(0xffff_fffc), (EOS, 30));
    }

    #[test]
    fn every_pair_of_octets_round_trips_at_every_offset() {
        let (mut encoded, mut decoded) = (Vec::new(), Vec::new());
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                for padding in [&b""[..], b"aaaaaaa"] {
                    let text = [padding, &[first, second], padding].concat();
                    encoded.clear();
                    decoded.clear();
                    encode(&text, &mut encoded);
                    assert_eq!(encoded.len(), encoded_len(&text));
                    decode(&encoded, &mut decoded).unwrap();
                    assert_eq!(decoded, text);
                }
            }
        }
    }

    #[test]
    fn padding_is_ones_and_shorter_than_an_octet() {
        let decoded = |octets: &[u8]| decode(octets, &mut Vec::new());
        // 'a' is 00011; the three bits behind it must be ones.
        assert_eq!(decoded(&[0b0001_1111]), Ok(()));
        for wrong in [0b0001_1110, 0b0001_1011, 0b0001_1000] {
            assert_eq!(decoded(&[wrong]), Err(DecodeError::BadPadding));
        }
        for ones in 1..8 {
            let octets = [&[0b0001_1111][..], &[0xff; 8][..ones]].concat();
            let expected = if ones < 4 { DecodeError::BadPadding } else { DecodeError::EosInString };
            assert_eq!(decoded(&octets), Err(expected), "{ones}");
        }
        assert_eq!(decoded(&[0xff]), Err(DecodeError::BadPadding));
        assert_eq!(decoded(&[]), Ok(()));
    }

    #[test]
    fn a_long_code_that_breaks_off_is_refused() {
        let mut encoded = Vec::new();
        encode(b"\n\n\n\n", &mut encoded);
        assert_eq!(encoded.len(), 15);
        for len in 1..15 {
            // Every proper prefix ends within a code, and not in seven ones or less.
            let whole = len * 8 / 30 * 30;
            let result = decode(&encoded[..len], &mut Vec::new());
            assert_eq!(result.is_ok(), len * 8 - whole < 8, "{len}");
        }
    }
}
