//! A request's head at the server: what it asks for, and what is wrong with it.

use super::fields::{metadata, shown};
use super::state::Call;
use crate::grpc::encoding::{self, Encoding};
use crate::grpc::status::local::{self, phase};
use crate::grpc::{Code, Local, Seen, Status, content_type, timeout};
use crate::hpack::{HeaderList, Known, Name};
use crate::time::Instant;
use alloc::format;
use alloc::string::String;

/// What a request gets instead of a handler.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not gRPC: this HTTP status, without a body.
    Http(&'static [u8]),
    /// Trailers alone, with this status.
    Grpc(Status),
    /// The same, with `grpc-accept-encoding` among them.
    Encoding(Status),
}

/// Reads a request's head into `call`.
///
/// `codec`: the only one that is served, or `None` for all.
pub(crate) fn read(now: Instant, list: &HeaderList, codec: Option<&str>, call: &mut Call) -> Result<(), Refusal> {
    if list.is_over_limit() {
        let message = format!("a header list of {} bytes exceeds max_header_list_size", list.size());
        let limit = Local::Limit { setting: "max_header_list_size" };
        return Err(Refusal::Grpc(local::status(Code::ResourceExhausted, message, limit, phase::REQUEST, Seen::Yes)));
    }
    let fields = Fields::find(list);
    // A content-type that is not gRPC's is answered in HTTP's own words (PROTOCOL-HTTP2.md, "Requests").
    let asked = fields.content_type.and_then(content_type::codec).ok_or(Refusal::Http(b"415"))?;
    check_codec(asked, codec)?;
    check_method(fields.method)?;
    read_path(fields.path, call)?;
    if let Some(value) = fields.timeout {
        read_timeout(now, value, list.is_repeated(Known::GrpcTimeout), call)?;
    }
    if let Some(value) = fields.encoding {
        call.encoding = Encoding::parse(value).ok_or_else(|| Refusal::Encoding(encoding::unknown_at_server(value)))?;
    }
    set_text(fields.authority, &mut call.authority);
    metadata(list, &mut call.headers)
        .map_err(|_| refuse(Code::Internal, "a binary metadata value is not base64".into()))
}

/// The fields that gRPC looks at, found in one pass; the first of each.
#[derive(Default)]
struct Fields<'a> {
    method: &'a [u8],
    path: &'a [u8],
    authority: &'a [u8],
    content_type: Option<&'a [u8]>,
    timeout: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn find(list: &'a HeaderList) -> Self {
        let mut fields = Fields::default();
        for field in list.iter() {
            let Name::Known(name) = field.name else { continue };
            let value = field.value;
            match name {
                Known::Method => fields.method = value,
                Known::Path => fields.path = value,
                Known::Authority => fields.authority = value,
                Known::Host if fields.authority.is_empty() => fields.authority = value,
                Known::ContentType => fields.content_type = fields.content_type.or(Some(value)),
                Known::GrpcTimeout => fields.timeout = Some(value),
                Known::GrpcEncoding => fields.encoding = fields.encoding.or(Some(value)),
                _ => {}
            }
        }
        fields
    }
}

fn refuse(code: Code, what: String) -> Refusal {
    Refusal::Grpc(local::misbehaved(code, what, phase::REQUEST))
}

fn check_codec(asked: &[u8], codec: Option<&str>) -> Result<(), Refusal> {
    match codec {
        Some(codec) if asked != codec.as_bytes() => {
            let what = format!("messages are encoded as {:?}; expected {codec:?}", shown(asked));
            Err(refuse(Code::Unknown, what))
        }
        _ => Ok(()),
    }
}

fn check_method(method: &[u8]) -> Result<(), Refusal> {
    if method == b"POST" {
        return Ok(());
    }
    Err(refuse(Code::Unknown, format!("the HTTP method is {:?}; expected \"POST\"", shown(method))))
}

/// A path without a leading slash is never dispatched: a rule for `/a/b` must not be passed by as `a/b`
/// (CVE-2026-33186).
fn read_path(path: &[u8], call: &mut Call) -> Result<(), Refusal> {
    if path == call.path.as_bytes() && !path.is_empty() {
        // What the last call in this slot asked for: it was judged then.
        return Ok(());
    }
    if path.first() != Some(&b'/') || !path.is_ascii() {
        let what = format!("the path is {:?}; expected \"/package.Service/Method\"", shown(path));
        return Err(refuse(Code::Unimplemented, what));
    }
    set_text(path, &mut call.path);
    Ok(())
}

fn read_timeout(now: Instant, value: &[u8], repeated: bool, call: &mut Call) -> Result<(), Refusal> {
    let left = timeout::parse(value).ok().filter(|_| !repeated).ok_or_else(|| {
        let what = format!("grpc-timeout is {:?}; expected 1 to 8 digits and one of H, M, S, m, u, n", shown(value));
        refuse(Code::Internal, what)
    })?;
    if left.is_zero() {
        return Err(Refusal::Grpc(local::deadline(phase::REQUEST, Seen::Yes)));
    }
    call.deadline = Some(now + left);
    Ok(())
}

