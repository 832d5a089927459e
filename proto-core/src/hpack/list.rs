//! A decoded header list, kept and filled again without allocation.

use super::FIELD_OVERHEAD;
use super::name::{Known, Name};
use alloc::vec::Vec;

/// A decoded header list: fields in the order of the wire.
///
/// Keep it and pass it to every [`Decoder::decode`](super::Decoder::decode): its memory is reused.
#[derive(Default)]
pub struct HeaderList {
    /// Names that are not known, and values, one field after the other.
    pub(super) bytes: Vec<u8>,
    fields: Vec<Field>,
    size: usize,
    present: u64,
    repeated: u64,
    over_limit: bool,
    invalid: bool,
}

/// Where a field stands in `bytes`: its name, then its value. A known name takes no bytes.
#[derive(Clone, Copy)]
struct Field {
    start: u32,
    name_len: u32,
    value_len: u32,
    known: Option<Known>,
    flags: u8,
}

const SENSITIVE: u8 = 1;
const INVALID: u8 = 2;

/// Capacity that `clear` keeps, octets: our default limit for a header list.
const KEPT_BYTES: usize = 16 * 1024;
/// Capacity that `clear` keeps, fields.
const KEPT_FIELDS: usize = 256;

/// One field of a [`HeaderList`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The value, as it stood on the wire (white space at the ends included).
    pub value: &'a [u8],
    /// The peer marked it never-indexed (RFC 7541 section 7.1.3): whoever forwards it must do the same.
    pub sensitive: bool,
    /// Name and value hold only octets that a field may hold ([`name_is_valid`](super::name_is_valid),
    /// [`value_is_valid`](super::value_is_valid)). Judged once, when the literal came in.
    pub valid: bool,
}

impl core::fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // A secret stays out of logs.
        let value: &[u8] = if self.sensitive { b"[sensitive]" } else { self.value };
        write!(f, "{:?}: {}", self.name, value.escape_ascii())
    }
}

