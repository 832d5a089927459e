//! A response at the client: its headers, its trailers, and the verdict that they are.

use super::fields::{metadata, shown};
use super::state::Call;
use crate::grpc::encoding::{self, Encoding};
use crate::grpc::status::local::{self, phase};
use crate::grpc::{Code, Local, Metadata, Seen, Status, content_type, http_status};
use crate::hpack::{HeaderList, Known};
use alloc::format;

/// HTTP's "OK".
pub(crate) const OK: u16 = 200;

/// Reads response headers that did not end the stream; an error is this side's verdict on a response that makes no
/// sense.
///
/// `codec`: the only one that is accepted, or `None` for all. An answer that is not gRPC's is judged here, by its HTTP
/// status, before a page of HTML is taken for messages (http-grpc-status-mapping.md).
pub(crate) fn headers(list: &HeaderList, codec: Option<&str>, call: &mut Call) -> Result<(), Status> {
    check_size(list)?;
    call.http_status = list.get(Known::Status).map_or(0, http_status::parse);
    let content_type = list.get(Known::ContentType).unwrap_or_default();
    let Some(given) = content_type::codec(content_type) else {
        return Err(not_grpc(call.http_status, content_type));
    };
    if let Some(codec) = codec
        && given != codec.as_bytes()
    {
        let what = format!("the response's messages are encoded as {:?}; expected {codec:?}", shown(given));
        return Err(local::misbehaved(Code::Internal, what, phase::RECEIVING));
    }
    if let Some(value) = list.get(Known::GrpcEncoding) {
        call.encoding =
            Encoding::parse(value).ok_or_else(|| encoding::unknown_at_client(value).with_phase(phase::RECEIVING))?;
    }
    metadata(list, &mut call.headers).map_err(|_| bad_base64())
}

/// Reads a block that ended the stream: trailers, or headers that are trailers at once (`alone`).
pub(crate) fn trailers(list: &HeaderList, alone: bool, call: &mut Call) -> Status {
    let Err(broken) = check_size(list) else {
        return read_status(list, alone, call);
    };
    broken
}

fn read_status(list: &HeaderList, alone: bool, call: &mut Call) -> Status {
    if alone {
        call.http_status = list.get(Known::Status).map_or(0, http_status::parse);
    }
    let Some(code) = list.get(Known::GrpcStatus).map(Code::parse) else {
        if alone && call.http_status != OK {
            return not_grpc(call.http_status, list.get(Known::ContentType).unwrap_or_default());
        }
        return without_status(call.http_status);
    };
    if metadata(list, &mut call.trailers).is_err() {
        return bad_base64();
    }
    Status::received(code, list.get(Known::GrpcMessage), list.get(Known::GrpcStatusDetailsBin), &call.trailers)
}

/// The verdict on a response that ended without trailers.
pub(crate) fn without_trailers(http: u16) -> Status {
    if http != OK {
        return by_http(http, format!("the response has HTTP status {http} and no grpc-status"));
    }
    local::misbehaved(Code::Internal, "the response ended without trailers".into(), phase::RECEIVING)
}

/// Trailers without `grpc-status`: the HTTP status decides, and 200 is UNKNOWN.
fn without_status(http: u16) -> Status {
    by_http(http, format!("the response has HTTP status {http} and its trailers have no grpc-status"))
}

fn not_grpc(http: u16, content_type: &[u8]) -> Status {
    let content_type = shown(content_type);
    by_http(http, format!("not a gRPC response: HTTP status {http}, content-type {content_type:?}"))
}

fn by_http(http: u16, message: alloc::string::String) -> Status {
    local::status(http_status::code(http), message, Local::PeerMisbehaved, phase::RECEIVING, Seen::Yes)
}

fn bad_base64() -> Status {
    local::misbehaved(Code::Internal, "a binary metadata value is not base64".into(), phase::RECEIVING)
}

fn check_size(list: &HeaderList) -> Result<(), Status> {
    if !list.is_over_limit() {
        return Ok(());
    }
    let message = format!("a header list of {} bytes exceeds max_header_list_size", list.size());
    let limit = Local::Limit { setting: "max_header_list_size" };
    Err(local::status(Code::ResourceExhausted, message, limit, phase::RECEIVING, Seen::Yes))
}

