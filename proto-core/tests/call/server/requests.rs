//! Requests as clients are known to send them, proper and improper, and what is answered before any handler.

use super::*;

#[test]
fn a_content_type_that_is_not_grpc_is_http_415() {
    for value in ["text/html", "application/grpcfoo", "application/grpc-web", "(none)"] {
        let answer = refused(&[("content-type", value)]);
        assert_eq!((field(&answer, ":status").as_deref(), answer.len()), (Some("415"), 1), "{value}");
    }
}

#[test]
fn another_codec_or_verb_is_unknown() {
    let (code, text) = status(&refused(&[("content-type", "application/grpc+json")]));
    assert!(code == Code::Unknown && text.contains("json") && text.contains("proto"), "{text}");
    let (code, text) = status(&refused(&[(":method", "GET")]));
    assert!(code == Code::Unknown && text.contains("GET"), "{text}");
}

#[test]
fn a_path_without_a_leading_slash_is_never_dispatched() {
    let (code, text) = status(&refused(&[(":path", "a.B/C")]));
    assert!(code == Code::Unimplemented && text.contains("a.B/C"), "{text}");
}

#[test]
fn a_malformed_timeout_is_internal() {
    for value in ["1", "S", "1x", "123456789S", "-1S", "1 S"] {
        let (code, text) = status(&refused(&[("grpc-timeout", value)]));
        assert!(code == Code::Internal && text.contains("grpc-timeout"), "{value}: {text}");
    }
}

#[test]
fn a_timeout_of_zero_is_the_deadline_at_once() {
    for value in ["0S", "00000000n"] {
        assert_eq!(status(&refused(&[("grpc-timeout", value)])).0, Code::DeadlineExceeded);
    }
}

#[test]
fn an_unknown_encoding_is_unimplemented_and_says_what_is_accepted() {
    let answer = refused(&[("grpc-encoding", "snappy")]);
    assert_eq!(status(&answer).0, Code::Unimplemented);
    assert_eq!(field(&answer, "grpc-accept-encoding").as_deref(), Some("identity"));
}

#[test]
fn binary_metadata_that_is_not_base64_is_internal() {
    assert_eq!(status(&refused(&[("x-bin", "***")])).0, Code::Internal);
}

#[test]
fn a_header_list_over_the_limit_is_refused() {
    let mut raw = connect(Config { max_header_list_size: 1_000, ..Config::default() }, Chop::Whole);
    raw.send_headers(1, &request(&[("x", &"v".repeat(1_000))]), true).unwrap();
    assert_eq!(raw.connection.accept(), None);
    let frames = raw.frames();
    assert_eq!(field(&raw.fields(&frames[0]), ":status").as_deref(), Some("431"));
    accept(&mut raw, 3, &[], Kind::UNARY);
}

#[test]
fn variants_of_a_proper_request_are_accepted() {
    for changed in [
        &[("te", "(none)")][..],
        &[("content-type", "application/grpc+proto")],
        &[("content-type", "application/grpc;charset=utf-8")],
        &[("grpc-encoding", "identity")],
        &[("grpc-timeout", "99999999H")],
        &[("grpc-timeout", "1n")],
        &[("user-agent", "x")],
        &[("grpc-unknown", "x")],
        &[(":authority", "(none)"), ("host", "h")],
    ] {
        for chop in chops() {
            let mut raw = connect(Config::default(), chop);
            raw.send_headers(1, &request(changed), false).unwrap();
            let id = raw.connection.accept().unwrap_or_else(|| panic!("{changed:?}"));
            let call = raw.connection.call(id).unwrap();
            assert_eq!(call.head().path, "/a.B/C");
            assert!(["host", "h"].contains(&call.head().authority));
        }
    }
}

#[test]
fn a_server_for_every_codec_accepts_all() {
    let mut raw = connect(Config { codec: None, ..Config::default() }, Chop::Whole);
    raw.send_headers(1, &request(&[("content-type", "application/grpc+json")]), false).unwrap();
    assert!(raw.connection.accept().is_some());
}
