//! HPACK (RFC 7541). Owner: hpack.

/// Well-known names (the owner of hpack completes this).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Known {
    Path,
}

/// A decoded header block, recycled.
#[derive(Debug, Default)]
pub struct HeaderList {}
