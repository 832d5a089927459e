//! The static table (RFC 7541 appendix A).

use super::name::{Known, Name};

/// Entries of the static table; dynamic indexes start after it.
pub(super) const LEN: usize = 61;

/// One entry.
pub(super) struct StaticEntry {
    name: Name<'static>,
    value: &'static str,
}

impl StaticEntry {
    /// The name: `Known` wherever it is one.
    #[inline]
    pub(super) fn key(&self) -> Name<'static> {
        self.name
    }

    /// The value, empty for most.
    #[inline]
    pub(super) fn value(&self) -> &'static [u8] {
        self.value.as_bytes()
    }
}

/// The entry at `index`, which is in `1..=LEN` (other indexes give the nearest entry; callers check).
#[inline]
pub(super) fn entry(index: usize) -> &'static StaticEntry {
    &ENTRIES[index.clamp(1, LEN) - 1]
}

/// The entry with this name and value, among the names that have values in the static table.
#[inline]
pub(super) fn find(name: Known, value: &[u8]) -> Option<u8> {
    match (name, value) {
        (Known::Method, b"POST") => Some(3),
        (Known::Method, b"GET") => Some(2),
        (Known::Scheme, b"http") => Some(6),
        (Known::Scheme, b"https") => Some(7),
        (Known::Status, b"200") => Some(8),
        (Known::Status, b"204") => Some(9),
        (Known::Status, b"206") => Some(10),
        (Known::Status, b"304") => Some(11),
        (Known::Status, b"400") => Some(12),
        (Known::Status, b"404") => Some(13),
        (Known::Status, b"500") => Some(14),
        (Known::Path, b"/") => Some(4),
        (Known::Path, b"/index.html") => Some(5),
        (Known::AcceptEncoding, b"gzip, deflate") => Some(16),
        _ => None,
    }
}

/// The index of a name that is not [`Known`].
pub(super) fn find_other_name(name: &[u8]) -> Option<usize> {
    let same = |entry: &StaticEntry| matches!(entry.name, Name::Other(bytes) if bytes == name);
    // Names that are not `Known` stand from accept-charset (15) on.
    ENTRIES[14..].iter().position(same).map(|i| i + 15)
}

const fn known(name: Known, value: &'static str) -> StaticEntry {
    StaticEntry { name: Name::Known(name), value }
}

const fn other(name: &'static str) -> StaticEntry {
    StaticEntry { name: Name::Other(name.as_bytes()), value: "" }
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
            match entry.key() {
                Name::Known(name) if !entry.value().is_empty() => {
                    assert_eq!(find(name, entry.value()), Some(index as u8));
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
