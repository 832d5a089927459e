//! HPACK (RFC 7541). Owner: hpack.
