//! What a status says of itself, on the screen and on the wire.

use super::*;
use std::error::Error;
use std::format;
use std::string::ToString;

#[derive(Debug, PartialEq)]
struct Refused;

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("connection refused")
    }
}

impl Error for Refused {}

fn full() -> Status {
    let mut metadata = Metadata::new();
    metadata.insert("x-node", "7").unwrap();
    Status::unavailable("connecting to 10.0.0.7:50051: connection refused")
        .with_origin(Origin::Local(Local::Connect))
        .with_phase("connecting")
        .with_seen(Seen::No)
        .with_metadata(metadata)
        .with_source(Refused)
}

#[test]
fn a_status_is_small_and_travels_between_threads() {
    fn error<T: Error + Clone + Send + Sync + 'static>(_: &T) {}
    error(&Status::OK);
    assert!(size_of::<Status>() <= 16);
}

#[test]
fn display_is_the_code_and_the_message() {
    assert_eq!(full().to_string(), "UNAVAILABLE: connecting to 10.0.0.7:50051: connection refused");
    assert_eq!(Status::OK.to_string(), "OK");
    assert_eq!(Status::of(Code::Aborted).to_string(), "ABORTED");
}

#[test]
fn debug_starts_with_the_display_line_and_tells_the_rest() {
    let text = format!("{:?}", full());
    assert!(text.starts_with(&full().to_string()), "{text}");
    for part in ["this side (connecting)", "while connecting", "seen by the server: no", r#""x-node": "7""#, "Refused"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(format!("{:?}", Status::OK), "OK");
}

#[test]
fn every_code_has_its_constructor() {
    let made = [
        Status::OK,
        Status::cancelled("m"),
        Status::unknown("m"),
        Status::invalid_argument("m"),
        Status::deadline_exceeded("m"),
        Status::not_found("m"),
        Status::already_exists("m"),
        Status::permission_denied("m"),
        Status::resource_exhausted("m"),
        Status::failed_precondition("m"),
        Status::aborted("m"),
        Status::out_of_range("m"),
        Status::unimplemented("m"),
        Status::internal("m"),
        Status::unavailable("m"),
        Status::data_loss("m"),
        Status::unauthenticated("m"),
    ];
    for (status, &code) in made.iter().zip(Code::all()) {
        assert_eq!(status.code(), code);
        assert_eq!(status.message(), if code == Code::Ok { "" } else { "m" });
    }
}

#[test]
fn an_applications_status_is_its_own_and_not_retried() {
    let status = Status::unavailable("busy");
    assert_eq!(status.origin(), Origin::Local(Local::Application));
    assert_eq!(status.seen_by_server(), Seen::Maybe);
    assert!(!status.can_retry());
}

#[test]
fn only_what_the_server_has_not_seen_and_may_end_otherwise_can_be_retried() {
    assert!(full().can_retry());
    assert!(local::not_processed("GOAWAY", local::phase::WAITING).can_retry());
    assert!(!local::bad_request(Code::Internal, "bad".into()).can_retry());
    assert!(!local::deadline(local::phase::QUEUED, Seen::No).can_retry());
    assert!(!local::connection_lost(Code::Unavailable, "EOF", local::phase::WAITING, Seen::Maybe).can_retry());
}

#[test]
fn local_verdicts_say_why_when_and_whether_the_server_saw() {
    let status = local::deadline(local::phase::WAITING, Seen::Maybe);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.origin(), Origin::Local(Local::DeadlineExceeded { phase: "waiting for the response" }));
    assert_eq!(status.phase(), Some("waiting for the response"));
    assert_eq!(status.seen_by_server(), Seen::Maybe);
    assert_eq!(status.to_string(), "DEADLINE_EXCEEDED: the deadline passed while waiting for the response");
    let status = local::too_large(10, 9, "max_receive_message_size", local::phase::RECEIVING, Seen::Yes);
    assert_eq!(
        status.to_string(),
        "RESOURCE_EXHAUSTED: a message of 10 bytes exceeds max_receive_message_size (9 bytes)"
    );
}

