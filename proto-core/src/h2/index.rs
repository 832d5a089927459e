//! From a stream's id to its slot, without a hash table (whose keys would be the peer's).
//!
//! Ids grow, and most streams live shortly. So a ring of places, indexed by the id's low bits, finds nearly all of them; a stream that
//! still lives when a later id wants its place moves to a sorted spill. The place of a stream that is gone keeps how it
//! went until a later one needs it: that is how a late frame is told from a forbidden one.

use super::state::State;
use alloc::vec::Vec;

const FIRST_LEN: usize = 16;
const MAX_LEN: usize = 1 << 14;

#[derive(Debug, Default)]
pub(super) struct Index {
    ring: Vec<Place>,
    /// Streams that outlived their place, by id.
    spill: Vec<(u32, u32)>,
    /// Living streams in the ring.
    live: usize,
    /// The latest stream of which nothing is known any more; of those after it everything is.
    forgotten: u32,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Its slot.
    Slot(u32),
    /// It is gone, and this is how.
    Gone(State),
    /// It was never used, or it went so long ago that nobody knows.
    Unknown {
        /// Certainly never used.
        never: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// 0: never used.
    id: u32,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Slot(u32),
    Gone(State),
}

const EMPTY: Place = Place { id: 0, what: What::Gone(State::Idle) };

impl Index {
    pub(super) fn find(&self, id: u32) -> Found {
        let Some(place) = self.ring.get(place_of(id, self.ring.len())) else { return Found::Unknown { never: true } };
        if place.id == id {
            return match place.what {
                What::Slot(slot) => Found::Slot(slot),
                What::Gone(state) => Found::Gone(state),
            };
        }
        match self.spill.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => Found::Slot(self.spill[at].1),
            // Ids of one side come in order: a later one in the place says nothing, an earlier one that this never came,
            // unless it was forgotten while the ring was smaller.
            Err(_) => Found::Unknown { never: place.id < id && id > self.forgotten },
        }
    }

    /// A new stream, later than all before.
    pub(super) fn insert(&mut self, id: u32, slot: u32) {
        if (self.live + 1) * 2 > self.ring.len() && self.ring.len() < MAX_LEN {
            self.grow();
        }
        self.put(Place { id, what: What::Slot(slot) });
    }

    /// A stream that was refused: it never had a slot.
    pub(super) fn insert_gone(&mut self, id: u32, state: State) {
        if self.ring.is_empty() {
            self.grow();
        }
        self.put(Place { id, what: What::Gone(state) });
    }

    /// The stream's slot is given up.
    pub(super) fn remove(&mut self, id: u32, state: State) {
        let at = place_of(id, self.ring.len());
        if let Some(place) = self.ring.get_mut(at).filter(|place| place.id == id) {
            if let What::Slot(_) = place.what {
                self.live -= 1;
            }
            place.what = What::Gone(state);
        } else if let Ok(at) = self.spill.binary_search_by_key(&id, |(id, _)| *id) {
            self.spill.remove(at);
            self.forgotten = self.forgotten.max(id);
        }
    }

    fn put(&mut self, new: Place) {
        let at = place_of(new.id, self.ring.len());
        let Some(place) = self.ring.get_mut(at) else { return };
        let old = core::mem::replace(place, new);
        if let What::Slot(_) = new.what {
            self.live += 1;
        }
        match old.what {
            What::Slot(slot) => {
                self.live -= 1;
                let at = self.spill.partition_point(|(id, _)| *id < old.id);
                self.spill.insert(at, (old.id, slot));
            }
            What::Gone(_) => self.forgotten = self.forgotten.max(old.id),
        }
    }

    fn grow(&mut self) {
        let len = (self.ring.len() * 2).max(FIRST_LEN);
        let mut old = core::mem::replace(&mut self.ring, alloc::vec![EMPTY; len]);
        self.live = 0;
        old.retain(|place| place.id != 0);
        old.sort_unstable_by_key(|place| place.id);
        for place in old {
            self.put(place);
        }
    }
}

/// Ids of one side differ by two.
fn place_of(id: u32, len: usize) -> usize {
    // `len` is 0 or a power of two; with 0 there is no place, and none is found.
    (id >> 1) as usize & len.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Random;
    use alloc::collections::BTreeMap;

    #[test]
    fn streams_that_live_long_are_found_among_thousands_that_do_not() {
        let mut index = Index::default();
        index.insert(1, 7);
        for id in (3..20_000).step_by(2) {
            index.insert(id, 8);
            assert_eq!(index.find(id), Found::Slot(8));
            index.remove(id, State::Ended);
            assert_eq!(index.find(id), Found::Gone(State::Ended));
        }
        assert_eq!(index.find(1), Found::Slot(7));
        assert_eq!(index.ring.len(), FIRST_LEN);
        index.remove(1, State::ResetHere);
        assert_eq!(index.find(1), Found::Unknown { never: false });
    }

    #[test]
    fn ids_that_were_skipped_are_known_as_never_used() {
        let mut index = Index::default();
        assert_eq!(index.find(1), Found::Unknown { never: true });
        index.insert(5, 0);
        assert_eq!(index.find(3), Found::Unknown { never: true });
        index.insert_gone(9, State::ResetHere);
        assert_eq!(index.find(9), Found::Gone(State::ResetHere));
        assert_eq!(index.find(7), Found::Unknown { never: true });
    }

    #[test]
    fn a_stream_that_is_long_gone_is_not_taken_for_one_that_never_was_when_the_ring_grows() {
        let mut index = Index::default();
        // One that outlives its place, and others that are forgotten for later ones.
        index.insert(1, 0);
        for id in (3..99).step_by(2) {
            index.insert(id, 1);
            index.remove(id, State::ResetHere);
        }
        for id in (99..199).step_by(2) {
            index.insert(id, 2);
        }
        index.remove(1, State::ResetHere);
        assert!(index.ring.len() > FIRST_LEN);
        for id in (1..99).step_by(2) {
            assert_ne!(index.find(id), Found::Unknown { never: true }, "{id}");
        }
        assert_eq!(index.find(199), Found::Unknown { never: true });
    }

    #[test]
    fn the_index_agrees_with_a_map() {
        for seed in 0..50 {
            let mut random = Random::seed(seed);
            let (mut index, mut map) = (Index::default(), BTreeMap::new());
            let mut next = 1;
            for _ in 0..2_000 {
                if random.one_in(2) || map.is_empty() {
                    index.insert(next, next * 3);
                    map.insert(next, next * 3);
                    next += 2 + 2 * random.below(20) as u32 * u32::from(random.one_in(10));
                } else {
                    let nth = random.below(map.len());
                    let id = *map.keys().nth(nth).expect("not empty");
                    map.remove(&id);
                    index.remove(id, State::Ended);
                }
                let id = (2 * random.below(next as usize) as u32 / 2) | 1;
                match (index.find(id), map.get(&id)) {
                    (Found::Slot(slot), Some(&expected)) => assert_eq!(slot, expected),
                    (Found::Gone(_) | Found::Unknown { .. }, None) => {}
                    other => panic!("seed {seed}, id {id}: {other:?}"),
                }
            }
            for (&id, &slot) in &map {
                assert_eq!(index.find(id), Found::Slot(slot), "seed {seed}");
            }
        }
    }
}
