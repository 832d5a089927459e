//! The header names that this library knows by number.

/// Declares [`Known`] and the tables that go with it from one list.
macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, static $index:literal;)*) => {
        /// A header name that gRPC, the rules of HTTP/2 or the encoder treat specially.
        ///
        /// Everything else is user metadata and stays bytes ([`Name::Other`]).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Known {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl Known {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Known] = &[$(Known::$variant),*];
            /// How many there are.
            pub(crate) const COUNT: usize = Known::ALL.len();
        }

        static NAMES: [&str; Known::COUNT] = [$($text),*];
        const LENGTHS: [u8; Known::COUNT] = [$($text.len() as u8),*];
        /// The first entry of the static table with this name, 0 if there is none.
        static STATIC_INDEX: [u8; Known::COUNT] = [$($index),*];
    };
}

known! {
    Method = ":method", static 2;
    Scheme = ":scheme", static 6;
    Status = ":status", static 8;
    Path = ":path", static 4;
    Authority = ":authority", static 1;
    Te = "te", static 0;
    ContentType = "content-type", static 31;
    UserAgent = "user-agent", static 58;
    GrpcTimeout = "grpc-timeout", static 0;
    GrpcEncoding = "grpc-encoding", static 0;
    GrpcAcceptEncoding = "grpc-accept-encoding", static 0;
    GrpcStatus = "grpc-status", static 0;
    GrpcMessage = "grpc-message", static 0;
    GrpcStatusDetailsBin = "grpc-status-details-bin", static 0;
    GrpcMessageType = "grpc-message-type", static 0;
    GrpcPreviousRpcAttempts = "grpc-previous-rpc-attempts", static 0;
    GrpcRetryPushbackMs = "grpc-retry-pushback-ms", static 0;
    GrpcTagsBin = "grpc-tags-bin", static 0;
    GrpcTraceBin = "grpc-trace-bin", static 0;
    ContentLength = "content-length", static 28;
    ContentEncoding = "content-encoding", static 26;
    AcceptEncoding = "accept-encoding", static 16;
    Host = "host", static 38;
    Authorization = "authorization", static 23;
    ProxyAuthorization = "proxy-authorization", static 49;
    Cookie = "cookie", static 32;
    SetCookie = "set-cookie", static 55;
    Connection = "connection", static 0;
    KeepAlive = "keep-alive", static 0;
    ProxyConnection = "proxy-connection", static 0;
    TransferEncoding = "transfer-encoding", static 57;
    Upgrade = "upgrade", static 0;
}

// `HeaderList` keeps a set of them as one bit each.
const _: () = assert!(Known::COUNT <= 64);

impl Known {
    /// A place of its own in a set of names.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u32
    }

    /// The name as it stands on the wire.
    #[inline]
    pub const fn as_str(self) -> &'static str {
        NAMES[self as usize]
    }

    /// One of `:authority`, `:method`, `:path`, `:scheme`, `:status` (RFC 9113 section 8.3).
    #[inline]
    pub const fn is_pseudo(self) -> bool {
        matches!(self, Known::Authority | Known::Method | Known::Path | Known::Scheme | Known::Status)
    }

    /// A header that speaks about an HTTP/1.1 connection and makes an HTTP/2 message malformed (RFC 9113 section
    /// 8.2.2). `te` is judged by its value and is not among them.
    #[inline]
    pub const fn is_connection_specific(self) -> bool {
        matches!(
            self,
            Known::Connection | Known::KeepAlive | Known::ProxyConnection | Known::TransferEncoding | Known::Upgrade
        )
    }

    /// A name whose values are secrets: they are written as never-indexed literals (RFC 7541 section 7.1.3).
    #[inline]
    pub const fn is_sensitive(self) -> bool {
        matches!(self, Known::Authorization | Known::ProxyAuthorization | Known::Cookie | Known::SetCookie)
    }

    /// The name with these bytes. Names are lower case; nothing is folded.
    pub fn from_bytes(name: &[u8]) -> Option<Known> {
        use Known::*;
        let candidates: &[Known] = match name.len() {
            2 => &[Te],
            4 => &[Host],
            5 => &[Path],
            6 => &[Cookie],
            7 => &[Method, Scheme, Status, Upgrade],
            10 => &[Authority, UserAgent, SetCookie, Connection, KeepAlive],
            11 => &[GrpcStatus],
            12 => &[ContentType, GrpcTimeout, GrpcMessage],
            13 => &[GrpcEncoding, Authorization, GrpcTagsBin],
            14 => &[ContentLength, GrpcTraceBin],
            15 => &[AcceptEncoding],
            16 => &[ContentEncoding, ProxyConnection],
            17 => &[GrpcMessageType, TransferEncoding],
            19 => &[ProxyAuthorization],
            20 => &[GrpcAcceptEncoding],
            22 => &[GrpcRetryPushbackMs],
            23 => &[GrpcStatusDetailsBin],
            26 => &[GrpcPreviousRpcAttempts],
            _ => return None,
        };
        candidates.iter().copied().find(|known| known.as_str().as_bytes() == name)
    }

    /// Octets of the name.
    #[inline]
    pub(super) const fn len(self) -> usize {
        LENGTHS[self as usize] as usize
    }

    /// The first entry of the static table with this name.
    #[inline]
    pub(super) fn static_index(self) -> Option<usize> {
        let index = STATIC_INDEX[self as usize];
        (index != 0).then_some(usize::from(index))
    }
}

impl core::fmt::Display for Known {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A header name: known by number, or bytes.
///
/// A decoded name is `Other` only if it is none of [`Known`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// One of the names known by number.
    Known(Known),
    /// Any other name, as it stood on the wire.
    Other(&'a [u8]),
}

impl<'a> Name<'a> {
    /// The name as it stands on the wire.
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        match self {
            Name::Known(known) => known.as_str().as_bytes(),
            Name::Other(bytes) => bytes,
        }
    }

    /// `Known` if it is one, else `Other`.
    pub fn from_bytes(name: &'a [u8]) -> Name<'a> {
        Known::from_bytes(name).map_or(Name::Other(name), Name::Known)
    }
}

impl core::fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_by_its_bytes() {
        for &known in Known::ALL {
            assert_eq!(Known::from_bytes(known.as_str().as_bytes()), Some(known));
            assert_eq!(known.is_pseudo(), known.as_str().starts_with(':'), "{known}");
        }
        for other in [&b""[..], b":", b"TE", b"x-te", b"grpc-statuz", b":protocol"] {
            assert_eq!(Known::from_bytes(other), None);
        }
    }

    #[test]
    fn static_indexes_point_to_the_first_entry_of_the_name() {
        for &known in Known::ALL {
            let first = (1..=61).find(|&i| super::super::static_table::entry(i).name() == Name::Known(known));
            assert_eq!(known.static_index(), first, "{known}");
        }
    }
}
