//! The examples of RFC 7541 appendix C: list, table and table size after each block.

use crate::{Pair, hex, pair, pairs, table};
use proto_core::hpack::{Decoder, Encoder, HeaderList, Known};

/// Decodes blocks in a row; after each, the list and the table must be as given.
fn check(mut decoder: Decoder, steps: &[(&str, Vec<Pair>, Vec<Pair>, usize)]) {
    let mut list = HeaderList::new();
    for (block, fields, entries, size) in steps {
        decoder.decode(&hex(block), &mut list).unwrap();
        assert_eq!(&pairs(&list), fields, "{block}");
        let held = table(&mut decoder);
        assert_eq!(&held, entries, "{block}");
        assert_eq!(held.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>(), *size);
    }
}

fn decoder(table_size: usize) -> Decoder {
    Decoder::new(table_size, 16 * 1024)
}

#[test]
fn c2_header_field_representations() {
    let custom = pair("custom-key", "custom-header");
    check(
        decoder(4096),
        &[("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", vec![custom.clone()], vec![custom], 55)],
    );
    check(decoder(4096), &[("040c 2f73 616d 706c 652f 7061 7468", vec![pair(":path", "/sample/path")], vec![], 0)]);
    let mut list = HeaderList::new();
    decoder(4096).decode(&hex("1008 7061 7373 776f 7264 0673 6563 7265 74"), &mut list).unwrap();
    let field = list.iter().next().unwrap();
    assert_eq!((field.name.as_bytes(), field.value, field.sensitive), (&b"password"[..], &b"secret"[..], true));
    check(decoder(4096), &[("82", vec![pair(":method", "GET")], vec![], 0)]);
}

/// C.3 and C.4 are the same requests, without and with Huffman code.
#[test]
fn c3_and_c4_requests() {
    let authority = pair(":authority", "www.example.com");
    let no_cache = pair("cache-control", "no-cache");
    let custom = pair("custom-key", "custom-value");
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let huffman = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, huffman] {
        let get = |scheme, path| vec![pair(":method", "GET"), pair(":scheme", scheme), pair(":path", path)];
        let with = |mut fields: Vec<Pair>, more: &[&Pair]| {
            fields.extend(more.iter().copied().cloned());
            fields
        };
        let newest_first = |entries: &[&Pair]| with(vec![], entries);
        check(
            decoder(4096),
            &[
                (blocks[0], with(get("http", "/"), &[&authority]), newest_first(&[&authority]), 57),
                (
                    blocks[1],
                    with(get("http", "/"), &[&authority, &no_cache]),
                    newest_first(&[&no_cache, &authority]),
                    110,
                ),
                (
                    blocks[2],
                    with(get("https", "/index.html"), &[&authority, &custom]),
                    newest_first(&[&custom, &no_cache, &authority]),
                    164,
                ),
            ],
        );
    }
}

/// C.5 and C.6 are the same responses with a table of 256 octets, which evicts.
#[test]
fn c5_and_c6_responses_with_eviction() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
         2076 6572 7369 6f6e 3d31",
    ];
    let huffman = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
         8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    let status = |code| pair(":status", code);
    let private = pair("cache-control", "private");
    let (date1, date2) = (pair("date", "Mon, 21 Oct 2013 20:13:21 GMT"), pair("date", "Mon, 21 Oct 2013 20:13:22 GMT"));
    let location = pair("location", "https://www.example.com");
    let gzip = pair("content-encoding", "gzip");
    let cookie = pair("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
    let list = |fields: &[&Pair]| fields.iter().copied().cloned().collect::<Vec<_>>();
    for blocks in [plain, huffman] {
        check(
            decoder(256),
            &[
                (
                    blocks[0],
                    list(&[&status("302"), &private, &date1, &location]),
                    list(&[&location, &date1, &private, &status("302")]),
                    222,
                ),
                (
                    blocks[1],
                    list(&[&status("307"), &private, &date1, &location]),
                    list(&[&status("307"), &location, &date1, &private]),
                    222,
                ),
                (
                    blocks[2],
                    list(&[&status("200"), &private, &date2, &location, &gzip, &cookie]),
                    list(&[&cookie, &gzip, &date2]),
                    215,
                ),
            ],
        );
    }
}

/// Our encoder writes the requests of C.4 octet by octet, but for what it deliberately does not do: `/` and
/// `/index.html` of the static table.
#[test]
fn our_encoder_writes_the_representations_of_appendix_c() {
    let mut encoder = Encoder::new(4096);
    let mut block = Vec::new();
    encoder.field(&mut block, Known::Method, b"GET");
    encoder.field(&mut block, Known::Scheme, b"http");
    encoder.field(&mut block, Known::Authority, b"www.example.com");
    assert_eq!(block, hex("8286 418c f1e3 c2e5 f23a 6ba0 ab90 f4ff"));
    block.clear();
    encoder.field(&mut block, Known::Authority, b"www.example.com");
    encoder.field_other(&mut block, b"cache-control", b"no-cache", true);
    encoder.field_other(&mut block, b"custom-key", b"secret", true);
    // An index, then never-indexed literals with an indexed name and with a literal one.
    assert_eq!(block, hex("be 1f09 086e 6f2d 6361 6368 65 1088 25a8 49e9 5ba9 7d7f 0673 6563 7265 74"));
}
