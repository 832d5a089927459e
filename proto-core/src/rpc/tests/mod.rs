//! Requests, responses and contexts, over a call handle that answers from a script.

pub(super) mod fake;

use super::*;
use crate::grpc::{Code, Local, Metadata, Origin, Seen, Status};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;
use fake::Fake;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_plain_message_and_a_request_are_requests() {
    fn take(request: impl IntoRequest<String>) -> Request<String> {
        request.into_request()
    }
    assert_eq!(*take(String::from("Ada")), "Ada");
    let request = take(Request::new(String::from("Bob")).with_timeout(SECOND));
    assert_eq!((request.as_str(), request.options().timeout), ("Bob", Some(SECOND)));
}

#[test]
fn the_smallest_of_all_times_counts() {
    let options = RequestOptions::new().with_timeout(SECOND).with_timeout(SECOND * 2);
    assert_eq!(options.deadline_from(Instant::ZERO), Some(Instant::ZERO + SECOND));
    let options = options.with_deadline(Instant::from_nanos(5)).with_deadline(Instant::from_nanos(9));
    assert_eq!(options.deadline_from(Instant::ZERO), Some(Instant::from_nanos(5)));
    assert_eq!(RequestOptions::new().deadline_from(Instant::ZERO), None);
    let forever = RequestOptions::new().with_timeout(Duration::MAX);
    assert_eq!(forever.deadline_from(Instant::from_nanos(3)), Some(Instant::from_nanos(u64::MAX)));
}

#[test]
fn the_first_metadata_mistake_of_a_request_is_its_status() {
    let request =
        Request::new(()).with_metadata("x ok", "1").with_metadata_bin("x-text", [1]).with_metadata("x-id", "7");
    let status = request.options().check().unwrap_err();
    assert_eq!((status.code(), status.seen_by_server()), (Code::Internal, Seen::No));
    assert_eq!(status.origin(), Origin::Local(Local::BadRequest));
    assert!(status.message().contains("\"x ok\""), "{status}");
    assert_eq!(request.metadata().get("x-id"), Some("7"));
    assert!(RequestOptions::new().with_metadata("x", "1").check().is_ok());
}

#[test]
fn try_with_metadata_says_at_once_what_is_wrong() {
    let error = Request::new(()).try_with_metadata("te", "trailers").map(|_| ()).unwrap_err();
    assert!(format!("{error}").contains("\"te\""), "{error}");
    let request = Request::new(()).try_with_metadata("x-id", String::from("1")).unwrap();
    assert_eq!(request.metadata().get("x-id"), Some("1"));
}

#[test]
fn mistakes_convert_with_the_question_mark() {
    fn status() -> Result<(), Status> {
        let _ = Request::new(()).try_with_metadata("", "1")?;
        Ok(())
    }
    fn boxed(error: SendError) -> Result<(), Box<dyn core::error::Error>> {
        Err(error)?;
        Ok(())
    }
    fn of_send(error: SendError) -> Result<(), Status> {
        Err(error)?;
        Ok(())
    }
    fn of_try_send(error: TrySendError<u32>) -> Result<(), Status> {
        Err(error)?;
        Ok(())
    }
    assert_eq!(status().unwrap_err().code(), Code::Internal);
    let ended = "nothing more can be sent: the call is over, or its requests were finished";
    assert_eq!(format!("{}", boxed(SendError::Ended).unwrap_err()), ended);
    assert_eq!(of_send(SendError::Ended).unwrap_err().message(), ended);
    assert_eq!(of_send(SendError::Ended).unwrap_err().code(), Code::Cancelled);
    assert_eq!(of_send(SendError::Failed(Status::not_found("x"))).unwrap_err().code(), Code::NotFound);
    assert_eq!(of_try_send(TrySendError::Full(1)).unwrap_err().code(), Code::ResourceExhausted);
}

#[test]
fn within_a_call_takes_its_time_and_its_cancellation() {
    let fake = Fake::new();
    let context = fake.context();
    fake.state().now = Instant::from_nanos(400);
    let request = Request::new(()).with_timeout(SECOND).within(&context);
    assert_eq!(request.options().timeout, Some(Duration::from_nanos(600)));
    let token = &request.options().cancel[0];
    assert!(token.cancelled().is_none());
    context.cancel(Status::aborted("stop"));
    assert_eq!(token.cancelled().unwrap().code(), Code::Aborted);
    // A call that is out of time leaves none, and a detached context asks for nothing.
    fake.state().now = Instant::from_nanos(5_000);
    assert_eq!(Request::new(()).within(&context).options().timeout, Some(Duration::ZERO));
    let free = Request::new(()).within(&Context::detached());
    assert!(free.options().timeout.is_none() && free.options().cancel.is_empty());
}

#[test]
fn a_response_with_bad_metadata_is_internal_and_names_it() {
    let mut call = ServerCall::default();
    let encode: method::EncodeFn<bytes::Bytes> = <Raw as Encode<_>>::encode;
    let response = Response::new(bytes::Bytes::from_static(b"hi"));
    let bad = response.clone().with_trailer_bin("x-text", [1]).with_metadata("x-fine", "1");
    let status = call.reply(bad, encode).unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("\"x-text\""), "{status}");

    call.reply(response.with_metadata("x-server", "1").with_trailer("x-cost", "3"), encode).unwrap();
    assert_eq!(call.reply.message, b"hi");
    assert_eq!(call.reply.headers.get("x-server"), Some("1"));
    assert_eq!(call.reply.trailers.get("x-cost"), Some("3"));
}

