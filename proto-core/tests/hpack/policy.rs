//! What our encoder puts into the table, and what not.

use crate::{Pair, pair, pairs, table};
use proto_core::hpack::{Decoder, Encoder, HeaderList, Known};

/// An encoder and the decoder at the other end; each block is decoded and compared.
struct Wire {
    encoder: Encoder,
    decoder: Decoder,
    list: HeaderList,
}

impl Wire {
    fn new() -> Self {
        Wire { encoder: Encoder::new(4096), decoder: Decoder::new(4096, 1 << 20), list: HeaderList::new() }
    }

    /// Sends a block; says how many octets it took.
    fn send(&mut self, fields: &[Pair]) -> usize {
        let block = crate::encode(&mut self.encoder, fields);
        self.decoder.decode(&block, &mut self.list).unwrap();
        assert_eq!(pairs(&self.list), fields);
        block.len()
    }
}

fn request(path: &str, timeout: &str, metadata: &[Pair]) -> Vec<Pair> {
    let mut fields = vec![
        pair(":method", "POST"),
        pair(":scheme", "http"),
        pair(":path", path),
        pair(":authority", "localhost:50051"),
        pair("grpc-timeout", timeout),
        pair("te", "trailers"),
        pair("content-type", "application/grpc"),
        pair("user-agent", "grpc-rust-proto/0.1.0"),
    ];
    fields.extend_from_slice(metadata);
    fields
}

const PATH: &str = "/hello.v1.HelloService/SayHello";

#[test]
fn from_the_second_call_on_usual_fields_cost_one_octet_each() {
    let mut wire = Wire::new();
    assert!(wire.send(&request(PATH, "999m", &[])) > 60);
    // Seven fields of one octet; the timeout's name in two, its length in one, its value as it is.
    for timeout in ["998m", "1S", "4999999u"] {
        assert_eq!(wire.send(&request(PATH, timeout, &[])), 7 + 3 + timeout.len());
    }
    // The timeout that is in the table by chance.
    assert_eq!(wire.send(&request(PATH, "999m", &[])), 8);
}

#[test]
fn responses_and_trailers_shrink_to_an_octet_a_field() {
    let mut wire = Wire::new();
    let headers = [pair(":status", "200"), pair("content-type", "application/grpc")];
    let ok = [pair("grpc-status", "0")];
    let lens: Vec<usize> = (0..3).flat_map(|_| [wire.send(&headers), wire.send(&ok)]).collect();
    assert_eq!(lens[2..], [2, 1, 2, 1]);
    // A message that changes never enters the table but for its name.
    let failed = |i: usize| [pair("grpc-status", "5"), pair("grpc-message", &format!("no such thing: {i}"))];
    wire.send(&failed(0));
    let entries = table(&mut wire.decoder).len();
    for i in 1..100 {
        assert!(wire.send(&failed(i)) <= 1 + 3 + 17);
    }
    assert_eq!(table(&mut wire.decoder).len(), entries);
}

#[test]
fn metadata_is_indexed_at_the_second_sighting() {
    let mut wire = Wire::new();
    let metadata = [pair("x-tenant", "blue"), pair("accept-language", "de")];
    let lens: Vec<usize> = (0..4).map(|_| wire.send(&request(PATH, "1S", &metadata))).collect();
    assert_eq!(lens[2..], [10, 10]);
    assert!(lens[1] > 15);
}

#[test]
fn a_value_that_changes_with_every_call_evicts_nothing() {
    let mut wire = Wire::new();
    let steady = pair("x-tenant", "blue");
    let mut lens = Vec::new();
    for i in 0..10_000 {
        let metadata = [steady.clone(), pair("x-request-id", &format!("7f3a4c11-{i:08x}"))];
        lens.push(wire.send(&request(PATH, "1S", &metadata)));
    }
    // From the fourth call on: nine octets, the name of the id by its index (2), its length (1), its value (17).
    assert!(lens[3..].iter().all(|&len| len == 9 + 3 + 17), "{:?}", &lens[..6]);
}

/// Values that come twice and never again pass the second sighting. The credit stops them.
#[test]
fn values_that_come_only_twice_cannot_wash_the_table() {
    let mut wire = Wire::new();
    let mut total = 0;
    for i in 0..4_000 {
        let metadata = [pair("x-pair", &format!("{:040}", i / 2))];
        let len = wire.send(&request(PATH, "1S", &metadata));
        if i >= 1_000 {
            total += len;
        }
    }
    // Were all of them inserted, the usual fields would be evicted every fifty calls or so. Here every call is its
    // eight octets and the literal.
    let least = 3_000 * 8;
    let literals = total - least;
    assert!(literals <= 3_000 * (3 + 40), "{literals}");
    let before = wire.encoder.revision();
    for i in 10_000..10_100 {
        wire.send(&request(PATH, "1S", &[pair("x-pair", &format!("{:040}", i / 2))]));
    }
    assert_eq!(wire.encoder.revision(), before, "nothing is inserted any more");
}

