//! Header lists to header blocks.

use super::literal::{INDEXING, NEVER, WITHOUT, dynamic_index, indexed, literal, literal_behind};
use super::name::{Known, Name};
use super::stored::Place;
use super::table::Table;
use super::tags::{Sightings, Tags};
use super::{DEFAULT_TABLE_SIZE, FIELD_OVERHEAD, integer, static_table};
use alloc::vec::Vec;

/// The sending half of HPACK: encodes the header blocks of one connection, in the order in which they are sent.
///
/// A block is [`begin`](Self::begin), then [`field`](Self::field) and [`field_other`](Self::field_other) for each
/// field in order. Every block that was encoded must be sent, and in that order, or the peer's table is out of step.
///
/// What is indexed:
///
/// - Fields of a call that stay the same (method, content-type, user-agent, ...) at once, so that each costs one
///   octet from the second call on. A compare with the entry that the name used last finds them.
/// - `:path` at once as well, but see the credit below. Eight methods are found by one compare, others by a search.
/// - Fields that change with each call (`grpc-timeout`, `grpc-message`, ...) once, to have the name in the table;
///   afterwards the value is a literal behind the name's index.
/// - User metadata at the second sighting of the same name and value. A name with changing values gets one entry
///   for the name's sake at the second sighting of the name.
/// - Secrets never, and marked so: `authorization`, `cookie` and what the caller says is sensitive.
///
/// An insertion of user metadata or a `:path` that evicts something must be paid from a credit, in octets of the
/// table, which such entries earn when they are used again. So values that never come back cannot wash the table
/// over and over; what is in it then stays, and a working set larger than the table still gets some hits.
pub struct Encoder {
    table: Table,
    /// Our own bound on the table, octets.
    cap: usize,
    /// The peer's SETTINGS_HEADER_TABLE_SIZE.
    allowed: usize,
    /// The smallest size since the last block, if the size has changed since.
    smallest: Option<usize>,
    /// How often the table's maximum size has changed.
    resizes: u64,
    /// By [`slot`].
    last: [Last; SLOTS],
    /// By entry number modulo `SEARCHED`: tag of the name (upper half) and of the pair (lower half).
    tags: Vec<u64>,
    sightings: Sightings,
    /// Octets of evictions that changing entries may cause.
    credit: usize,
}

/// Where an encoder remembers what a name used last: one slot for each name, and some for the methods of a client.
const SLOTS: usize = Known::COUNT + PATH_SLOTS;

/// Slots of `:path`, told apart by the end of the path.
const PATH_SLOTS: usize = 8;

#[inline]
fn slot(name: Known, value: &[u8]) -> usize {
    match value.last_chunk::<8>() {
        Some(end) if name == Known::Path => {
            let hash = u64::from_le_bytes(*end).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Known::COUNT + (hash >> 32) as usize % PATH_SLOTS
        }
        _ => name as usize,
    }
}

/// The entry that a slot used last.
#[derive(Clone, Copy)]
struct Last {
    number: u64,
    /// Where its value stands, while it is live.
    place: Place,
}

impl Default for Last {
    fn default() -> Self {
        Last { number: u64::MAX, place: Place::default() }
    }
}

/// Entries that are searched: all of a table of 4,096 octets, whose entries take at least 32.
const SEARCHED: usize = 128;

/// The largest table that we use, octets.
const LARGEST_TABLE: usize = 64 * 1024;

/// The largest value that is put into the table only to have its name there, octets.
const NAMING_VALUE: usize = 64;

/// How a name's values are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// The same on every call, or one of few: index.
    Steady,
    /// One of several: index while the credit lasts.
    Varying,
    /// Different on every call: index once for the name's sake.
    Changing,
    /// Never index.
    Secret,
}

const fn policy(name: Known) -> Policy {
    match name {
        Known::Authority
        | Known::Method
        | Known::Scheme
        | Known::Status
        | Known::Te
        | Known::ContentType
        | Known::UserAgent
        | Known::GrpcEncoding
        | Known::GrpcAcceptEncoding
        | Known::GrpcStatus
        | Known::ContentEncoding
        | Known::AcceptEncoding
        | Known::Host => Policy::Steady,
        Known::Path | Known::GrpcMessageType => Policy::Varying,
        Known::Authorization | Known::ProxyAuthorization | Known::Cookie | Known::SetCookie => Policy::Secret,
        _ => Policy::Changing,
    }
}

