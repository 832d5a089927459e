//! What a hostile encoder may not do, and what it costs us.

use crate::{Pair, pair, pairs};
use proto_core::hpack::{DecodeError, Decoder, HeaderList, Known};

const LIST_LIMIT: usize = 16 * 1024;

fn decode(block: &[u8]) -> Result<(), DecodeError> {
    Decoder::new(4096, LIST_LIMIT).decode(block, &mut HeaderList::new())
}

/// A literal with incremental indexing.
fn indexing(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut block = vec![0x40];
    for text in [name, value] {
        let len = text.len();
        // A prefix of seven bits, continued as far as these tests need it.
        if len < 127 {
            block.push(len as u8);
        } else {
            block.extend([0x7f, (len - 127) as u8 | 0x80, ((len - 127) >> 7) as u8]);
        }
        block.extend_from_slice(text);
    }
    block
}

#[test]
fn index_zero_and_indexes_beyond_the_table_are_refused() {
    assert_eq!(decode(&[0x80]), Err(DecodeError::IndexZero));
    for index in [62u8, 70, 126] {
        assert_eq!(decode(&[0x80 | index]), Err(DecodeError::IndexTooLarge));
        assert_eq!(decode(&[0x82, 0x87, 0x80 | index]), Err(DecodeError::IndexTooLarge));
    }
    // As the name of a literal, in each of its three forms.
    for block in [[0x7f, 0x00, 0x00], [0x0f, 0x2f, 0x00], [0x1f, 0x2f, 0x00]] {
        assert_eq!(decode(&block), Err(DecodeError::IndexTooLarge));
    }
    assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x7f]), Err(DecodeError::IndexTooLarge));
}

#[test]
fn integers_of_more_than_five_octets_are_refused_wherever_they_stand() {
    let long = [0x80, 0x80, 0x80, 0x80, 0x00];
    // Indexed field, the three literals' names, a size update, a name's length, a value's length.
    for start in [&[0xff][..], &[0x7f], &[0x0f], &[0x1f], &[0x3f], &[0x40, 0x7f], &[0x44, 0xff]] {
        assert_eq!(decode(&[start, &long].concat()), Err(DecodeError::IntegerTooLong), "{start:x?}");
    }
}

#[test]
fn a_string_longer_than_the_block_is_refused_before_anything_is_taken() {
    // 268 million octets announced, three sent: as the name, the value, plain and Huffman.
    for start in [&[0x40, 0x7f][..], &[0x40, 0xff], &[0x44, 0x7f], &[0x44, 0xff]] {
        let block = [start, &[0xff, 0xff, 0xff, 0x7f, 1, 2, 3]].concat();
        assert_eq!(decode(&block), Err(DecodeError::Truncated), "{start:x?}");
    }
}

#[test]
fn a_block_that_breaks_off_is_refused_at_every_octet() {
    let mut block = vec![0x82];
    block.extend(indexing(b"x-name", b"value"));
    block.extend([0x0f, 0x2f, 0x03, b'a', b'b', b'c']);
    assert_eq!(decode(&block), Ok(()));
    let whole = [0, 1, 1 + 14];
    for len in 0..block.len() {
        let expected = if whole.contains(&len) { Ok(()) } else { Err(DecodeError::Truncated) };
        assert_eq!(decode(&block[..len]), expected, "{len}");
    }
}