/// Copies text over what the last call in this slot had: mostly the same. What is not UTF-8 is left out; `:path` is
/// ASCII, and an authority that is not names nothing.
fn set_text(value: &[u8], into: &mut String) {
    if value != into.as_bytes() {
        into.clear();
        into.push_str(core::str::from_utf8(value).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const NOW: Instant = Instant::from_nanos(1_000);

    /// A proper request, with these fields instead of, or beside, its own.
    fn list(changed: &[(Known, &str)], other: &[(&str, &str)]) -> HeaderList {
        let usual = [
            (Known::Method, "POST"),
            (Known::Scheme, "http"),
            (Known::Path, "/a.B/C"),
            (Known::Authority, "host"),
            (Known::Te, "trailers"),
            (Known::ContentType, "application/grpc"),
        ];
        let mut list = HeaderList::new();
        for (name, value) in usual {
            let own = changed.iter().any(|(changed, _)| *changed == name);
            if !own {
                list.push(Name::Known(name), value.as_bytes(), false);
            }
        }
        for (name, value) in changed.iter().filter(|(_, value)| *value != "(none)") {
            list.push(Name::Known(*name), value.as_bytes(), false);
        }
        for (name, value) in other {
            list.push(Name::Other(name.as_bytes()), value.as_bytes(), false);
        }
        list
    }

    fn read_list(list: &HeaderList) -> Result<Call, Refusal> {
        let mut call = Call::new();
        read(NOW, list, Some("proto"), &mut call).map(|()| call)
    }

    fn code(changed: &[(Known, &str)]) -> Code {
        match read_list(&list(changed, &[])) {
            Err(Refusal::Grpc(status) | Refusal::Encoding(status)) => status.code(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_proper_request_is_read() {
        let call = read_list(&list(&[(Known::GrpcTimeout, "2S")], &[("x", "1"), ("y-bin", "AQI")])).unwrap();
        assert_eq!((&*call.path, &*call.authority), ("/a.B/C", "host"));
        assert_eq!(call.deadline, Some(NOW + Duration::from_secs(2)));
        assert_eq!(call.headers.get("x"), Some("1"));
        assert_eq!(call.headers.get_bin("y-bin"), Some(&[1, 2][..]));
        assert_eq!(call.headers.len(), 2);
    }

    #[test]
    fn te_may_be_missing_and_authority_may_be_host() {
        let list = list(&[(Known::Te, "(none)"), (Known::Authority, "(none)"), (Known::Host, "h")], &[]);
        assert_eq!(read_list(&list).unwrap().authority, "h");
    }

    #[test]
    fn another_content_type_is_415() {
        for value in ["text/html", "application/grpcfoo", "(none)"] {
            let refused = read_list(&list(&[(Known::ContentType, value)], &[]));
            assert!(matches!(refused, Err(Refusal::Http(b"415"))), "{value}");
        }
    }

    #[test]
    fn another_codec_or_verb_is_unknown() {
        assert_eq!(code(&[(Known::ContentType, "application/grpc+json")]), Code::Unknown);
        assert_eq!(code(&[(Known::Method, "GET")]), Code::Unknown);
        let json = list(&[(Known::ContentType, "application/grpc+json")], &[]);
        assert!(read(NOW, &json, None, &mut Call::new()).is_ok(), "a server for every codec");
    }

    #[test]
    fn a_path_without_a_leading_slash_is_unimplemented() {
        for path in ["a.B/C", "", "*", "http://a/B"] {
            assert_eq!(code(&[(Known::Path, path)]), Code::Unimplemented, "{path}");
        }
    }

    #[test]
    fn a_malformed_timeout_is_internal_and_zero_is_the_deadline() {
        for value in ["", "1", "1x", "123456789S", "-1S"] {
            assert_eq!(code(&[(Known::GrpcTimeout, value)]), Code::Internal, "{value}");
        }
        assert_eq!(code(&[(Known::GrpcTimeout, "1S"), (Known::GrpcTimeout, "2S")]), Code::Internal);
        assert_eq!(code(&[(Known::GrpcTimeout, "0S")]), Code::DeadlineExceeded);
    }

    #[test]
    fn an_endless_timeout_is_clamped() {
        let call = read_list(&list(&[(Known::GrpcTimeout, "99999999H")], &[])).unwrap();
        assert_eq!(call.deadline, Some(Instant::from_nanos(u64::MAX)));
    }

    #[test]
    fn an_unknown_encoding_is_unimplemented_and_says_what_is_accepted() {
        let refused = read_list(&list(&[(Known::GrpcEncoding, "snappy")], &[]));
        assert!(matches!(refused, Err(Refusal::Encoding(status)) if status.code() == Code::Unimplemented));
        assert!(read_list(&list(&[(Known::GrpcEncoding, "identity")], &[])).is_ok());
    }

    #[test]
    fn binary_metadata_that_is_not_base64_is_internal() {
        let refused = read_list(&list(&[], &[("x-bin", "***")]));
        assert!(matches!(refused, Err(Refusal::Grpc(status)) if status.code() == Code::Internal));
    }
}
