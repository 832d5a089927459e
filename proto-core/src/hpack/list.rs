//! A decoded header list, kept and filled again without allocation.

use super::name::{Known, Name};
use super::stored::{INVALID, SENSITIVE, Stored};
use alloc::vec::Vec;

/// A decoded header list: fields in the order of the wire.
///
/// Keep it and pass it to every [`Decoder::decode`](super::Decoder::decode): its memory is reused.
#[derive(Default)]
pub struct HeaderList {
    /// Names that are not known, and values, one field after the other.
    pub(super) bytes: Vec<u8>,
    fields: Vec<Stored>,
    size: usize,
    present: u64,
    repeated: u64,
    over_limit: bool,
    /// All fields' flags together.
    flags: u8,
}

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
        self.flags = 0;
    }

    /// Memory that it holds, octets, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.fields.capacity() * size_of::<Stored>()
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
        self.flags & INVALID == 0
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
        Some(field.value(&self.bytes))
    }

    /// Octets of all values, and of the names that are not known.
    #[inline]
    pub(crate) fn text_len(&self) -> usize {
        self.bytes.len()
    }

    /// Every stored field is one of `names`, and none is there twice. O(1).
    #[inline]
    pub(crate) fn has_only(&self, names: u64) -> bool {
        self.present & !names == 0 && self.fields.len() == self.present.count_ones() as usize
    }

    /// The known names that are there, one bit each ([`Known::bit`]).
    #[inline]
    pub(crate) fn names(&self) -> u64 {
        self.present
    }

    /// The known names that are there more than once, one bit each.
    #[inline]
    pub(crate) fn repeated_names(&self) -> u64 {
        self.repeated
    }

    /// No pseudo-header stands behind another field (RFC 9113 section 8.3). Of a list in which one is repeated it says
    /// nothing.
    #[inline]
    pub(crate) fn pseudo_headers_lead(&self, pseudo: u64) -> bool {
        let leading = (self.present & pseudo).count_ones() as usize;
        let fields = self.fields.get(..leading).unwrap_or(&[]);
        fields.iter().all(|field| field.known.is_some_and(|known| known.bit() & pseudo != 0))
    }

    /// All fields, in the order of the wire.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FieldRef<'_>> + DoubleEndedIterator + Clone {
        self.fields.iter().map(|field| FieldRef {
            name: field.name(&self.bytes),
            value: field.value(&self.bytes),
            sensitive: field.flags & SENSITIVE != 0,
            valid: field.flags & INVALID == 0,
        })
    }

    /// Appends a field by hand, as lists are made for tests and for calls within a process. No limit applies.
    pub fn push(&mut self, name: Name<'_>, value: &[u8], sensitive: bool) {
        let start = self.bytes.len();
        let mut valid = super::value_is_valid(value);
        if let Name::Other(bytes) = name {
            self.bytes.extend_from_slice(bytes);
            valid &= super::name_is_valid(bytes);
        }
        self.bytes.extend_from_slice(value);
        let flags = if sensitive { SENSITIVE } else { 0 } | if valid { 0 } else { INVALID };
        self.commit(Stored::new(start, name, value.len(), flags), usize::MAX);
    }

    /// Makes a field of what stands at the end of `bytes`. Beyond `limit` the octets are dropped instead.
    pub(super) fn commit(&mut self, field: Stored, limit: usize) {
        if self.count(&field, limit) {
            self.append(field);
        } else {
            self.bytes.truncate(field.start as usize);
        }
    }

    /// Appends a copy of an entry of a table.
    #[inline]
    pub(super) fn push_copy(&mut self, entry: &Stored, text: &[u8], limit: usize) {
        // Counted before it is copied: one octet of a block can stand for an entry as large as the table.
        if self.count(entry, limit) {
            let field = entry.moved_to(self.bytes.len());
            self.bytes.extend_from_slice(text);
            self.append(field);
        }
    }

    /// Where the list ends now.
    pub(super) fn mark(&self) -> Mark {
        Mark { text: self.bytes.len(), fields: self.fields.len() }
    }

    /// Octets of text that were added since `mark`.
    pub(super) fn text_since(&self, mark: Mark) -> usize {
        self.bytes.len().saturating_sub(mark.text)
    }

    /// Makes this list a copy of what `from` got since `mark`.
    pub(super) fn copy_from(&mut self, from: &HeaderList, mark: Mark) {
        self.clear();
        let fields = from.fields.get(mark.fields..).unwrap_or_default();
        let text = from.bytes.get(mark.text..).unwrap_or_default();
        for field in fields {
            self.size += field.size();
            self.append(field.moved_to(field.start as usize - mark.text));
        }
        self.bytes.extend_from_slice(text);
    }

    /// Appends a whole list, if that fits below `limit`.
    #[inline]
    pub(super) fn append_list(&mut self, list: &HeaderList, limit: usize) -> bool {
        let size = self.size + list.size;
        if size > limit {
            return false;
        }
        let start = self.bytes.len();
        self.size = size;
        self.bytes.extend_from_slice(&list.bytes);
        self.fields.extend(list.fields.iter().map(|field| field.moved_to(start + field.start as usize)));
        self.repeated |= list.repeated | self.present & list.present;
        self.present |= list.present;
        self.flags |= list.flags;
        true
    }

    /// The field fits below `limit`. Otherwise, and from then on, none does.
    #[inline]
    fn count(&mut self, field: &Stored, limit: usize) -> bool {
        self.size += field.size();
        // The size only grows: what exceeds the limit once exceeds it to the end of the block.
        let fits = self.size <= limit;
        if !fits {
            self.over_limit = true;
        }
        fits
    }

    #[inline]
    fn append(&mut self, field: Stored) {
        if let Some(known) = field.known {
            self.repeated |= self.present & bit(known);
            self.present |= bit(known);
        }
        self.flags |= field.flags;
        self.fields.push(field);
    }
}

/// A place in a list.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    text: usize,
    fields: usize,
}

#[inline]
fn bit(name: Known) -> u64 {
    name.bit()
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