#[test]
fn huffman_padding_and_eos_are_judged() {
    // A value of 'a' (00011) and three bits of padding.
    assert_eq!(decode(&[0x44, 0x81, 0b0001_1111]), Ok(()));
    assert_eq!(decode(&[0x44, 0x81, 0b0001_1110]), Err(DecodeError::BadPadding));
    assert_eq!(decode(&[0x44, 0x82, 0b0001_1111, 0xff]), Err(DecodeError::BadPadding));
    assert_eq!(decode(&[0x44, 0x84, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::EosInString));
}

#[test]
fn size_updates_stand_at_the_start_at_most_two_and_within_our_settings() {
    let to_4096 = [0x3f, 0xe1, 0x1f];
    let to_4097 = [0x3f, 0xe2, 0x1f];
    assert_eq!(decode(&[&[0x20][..], &to_4096, &[0x82]].concat()), Ok(()));
    assert_eq!(decode(&to_4097), Err(DecodeError::SizeUpdateTooLarge));
    assert_eq!(decode(&[0x20, 0x21, 0x22, 0x82]), Err(DecodeError::TooManySizeUpdates));
    assert_eq!(decode(&[0x82, 0x20]), Err(DecodeError::SizeUpdateTooLate));
    let after_literal = [&indexing(b"a", b"b")[..], &[0x20]].concat();
    assert_eq!(decode(&after_literal), Err(DecodeError::SizeUpdateTooLate));
}

#[test]
fn after_a_reduction_the_next_block_must_confirm_it() {
    let mut list = HeaderList::new();
    let reduced = || {
        let mut decoder = Decoder::new(4096, LIST_LIMIT);
        decoder.set_max_table_size(100);
        decoder
    };
    assert_eq!(reduced().decode(&[0x82], &mut list), Err(DecodeError::SizeUpdateMissing));
    assert_eq!(reduced().decode(&[], &mut list), Err(DecodeError::SizeUpdateMissing));
    // 101 is too large, 100 and less are right, and once is enough.
    assert_eq!(reduced().decode(&[0x3f, 70, 0x82], &mut list), Err(DecodeError::SizeUpdateTooLarge));
    for update in [&[0x3f, 69][..], &[0x20]] {
        let mut decoder = reduced();
        assert_eq!(decoder.decode(&[update, &[0x82]].concat(), &mut list), Ok(()));
        assert_eq!(decoder.decode(&[0x82], &mut list), Ok(()));
    }
    // Down and up again between two blocks: the smallest must be named first (RFC 7541 section 4.2).
    let mut decoder = reduced();
    decoder.set_max_table_size(4096);
    assert_eq!(decoder.decode(&[0x3f, 0xe1, 0x1f, 0x82], &mut list), Err(DecodeError::SizeUpdateMissing));
    let mut decoder = reduced();
    decoder.set_max_table_size(4096);
    assert_eq!(decoder.decode(&[0x3f, 69, 0x3f, 0xe1, 0x1f, 0x82], &mut list), Ok(()));
}

/// The bomb: one large entry, then a reference of one octet to it, again and again.
#[test]
fn a_small_block_cannot_become_a_large_list() {
    let mut decoder = Decoder::new(4096, LIST_LIMIT);
    let mut list = HeaderList::new();
    let value = vec![b'x'; 4000];
    let mut block = indexing(b"bomb", &value);
    block.resize(block.len() + 16_000, 0x80 | 62);
    decoder.decode(&block, &mut list).unwrap();
    assert!(list.is_over_limit());
    // What fits is there, what does not is counted.
    assert_eq!(list.len(), LIST_LIMIT / 4036);
    assert_eq!(list.size(), 16_001 * 4036);
    assert!(list.iter().all(|field| field.value == value));
    // The next list starts afresh, with the table in step.
    decoder.decode(&[0x82, 0x80 | 62], &mut list).unwrap();
    assert!(!list.is_over_limit());
    assert_eq!(pairs(&list), [pair(":method", "GET"), ("bomb".into(), value)]);
}

#[test]
fn beyond_the_limit_the_table_stays_in_step() {
    let mut decoder = Decoder::new(4096, 100);
    let mut list = HeaderList::new();
    // The second field exceeds the limit; the third would fit alone, but nothing is stored any more.
    let block = [indexing(b"one", b"1"), indexing(b"two", &[b'2'; 60]), indexing(b"three", b"3")].concat();
    decoder.decode(&block, &mut list).unwrap();
    assert!(list.is_over_limit());
    assert_eq!(list.size(), 36 + 95 + 38);
    assert_eq!(pairs(&list), [pair("one", "1")]);
    decoder.decode(&[0x80 | 62, 0x80 | 64], &mut list).unwrap();
    assert!(!list.is_over_limit());
    assert_eq!(pairs(&list), [pair("three", "3"), pair("one", "1")]);
    // Runs that were kept do not slip past the limit either.
    for _ in 0..4 {
        decoder.decode(&[0x80 | 64, 0x80 | 63, 0x80 | 64], &mut list).unwrap();
        assert!(list.is_over_limit());
        assert_eq!(pairs(&list), [pair("one", "1")]);
    }
    decoder.set_max_header_list_size(1000);
    decoder.decode(&[0x80 | 64, 0x80 | 63, 0x80 | 64], &mut list).unwrap();
    assert_eq!(list.len(), 3);
}

#[test]
fn an_entry_larger_than_the_table_empties_it_and_is_still_a_field() {
    let mut decoder = Decoder::new(200, LIST_LIMIT);
    let mut list = HeaderList::new();
    let block = [indexing(b"small", b"1"), indexing(b"large", &[b'x'; 180])].concat();
    decoder.decode(&block, &mut list).unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(decoder.decode(&[0x80 | 62], &mut list), Err(DecodeError::IndexTooLarge));
}

#[test]
fn the_verdict_on_octets_comes_with_every_use_of_an_entry() {
    let mut decoder = Decoder::new(4096, LIST_LIMIT);
    let mut list = HeaderList::new();
    let bad: [Pair; 5] =
        [pair("Upper", "v"), pair("x", "a\r\nb"), pair("x", "nul\0"), pair("", "v"), pair(":unknown", "v")];
    for (name, value) in &bad {
        decoder.decode(&indexing(name, value), &mut list).unwrap();
        assert!(!list.all_valid() && !list.iter().next().unwrap().valid, "{name:?}");
        // Again by its index, then in a run that is kept.
        for _ in 0..4 {
            decoder.decode(&[0x80 | 62, 0x82], &mut list).unwrap();
            assert!(!list.all_valid() && !list.iter().next().unwrap().valid);
            assert!(list.iter().nth(1).unwrap().valid);
        }
        decoder.decode(&[0x82], &mut list).unwrap();
        assert!(list.all_valid());
    }
    decoder.decode(&indexing("x".as_bytes(), "h\u{e9} \u{1f600}".as_bytes()), &mut list).unwrap();
    assert!(list.all_valid());
}

#[test]
fn known_names_are_recognized_however_they_are_written() {
    let mut decoder = Decoder::new(4096, LIST_LIMIT);
    let mut list = HeaderList::new();
    let literal = [indexing(b":path", b"/a"), indexing(b"grpc-timeout", b"1S"), indexing(b":path", b"/b")].concat();
    decoder.decode(&literal, &mut list).unwrap();
    assert_eq!((list.get(Known::Path), list.get(Known::GrpcTimeout)), (Some(&b"/a"[..]), Some(&b"1S"[..])));
    assert!(list.is_repeated(Known::Path) && !list.is_repeated(Known::GrpcTimeout));
    // By index, in a run that is first seen, then remembered, then kept; and as the name of a literal.
    for _ in 0..4 {
        decoder.decode(&[0x80 | 63, 0x80 | 62, 0x80 | 62, 0x0f, 0x30, 0x01, b'x'], &mut list).unwrap();
        assert_eq!((list.get(Known::Path), list.get(Known::GrpcTimeout)), (Some(&b"/b"[..]), Some(&b"1S"[..])));
        assert!(list.is_repeated(Known::Path) && list.is_repeated(Known::GrpcTimeout) && list.len() == 4);
    }
}

#[test]
fn a_kept_run_is_forgotten_when_the_table_changes() {
    let mut decoder = Decoder::new(4096, LIST_LIMIT);
    let mut list = HeaderList::new();
    decoder.decode(&[indexing(b"a", b"1"), indexing(b"b", b"2")].concat(), &mut list).unwrap();
    let run = [0x80 | 62, 0x80 | 63, 0x83];
    for _ in 0..4 {
        decoder.decode(&run, &mut list).unwrap();
        assert_eq!(pairs(&list), [pair("b", "2"), pair("a", "1"), pair(":method", "POST")]);
    }
    decoder.decode(&indexing(b"c", b"3"), &mut list).unwrap();
    for _ in 0..4 {
        decoder.decode(&run, &mut list).unwrap();
        assert_eq!(pairs(&list), [pair("c", "3"), pair("b", "2"), pair(":method", "POST")]);
    }
    // A size update that evicts.
    let update = [&[0x3f, 3][..], &run].concat();
    assert_eq!(decoder.decode(&update, &mut list), Err(DecodeError::IndexTooLarge));
}
