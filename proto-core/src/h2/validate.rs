//! What makes a header list malformed (RFC 9113 section 8), whoever sent it. Knows nothing of gRPC.

use crate::hpack::{HeaderList, Known, Name};

/// Pseudo-headers of requests (RFC 9113 section 8.3.1).
const OF_REQUESTS: u64 = set(&[Known::Method, Known::Scheme, Known::Authority, Known::Path]);
/// The pseudo-header of responses (RFC 9113 section 8.3.2).
const OF_RESPONSES: u64 = set(&[Known::Status]);
const PSEUDO: u64 = OF_REQUESTS | OF_RESPONSES;
/// What every request has but CONNECT.
const REQUIRED: u64 = set(&[Known::Method, Known::Scheme, Known::Path]);
/// Fields about an HTTP/1.1 connection (RFC 9113 section 8.2.2).
const CONNECTION: u64 =
    set(&[Known::Connection, Known::KeepAlive, Known::ProxyConnection, Known::TransferEncoding, Known::Upgrade]);

const fn set(names: &[Known]) -> u64 {
    let (mut set, mut at) = (0, 0);
    while at < names.len() {
        set |= names[at].bit();
        at += 1;
    }
    set
}

/// Judges a request's header list. `Err` says what is wrong.
pub(super) fn request(list: &HeaderList) -> Result<(), &'static str> {
    common(list)?;
    if list.names() & OF_RESPONSES != 0 {
        return Err(":status in a request (RFC 9113 section 8.3)");
    }
    let method = list.get(Known::Method).ok_or("a request without :method (RFC 9113 section 8.3.1)")?;
    if method == b"CONNECT" {
        return if list.names() & OF_REQUESTS == set(&[Known::Method, Known::Authority]) {
            Ok(())
        } else {
            Err("CONNECT with other pseudo-headers than :method and :authority (RFC 9113 section 8.5)")
        };
    }
    if list.names() & REQUIRED != REQUIRED {
        return Err("a request without :scheme or :path (RFC 9113 section 8.3.1)");
    }
    if list.get(Known::Path).is_none_or(<[u8]>::is_empty) {
        return Err("an empty :path (RFC 9113 section 8.3.1)");
    }
    Ok(())
}

/// Judges a response's header list. Yields its status.
pub(super) fn response(list: &HeaderList) -> Result<u16, &'static str> {
    common(list)?;
    if list.names() & OF_REQUESTS != 0 {
        return Err("a pseudo-header of requests in a response (RFC 9113 section 8.3.2)");
    }
    match list.get(Known::Status) {
        None => Err("a response without :status (RFC 9113 section 8.3.2)"),
        Some(&[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => {
            let digit = |d: u8| u16::from(d - b'0');
            match digit(a) * 100 + digit(b) * 10 + digit(c) {
                101 => Err("status 101 (RFC 9113 section 8.6)"),
                status => Ok(status),
            }
        }
        Some(_) => Err("a :status that is no three digits (RFC 9113 section 8.3.2)"),
    }
}

/// Judges trailers.
pub(super) fn trailers(list: &HeaderList) -> Result<(), &'static str> {
    common(list)?;
    if list.names() & PSEUDO != 0 {
        return Err("a pseudo-header in trailers (RFC 9113 section 8.1)");
    }
    Ok(())
}

/// The value of `content-length`, if there is one.
pub(super) fn content_length(list: &HeaderList) -> Result<Option<u64>, &'static str> {
    const WRONG: &str = "a bad content-length (RFC 9110 section 8.6)";
    let Some(first) = list.get(Known::ContentLength) else { return Ok(None) };
    if list.is_repeated(Known::ContentLength) {
        let differs =
            |field: crate::hpack::FieldRef<'_>| field.name == Name::Known(Known::ContentLength) && field.value != first;
        if list.iter().any(differs) {
            return Err(WRONG);
        }
    }
    if first.is_empty() || !first.iter().all(u8::is_ascii_digit) {
        return Err(WRONG);
    }
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    first.iter().try_fold(0, add).map(Some).ok_or(WRONG)
}

