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
use super::name::{Known, Name};
use alloc::vec::Vec;

/// Where an entry stands in `Table::bytes`: its name, then its value. A known name takes no bytes.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    start: u32,
    name_len: u32,
    value_len: u32,
    known: Option<Known>,
    valid: bool,
}

impl Entry {
    /// The name's number, if it has one.
    #[inline]
    pub(super) fn known(&self) -> Option<Known> {
        self.known
    }

    /// Name and value hold only octets that a field may hold.
    #[inline]
    pub(super) fn valid(&self) -> bool {
        self.valid
    }

    /// Octets of the name in the table's text, 0 for a known one.
    #[inline]
    pub(super) fn stored_name_len(&self) -> usize {
        self.name_len as usize
    }

    fn end(&self) -> usize {
        self.start as usize + self.name_len as usize + self.value_len as usize
    }

    /// What the entry counts in the table (RFC 7541 section 4.1).
    fn size(&self) -> usize {
        let name = self.known.map_or(self.name_len as usize, |known| known.as_str().len());
        name + self.value_len as usize + FIELD_OVERHEAD
    }
}

/// The dynamic table of one direction.
pub(super) struct Table {
    bytes: Vec<u8>,
    /// Octets at the start of `bytes` that belong to evicted entries.
    dead: usize,
    /// A ring; its length is a power of two (or zero before the first insertion).
    entries: Vec<Entry>,
    len: usize,
    inserted: u64,
    size: usize,
    max: usize,
}

impl Table {
    /// An empty table; memory is taken when it is filled.
    pub(super) fn new(max: usize) -> Self {
        Table { bytes: Vec::new(), dead: 0, entries: Vec::new(), len: 0, inserted: 0, size: 0, max }
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
    pub(super) fn get(&self, age: usize) -> Option<&Entry> {
        if age >= self.len {
            return None;
        }
        let position = self.position(self.inserted - 1 - age as u64);
        self.entries.get(position)
    }

    /// The age of the entry with this number, if it is still there.
    #[inline]
    pub(super) fn age_of(&self, number: u64) -> Option<usize> {
        let age = (self.inserted.wrapping_sub(number)).wrapping_sub(1);
        (age < self.len as u64).then_some(age as usize)
    }

    /// The octets of the entry in one piece: the name unless it is known, then the value.
    #[inline]
    pub(super) fn text(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start as usize..entry.end()]
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start as usize + entry.name_len as usize..entry.end()]
    }

    /// The name.
    #[inline]
    pub(super) fn name(&self, entry: &Entry) -> Name<'_> {
        match entry.known {
            Some(known) => Name::Known(known),
            None => Name::Other(&self.bytes[entry.start as usize..][..entry.name_len as usize]),
        }
    }

    /// Adds an entry, evicting the oldest ones to make room. One that is larger than the table empties it and is not
    /// stored (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, name: Name<'_>, value: &[u8], valid: bool) {
        let size = name.as_bytes().len() + value.len() + FIELD_OVERHEAD;
        self.evict_down_to(self.max.saturating_sub(size));
        if size > self.max {
            return;
        }
        let (known, stored_name) = match name {
            Name::Known(known) => (Some(known), &[][..]),
            Name::Other(bytes) => (None, bytes),
        };
        self.make_room(stored_name.len() + value.len());
        if self.len == self.entries.len() {
            self.grow_ring();
        }
        let entry = Entry {
            start: self.bytes.len() as u32,
            name_len: stored_name.len() as u32,
            value_len: value.len() as u32,
            known,
            valid,
        };
        self.bytes.extend_from_slice(stored_name);
        self.bytes.extend_from_slice(value);
        let position = self.position(self.inserted);
        self.entries[position] = entry;
        self.inserted += 1;
        self.len += 1;
        self.size += size;
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
    /// else by growing, up to twice the maximum size.
    fn make_room(&mut self, more: usize) {
        if self.bytes.len() + more <= self.bytes.capacity() {
            return;
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
        } else {
            let wanted = (self.bytes.len() + more).next_power_of_two().clamp(256, 2 * self.max.max(256));
            self.bytes.reserve_exact(wanted.saturating_sub(self.bytes.len()).max(more));
        }
    }

    /// Doubles the ring and puts every live entry where its number belongs.
    fn grow_ring(&mut self) {
        let old = core::mem::take(&mut self.entries);
        let blank = Entry { start: 0, name_len: 0, value_len: 0, known: None, valid: false };
        self.entries.resize((old.len() * 2).max(16), blank);
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
            table.insert(Name::from_bytes(name.as_bytes()), value.as_bytes(), true);
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
        table.insert(Name::Other(b"a"), b"1", true);
        assert_eq!(table.age_of(0), Some(0));
        table.insert(Name::Other(b"b"), b"2", true);
        assert_eq!((table.age_of(0), table.age_of(1), table.age_of(2)), (Some(1), Some(0), None));
        table.insert(Name::Other(b"c"), b"3", true);
        assert_eq!((table.age_of(0), table.age_of(u64::MAX)), (None, None));
    }
}