#[test]
fn the_source_is_kept_and_a_boxed_status_comes_out_as_itself() {
    assert_eq!(full().source().unwrap().downcast_ref(), Some(&Refused));
    let boxed: Box<dyn Error + Send + Sync> = Box::new(Refused);
    let status = Status::from(boxed);
    assert_eq!(status.to_string(), "UNKNOWN: connection refused");
    assert!(status.source().unwrap().downcast_ref::<Refused>().is_some());
    let boxed: Box<dyn Error + Send + Sync> = Box::new(Status::not_found("x"));
    assert_eq!(Status::from(boxed).code(), Code::NotFound);
}

#[test]
fn bad_metadata_becomes_a_status_that_names_it() {
    let error = Metadata::new().insert("te", "x").unwrap_err();
    let status = Status::from(error);
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("\"te\""));
    assert_eq!((status.seen_by_server(), status.can_retry()), (Seen::No, false));
}

#[test]
fn a_received_status_is_the_peers() {
    let status = Status::received(Code::NotFound, Some(b"no%20user"), Some(b"CAU"), &Metadata::new());
    assert_eq!((status.code(), status.message(), status.details()), (Code::NotFound, "no user", &[8u8, 5][..]));
    assert_eq!((status.origin(), status.seen_by_server()), (Origin::Peer, Seen::Yes));
    let status = Status::received(Code::NotFound, None, Some(b"***"), &Metadata::new());
    assert_eq!((status.code(), status.details()), (Code::NotFound, &[][..]));
}

#[cfg(all(feature = "prost", feature = "error-details"))]
mod typed {
    use super::*;
    use crate::grpc::details::{BadRequest, Delay, ErrorInfo, FieldViolation, RetryInfo};
    use std::time::Duration;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn typed_details_survive_the_wire() {
        let violation = FieldViolation { field: "name".into(), description: "empty".into(), ..Default::default() };
        let delay = Delay::from(Duration::from_millis(1_500));
        let sent = Status::invalid_argument("no")
            .with_detail(&BadRequest { field_violations: vec![violation] })
            .with_detail(&RetryInfo { retry_delay: Some(delay) });
        let mut encoded = Vec::new();
        crate::grpc::metadata::encode_bin(sent.details(), &mut encoded);
        let status = Status::received(Code::InvalidArgument, Some(b"no"), Some(&encoded), &Metadata::new());
        assert_eq!(status.detail::<BadRequest>().unwrap().field_violations[0].field, "name");
        let delay = status.detail::<RetryInfo>().unwrap().retry_delay.unwrap();
        assert_eq!(Duration::from(delay), Duration::from_millis(1_500));
        assert_eq!(status.detail::<ErrorInfo>(), None);
        assert_eq!(
            status.detail_types(),
            ["type.googleapis.com/google.rpc.BadRequest", "type.googleapis.com/google.rpc.RetryInfo"]
        );
    }

    #[test]
    fn details_follow_google_rpc_status() {
        // code = 3, message = "no", one Any of google.rpc.ErrorInfo { reason: "R" }
        let status =
            Status::invalid_argument("no").with_detail(&ErrorInfo { reason: "R".into(), ..Default::default() });
        let url = b"type.googleapis.com/google.rpc.ErrorInfo";
        let mut expected = vec![8, 3, 18, 2, b'n', b'o', 26, 47, 10, 40];
        expected.extend_from_slice(url);
        expected.extend([18, 3, 10, 1, b'R']);
        assert_eq!(status.details(), expected);
    }

    #[test]
    fn details_that_do_not_parse_are_none_and_an_error_where_asked() {
        let status = Status::internal("x").with_details(&b"\xff\xff\xff"[..]);
        assert_eq!(status.detail::<BadRequest>(), None);
        assert!(status.try_detail::<BadRequest>().is_err());
        assert!(Status::OK.try_detail::<BadRequest>().unwrap().is_none());
    }
}