impl HeaderList {
    /// An empty list; memory is taken when it is filled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties it, keeping memory (up to 16 KiB of text and 256 fields).
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes.shrink_to(KEPT_BYTES);
        }
        if self.fields.capacity() > KEPT_FIELDS {
            self.fields.shrink_to(KEPT_FIELDS);
        }
        self.size = 0;
        self.present = 0;
        self.repeated = 0;
        self.over_limit = false;
        self.invalid = false;
    }

    /// How many fields are stored.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// No field is stored.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The size of the list as RFC 9113 section 6.5.2 counts: name, value and 32 octets for each field, those that
    /// were dropped beyond the limit included.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The list was larger than the limit given to the decoder: fields are missing at its end.
    pub fn is_over_limit(&self) -> bool {
        self.over_limit
    }

    /// Every stored field holds only octets that a field may hold: all are [`valid`](FieldRef::valid).
    pub fn all_valid(&self) -> bool {
        !self.invalid
    }

    /// The field is there, at least once. O(1).
    #[inline]
    pub fn contains(&self, name: Known) -> bool {
        self.present & bit(name) != 0
    }

    /// The field is there more than once. O(1).
    #[inline]
    pub fn is_repeated(&self, name: Known) -> bool {
        self.repeated & bit(name) != 0
    }

    /// The first value of the field. O(1) when it is not there.
    #[inline]
    pub fn get(&self, name: Known) -> Option<&[u8]> {
        if !self.contains(name) {
            return None;
        }
        let field = self.fields.iter().find(|field| field.known == Some(name))?;
        Some(self.value(field))
    }

    /// All fields, in the order of the wire.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FieldRef<'_>> + DoubleEndedIterator + Clone {
        self.fields.iter().map(|field| FieldRef {
            name: match field.known {
                Some(known) => Name::Known(known),
                None => Name::Other(&self.bytes[field.start as usize..][..field.name_len as usize]),
            },
            value: self.value(field),
            sensitive: field.flags & SENSITIVE != 0,
            valid: field.flags & INVALID == 0,
        })
    }

    /// Appends a field by hand, as lists are made for tests and for calls within a process. No limit applies.
    pub fn push(&mut self, name: Name<'_>, value: &[u8], sensitive: bool) {
        let start = self.bytes.len();
        let (known, valid_name) = match name {
            Name::Known(known) => (Some(known), true),
            Name::Other(bytes) => {
                self.bytes.extend_from_slice(bytes);
                (None, super::name_is_valid(bytes))
            }
        };
        let name_len = self.bytes.len() - start;
        self.bytes.extend_from_slice(value);
        self.commit(start, name_len, known, sensitive, valid_name && super::value_is_valid(value), usize::MAX);
    }

    #[inline]
    fn value(&self, field: &Field) -> &[u8] {
        &self.bytes[field.start as usize + field.name_len as usize..][..field.value_len as usize]
    }

    /// A field with this many octets of name and value fits below `limit`. Otherwise, and from then on, none does.
    #[inline]
    fn count(&mut self, name_len: usize, value_len: usize, limit: usize) -> bool {
        self.size = self.size.saturating_add(name_len + value_len + FIELD_OVERHEAD);
        self.over_limit |= self.size > limit;
        !self.over_limit
    }

    /// Makes a field of what stands in `bytes` from `start` on: `name_len` octets of an unknown name (none for a
    /// known one), then the value. Beyond `limit` the octets are dropped instead.
    #[inline]
    pub(super) fn commit(
        &mut self,
        start: usize,
        name_len: usize,
        known: Option<Known>,
        sensitive: bool,
        valid: bool,
        limit: usize,
    ) {
        let value_len = self.bytes.len() - start - name_len;
        let counted_name = known.map_or(name_len, |known| known.as_str().len());
        if !self.count(counted_name, value_len, limit) {
            return self.bytes.truncate(start);
        }
        self.append(start, name_len, value_len, known, sensitive, valid);
    }

    /// Appends a copy of an entry of a table: `text` is its name (nothing for a known one) and its value.
    #[inline]
    pub(super) fn push_copy(&mut self, text: &[u8], name_len: usize, known: Option<Known>, valid: bool, limit: usize) {
        let counted_name = known.map_or(name_len, |known| known.as_str().len());
        let value_len = text.len() - name_len;
        // Counted before it is copied: one octet of a block can stand for an entry as large as the table.
        if self.count(counted_name, value_len, limit) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(text);
            self.append(start, name_len, value_len, known, false, valid);
        }
    }

    /// Stores a field that was counted already and whose octets stand in `bytes`.
    #[inline]
    fn append(
        &mut self,
        start: usize,
        name_len: usize,
        value_len: usize,
        known: Option<Known>,
        sensitive: bool,
        valid: bool,
    ) {
        if let Some(known) = known {
            self.repeated |= self.present & bit(known);
            self.present |= bit(known);
        }
        self.invalid |= !valid;
        let flags = if sensitive { SENSITIVE } else { 0 } | if valid { 0 } else { INVALID };
        // Blocks are far below 4 GiB: an h2 frame's length has 24 bits and CONTINUATION is bounded.
        self.fields.push(Field {
            start: start as u32,
            name_len: name_len as u32,
            value_len: value_len as u32,
            known,
            flags,
        });
    }
}

#[inline]
fn bit(name: Known) -> u64 {
    1 << name as u32
}

impl core::fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()?;
        if self.over_limit { write!(f, " (over the limit: {} octets)", self.size) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_list_finds_counts_and_repeats() {
        let mut list = HeaderList::new();
        list.push(Name::Known(Known::Path), b"/a", false);
        list.push(Name::Other(b"x-one"), b"1", false);
        list.push(Name::Known(Known::Path), b"/b", false);
        assert_eq!(list.get(Known::Path), Some(&b"/a"[..]));
        assert_eq!(list.get(Known::Te), None);
        assert!(list.is_repeated(Known::Path) && !list.is_repeated(Known::Te) && list.all_valid());
        assert_eq!(list.size(), (5 + 2 + 32) * 2 + 5 + 1 + 32);
        list.push(Name::Other(b"Upper"), b"v", false);
        assert!(!list.all_valid());
        list.clear();
        assert!(list.is_empty() && list.all_valid() && !list.contains(Known::Path) && list.size() == 0);
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let mut list = HeaderList::new();
        list.push(Name::Known(Known::Authorization), b"Bearer 123", true);
        list.push(Name::Other(b"x"), b"\x01y", false);
        assert_eq!(format!("{list:?}"), "[authorization: [sensitive], x: \\x01y]");
    }
}
