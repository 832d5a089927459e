//! Short hashes of fields, and the memory of those that were seen lately.
//!
//! Who calls it: the encoder, to find an entry without comparing all of them, and to tell metadata that stays
//! the same from metadata that changes with every call.

use super::name::Known;

/// Short hashes of a name and of a pair of name and value. They only say where it is worth to compare: equal tags
/// of different texts cost a compare, or an entry too early, and nothing else.
#[derive(Clone, Copy)]
pub(super) struct Tags(pub(super) u64);

impl Tags {
    pub(super) fn new(name: u32, value: &[u8]) -> Tags {
        Tags(u64::from(name) << 32 | u64::from(hash(u64::from(name), value)))
    }

    pub(super) fn of_known(name: Known) -> u32 {
        name as u32
    }

    pub(super) fn of_name(name: &[u8]) -> u32 {
        hash(0, name)
    }

    pub(super) fn name(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) fn pair(self) -> u32 {
        self.0 as u32
    }
}

/// Multiplicative, eight octets a step.
fn hash(seed: u64, bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (seed ^ bytes.len() as u64).wrapping_mul(FACTOR);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*chunk)).wrapping_mul(FACTOR);
    }
    let rest = rest.iter().fold(0, |word, &b| word << 8 | u64::from(b));
    ((hash.rotate_left(23) ^ rest).wrapping_mul(FACTOR) >> 32) as u32
}

/// The last few tags of metadata that was not indexed.
pub(super) struct Sightings {
    tags: [u32; 64],
    next: u8,
}

impl Sightings {
    pub(super) fn new() -> Self {
        Sightings { tags: [0; 64], next: 0 }
    }

    /// The tag was seen lately. If not, it is remembered.
    pub(super) fn seen(&mut self, tag: u32) -> bool {
        let seen = self.tags.contains(&tag);
        if !seen {
            self.tags[usize::from(self.next) % self.tags.len()] = tag;
            self.next = self.next.wrapping_add(1);
        }
        seen
    }
}
