//! [`MetadataError`]: what is wrong with a name or a value, in words that name both.

use alloc::string::String;
use core::fmt;

/// Why a key or value cannot be metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    /// The name has a character outside `[0-9a-z_.-]`, or is empty.
    Name {
        /// The name.
        name: String,
    },
    /// The name belongs to gRPC or HTTP/2.
    Reserved {
        /// The name.
        name: String,
    },
    /// The value has a byte that a header cannot carry.
    Value {
        /// The name.
        name: String,
        /// The value, made printable, cut to 64 bytes.
        value: String,
    },
    /// A binary value under a name without `-bin`, or text under a name with it.
    Kind {
        /// The name.
        name: String,
    },
}

impl MetadataError {
    /// A bad value, made fit to be shown.
    pub(super) fn value(name: &str, value: &[u8]) -> Self {
        let shown = &value[..value.len().min(64)];
        MetadataError::Value { name: name.into(), value: String::from_utf8_lossy(shown).into_owned() }
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetadataError::Name { name } => {
                write!(f, "metadata name {name:?} cannot be sent: expected letters, digits, '_', '-' and '.'")
            }
            MetadataError::Reserved { name } => {
                write!(f, "metadata name {name:?} belongs to gRPC or HTTP/2: expected a name of the application's own")
            }
            MetadataError::Value { name, value } => {
                write!(
                    f,
                    "metadata {name:?} has value {value:?}: expected text without control characters (bytes: a name with \"-bin\")"
                )
            }
            MetadataError::Kind { name } if super::names::is_bin(name.as_bytes()) => {
                write!(
                    f,
                    "metadata name {name:?} was given text: expected bytes under a name with \"-bin\" (insert_bin)"
                )
            }
            MetadataError::Kind { name } => {
                write!(f, "metadata name {name:?} was given bytes: expected a name that ends in \"-bin\"")
            }
        }
    }
}

impl core::error::Error for MetadataError {}
