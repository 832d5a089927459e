//! HPACK (`proto_core::hpack`), there and back: any fields, under changes of the table's size. The list arrives as it was, marks of secrets
//! too, and a block is never much longer than its fields.

use crate::input::{Input, put_piece};
use proto_core::hpack::{Decoder, Encoder, HeaderList, Known, Name};

type Field = (Vec<u8>, Vec<u8>, bool);

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let cap = input.pick(&[4_096, 0, 300, 20_000]);
    let (mut encoder, mut decoder) = (Encoder::new(cap), Decoder::new(4_096, usize::MAX));
    let (mut pool, mut fields): (Vec<Field>, Vec<Field>) = (Vec::new(), Vec::new());
    let mut list = HeaderList::new();
    while !input.is_empty() {
        match input.byte() % 8 {
            0 => {
                round_trip(&mut encoder, &mut decoder, &fields, &mut list);
                pool.append(&mut fields);
                pool.drain(..pool.len().saturating_sub(256));
            }
            1 => {
                let size = input.pick(&[4_096, 0, 40, 100, 1_000, 10_000, 100_000]);
                encoder.set_max_table_size(size);
                decoder.set_max_table_size(size);
            }
            2 | 3 => {
                let name = input.pick(Known::ALL).as_str().into();
                fields.push((name, input.piece().into(), false));
            }
            4 => fields.push((input.piece().into(), input.piece().into(), false)),
            5 => fields.push((input.piece().into(), input.piece().into(), true)),
            // What was sent before, so that the table is used.
            _ if !pool.is_empty() => {
                let at = usize::from(input.byte()) % pool.len();
                fields.push(pool[at].clone());
            }
            _ => {}
        }
    }
    round_trip(&mut encoder, &mut decoder, &fields, &mut list);
}

fn round_trip(encoder: &mut Encoder, decoder: &mut Decoder, fields: &[Field], list: &mut HeaderList) {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    // Two updates of five octets at most.
    let mut most = 12;
    for (name, value, sensitive) in fields {
        match Name::from_bytes(name) {
            Name::Known(known) if !sensitive => encoder.field(&mut block, known, value),
            _ => encoder.field_other(&mut block, name, value, *sensitive),
        }
        // A literal: its first octet, two lengths, and the text itself, since Huffman code is used where it is shorter.
        most += name.len() + value.len() + 11;
    }
    assert!(block.len() <= most, "{} octets for {most}", block.len());
    decoder.decode(&block, list).expect("our own block");
    assert_eq!(list.len(), fields.len());
    for (got, (name, value, sensitive)) in list.iter().zip(fields) {
        assert_eq!((got.name.as_bytes(), got.value), (&name[..], &value[..]));
        assert!(got.sensitive || !sensitive, "a mark was lost");
    }
}

/// Seeds: fields of every way to write them.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for cap in 0..4 {
        let mut out = vec![cap];
        for n in 0..40_u8 {
            match n % 5 {
                0 => {
                    out.extend([2, n]);
                    put_piece(&mut out, format!("value {n}").as_bytes());
                }
                1 | 2 => {
                    out.push(3 + n % 5);
                    put_piece(&mut out, b"x-name");
                    put_piece(&mut out, &vec![n; usize::from(n)]);
                }
                3 => out.extend([7, n, 6, n / 2]),
                _ => out.extend([0, 1, n]),
            }
        }
        all.push(out);
    }
    all
}
