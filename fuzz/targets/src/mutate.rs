//! Changed inputs for the tests; a fuzzer has better ways.

use proto_core::testkit::Random;

/// Changes some bytes, drops some, doubles some, adds some.
pub fn mutate(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(8) {
        let at = random.below(out.len());
        let end = (at + 1 + random.below(40)).min(out.len());
        match random.below(5) {
            0 if at < out.len() => out[at] = random.next_u64() as u8,
            1 if at < out.len() => out[at] ^= 1 << random.below(8),
            2 => drop(out.drain(at..end)),
            3 => {
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            _ => {
                let mut noise = vec![0; random.below(20)];
                random.fill(&mut noise);
                out.splice(at..at, noise);
            }
        }
    }
    out
}
