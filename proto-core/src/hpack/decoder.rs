//! Header blocks to header lists.

use super::chars::{name_is_valid, value_is_valid};
use super::error::DecodeError;
use super::list::HeaderList;
use super::name::{Known, Name};
use super::runs::{Recall, Run, Runs};
use super::stored::{INVALID, SENSITIVE, Stored};
use super::table::Table;
use super::{huffman, integer, static_table};
use alloc::vec::Vec;

/// Updates that one block may start with: the smallest size and the last one (RFC 7541 section 4.2).
const MAX_SIZE_UPDATES: usize = 2;

/// The receiving half of HPACK: decodes the header blocks of one connection, in order.
///
/// Guards (`HPACK bombs`, CVE-2023-33953 and its kin): a string's announced length is compared with what is left of
/// the block before anything is stored; an integer has at most 5 octets; a block has at most two size updates; a
/// list above `max_header_list_size` is still decoded, so that the table stays in step, but no longer stored. A
/// block of `n` octets costs work in proportion to `n`, and memory of at most `max_header_list_size + 1.6 n`.
pub struct Decoder {
    table: Table,
    runs: Runs,
    /// What our SETTINGS allow.
    allowed: usize,
    /// The next block must start with an update to this size or less.
    owed: Option<usize>,
    max_header_list_size: usize,
}