impl Encoder {
    /// An encoder whose table takes at most `max_table_size` octets (and 64 KiB), whatever the peer allows. 4,096 is
    /// right for gRPC.
    pub fn new(max_table_size: usize) -> Self {
        let cap = max_table_size.min(LARGEST_TABLE);
        let size = cap.min(DEFAULT_TABLE_SIZE);
        Encoder {
            table: Table::new(size),
            cap,
            allowed: DEFAULT_TABLE_SIZE,
            // The peer's decoder starts with 4,096 octets; a smaller table must be announced.
            smallest: (size < DEFAULT_TABLE_SIZE).then_some(size),
            resizes: 0,
            last: [Last::default(); SLOTS],
            tags: Vec::new(),
            sightings: Sightings::new(),
            credit: size,
        }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE is `size` from now on. Call it before SETTINGS are acknowledged; the next
    /// block starts with the update (RFC 7541 section 4.2).
    pub fn set_max_table_size(&mut self, size: usize) {
        let reduced = size < self.allowed;
        self.allowed = size;
        let size = size.min(self.cap);
        // A reduction is confirmed even if our table is smaller anyway: a strict peer waits for it.
        if reduced || size != self.table.max() {
            self.smallest = Some(self.smallest.map_or(size, |smallest| smallest.min(size)));
            self.table.set_max(size);
            self.resizes += 1;
        }
    }

    /// Memory that it holds, octets, used or not.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.table.memory() + self.tags.capacity() * size_of::<u64>()
    }

    /// Starts a block: writes table size updates if any are due.
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(smallest) = self.smallest.take() {
            let size = self.table.max();
            if smallest < size {
                integer::encode(0x20, 5, smallest, out);
            }
            integer::encode(0x20, 5, size, out);
        }
    }

    /// A number that changes with every change of the table: fields that were encoded while it stayed the same may be
    /// written again as they are, after [`begin`](Self::begin), as long as it is still the same.
    #[inline]
    pub fn revision(&self) -> u64 {
        self.table.inserted() + self.resizes
    }

    /// Writes a field whose name is known.
    #[inline]
    pub fn field(&mut self, out: &mut Vec<u8>, name: Known, value: &[u8]) {
        match self.usual(name, value) {
            Some(octet) => out.push(octet),
            None => self.field_slowly(out, name, value),
        }
    }

    /// Writes a field of user metadata. `sensitive` makes it a never-indexed literal (RFC 7541 section 7.1.3). A name
    /// that is known is treated as in [`field`](Self::field). The name is written as it is: lower-casing and
    /// checking it is the caller's duty.
    pub fn field_other(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], sensitive: bool) {
        match Known::from_bytes(name) {
            Some(known) if sensitive => literal(NEVER, known.static_index(), name, value, out),
            Some(known) => self.field(out, known, value),
            None if sensitive => literal(NEVER, static_table::find_other_name(name), name, value, out),
            None => self.metadata(out, name, value),
        }
    }

    /// The whole field as one octet: it is in the static table, or what the name's last entry says.
    #[inline]
    fn usual(&self, name: Known, value: &[u8]) -> Option<u8> {
        if let Some(index) = static_table::find(name, value) {
            return Some(0x80 | index);
        }
        let last = &self.last[slot(name, value)];
        let index = dynamic_index(self.table.age_of(last.number)?);
        (index < 0x7f && same(self.table.text_at(last.place), value)).then_some(0x80 | index as u8)
    }

    /// A known field that is more than one octet.
    #[inline(never)]
    fn field_slowly(&mut self, out: &mut Vec<u8>, name: Known, value: &[u8]) {
        let policy = policy(name);
        let last = self.table.age_of(self.last[slot(name, value)].number).map(dynamic_index);
        if let (Some(name_index), Policy::Changing) = (last, policy) {
            return literal_behind(name_index, value, out);
        }
        // An index in the static table takes one octet.
        let name_index = name.static_index().or(last);
        let bytes = name.as_str().as_bytes();
        let tags = Tags::new(Tags::of_known(name), value);
        let insert = match policy {
            Policy::Secret => return literal(NEVER, name_index, bytes, value, out),
            Policy::Changing => {
                name_index.is_none() && value.len() <= NAMING_VALUE && self.may_insert(bytes, value, true)
            }
            Policy::Steady | Policy::Varying => {
                if let Found::Pair(age) = self.search(tags, Name::Known(name), value) {
                    self.use_last(slot(name, value), self.table.inserted() - 1 - age as u64);
                    return indexed(age, out);
                }
                self.may_insert(bytes, value, policy == Policy::Steady)
            }
        };
        if insert {
            literal(INDEXING, name_index, bytes, value, out);
            self.insert(tags, Name::Known(name), value);
            self.use_last(slot(name, value), self.table.inserted().wrapping_sub(1));
        } else {
            literal(WITHOUT, name_index, bytes, value, out);
        }
    }

    fn metadata(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        let tags = Tags::new(Tags::of_name(name), value);
        let (name_index, named) = match self.search(tags, Name::Other(name), value) {
            Found::Pair(age) => return indexed(age, out),
            Found::Name(age) => (Some(dynamic_index(age)), true),
            Found::Nothing => {
                let index = static_table::find_other_name(name);
                (index, index.is_some())
            }
        };
        let pair_seen = self.sightings.seen(tags.pair());
        let for_the_name = !named && value.len() <= NAMING_VALUE && self.sightings.seen(tags.name());
        if (pair_seen || for_the_name) && self.may_insert(name, value, false) {
            literal(INDEXING, name_index, name, value, out);
            self.insert(tags, Name::Other(name), value);
        } else {
            literal(WITHOUT, name_index, name, value, out);
        }
    }

    /// The slot's last entry is the one with this number.
    fn use_last(&mut self, slot: usize, number: u64) {
        if let Some(entry) = self.table.age_of(number).and_then(|age| self.table.get(age)) {
            self.last[slot] = Last { number, place: entry.value_place() };
        }
    }

    /// Finds the pair, or else the name, among the newest entries.
    fn search(&mut self, tags: Tags, name: Name<'_>, value: &[u8]) -> Found {
        let mut found = Found::Nothing;
        let newest = self.table.inserted().wrapping_sub(1);
        for age in 0..self.table.len().min(SEARCHED) {
            let candidate = Tags(self.tags[(newest - age as u64) as usize % SEARCHED]);
            if candidate.name() != tags.name() {
                continue;
            }
            let Some(entry) = self.table.get(age) else { break };
            if self.table.name(entry) != name {
                continue;
            }
            if candidate.pair() == tags.pair() && self.table.value(entry) == value {
                let size = name.as_bytes().len() + value.len() + FIELD_OVERHEAD;
                self.credit = (self.credit + size).min(self.table.max());
                return Found::Pair(age);
            }
            if let Found::Nothing = found {
                found = Found::Name(age);
            }
        }
        found
    }

    /// There is a place for this entry; what it evicts is paid, unless it is `free`.
    fn may_insert(&mut self, name: &[u8], value: &[u8], free: bool) -> bool {
        let size = name.len() + value.len() + FIELD_OVERHEAD;
        // An entry larger than half the table would throw out most of the others.
        if size > self.table.max() / 2 {
            return false;
        }
        if free || self.table.size() + size <= self.table.max() {
            return true;
        }
        let paid = self.credit.checked_sub(size);
        self.credit = paid.unwrap_or(self.credit);
        paid.is_some()
    }

    fn insert(&mut self, tags: Tags, name: Name<'_>, value: &[u8]) {
        if self.tags.is_empty() {
            self.tags.resize(SEARCHED, 0);
        }
        self.tags[self.table.inserted() as usize % SEARCHED] = tags.0;
        if self.table.insert(name, value, 0) {
            for slot in 0..SLOTS {
                self.use_last(slot, self.last[slot].number);
            }
        }
    }
}

