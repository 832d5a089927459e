//! How a header block breaks the rules of HPACK.

/// Why a block cannot be decoded. All of them are connection errors of type COMPRESSION_ERROR (RFC 9113 section
/// 4.3): the table is out of step, and nothing after this can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The block ends within a field, or a string is announced longer than the block.
    Truncated,
    /// An integer takes more than 5 octets.
    IntegerTooLong,
    /// The index 0 (RFC 7541 section 6.1).
    IndexZero,
    /// An index beyond both tables (section 2.3.3).
    IndexTooLarge,
    /// A Huffman string whose padding is not the start of EOS, or is longer than 7 bits (section 5.2).
    BadPadding,
    /// A Huffman string that contains EOS (section 5.2).
    EosInString,
    /// A table size above what our SETTINGS allow (section 6.3).
    SizeUpdateTooLarge,
    /// A table size update after the first field (section 4.2).
    SizeUpdateTooLate,
    /// More than two table size updates in one block (section 4.2).
    TooManySizeUpdates,
    /// Our SETTINGS reduced the table, and the next block did not start with an update that says so (section 4.2).
    SizeUpdateMissing,
}

impl DecodeError {
    /// What was wrong, with the section that says so.
    pub const fn what(self) -> &'static str {
        match self {
            DecodeError::Truncated => "a header block ends within a field",
            DecodeError::IntegerTooLong => "an HPACK integer of more than 5 octets (RFC 7541 section 5.1)",
            DecodeError::IndexZero => "HPACK index 0 (RFC 7541 section 6.1)",
            DecodeError::IndexTooLarge => "an HPACK index beyond the table (RFC 7541 section 2.3.3)",
            DecodeError::BadPadding => "bad padding of a Huffman string (RFC 7541 section 5.2)",
            DecodeError::EosInString => "EOS within a Huffman string (RFC 7541 section 5.2)",
            DecodeError::SizeUpdateTooLarge => "an HPACK table size above our SETTINGS (RFC 7541 section 6.3)",
            DecodeError::SizeUpdateTooLate => "an HPACK table size update after a field (RFC 7541 section 4.2)",
            DecodeError::TooManySizeUpdates => "more than two HPACK table size updates (RFC 7541 section 4.2)",
            DecodeError::SizeUpdateMissing => "no HPACK table size update after a reduction (RFC 7541 section 4.2)",
        }
    }
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.what())
    }
}

impl core::error::Error for DecodeError {}
