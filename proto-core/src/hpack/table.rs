//! The dynamic table (RFC 7541 section 2.3.2): first in, first out, bounded in octets.
//!
//! ```text
//!   bytes:    [ dead | oldest .. newest ]      entries: a ring of places in bytes
//!             evicted  live, contiguous        inserted counts entries for ever; age 0 is the newest
//! ```
//!
//! Text is appended at the end; when the room is used up, the live part moves to the front. That happens once in at
//! least as many octets as the live part has, so an entry costs one copy and at most one move, and no allocation
//! once the buffers have grown to twice the maximum size of the table.

use super::FIELD_OVERHEAD;
use super::name::Name;
use super::stored::{Place, Stored};
use alloc::vec::Vec;

/// The dynamic table of one direction.
pub(super) struct Table {
    bytes: Vec<u8>,
    /// Octets at the start of `bytes` that belong to evicted entries.
    dead: usize,
    /// A ring; its length is a power of two (or zero before the first insertion).
    entries: Vec<Stored>,
    len: usize,
    inserted: u64,
    size: usize,
    max: usize,
}

impl Table {
    /// An empty table of at most `max` octets; memory is taken when it is filled.
    pub(super) fn new(max: usize) -> Self {
        Table { bytes: Vec::new(), dead: 0, entries: Vec::new(), len: 0, inserted: 0, size: 0, max }
    }

