//! Header lists to header blocks.

use super::name::{Known, Name};
use super::static_table;
use super::table::Table;
use super::{DEFAULT_TABLE_SIZE, FIELD_OVERHEAD, huffman, integer};
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
/// - `:path` at once as well, but see the credit below.
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
    /// By name: the number of the entry that it used last, plus one.
    last: [u64; Known::COUNT],
    /// By entry number modulo `SEARCHED`: tag of the name (upper half) and of the pair (lower half).
    tags: Vec<u64>,
    sightings: Sightings,
    /// Octets of evictions that changing entries may cause.
    credit: usize,
}

/// Entries that are searched: all of a table of 4,096 octets, whose entries take at least 32.
const SEARCHED: usize = 128;

/// The largest table that we use, octets.
const LARGEST_TABLE: usize = 64 * 1024;

/// The largest value that is put into the table only to have its name there, octets.
const NAMING_VALUE: usize = 64;

/// The shortest string that is Huffman-encoded, octets. Shorter ones save an octet or two.
const SHORTEST_HUFFMAN: usize = 8;

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
            last: [0; Known::COUNT],
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
        }
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

    /// A number that changes whenever a later block may need other octets for the same fields: a block that was
    /// encoded between two equal numbers may be sent again as it is.
    #[inline]
    pub fn revision(&self) -> u64 {
        self.table.inserted() << 1 | u64::from(self.smallest.is_some())
    }

    /// Writes a field whose name is known.
    #[inline]
    pub fn field(&mut self, out: &mut Vec<u8>, name: Known, value: &[u8]) {
        if let Some(index) = static_table::find(name, value) {
            return out.push(0x80 | index);
        }
        let last = self.last[name as usize].wrapping_sub(1);
        if let Some(age) = self.table.age_of(last)
            && let Some(entry) = self.table.get(age)
            && self.table.value(entry) == value
        {
            return indexed(age, out);
        }
        self.field_slowly(out, name, value);
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

    /// A known field that is not what the name's last entry says.
    fn field_slowly(&mut self, out: &mut Vec<u8>, name: Known, value: &[u8]) {
        let policy = policy(name);
        let name_index = name.static_index().or_else(|| {
            let age = self.table.age_of(self.last[name as usize].wrapping_sub(1))?;
            Some(dynamic_index(age))
        });
        let bytes = name.as_str().as_bytes();
        let insert = match policy {
            Policy::Secret => return literal(NEVER, name_index, bytes, value, out),
            Policy::Changing => {
                name_index.is_none() && value.len() <= NAMING_VALUE && self.may_insert(bytes, value, true)
            }
            Policy::Steady | Policy::Varying => {
                let tags = Tags::new(Tags::of_known(name), value);
                if let Found::Pair(age) = self.search(tags, Name::Known(name), value) {
                    self.last[name as usize] = self.table.inserted() - age as u64;
                    return indexed(age, out);
                }
                self.may_insert(bytes, value, policy == Policy::Steady)
            }
        };
        if insert {
            literal(INDEXING, name_index, bytes, value, out);
            self.insert(Tags::new(Tags::of_known(name), value), Name::Known(name), value);
            self.last[name as usize] = self.table.inserted();
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
        self.table.insert(name, value, true);
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

/// Short hashes of a name and of a pair of name and value. They only say where it is worth to compare: equal tags
/// of different texts cost a compare, or an entry too early, and nothing else.
#[derive(Clone, Copy)]
struct Tags(u64);

impl Tags {
    fn new(name: u32, value: &[u8]) -> Tags {
        Tags(u64::from(name) << 32 | u64::from(hash(u64::from(name), value)))
    }

    fn of_known(name: Known) -> u32 {
        name as u32
    }

    fn of_name(name: &[u8]) -> u32 {
        hash(0, name)
    }

    fn name(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn pair(self) -> u32 {
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
struct Sightings {
    tags: [u32; 64],
    next: u8,
}

impl Sightings {
    fn new() -> Self {
        Sightings { tags: [0; 64], next: 0 }
    }

    /// The tag was seen lately. If not, it is remembered.
    fn seen(&mut self, tag: u32) -> bool {
        let seen = self.tags.contains(&tag);
        if !seen {
            self.tags[usize::from(self.next) % self.tags.len()] = tag;
            self.next = self.next.wrapping_add(1);
        }
        seen
    }
}

/// A literal's form (RFC 7541 section 6.2): its pattern and the bits left for the name's index.
type Form = (u8, u32);
const INDEXING: Form = (0x40, 6);
const WITHOUT: Form = (0x00, 4);
const NEVER: Form = (0x10, 4);

fn dynamic_index(age: usize) -> usize {
    static_table::LEN + 1 + age
}

#[inline]
fn indexed(age: usize, out: &mut Vec<u8>) {
    integer::encode(0x80, 7, dynamic_index(age), out);
}

fn literal((pattern, bits): Form, name_index: Option<usize>, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    integer::encode(pattern, bits, name_index.unwrap_or(0), out);
    if name_index.is_none() {
        string(name, out);
    }
    string(value, out);
}

/// A string literal (section 5.2), Huffman-encoded when that is shorter.
fn string(octets: &[u8], out: &mut Vec<u8>) {
    if octets.len() >= SHORTEST_HUFFMAN {
        let len = huffman::encoded_len(octets);
        if len < octets.len() {
            integer::encode(0x80, 7, len, out);
            return huffman::encode(octets, out);
        }
    }
    integer::encode(0x00, 7, octets.len(), out);
    out.extend_from_slice(octets);
}
