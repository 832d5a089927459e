//! How fields are written (RFC 7541 section 6), in the forms that the encoder uses.

use super::{huffman, integer, static_table};
use alloc::vec::Vec;

/// The shortest value that is Huffman-encoded outside the table, octets. Encoding and decoding cost about 30
/// instructions an octet and save about a quarter of it: too much for the few octets of a value that is short and
/// that may come with every call.
const SHORTEST_HUFFMAN: usize = 32;

/// A literal's form (RFC 7541 section 6.2): its pattern and the bits left for the name's index.
pub(super) type Form = (u8, u32);
pub(super) const INDEXING: Form = (0x40, 6);
pub(super) const WITHOUT: Form = (0x00, 4);
pub(super) const NEVER: Form = (0x10, 4);

pub(super) fn dynamic_index(age: usize) -> usize {
    static_table::LEN + 1 + age
}

#[inline]
pub(super) fn indexed(age: usize, out: &mut Vec<u8>) {
    integer::encode(0x80, 7, dynamic_index(age), out);
}

pub(super) fn literal((pattern, bits): Form, name_index: Option<usize>, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    integer::encode(pattern, bits, name_index.unwrap_or(0), out);
    if name_index.is_none() {
        huffman_string(name, out);
    }
    // What goes into the table is sent once; the others may come with every call.
    if pattern == INDEXING.0 || value.len() >= SHORTEST_HUFFMAN {
        huffman_string(value, out);
    } else {
        plain_string(value, out);
    }
}

/// A literal without indexing behind the index of its name: what `grpc-timeout` is on every call.
#[inline]
pub(super) fn literal_behind(name_index: usize, value: &[u8], out: &mut Vec<u8>) {
    let (pattern, bits) = WITHOUT;
    if value.len() >= SHORTEST_HUFFMAN {
        integer::encode(pattern, bits, name_index, out);
        huffman_string(value, out);
    } else if (15..15 + 128).contains(&name_index) {
        // The head in one piece: an index of two octets, as nearly all of the dynamic table have, and the length.
        out.extend_from_slice(&[pattern | 15, (name_index - 15) as u8, value.len() as u8]);
        out.extend_from_slice(value);
    } else {
        integer::encode(pattern, bits, name_index, out);
        plain_string(value, out);
    }
}

/// A string literal (section 5.2) as it is.
#[inline]
fn plain_string(octets: &[u8], out: &mut Vec<u8>) {
    integer::encode(0x00, 7, octets.len(), out);
    out.extend_from_slice(octets);
}

/// A string literal (section 5.2), Huffman-encoded if that is shorter.
#[inline(never)]
fn huffman_string(octets: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if octets.len() < 0x7f {
        // The usual case saves a pass: the length takes one octet, which is filled in afterwards.
        out.push(0);
        huffman::encode(octets, out);
        let len = out.len() - start - 1;
        if len < octets.len() {
            out[start] = 0x80 | len as u8;
            return;
        }
        out.truncate(start);
    } else {
        let len = huffman::encoded_len(octets);
        if len < octets.len() {
            integer::encode(0x80, 7, len, out);
            return huffman::encode(octets, out);
        }
    }
    plain_string(octets, out);
}