/// What no header list may hold.
fn common(list: &HeaderList) -> Result<(), &'static str> {
    if !list.all_valid() {
        return Err("a field with a forbidden name or value (RFC 9113 section 8.2.1)");
    }
    if list.names() & CONNECTION != 0 {
        return Err("a field about the HTTP/1.1 connection (RFC 9113 section 8.2.2)");
    }
    if list.repeated_names() & (PSEUDO | Known::Te.bit()) != 0 {
        return Err("a pseudo-header, or te, that is there twice (RFC 9113 sections 8.3 and 8.2.2)");
    }
    if list.get(Known::Te).is_some_and(|te| te != b"trailers" && !te.eq_ignore_ascii_case(b"trailers")) {
        return Err("te other than \"trailers\" (RFC 9113 section 8.2.2)");
    }
    if !list.pseudo_headers_lead(PSEUDO) {
        return Err("a pseudo-header behind a regular field (RFC 9113 section 8.3)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> HeaderList {
        let mut list = HeaderList::new();
        for (name, value) in fields {
            list.push(Name::from_bytes(name.as_bytes()), value.as_bytes(), false);
        }
        list
    }

    const GOOD: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "http"), (":path", "/a"), ("te", "trailers")];

    fn with(fields: &[(&str, &str)]) -> HeaderList {
        let all: alloc::vec::Vec<_> = GOOD.iter().chain(fields).copied().collect();
        list(&all)
    }

    #[test]
    fn good_requests_pass() {
        assert_eq!(request(&with(&[(":authority", "x")][..0])), Ok(()));
        assert_eq!(request(&with(&[("x", "y"), ("content-length", "3")])), Ok(()));
        assert_eq!(request(&list(&[(":method", "CONNECT"), (":authority", "x:1")])), Ok(()));
        assert_eq!(request(&list(&[(":method", "OPTIONS"), (":scheme", "http"), (":path", "*")])), Ok(()));
    }

    #[test]
    fn malformed_requests_are_refused() {
        for fields in [
            &[("Upper", "x")][..],
            &[("", "x")],
            &[("x", "a\r\nb")],
            &[("x", "a\0b")],
            &[("connection", "close")],
            &[("keep-alive", "1")],
            &[("proxy-connection", "x")],
            &[("transfer-encoding", "chunked")],
            &[("upgrade", "h2c")],
            &[("te", "trailers")],
            &[(":authority", "late")],
            &[(":unknown", "x")],
        ] {
            assert!(request(&with(fields)).is_err(), "{fields:?}");
        }
        for fields in [
            &[(":scheme", "http"), (":path", "/")][..],
            &[(":method", "GET"), (":path", "/")],
            &[(":method", "GET"), (":scheme", "http")],
            &[(":method", "GET"), (":scheme", "http"), (":path", "")],
            &[(":method", "GET"), (":method", "GET"), (":scheme", "http"), (":path", "/")],
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":status", "200")],
            &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("te", "gzip")],
            &[(":method", "CONNECT"), (":authority", "x"), (":path", "/")],
            &[(":method", "CONNECT")],
        ] {
            assert!(request(&list(fields)).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn responses_have_one_status_of_three_digits() {
        assert_eq!(response(&list(&[(":status", "200"), ("x", "y")])), Ok(200));
        assert_eq!(response(&list(&[(":status", "103")])), Ok(103));
        for fields in [
            &[("x", "y")][..],
            &[(":status", "20")],
            &[(":status", "2000")],
            &[(":status", "abc")],
            &[(":status", "101")],
            &[(":status", "200"), (":status", "200")],
            &[(":status", "200"), (":path", "/")],
            &[("x", "y"), (":status", "200")],
        ] {
            assert!(response(&list(fields)).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn trailers_have_no_pseudo_headers() {
        assert_eq!(trailers(&list(&[("grpc-status", "0")])), Ok(()));
        assert!(trailers(&list(&[(":status", "200")])).is_err());
        assert!(trailers(&list(&[("grpc-status", "0"), (":path", "/")])).is_err());
    }

    #[test]
    fn content_length_is_one_number() {
        let length = |values: &[&str]| {
            let fields: alloc::vec::Vec<_> = values.iter().map(|v| ("content-length", *v)).collect();
            content_length(&list(&fields))
        };
        assert_eq!(length(&[]), Ok(None));
        assert_eq!(length(&["42"]), Ok(Some(42)));
        assert_eq!(length(&["42", "42"]), Ok(Some(42)));
        for wrong in [&["42", "43"][..], &["-1"], &["+1"], &[""], &["1, 1"], &["99999999999999999999"]] {
            assert!(length(wrong).is_err(), "{wrong:?}");
        }
    }
}
