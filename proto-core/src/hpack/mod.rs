//! HPACK (RFC 7541): header lists to header blocks and back.
//!
//! What it is for: one [`Encoder`] and one [`Decoder`] a connection turn header lists into the blocks that HEADERS
//! and CONTINUATION frames carry, in a few hundred instructions a gRPC call. Reserved names are an enum
//! ([`Known`]), never strings; the usual fields of a call cost one byte each from the second call on; nothing is
//! allocated once the buffers have grown.
//!
//! What it does not do: it assembles no CONTINUATION frames (it is given whole blocks), and it does not judge
//! whether a list makes sense as a request (`h2` does). It does look at each octet of a name and a value once, when
//! the literal is decoded, and remembers the verdict with the table entry: see [`FieldRef::valid`].
//!
//! Who calls it: the `h2` layer, which owns both halves, hands blocks to [`Decoder::decode`], turns every
//! [`DecodeError`] into a connection error of type COMPRESSION_ERROR, and tells both halves when SETTINGS change.
//!
//! ```
//! use proto_core::hpack::{Decoder, Encoder, HeaderList, Known};
//!
//! let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096, 16 * 1024));
//! let (mut block, mut list) = (Vec::new(), HeaderList::new());
//! for _ in 0..2 {
//!     block.clear();
//!     encoder.begin(&mut block);
//!     encoder.field(&mut block, Known::Method, b"POST");
//!     encoder.field(&mut block, Known::Path, b"/hello.v1.HelloService/SayHello");
//!     encoder.field_other(&mut block, b"x-tenant", b"blue", false);
//!     decoder.decode(&block, &mut list).unwrap();
//!     assert_eq!(list.get(Known::Path), Some(&b"/hello.v1.HelloService/SayHello"[..]));
//! }
//! ```

mod chars;
mod decoder;
mod encoder;
mod error;
mod huffman;
mod integer;
mod list;
mod literal;
mod name;
mod runs;
mod static_table;
mod stored;
mod table;
mod tags;

pub use chars::{name_is_valid, trim_outer_whitespace, value_is_valid};
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::DecodeError;
pub use list::{FieldRef, HeaderList};
pub use name::{Known, Name};

/// What every entry costs beyond its name and value, octets (RFC 7541 section 4.1, RFC 9113 section 6.5.2).
pub(crate) const FIELD_OVERHEAD: usize = 32;

/// The size of the dynamic table before any SETTINGS, octets (RFC 9113 section 6.5.2).
pub const DEFAULT_TABLE_SIZE: usize = 4096;