impl core::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Encoder")
            .field("entries", &self.table.len())
            .field("size", &self.table.size())
            .field("max", &self.table.max())
            .field("allowed", &self.allowed)
            .field("credit", &self.credit)
            .finish()
    }
}

enum Found {
    /// The entry of this age has the name and the value.
    Pair(usize),
    /// The entry of this age has the name.
    Name(usize),
    Nothing,
}

/// The texts are equal. The same as `==`, but without a call: most values are a few words long.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a_end), Some(b_end)) => a_end == b_end && a.as_chunks::<8>().0.iter().eq(b.as_chunks::<8>().0),
        _ => a.iter().eq(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    /// A place that is told wrong is mostly found out by the compare with the value, but not always.
    #[test]
    fn places_of_last_entries_follow_the_text_when_it_moves() {
        let mut encoder = Encoder::new(4096);
        let mut out = Vec::new();
        let mut moves = 0;
        for i in 0..2_000 {
            let before = encoder.table.text_start();
            out.clear();
            encoder.field(&mut out, Known::GrpcStatus, format!("{}", i % 10).as_bytes());
            encoder.field(&mut out, Known::UserAgent, format!("agent {:50}", i / 7).as_bytes());
            moves += usize::from(encoder.table.text_start() < before);
            for last in encoder.last {
                if let Some(entry) = encoder.table.age_of(last.number).and_then(|age| encoder.table.get(age)) {
                    assert_eq!(encoder.table.text_at(last.place), encoder.table.value(entry), "at {i}");
                }
            }
        }
        assert!(moves > 1, "the text has moved {moves} times");
    }
}