    /// Memory that it holds, octets, used or not.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Stored>()
    }

    /// The maximum size, octets.
    #[inline]
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// The size of all entries, octets.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// How many entries there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many entries were ever inserted: the next entry's number.
    #[inline]
    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Changes the maximum size, evicting what no longer fits (RFC 7541 section 4.3).
    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max;
        self.evict_down_to(max);
    }

    /// The entry that was inserted `age` insertions before the newest.
    #[inline]
    pub(super) fn get(&self, age: usize) -> Option<&Stored> {
        if age >= self.len {
            return None;
        }
        let position = self.position(self.inserted - 1 - age as u64);
        self.entries.get(position)
    }

    /// The age of the entry with this number, if it is still there.
    #[inline]
    pub(super) fn age_of(&self, number: u64) -> Option<usize> {
        let age = self.inserted.wrapping_sub(number).wrapping_sub(1);
        (age < self.len as u64).then_some(age as usize)
    }

    /// The text at a place that an entry told. It stays there until an insertion moves the text.
    #[inline]
    pub(super) fn text_at(&self, place: Place) -> &[u8] {
        place.of(&self.bytes)
    }

    /// The octets of the entry in one piece: the name unless it is known, then the value.
    #[inline]
    pub(super) fn text(&self, entry: &Stored) -> &[u8] {
        entry.text(&self.bytes)
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self, entry: &Stored) -> &[u8] {
        entry.value(&self.bytes)
    }

    /// The name.
    #[inline]
    pub(super) fn name(&self, entry: &Stored) -> Name<'_> {
        entry.name(&self.bytes)
    }

    /// Adds an entry, evicting the oldest ones to make room. One that is larger than the table empties it and is not
    /// stored (RFC 7541 section 4.4). Says whether the text of the other entries has moved.
    pub(super) fn insert(&mut self, name: Name<'_>, value: &[u8], flags: u8) -> bool {
        let stored_name = if let Name::Other(bytes) = name { bytes } else { &[] };
        let size = name.as_bytes().len() + value.len() + FIELD_OVERHEAD;
        self.evict_down_to(self.max.saturating_sub(size));
        if size > self.max {
            return false;
        }
        let moved = self.make_room(stored_name.len() + value.len());
        if self.len == self.entries.len() {
            self.grow_ring();
        }
        let position = self.position(self.inserted);
        self.entries[position] = Stored::new(self.bytes.len(), name, value.len(), flags);
        self.bytes.extend_from_slice(stored_name);
        self.bytes.extend_from_slice(value);
        self.inserted += 1;
        self.len += 1;
        self.size += size;
        moved
    }

    /// Where the live text begins.
    #[cfg(test)]
    pub(super) fn text_start(&self) -> usize {
        self.dead
    }

    #[inline]
    fn position(&self, number: u64) -> usize {
        number as usize & self.entries.len().wrapping_sub(1)
    }

    fn evict_down_to(&mut self, target: usize) {
        while self.size > target {
            let position = self.position(self.inserted - self.len as u64);
            // Sizes add up over the live entries, so that a size above zero means that there is one.
            let Some(oldest) = self.entries.get(position) else { return };
            self.size -= oldest.size();
            self.dead = oldest.end();
            self.len -= 1;
        }
        if self.len == 0 {
            self.bytes.clear();
            self.dead = 0;
        }
    }

    /// Room for `more` octets: by moving the live part to the front if that frees at least as much as it moves,
    /// else by growing, up to twice the maximum size. Says whether it has moved the live part.
    fn make_room(&mut self, more: usize) -> bool {
        if self.bytes.len() + more <= self.bytes.capacity() {
            return false;
        }
        let live = self.bytes.len() - self.dead;
        if self.dead >= live + more {
            self.bytes.copy_within(self.dead.., 0);
            self.bytes.truncate(live);
            for age in 0..self.len {
                let position = self.position(self.inserted - 1 - age as u64);
                self.entries[position].start -= self.dead as u32;
            }
            self.dead = 0;
            true
        } else {
            let wanted = (self.bytes.len() + more).next_power_of_two().clamp(256, self.max.max(256).saturating_mul(2));
            self.bytes.reserve_exact(wanted.saturating_sub(self.bytes.len()).max(more));
            false
        }
    }

    /// Doubles the ring and puts every live entry where its number belongs.
    fn grow_ring(&mut self) {
        let old = core::mem::take(&mut self.entries);
        self.entries.resize((old.len() * 2).max(16), Stored::BLANK);
        for age in 0..self.len as u64 {
            let number = self.inserted - 1 - age;
            let position = self.position(number);
            self.entries[position] = old[number as usize & (old.len() - 1)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::format;
    use std::string::String;

    /// The table against a plain queue, through growth, eviction, moves and size changes.
    #[test]
    fn the_table_behaves_like_a_bounded_queue() {
        let mut table = Table::new(4096);
        let mut model: VecDeque<(String, String)> = VecDeque::new();
        let size = |m: &VecDeque<(String, String)>| m.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>();
        let mut max = 4096;
        for i in 0..20_000usize {
            let name = if i % 3 == 0 { String::from(":path") } else { format!("x-{}", i % 17) };
            let value = "v".repeat(i * 7919 % if i % 500 == 0 { 5000 } else { 120 });
            if i % 997 == 0 {
                max = [4096, 100, 0, 2000][i / 997 % 4];
                table.set_max(max);
            }
            table.insert(Name::from_bytes(name.as_bytes()), value.as_bytes(), 0);
            model.push_front((name, value));
            while size(&model) > max {
                model.pop_back();
            }
            assert_eq!((table.len(), table.size()), (model.len(), size(&model)));
            for (age, (name, value)) in model.iter().enumerate() {
                let entry = table.get(age).unwrap();
                assert_eq!(table.name(entry).as_bytes(), name.as_bytes());
                assert_eq!(table.value(entry), value.as_bytes());
            }
            assert!(table.get(model.len()).is_none());
        }
        assert!(table.bytes.capacity() <= 2 * 4096, "text is bounded: {}", table.bytes.capacity());
        assert!(table.entries.len() <= 128);
    }

    #[test]
    fn numbers_outlive_their_entries() {
        let mut table = Table::new(100);
        table.insert(Name::Other(b"a"), b"1", 0);
        let age_of = |table: &Table, number| table.age_of(number);
        assert_eq!(age_of(&table, 0), Some(0));
        table.insert(Name::Other(b"b"), b"2", 0);
        assert_eq!((age_of(&table, 0), age_of(&table, 1), age_of(&table, 2)), (Some(1), Some(0), None));
        table.insert(Name::Other(b"c"), b"3", 0);
        assert_eq!((age_of(&table, 0), age_of(&table, u64::MAX)), (None, None));
    }
}
