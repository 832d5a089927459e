//! HPACK (`proto_core::hpack`), decoding: any blocks, under changes of the table's size. What is stored stays within the limit, what a decoder
//! remembers of earlier blocks means the same as the fields themselves, and what was decoded survives our encoder.

use crate::input::{Input, put_piece};
use crate::wire;
use proto_core::hpack::{Decoder, Encoder, HeaderList, Known, name_is_valid};

/// Two decoders of the same blocks: one is kept from remembering runs of fields, by a size update that changes nothing.
struct Decoders {
    usual: Decoder,
    plain: Decoder,
    /// The table's size as the blocks have set it.
    size: usize,
    /// SETTINGS have changed, and no block has answered.
    owed: bool,
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let table = input.pick(&[4_096, 0, 100, 65_536]);
    let limit = input.pick(&[16_384, 0, 300, 1_000_000]);
    let mut decoders =
        Decoders { usual: Decoder::new(table, limit), plain: Decoder::new(table, limit), size: table, owed: false };
    let (mut list, mut other) = (HeaderList::new(), HeaderList::new());
    let (mut encoder, mut echo) = (Encoder::new(4_096), Decoder::new(4_096, usize::MAX));
    while !input.is_empty() {
        if input.byte() == 0xff {
            let size = input.pick(&[4_096, 0, 40, 100, 65_536]);
            decoders.usual.set_max_table_size(size);
            decoders.plain.set_max_table_size(size);
            decoders.owed = true;
            continue;
        }
        let block = input.piece();
        if !decode(&mut decoders, block, &mut list, &mut other) {
            return;
        }
        check(&list, limit);
        if !list.is_over_limit() {
            round_trip(&mut encoder, &mut echo, &list);
        }
    }
}

/// Decodes a block with both. False after an error, which both have.
fn decode(decoders: &mut Decoders, block: &[u8], list: &mut HeaderList, other: &mut HeaderList) -> bool {
    let result = decoders.usual.decode(block, list);
    let updates = leading_updates(block);
    let plain = if decoders.owed || updates.is_some() {
        decoders.plain.decode(block, other)
    } else {
        let mut prefixed = size_update(decoders.size);
        prefixed.extend_from_slice(block);
        decoders.plain.decode(&prefixed, other)
    };
    assert_eq!(result, plain);
    if result.is_err() {
        return false;
    }
    if let Some(size) = updates {
        (decoders.size, decoders.owed) = (size, false);
    }
    assert!(list.iter().eq(other.iter()), "runs mean the same as their fields");
    assert_eq!((list.size(), list.is_over_limit()), (other.size(), other.is_over_limit()));
    for &name in Known::ALL {
        assert_eq!((list.get(name), list.is_repeated(name)), (other.get(name), other.is_repeated(name)));
    }
    true
}

/// An update to this size (RFC 7541 section 6.3).
fn size_update(size: usize) -> Vec<u8> {
    if size < 31 {
        return vec![0x20 | size as u8];
    }
    let (mut out, mut rest) = (vec![0x3f], size - 31);
    while rest >= 128 {
        out.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
    out
}

/// The last size that a good block begins with, if it begins with one.
fn leading_updates(block: &[u8]) -> Option<usize> {
    let (mut rest, mut size) = (block, None);
    while let [first @ 0x20..=0x3f, behind @ ..] = rest {
        rest = behind;
        let mut value = usize::from(first & 0x1f);
        if value == 31 {
            for shift in (0..).step_by(7).take(5) {
                let [byte, behind @ ..] = rest else { return Some(value) };
                rest = behind;
                value += usize::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
        }
        size = Some(value);
    }
    size
}

/// A list stays within its limit and says the truth about its fields.
fn check(list: &HeaderList, limit: usize) {
    let size = |name: &[u8], value: &[u8]| name.len() + value.len() + 32;
    let stored: usize = list.iter().map(|field| size(field.name.as_bytes(), field.value)).sum();
    assert!(stored <= limit && stored <= list.size());
    assert_eq!(list.is_over_limit(), list.size() > limit);
    assert!(list.is_over_limit() || stored == list.size());
    assert_eq!(list.all_valid(), list.iter().all(|field| field.valid));
    for field in list.iter() {
        let text = field.value.iter().all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f));
        assert!(!field.valid || (text && (name_is_valid(field.name.as_bytes()) || field.name.as_bytes()[0] == b':')));
    }
}

fn round_trip(encoder: &mut Encoder, echo: &mut Decoder, list: &HeaderList) {
    let (mut block, mut again) = (Vec::new(), HeaderList::new());
    encoder.begin(&mut block);
    for field in list.iter() {
        encoder.field_other(&mut block, field.name.as_bytes(), field.value, field.sensitive);
    }
    echo.decode(&block, &mut again).expect("our own block");
    let pair = |list: &HeaderList| list.iter().map(|f| (f.name.as_bytes().to_vec(), f.value.to_vec())).collect();
    let (before, after): (Vec<_>, Vec<_>) = (pair(list), pair(&again));
    assert_eq!(before, after);
}

/// Seeds: blocks of our encoder, blocks written by hand, and bad ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(4_096);
    let blocks: Vec<Vec<u8>> = (0..6)
        .map(|n| {
            let mut block = Vec::new();
            encoder.begin(&mut block);
            for (name, value) in wire::REQUEST {
                encoder.field_other(&mut block, name.as_bytes(), value.as_bytes(), false);
            }
            encoder.field_other(&mut block, b"x-request-id", format!("request number {n}").as_bytes(), false);
            encoder.field_other(&mut block, b"authorization", b"Bearer secret", true);
            block
        })
        .collect();
    let by_hand: [&[u8]; 8] = [
        &wire::block(&wire::RESPONSE),
        &[0x82, 0x86, 0x84, 0xbe, 0xbf],
        &[0x20, 0x3f, 0xe1, 0x1f, 0x88],
        &[0x40, 1, b'a', 1, b'b', 0xbe, 0xbe],
        &[0x5f, 0x8b, 0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c, 0x4d, 0x65, 0x64],
        &[0x0f, 0x2f, 1, b'v', 0x10, 1, b's', 1, b't'],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x40, 0x7f, 0xff, 0xff, 0xff, 0x7f],
    ];
    let input = |blocks: &[&[u8]]| {
        let mut out = vec![0, 0];
        for block in blocks {
            out.push(0);
            put_piece(&mut out, block);
        }
        out
    };
    let mut seeds = vec![input(&blocks.iter().map(|block| &block[..]).collect::<Vec<_>>())];
    seeds.extend(by_hand.iter().map(|block| input(&[block, block])));
    // The table grows smaller, and the next block says so.
    let mut smaller = vec![0, 0, 0xff, 1, 0];
    put_piece(&mut smaller, &[0x20, 0x82]);
    seeds.push(smaller);
    seeds
}
