//! HPACK from outside: the examples of RFC 7541, blocks by other encoders, limits, and what our own encoder does.

mod appendix_c;
mod corpora;
mod json;
mod limits;
mod policy;
mod round_trip;

use proto_core::hpack::{Decoder, Encoder, HeaderList};

/// A field as the tests write it.
type Pair = (Vec<u8>, Vec<u8>);

fn pair(name: &str, value: &str) -> Pair {
    (name.into(), value.into())
}

fn pairs(list: &HeaderList) -> Vec<Pair> {
    list.iter().map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec())).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let digit = |b: u8| (b as char).to_digit(16).expect("hexadecimal") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn encode(encoder: &mut Encoder, fields: &[Pair]) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    for (name, value) in fields {
        encoder.field_other(&mut block, name, value, false);
    }
    block
}

/// What the decoder's dynamic table holds, newest first: asked for entry by entry.
fn table(decoder: &mut Decoder) -> Vec<Pair> {
    let mut list = HeaderList::new();
    let entry = |index: u8| decoder.decode(&[0x80 | index], &mut list).ok().map(|()| pairs(&list).remove(0));
    (62..=126).map_while(entry).collect()
}