impl Decoder {
    /// Memory that it holds, octets, used or not.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.table.memory() + self.runs.memory()
    }

    /// A decoder whose table may grow to `max_table_size` octets. A connection starts with
    /// [`DEFAULT_TABLE_SIZE`](super::DEFAULT_TABLE_SIZE), whatever its SETTINGS say, and calls
    /// [`set_max_table_size`](Self::set_max_table_size) when the peer has acknowledged them.
    ///
    /// `max_header_list_size` is in octets as RFC 9113 section 6.5.2 counts them.
    pub fn new(max_table_size: usize, max_header_list_size: usize) -> Self {
        Decoder {
            table: Table::new(max_table_size),
            runs: Runs::default(),
            allowed: max_table_size,
            owed: None,
            max_header_list_size,
        }
    }

    /// The peer has acknowledged SETTINGS_HEADER_TABLE_SIZE = `size`. If that is less than the table's size now, the
    /// next block must start with an update (RFC 7541 section 4.2).
    pub fn set_max_table_size(&mut self, size: usize) {
        self.allowed = size;
        if size < self.table.max() {
            self.owed = Some(self.owed.map_or(size, |owed| owed.min(size)));
        }
    }

    /// Changes the limit on header lists, octets as RFC 9113 section 6.5.2 counts them.
    pub fn set_max_header_list_size(&mut self, size: usize) {
        self.max_header_list_size = size;
    }

    /// Decodes one whole header block into `into`, which is cleared first.
    ///
    /// A list above the limit is no error here: see [`HeaderList::is_over_limit`]. After an error the decoder must
    /// not be used any more; using it is safe, but what it yields means nothing.
    pub fn decode(&mut self, block: &[u8], into: &mut HeaderList) -> Result<(), DecodeError> {
        into.clear();
        let mut input = self.size_updates(block)?;
        while let [first, rest @ ..] = input {
            input = match first {
                0x80..=0xfe => self.run(input, into)?,
                0xff => {
                    let (index, rest) = integer::decode(0xff, 7, rest)?;
                    self.indexed(index, into)?;
                    rest
                }
                0x20..=0x3f => return Err(DecodeError::SizeUpdateTooLate),
                _ => self.literal(*first, rest, into)?,
            };
        }
        Ok(())
    }

    /// Dynamic table size updates at the start of a block (RFC 7541 section 6.3).
    #[inline]
    fn size_updates<'a>(&mut self, mut input: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let mut count = 0;
        while let [first @ 0x20..=0x3f, rest @ ..] = input {
            let (size, rest) = integer::decode(*first, 5, rest)?;
            count += 1;
            if count > MAX_SIZE_UPDATES {
                return Err(DecodeError::TooManySizeUpdates);
            }
            if size > self.allowed {
                return Err(DecodeError::SizeUpdateTooLarge);
            }
            if self.owed.is_some_and(|owed| size <= owed) {
                self.owed = None;
            }
            self.table.set_max(size);
            self.runs.forget();
            input = rest;
        }
        if self.owed.is_some() { Err(DecodeError::SizeUpdateMissing) } else { Ok(input) }
    }

    /// Fields that a table holds, one octet each: a run of them at the start of `input`.
    #[inline]
    fn run<'a>(&mut self, input: &'a [u8], into: &mut HeaderList) -> Result<&'a [u8], DecodeError> {
        let run = Run::at(input);
        let (octets, rest) = input.split_at_checked(run.len).unwrap_or((input, &[]));
        if let [first] = octets {
            self.indexed(usize::from(first & 0x7f), into)?;
            return Ok(rest);
        }
        if let Recall::Decode { keep_in } = self.runs.recall(&run, into, self.max_header_list_size) {
            let mark = into.mark();
            for first in octets {
                self.indexed(usize::from(first & 0x7f), into)?;
            }
            if let Some(place) = keep_in
                && !into.is_over_limit()
            {
                self.runs.keep(place, into, mark);
            }
        }
        Ok(rest)
    }

    /// Indexed header field (section 6.1).
    #[inline]
    fn indexed(&mut self, index: usize, into: &mut HeaderList) -> Result<(), DecodeError> {
        let (entry, text) = if index > static_table::LEN {
            let entry = self.table.get(index - static_table::LEN - 1).ok_or(DecodeError::IndexTooLarge)?;
            (entry, self.table.text(entry))
        } else if index != 0 {
            static_table::entry(index).stored()
        } else {
            return Err(DecodeError::IndexZero);
        };
        into.push_copy(entry, text, self.max_header_list_size);
        Ok(())
    }

    /// Literal header field: with incremental indexing, without indexing, never indexed (section 6.2).
    fn literal<'a>(&mut self, first: u8, input: &'a [u8], into: &mut HeaderList) -> Result<&'a [u8], DecodeError> {
        let indexing = first & 0x40 != 0;
        let (index, input) = integer::decode(first, if indexing { 6 } else { 4 }, input)?;
        // The octets are decoded straight into the list, and taken back if they do not belong there.
        let start = into.bytes.len();
        let (known, valid_name, input) = self.literal_name(index, input, &mut into.bytes)?;
        let name_len = into.bytes.len() - start;
        let input = string(input, &mut into.bytes)?;
        let (name, value) = into.bytes[start..].split_at(name_len);
        let name = known.map_or(Name::Other(name), Name::Known);
        let mut flags = if valid_name && value_is_valid(value) { 0 } else { INVALID };
        if indexing {
            self.table.insert(name, value, flags);
            self.runs.forget();
        } else if first & 0x10 != 0 {
            flags |= SENSITIVE;
        }
        into.commit(Stored::new(start, name, value.len(), flags), self.max_header_list_size);
        Ok(input)
    }

    /// The name of a literal: its number, or its octets appended to `bytes`; and whether its octets are valid.
    #[inline]
    fn literal_name<'a>(
        &self,
        index: usize,
        mut input: &'a [u8],
        bytes: &mut Vec<u8>,
    ) -> Result<(Option<Known>, bool, &'a [u8]), DecodeError> {
        let start = bytes.len();
        let name = if index > static_table::LEN {
            let entry = self.table.get(index - static_table::LEN - 1).ok_or(DecodeError::IndexTooLarge)?;
            self.table.name(entry)
        } else if index != 0 {
            static_table::entry(index).name()
        } else {
            input = name_string(input, bytes)?;
            let Some(known) = Known::from_bytes(&bytes[start..]) else {
                return Ok((None, name_is_valid(&bytes[start..]), input));
            };
            bytes.truncate(start);
            Name::Known(known)
        };
        match name {
            Name::Known(known) => Ok((Some(known), true, input)),
            Name::Other(name) => {
                bytes.extend_from_slice(name);
                Ok((None, name_is_valid(name), input))
            }
        }
    }
}

/// The string literal of a name: rare once the table has settled, so that it stays out of the way of the others.
#[inline(never)]
fn name_string<'a>(input: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], DecodeError> {
    string(input, out)
}

/// A string literal (section 5.2), appended to `out`. Yields the input behind it.
#[inline(always)]
fn string<'a>(input: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], DecodeError> {
    let [first, rest @ ..] = input else { return Err(DecodeError::Truncated) };
    let (len, rest) = integer::decode(*first, 7, rest)?;
    let Some((octets, rest)) = rest.split_at_checked(len) else { return Err(DecodeError::Truncated) };
    if first & 0x80 != 0 {
        huffman::decode(octets, out)?;
    } else {
        out.extend_from_slice(octets);
    }
    Ok(rest)
}

impl core::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Decoder")
            .field("entries", &self.table.len())
            .field("size", &self.table.size())
            .field("max", &self.table.max())
            .field("allowed", &self.allowed)
            .field("max_header_list_size", &self.max_header_list_size)
            .finish()
    }
}