#[test]
fn a_context_acts_on_its_call() {
    let fake = Fake::new();
    let context = fake.context();
    let mut metadata = Metadata::new();
    metadata.insert("x-early", "1").unwrap();
    context.send_headers(&metadata).unwrap();
    context.set_trailer("x-cost", "3").unwrap();
    context.set_trailer_bin("x-cost-bin", [3]).unwrap();
    assert!(context.set_trailer("grpc-status", "0").is_err());
    {
        let state = fake.state();
        assert_eq!(state.headers[0].get("x-early"), Some("1"));
        assert_eq!((state.trailers.len(), state.trailers.get("x-cost")), (2, Some("3")));
    }
    assert!(context.check().is_ok() && !context.is_cancelled());
    context.cancel(Status::aborted("enough"));
    assert_eq!(context.check().unwrap_err().code(), Code::Aborted);
    assert!(context.is_cancelled());
}

#[test]
fn a_sleep_ends_with_its_time_or_with_the_call() {
    let fake = Fake::new();
    let context = fake.context();
    context.sleep(Duration::from_nanos(300)).unwrap();
    assert_eq!(fake.state().now, Instant::from_nanos(300));
    context.cancel(Status::cancelled("gone"));
    assert_eq!(context.sleep(SECOND).unwrap_err().message(), "gone");
    assert_eq!(fake.state().now, Instant::from_nanos(300));
}

#[test]
fn a_passed_deadline_is_seen_before_the_runtime_notices() {
    let fake = Fake::new();
    let context = fake.context();
    fake.state().now = Instant::from_nanos(1_000);
    let status = context.check().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(context.time_left(), Some(Duration::ZERO));
    assert!(context.is_cancelled());
}

#[test]
fn a_detached_context_never_ends_and_never_waits() {
    let context = Context::detached();
    assert!(context.check().is_ok() && !context.wait_cancelled(SECOND) && context.sleep(SECOND).is_ok());
    assert!(!context.draining() && context.certificates().is_empty() && context.time_left().is_none());
    assert!(context.send_headers(&Metadata::new()).is_ok() && context.set_trailer("x", "1").is_ok());
    context.cancel(Status::cancelled("nobody"));
    assert!(!context.is_cancelled());
    assert_eq!((context.method(), context.peer()), ("", &Peer::Unknown));
    assert_eq!(format!("{context:?}"), "Context(detached)");
}

#[test]
fn a_context_keeps_one_value_of_a_type() {
    #[derive(Debug, PartialEq)]
    struct User(&'static str);
    let mut context = Fake::new().context();
    let before = context.clone();
    context.insert(User("Ada"));
    context.insert(7u32);
    context.insert(User("Bob"));
    assert_eq!(context.get::<User>(), Some(&User("Bob")));
    assert_eq!((context.get::<u32>(), context.get::<u64>()), (Some(&7), None));
    assert_eq!(before.get::<User>(), None);
    let request = Request::with_context((), context);
    assert_eq!(request.context().get::<User>(), Some(&User("Bob")));
}

#[test]
fn a_renewed_context_forgets_the_call_before() {
    let fake = Fake::new();
    let mut context = fake.context();
    context.insert(7u32);
    let kept = context.clone();
    for _ in 0..2 {
        context.renew("/a.B/D", Metadata::new(), Peer::Unix("s".into()), None, Arc::new(fake.clone()));
        assert_eq!((context.method(), context.deadline(), context.get::<u32>()), ("/a.B/D", None, None));
        context.insert(8u32);
    }
    assert_eq!((kept.method(), kept.get::<u32>()), ("/a.B/C", Some(&7)));
}

#[test]
fn debug_shows_what_was_asked_for_and_no_more() {
    assert_eq!(format!("{:?}", RequestOptions::new()), "RequestOptions");
    let options = RequestOptions::new().with_timeout(SECOND).with_wait_for_ready().cancel_on(&Fake::new().context());
    assert_eq!(format!("{options:?}"), "RequestOptions { timeout: 1s, wait_for_ready: true, cancelled_by: 1 }");
}

#[test]
fn everything_that_travels_between_threads_may() {
    fn all<T: Clone + Send + Sync + 'static>() {}
    fn send<T: Send + 'static>() {}
    all::<Context>();
    all::<RequestOptions>();
    all::<Request<String>>();
    all::<Response<String>>();
    all::<Pusher<*const u8>>();
    send::<Sender<String>>();
    send::<Receiver<String>>();
    send::<ServerCall>();
}

#[test]
fn a_report_names_what_went_wrong_and_nothing_else() {
    let mut report = Report { calls: 3, forced: 1, ..Report::default() };
    assert_eq!(format!("{report}"), "3 calls ended, 1 of them by force");
    (report.left_behind, report.refused, report.panics) = (4, 5, 6);
    let all = "3 calls ended, 1 of them by force, 4 handlers left behind, 5 calls refused, 6 handlers panicked";
    assert_eq!(format!("{report}"), all);
}
