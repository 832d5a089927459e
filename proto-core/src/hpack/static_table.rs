//! The static table (RFC 7541 appendix A).

use super::name::{Known, Name};
use super::stored::Stored;

/// Entries of the static table; dynamic indexes start after it.
pub(super) const LEN: usize = 61;

/// One entry.
pub(super) struct StaticEntry {
    name: Name<'static>,
    value: &'static str,
    stored: Stored,
}

impl StaticEntry {
    /// The name: `Known` wherever it is one.
    #[inline]
    pub(super) fn name(&self) -> Name<'static> {
        self.name
    }

    /// The entry as a list stores it, and its text. The only values are those of known names, so that the text is
    /// either the name or the value.
    #[inline]
    pub(super) fn stored(&self) -> (&Stored, &'static [u8]) {
        let text = if let Name::Other(name) = self.name { name } else { self.value.as_bytes() };
        (&self.stored, text)
    }
}

/// The entry at `index`, which is in `1..=LEN` (other indexes give the nearest entry; callers check).
#[inline]
pub(super) fn entry(index: usize) -> &'static StaticEntry {
    &ENTRIES[index.clamp(1, LEN) - 1]
}

/// The names that have values here and that calls use are the first of [`Known`].
const LAST_WITH_VALUES: Known = Known::Status;

/// The entry with this name and value. The paths and the one `accept-encoding` of the table are not gRPC's.
#[inline]
pub(super) fn find(name: Known, value: &[u8]) -> Option<u8> {
    if name > LAST_WITH_VALUES {
        return None;
    }
    // Compared as a whole, which compiles to one compare each; patterns compile to one an octet.
    let is = |text: &[u8; 3]| value == text;
    match name {
        Known::Method if value == b"POST" => Some(3),
        Known::Method if value == b"GET" => Some(2),
        Known::Scheme if value == b"http" => Some(6),
        Known::Scheme if value == b"https" => Some(7),
        Known::Status if is(b"200") => Some(8),
        Known::Status if is(b"204") => Some(9),
        Known::Status if is(b"206") => Some(10),
        Known::Status if is(b"304") => Some(11),
        Known::Status if is(b"400") => Some(12),
        Known::Status if is(b"404") => Some(13),
        Known::Status if is(b"500") => Some(14),
        _ => None,
    }
}

/// The index of a name that is not [`Known`].
pub(super) fn find_other_name(name: &[u8]) -> Option<usize> {
    let letter = usize::from(name.first()?.checked_sub(b'a')?);
    let (from, to) = (*FIRST_WITH.get(letter)?, *FIRST_WITH.get(letter + 1)?);
    (usize::from(from)..usize::from(to)).find(|&index| entry(index).name == Name::Other(name))
}

/// From index 15 on, names stand in the order of their first letters: for each letter the first index whose name
/// starts with it or a later one.
static FIRST_WITH: [u8; 27] = {
    let mut first = [0; 27];
    let mut letter = 0;
    while letter < 27 {
        let mut index = 15;
        while index <= LEN && ENTRIES[index - 1].name.as_bytes()[0] < b'a' + letter {
            index += 1;
        }
        first[letter as usize] = index as u8;
        letter += 1;
    }
    first
};

const fn known(name: Known, value: &'static str) -> StaticEntry {
    StaticEntry { name: Name::Known(name), value, stored: Stored::new(0, Name::Known(name), value.len(), 0) }
}

const fn other(name: &'static str) -> StaticEntry {
    let name = Name::Other(name.as_bytes());
    StaticEntry { name, value: "", stored: Stored::new(0, name, 0, 0) }
}

static ENTRIES: [StaticEntry; LEN] = [
    known(Known::Authority, ""),
    known(Known::Method, "GET"),
    known(Known::Method, "POST"),
    known(Known::Path, "/"),
    known(Known::Path, "/index.html"),
    known(Known::Scheme, "http"),
    known(Known::Scheme, "https"),
    known(Known::Status, "200"),
    known(Known::Status, "204"),
    known(Known::Status, "206"),
    known(Known::Status, "304"),
    known(Known::Status, "400"),
    known(Known::Status, "404"),
    known(Known::Status, "500"),
    other("accept-charset"),
    known(Known::AcceptEncoding, "gzip, deflate"),
    other("accept-language"),
    other("accept-ranges"),
    other("accept"),
    other("access-control-allow-origin"),
    other("age"),
    other("allow"),
    known(Known::Authorization, ""),
    other("cache-control"),
    other("content-disposition"),
    known(Known::ContentEncoding, ""),
    other("content-language"),
    known(Known::ContentLength, ""),
    other("content-location"),
    other("content-range"),
    known(Known::ContentType, ""),
    known(Known::Cookie, ""),
    other("date"),
    other("etag"),
    other("expect"),
    other("expires"),
    other("from"),
    known(Known::Host, ""),
    other("if-match"),
    other("if-modified-since"),
    other("if-none-match"),
    other("if-range"),
    other("if-unmodified-since"),
    other("last-modified"),
    other("link"),
    other("location"),
    other("max-forwards"),
    other("proxy-authenticate"),
    known(Known::ProxyAuthorization, ""),
    other("range"),
    other("referer"),
    other("refresh"),
    other("retry-after"),
    other("server"),
    known(Known::SetCookie, ""),
    other("strict-transport-security"),
    known(Known::TransferEncoding, ""),
    known(Known::UserAgent, ""),
    other("vary"),
    other("via"),
    other("www-authenticate"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_names_are_found_where_they_stand() {
        for index in 1..=LEN {
            let entry = entry(index);
            match entry.name() {
                Name::Known(name) if name <= LAST_WITH_VALUES => {
                    assert_eq!(find(name, entry.value.as_bytes()), Some(index as u8));
                }
                Name::Known(name) => assert_eq!(find(name, b"something"), None),
                Name::Other(name) => {
                    assert_eq!(find_other_name(name), Some(index));
                    assert_eq!(Known::from_bytes(name), None);
                }
            }
        }
        assert_eq!(find_other_name(b"x-none"), None);
    }
}
