//! Metadata: an ordered list of (name, value), ASCII or binary (`-bin`).
//!
//! CONTRACT SKELETON: owned by the grpc layer. Linear search; no hash map.

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// What a call carries beside its messages, in order. Binary values are held decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    entries: Vec<(String, Bytes)>,
}

/// Why a key or value cannot be metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum MetadataError {
    /// The name has a character outside `[0-9a-z_.-]`, or is empty.
    Name { name: String },
    /// The name is gRPC's own (wire.md item 5).
    Reserved { name: String },
    /// The value has a byte that a header cannot carry.
    Value { name: String, value: String },
    /// A binary value under a name without `-bin`, or text under a name with it.
    Kind { name: String },
}

impl core::fmt::Display for MetadataError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl core::error::Error for MetadataError {}

impl Metadata {
    /// None.
    pub const fn new() -> Self {
        Metadata { entries: Vec::new() }
    }
    /// Appends a text value.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), MetadataError> {
        let _ = (name, value);
        todo!()
    }
    /// Appends a binary value; the name ends in `-bin`.
    pub fn insert_bin(&mut self, name: &str, value: &[u8]) -> Result<(), MetadataError> {
        let _ = (name, value);
        todo!()
    }
    /// The first text value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let _ = name;
        todo!()
    }
    /// The first binary value of this name.
    pub fn get_bin(&self, name: &str) -> Option<&[u8]> {
        let _ = name;
        todo!()
    }
    /// All of them, in order: (name, raw value).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|(n, v)| (n.as_str(), &v[..]))
    }
    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
