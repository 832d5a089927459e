//! How a field is stored, in the dynamic table and in a header list alike: a place in its owner's text.

use super::FIELD_OVERHEAD;
use super::name::{Known, Name};

/// A field in its owner's text: its name, then its value. A known name takes no octets.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    pub(super) start: u32,
    /// Octets of the name in the text, 0 for a known one.
    name_len: u32,
    value_len: u32,
    size: u32,
    pub(super) known: Option<Known>,
    pub(super) flags: u8,
}

/// A piece of the owner's text.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    start: u32,
    len: u32,
}

impl Place {
    /// The piece.
    #[inline]
    pub(super) fn of(self, owner: &[u8]) -> &[u8] {
        owner.get(self.start as usize..self.start as usize + self.len as usize).unwrap_or_default()
    }
}

/// The peer marked the field never-indexed.
pub(super) const SENSITIVE: u8 = 1;
/// Name or value holds octets that no field may hold.
pub(super) const INVALID: u8 = 2;

impl Stored {
    /// What stands in a table where nothing stands yet.
    pub(super) const BLANK: Stored = Stored::new(0, Name::Other(&[]), 0, 0);

    /// A field whose text begins at `start`.
    ///
    /// Offsets have 32 bits: an integer of a block stays below 2^29, a table below 2^28, and `h2` bounds a block far
    /// below that. What is larger all the same is cut in the count, not in the text.
    #[inline]
    pub(super) const fn new(start: usize, name: Name<'_>, value_len: usize, flags: u8) -> Stored {
        let (known, name_len, counted) = match name {
            Name::Known(known) => (Some(known), 0, known.len()),
            Name::Other(bytes) => (None, bytes.len(), bytes.len()),
        };
        Stored {
            start: start as u32,
            name_len: name_len as u32,
            value_len: value_len as u32,
            size: (counted + value_len + FIELD_OVERHEAD) as u32,
            known,
            flags,
        }
    }

    /// The same field with its text at `start` of another owner.
    #[inline]
    pub(super) fn moved_to(self, start: usize) -> Stored {
        Stored { start: start as u32, ..self }
    }

    /// What the field counts in a table or a list, octets (RFC 7541 section 4.1, RFC 9113 section 6.5.2).
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// Where the text ends.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.start as usize + self.name_len as usize + self.value_len as usize
    }

    /// Name (nothing if it is known) and value, in one piece.
    #[inline]
    pub(super) fn text<'a>(&self, owner: &'a [u8]) -> &'a [u8] {
        &owner[self.start as usize..self.end()]
    }

    /// The value.
    #[inline]
    pub(super) fn value<'a>(&self, owner: &'a [u8]) -> &'a [u8] {
        &owner[self.start as usize + self.name_len as usize..self.end()]
    }

    /// Where the value stands.
    pub(super) fn value_place(&self) -> Place {
        Place { start: self.start + self.name_len, len: self.value_len }
    }

    /// The name.
    #[inline]
    pub(super) fn name<'a>(&self, owner: &'a [u8]) -> Name<'a> {
        match self.known {
            Some(known) => Name::Known(known),
            None => Name::Other(&owner[self.start as usize..][..self.name_len as usize]),
        }
    }
}