/// Takes metadata out, leaving none.
pub(crate) fn take(metadata: &mut Metadata) -> Metadata {
    core::mem::take(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::Origin;
    use crate::hpack::Name;

    fn list(fields: &[(&str, &str)]) -> HeaderList {
        let mut list = HeaderList::new();
        for (name, value) in fields {
            list.push(Name::from_bytes(name.as_bytes()), value.as_bytes(), false);
        }
        list
    }

    const GRPC: (&str, &str) = ("content-type", "application/grpc");

    fn headers_code(fields: &[(&str, &str)]) -> Code {
        headers(&list(fields), Some("proto"), &mut Call::new()).map_or_else(|status| status.code(), |()| Code::Ok)
    }

    fn trailers_code(fields: &[(&str, &str)], alone: bool) -> Code {
        let mut call = Call::new();
        call.http_status = OK;
        trailers(&list(fields), alone, &mut call).code()
    }

    #[test]
    fn metadata_of_headers_and_trailers_is_kept_without_the_protocols_own_fields() {
        let mut call = Call::new();
        headers(&list(&[(":status", "200"), GRPC, ("a", "1")]), Some("proto"), &mut call).unwrap();
        let status = trailers(&list(&[("grpc-status", "0"), ("b-bin", "AQ==")]), false, &mut call);
        assert!(status.is_ok());
        assert_eq!((call.headers.len(), call.headers.get("a")), (1, Some("1")));
        assert_eq!((call.trailers.len(), call.trailers.get_bin("b-bin")), (1, Some(&[1][..])));
    }

    #[test]
    fn a_wrong_content_type_is_unknown_and_a_wrong_codec_internal() {
        assert_eq!(headers_code(&[(":status", "200"), ("content-type", "text/html")]), Code::Unknown);
        assert_eq!(headers_code(&[(":status", "200")]), Code::Unknown);
        assert_eq!(headers_code(&[(":status", "200"), ("content-type", "application/grpc+json")]), Code::Internal);
        assert_eq!(headers_code(&[(":status", "200"), ("content-type", "application/grpc+proto")]), Code::Ok);
    }

    #[test]
    fn an_html_page_is_judged_by_its_http_status_on_the_headers() {
        for (http, code) in [("503", Code::Unavailable), ("404", Code::Unimplemented), ("500", Code::Unknown)] {
            assert_eq!(headers_code(&[(":status", http), ("content-type", "text/html")]), code);
        }
    }

    #[test]
    fn trailers_without_grpc_status_are_judged_by_the_http_status() {
        assert_eq!(trailers_code(&[("a", "b")], false), Code::Unknown);
        assert_eq!(trailers_code(&[(":status", "200"), GRPC], true), Code::Unknown);
        assert_eq!(trailers_code(&[(":status", "429")], true), Code::Unavailable);
        assert_eq!(without_trailers(200).code(), Code::Internal);
        assert_eq!(without_trailers(401).code(), Code::Unauthenticated);
    }

    #[test]
    fn grpc_status_wins_over_the_http_status() {
        assert_eq!(trailers_code(&[(":status", "503"), ("grpc-status", "5")], true), Code::NotFound);
        let mut call = Call::new();
        headers(&list(&[(":status", "503"), GRPC]), Some("proto"), &mut call).unwrap();
        assert_eq!(trailers(&list(&[("grpc-status", "7")]), false, &mut call).code(), Code::PermissionDenied);
    }

    #[test]
    fn the_peers_verdict_carries_message_details_and_trailers() {
        let fields =
            [("grpc-status", "5"), ("grpc-message", "no%0Auser"), ("grpc-status-details-bin", "CAU"), ("x", "1")];
        let status = trailers(&list(&fields), false, &mut Call::new());
        assert_eq!((status.code(), status.message(), status.details()), (Code::NotFound, "no\nuser", &[8, 5][..]));
        assert_eq!((status.metadata().get("x"), status.origin()), (Some("1"), Origin::Peer));
    }

    #[test]
    fn an_encoding_that_was_not_offered_is_internal() {
        assert_eq!(headers_code(&[(":status", "200"), GRPC, ("grpc-encoding", "gzip")]), Code::Internal);
        assert_eq!(headers_code(&[(":status", "200"), GRPC, ("grpc-encoding", "identity")]), Code::Ok);
    }

    #[test]
    fn bad_base64_is_internal_in_headers_and_trailers() {
        assert_eq!(headers_code(&[(":status", "200"), GRPC, ("x-bin", "*")]), Code::Internal);
        assert_eq!(trailers_code(&[("grpc-status", "0"), ("x-bin", "*")], false), Code::Internal);
    }
}