#[test]
fn more_methods_than_the_table_holds_still_get_hits() {
    let mut wire = Wire::new();
    let paths: Vec<String> = (0..200).map(|i| format!("/package.v1.SomeService/Method{i:03}")).collect();
    let (mut octets, mut calls) = (0, 0);
    for round in 0..50 {
        for path in &paths {
            let len = wire.send(&request(path, "1S", &[]));
            if round >= 10 {
                octets += len;
                calls += 1;
            }
        }
    }
    // Pure first in, first out would never hit in this order: 8 octets and a path of about 27 each time, and the
    // usual fields sent anew. A part of the paths must stay.
    assert!(octets < calls * 31, "{} octets a call", octets / calls);
}

#[test]
fn secrets_are_never_indexed() {
    let mut wire = Wire::new();
    let secrets = [pair("authorization", "Bearer 0123456789"), pair("cookie", "session=1")];
    let lens: Vec<usize> = (0..5).map(|_| wire.send(&secrets)).collect();
    assert!(lens.iter().all(|&len| len == lens[0]));
    assert!(wire.list.iter().all(|field| field.sensitive));
    // What the caller calls sensitive, whatever its name.
    let mut block = Vec::new();
    for _ in 0..5 {
        block.clear();
        wire.encoder.begin(&mut block);
        wire.encoder.field_other(&mut block, b"x-api-key", b"0123456789", true);
        wire.encoder.field_other(&mut block, b"grpc-status", b"0", true);
        wire.decoder.decode(&block, &mut wire.list).unwrap();
        assert!(wire.list.len() == 2 && wire.list.iter().all(|field| field.sensitive));
    }
    assert!(table(&mut wire.decoder).is_empty());
}

#[test]
fn a_peer_without_a_table_gets_literals() {
    let mut wire = Wire::new();
    wire.encoder.set_max_table_size(0);
    wire.decoder.set_max_table_size(0);
    let lens: Vec<usize> = (0..3).map(|_| wire.send(&request(PATH, "1S", &[pair("x-a", "b")]))).collect();
    assert_eq!(lens[0], lens[1] + 1, "the update is sent once");
    assert_eq!(lens[1], lens[2]);
}

#[test]
fn size_changes_are_told_at_the_next_block_the_smallest_first() {
    let mut block = Vec::new();
    let mut encoder = Encoder::new(4096);
    let mut updates = |encoder: &mut Encoder| {
        block.clear();
        encoder.begin(&mut block);
        block.clone()
    };
    assert_eq!(updates(&mut encoder), []);
    encoder.set_max_table_size(4096);
    assert_eq!(updates(&mut encoder), [], "the default again is no change");
    encoder.set_max_table_size(65_536);
    assert_eq!(updates(&mut encoder), [], "we do not use more than our own bound");
    encoder.set_max_table_size(100);
    assert_eq!(updates(&mut encoder), [0x3f, 69]);
    for size in [50, 0, 4096] {
        encoder.set_max_table_size(size);
    }
    assert_eq!(updates(&mut encoder), [0x20, 0x3f, 0xe1, 0x1f]);
    assert_eq!(updates(&mut encoder), []);
    // A reduction that does not touch us is confirmed all the same (RFC 9113 section 4.3.1).
    encoder.set_max_table_size(8192);
    encoder.set_max_table_size(6000);
    assert_eq!(updates(&mut encoder), [0x3f, 0xe1, 0x1f]);
    // A bound of our own below the default is told at the first block.
    assert_eq!(updates(&mut Encoder::new(10)), [0x2a]);
}

#[test]
fn a_block_may_be_sent_again_while_the_revision_stays() {
    let mut wire = Wire::new();
    let headers = [pair(":status", "200"), pair("content-type", "application/grpc")];
    wire.send(&headers);
    let revision = wire.encoder.revision();
    let block = crate::encode(&mut wire.encoder, &headers);
    assert_eq!(wire.encoder.revision(), revision);
    wire.decoder.decode(&block, &mut wire.list).unwrap();
    assert_eq!(pairs(&wire.list), headers);
    // An insertion changes it, and so does a table that was emptied and has grown back.
    wire.send(&[pair("grpc-status", "0")]);
    let after_insertion = wire.encoder.revision();
    assert_ne!(after_insertion, revision);
    wire.encoder.set_max_table_size(0);
    wire.encoder.set_max_table_size(4096);
    wire.send(&[]);
    assert_ne!(wire.encoder.revision(), after_insertion);
    assert!(wire.encoder.revision() > after_insertion);
    assert_eq!(Known::ContentType.as_str(), "content-type");
}
