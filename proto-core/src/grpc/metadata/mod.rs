//! Metadata: an ordered list of (name, value), ASCII or binary (`-bin`).
//!
//! One buffer holds all names and values, so that a container that is recycled costs no allocation; search is linear,
//! which for the ten entries of a call is cheaper than hashing. Conversion to and from `http::HeaderMap` stands in
//! `convert`, the form on the wire in `wire`. It does not know which fields HTTP/2 and gRPC add by themselves; the
//! call layer writes those.

mod convert;
mod error;
mod names;
#[cfg(test)]
mod tests;
mod wire;

pub use error::MetadataError;
pub(crate) use wire::{InvalidBase64, decode_into as decode_bin, encode_bin};

use alloc::vec::Vec;
use core::fmt;

/// What a call carries beside its messages, in order. Binary values are held decoded.
///
/// Names are lower case; where a name is given, upper case is accepted and counts as lower case. Several values under
/// one name keep their order (PROTOCOL-HTTP2.md, "Custom-Metadata").
///
/// ```
/// use proto_core::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.insert("x-request-id", "42")?;
/// metadata.insert_bin("x-trace-bin", &[1, 2, 3])?;
/// assert_eq!(metadata.get("x-request-id"), Some("42"));
/// assert_eq!(metadata.get_bin("x-trace-bin"), Some(&[1, 2, 3][..]));
/// assert!(metadata.insert("grpc-timeout", "1S").is_err());
/// # Ok::<(), proto_core::grpc::MetadataError>(())
/// ```
#[derive(Clone, Default)]
pub struct Metadata {
    /// Name and value of every entry, one after the other, in the order of `entries` and without gaps.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where one entry stands in `Metadata::bytes`: the name from `start`, its value right behind.
#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    name: usize,
    value: usize,
    sensitive: bool,
}

impl Metadata {
    /// None. Takes no memory.
    pub const fn new() -> Self {
        Metadata { bytes: Vec::new(), entries: Vec::new() }
    }

    /// Appends a text value. White space at its ends is left out, as HTTP demands (RFC 9110 section 5.5).
    ///
    /// Accepted is what HTTP allows in a value: everything but control characters (a tab is allowed). Peers that
    /// follow gRPC to the letter take printable ASCII only.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), MetadataError> {
        self.insert_text(name, value.as_bytes(), false)
    }

    /// Appends a text value that intermediaries must not store in compression tables (credentials; RFC 7541 section
    /// 7.1.3), and that `Debug` does not show.
    pub fn insert_sensitive(&mut self, name: &str, value: &str) -> Result<(), MetadataError> {
        self.insert_text(name, value.as_bytes(), true)
    }

    /// Appends a binary value; the name ends in `-bin`.
    pub fn insert_bin(&mut self, name: &str, value: &[u8]) -> Result<(), MetadataError> {
        names::check(name)?;
        if !names::is_bin(name.as_bytes()) {
            return Err(MetadataError::Kind { name: name.into() });
        }
        self.append(name.as_bytes(), value, false);
        Ok(())
    }

    /// The first text value of this name. `None` also if it is not UTF-8 (see [`get_raw`](Metadata::get_raw)).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// The first binary value of this name.
    pub fn get_bin(&self, name: &str) -> Option<&[u8]> {
        self.get_all_bin(name).next()
    }

    /// The first value of this name, text or binary, as bytes.
    pub fn get_raw(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// All text values of this name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let wanted = !names::is_bin(name.as_bytes());
        self.values(name).filter(move |_| wanted).filter_map(|value| core::str::from_utf8(value).ok())
    }

    /// All binary values of this name, in order.
    pub fn get_all_bin<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let wanted = names::is_bin(name.as_bytes());
        self.values(name).filter(move |_| wanted)
    }

    /// Is there a value of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// All of them, in order: (name, raw value).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // Names are ASCII: `append` is called with names that were checked, here or by HPACK's user.
        self.raw().map(|(name, value, _)| (core::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes every value of this name; says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.entries.len();
        if !self.contains(name) {
            return 0;
        }
        let old = core::mem::take(self);
        for (entry, value, sensitive) in old.raw() {
            if !entry.eq_ignore_ascii_case(name.as_bytes()) {
                self.append(entry, value, sensitive);
            }
        }
        before - self.entries.len()
    }

    /// Appends everything that `other` has.
    pub fn extend(&mut self, other: &Metadata) {
        self.reserve(other.entries.len(), other.bytes.len());
        for (name, value, sensitive) in other.raw() {
            self.append(name, value, sensitive);
        }
    }

    /// Makes room for so many entries more, with so many bytes of names and values.
    pub(crate) fn reserve(&mut self, entries: usize, bytes: usize) {
        self.entries.reserve(entries);
        self.bytes.reserve(bytes);
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Bytes of memory that it holds, used or not.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// (name, value, sensitive) of every entry, in order.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
        self.entries.iter().map(|entry| {
            let (name, value) = self.bytes[entry.start..entry.start + entry.name + entry.value].split_at(entry.name);
            (name, value, entry.sensitive)
        })
    }

    fn values<'a>(&'a self, wanted: &str) -> impl Iterator<Item = &'a [u8]> {
        self.raw().filter(|(name, ..)| name.eq_ignore_ascii_case(wanted.as_bytes())).map(|(_, value, _)| value)
    }

    fn insert_text(&mut self, name: &str, value: &[u8], sensitive: bool) -> Result<(), MetadataError> {
        names::check(name)?;
        if names::is_bin(name.as_bytes()) {
            return Err(MetadataError::Kind { name: name.into() });
        }
        if !names::is_value(value) {
            return Err(MetadataError::value(name, value));
        }
        self.append(name.as_bytes(), value.trim_ascii(), sensitive);
        Ok(())
    }

    /// Appends an entry whose name (in any case) and value were checked.
    fn append(&mut self, name: &[u8], value: &[u8], sensitive: bool) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes[start..].make_ascii_lowercase();
        self.bytes.extend_from_slice(value);
        self.entries.push(Entry { start, name: name.len(), value: value.len(), sensitive });
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Metadata) -> bool {
        self.raw().map(|(name, value, _)| (name, value)).eq(other.raw().map(|(name, value, _)| (name, value)))
    }
}

impl Eq for Metadata {}

/// `{"x-request-id": "42", "x-trace-bin": 010203}`; sensitive values are left out.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value, sensitive) in self.raw() {
            let name = core::str::from_utf8(name).unwrap_or_default();
            match core::str::from_utf8(value) {
                _ if sensitive => map.entry(&name, &format_args!("(sensitive)")),
                Ok(text) if !names::is_bin(name.as_bytes()) => map.entry(&name, &text),
                _ => map.entry(&name, &Hex(value)),
            };
        }
        map.finish()
    }
}

/// Bytes as hex digits, cut after 32.
struct Hex<'a>(&'a [u8]);

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..self.0.len().min(32)] {
            write!(f, "{byte:02x}")?;
        }
        if self.0.len() > 32 {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}
