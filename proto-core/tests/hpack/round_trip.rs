//! Seeded random lists through encoder and decoder, and seeded noise into the decoder.

use crate::pairs;
use proto_core::hpack::{Decoder, Encoder, HeaderList, Known, Name};

/// xorshift64*, seeded: failures repeat.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % bound
    }

    fn octets(&mut self, longest: usize) -> Vec<u8> {
        let len = self.below(longest + 1);
        // Text that Huffman code likes, or anything.
        let text = self.below(3) > 0;
        (0..len).map(|_| if text { b"abcde/0123-ABC. "[self.below(16)] } else { self.below(256) as u8 }).collect()
    }
}

type Field = (Vec<u8>, Vec<u8>, bool);

/// Names and values from small pools, so that the table is used, and some that are new.
fn random_field(random: &mut Random, pool: &[Vec<u8>]) -> Field {
    let name = match random.below(4) {
        0 => Known::ALL[random.below(Known::ALL.len())].as_str().into(),
        1 => [&b"accept"[..], b"date", b"via", b"etag"][random.below(4)].into(),
        2 => format!("x-{}", random.below(20)).into_bytes(),
        _ => random.octets(30),
    };
    let value = if random.below(3) > 0 { pool[random.below(pool.len())].clone() } else { random.octets(200) };
    (name, value, random.below(10) == 0)
}

#[test]
fn random_lists_round_trip_under_table_size_changes() {
    for seed in 1..=60 {
        let mut random = Random::new(seed);
        let pool: Vec<Vec<u8>> = (0..12).map(|_| random.octets(80)).collect();
        let cap = [4096, 4096, 300, 0, 20_000][random.below(5)];
        let (mut encoder, mut decoder) = (Encoder::new(cap), Decoder::new(4096, usize::MAX));
        let (mut list, mut block) = (HeaderList::new(), Vec::new());
        for _ in 0..300 {
            for _ in 0..[0, 0, 0, 1, 3][random.below(5)] {
                let size = [0, 40, 100, 1000, 4096, 10_000, 100_000][random.below(7)];
                encoder.set_max_table_size(size);
                decoder.set_max_table_size(size);
            }
            let fields: Vec<Field> = (0..random.below(15)).map(|_| random_field(&mut random, &pool)).collect();
            block.clear();
            encoder.begin(&mut block);
            for (name, value, sensitive) in &fields {
                match Name::from_bytes(name) {
                    Name::Known(known) if !sensitive => encoder.field(&mut block, known, value),
                    _ => encoder.field_other(&mut block, name, value, *sensitive),
                }
            }
            decoder.decode(&block, &mut list).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(list.len(), fields.len(), "seed {seed}");
            for (got, (name, value, sensitive)) in list.iter().zip(&fields) {
                assert_eq!((got.name.as_bytes(), got.value), (&name[..], &value[..]), "seed {seed}");
                assert!(got.sensitive || !sensitive, "seed {seed}: a mark was lost");
            }
        }
    }
}

/// A decoder that keeps no runs: every block starts with a size update that changes nothing.
#[test]
fn kept_runs_mean_the_same_as_their_fields() {
    for seed in 1..=30 {
        let mut random = Random::new(seed);
        let (mut with_runs, mut without) = (Decoder::new(4096, 300), Decoder::new(4096, 300));
        let (mut list, mut other) = (HeaderList::new(), HeaderList::new());
        for _ in 0..2_000 {
            let mut block = Vec::new();
            for _ in 0..random.below(5) {
                // Few different octets, so that runs recur; a literal now and then.
                match random.below(12) {
                    0 => block.extend([0x40, 1, b'a' + random.below(5) as u8, 1, b'0' + random.below(5) as u8]),
                    1 => block.extend([0x0f, 0x2f, 1, b'v']),
                    _ => {
                        let run: &[u8] =
                            [&b"\x83\x86\xbe\xbf"[..], b"\xbe\xc0\x88", b"\xbf\xbf", b"\x82"][random.below(4)];
                        block.extend_from_slice(run);
                    }
                }
            }
            let result = with_runs.decode(&block, &mut list);
            let plain = without.decode(&[&[0x3f, 0xe1, 0x1f][..], &block].concat(), &mut other);
            assert_eq!(result, plain, "seed {seed}");
            if result.is_ok() {
                assert_eq!(pairs(&list), pairs(&other), "seed {seed}");
                assert_eq!((list.size(), list.is_over_limit()), (other.size(), other.is_over_limit()));
                for &name in Known::ALL {
                    assert_eq!(list.get(name), other.get(name));
                    assert_eq!(list.is_repeated(name), other.is_repeated(name), "seed {seed}: {name}");
                }
            }
        }
    }
}

#[test]
fn noise_never_panics_and_never_exceeds_the_limit() {
    for seed in 1..=200 {
        let mut random = Random::new(seed);
        let mut decoder = Decoder::new(4096, 1000);
        let mut encoder = Encoder::new(4096);
        let mut list = HeaderList::new();
        for _ in 0..200 {
            // Pure noise, or a good block with a few octets changed.
            let mut block = random.octets(100);
            if random.below(2) == 0 {
                block.clear();
                for _ in 0..random.below(8) {
                    let (name, value) = (random.octets(10), random.octets(40));
                    encoder.field_other(&mut block, &name, &value, random.below(4) == 0);
                }
                for _ in 0..random.below(3).min(block.len()) {
                    let position = random.below(block.len());
                    block[position] = random.below(256) as u8;
                }
            }
            let _ = decoder.decode(&block, &mut list);
            let stored: usize = list.iter().map(|field| field.name.as_bytes().len() + field.value.len() + 32).sum();
            assert!(stored <= 1000 && stored <= list.size(), "seed {seed}");
        }
    }
}
