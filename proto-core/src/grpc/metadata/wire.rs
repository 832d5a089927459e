//! Metadata as header fields: binary values are base64 (PROTOCOL-HTTP2.md, "Binary-Header").

use super::{Metadata, names};
use alloc::vec::Vec;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padded and unpadded base64 are accepted, unpadded is sent.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A `-bin` value is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidBase64;

impl Metadata {
    /// Appends a field as it came from the peer: a `-bin` value is split at commas first, then each part is decoded.
    /// The name is a valid header name already.
    pub(crate) fn append_received(&mut self, name: &[u8], value: &[u8], sensitive: bool) -> Result<(), InvalidBase64> {
        if !names::is_bin(name) {
            self.append(name, value.trim_ascii(), sensitive);
            return Ok(());
        }
        for part in value.split(|&b| b == b',') {
            let start = self.bytes.len();
            self.append(name, &[], sensitive);
            let decoded = decode_into(part.trim_ascii(), &mut self.bytes);
            match (decoded, self.entries.last_mut()) {
                (Ok(len), Some(entry)) => entry.value = len,
                _ => {
                    self.bytes.truncate(start);
                    self.entries.pop();
                    return Err(InvalidBase64);
                }
            }
        }
        Ok(())
    }

    /// Gives every entry in its wire form to `write(name, value, sensitive)`; `scratch` holds base64 meanwhile.
    pub(crate) fn for_each_field(&self, scratch: &mut Vec<u8>, mut write: impl FnMut(&[u8], &[u8], bool)) {
        for (name, value, sensitive) in self.raw() {
            if names::is_bin(name) {
                encode_bin(value, scratch);
                write(name, scratch, sensitive);
            } else {
                write(name, value, sensitive);
            }
        }
    }

    /// The size of these fields in a header list (RFC 9113 section 6.5.2: name, value and 32 bytes each; `-bin` after
    /// base64).
    pub fn header_list_size(&self) -> usize {
        self.raw()
            .map(|(name, value, _)| {
                let value = if names::is_bin(name) { base64_len(value.len()) } else { value.len() };
                name.len() + value + 32
            })
            .sum()
    }
}

/// The length of unpadded base64 for `n` bytes.
fn base64_len(n: usize) -> usize {
    base64::encoded_len(n, false).unwrap_or(usize::MAX)
}

/// Replaces what is in `into` by the base64 of `value`.
pub(crate) fn encode_bin(value: &[u8], into: &mut Vec<u8>) {
    into.clear();
    into.resize(base64_len(value.len()), 0);
    // The buffer has exactly the length that the encoder needs.
    let written = BASE64.encode_slice(value, into).unwrap_or(0);
    into.truncate(written);
}

/// Appends what `value` (base64) stands for; says how many bytes that is. After an error `into` is as it was.
pub(crate) fn decode_into(value: &[u8], into: &mut Vec<u8>) -> Result<usize, InvalidBase64> {
    let start = into.len();
    into.resize(start + base64::decoded_len_estimate(value.len()), 0);
    match BASE64.decode_slice(value, &mut into[start..]) {
        Ok(len) => {
            into.truncate(start + len);
            Ok(len)
        }
        Err(_) => {
            into.truncate(start);
            Err(InvalidBase64)
        }
    }
}
