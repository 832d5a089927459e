use super::*;
use crate::buf::MessageBuf;
use crate::grpc::{Code, Status};
use crate::rpc::tests::fake::Fake;
use crate::rpc::{Context, Received};
use crate::time::Instant;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use bytes::Buf;
use core::time::Duration;

pub(crate) fn encode(message: &String, out: &mut Vec<u8>) -> Result<(), Status> {
    if message == "unencodable" {
        return Err(Status::internal("cannot be encoded"));
    }
    out.extend_from_slice(message.as_bytes());
    Ok(())
}

pub(crate) fn decode(from: &mut MessageBuf) -> Result<String, Status> {
    let bytes = from.copy_to_bytes(from.remaining());
    String::from_utf8(bytes.to_vec()).map_err(|e| Status::internal(e.to_string()))
}

#[test]
fn a_receiver_yields_the_requests_and_ends() {
    let fake = Fake::new();
    fake.push("a");
    fake.push("b");
    let mut requests = Receiver::new(fake.context(), decode);
    assert_eq!((&mut requests).collect::<Result<Vec<_>, _>>().unwrap(), ["a", "b"]);
    // It stays ended, and does not ask again.
    fake.push("c");
    assert!(requests.next().is_none());
    assert_eq!(fake.state().recv_until, [None, None, None]);
}

#[test]
fn a_failure_comes_once_after_the_messages_before_it() {
    let fake = Fake::new();
    fake.push("a");
    fake.state().incoming.push_back(Received::Failed(Status::cancelled("gone")));
    fake.push("b");
    let mut requests = Receiver::new(fake.context(), decode);
    assert_eq!(requests.recv().unwrap().as_deref(), Some("a"));
    assert_eq!(requests.recv().unwrap_err().message(), "gone");
    assert_eq!(requests.recv().unwrap(), None);
}

#[test]
fn a_message_that_does_not_parse_ends_the_stream() {
    let fake = Fake::new();
    fake.push("a");
    fake.state().messages[0] = vec![0xff];
    fake.push("b");
    let mut requests = Receiver::new(fake.context(), decode);
    assert_eq!(requests.next().unwrap().unwrap_err().code(), Code::Internal);
    assert!(requests.next().is_none());
}

#[test]
fn receiving_without_waiting_and_with_a_limit() {
    let fake = Fake::new();
    fake.state().now = Instant::from_nanos(50);
    fake.state().incoming.extend([Received::TimedOut, Received::TimedOut]);
    fake.push("a");
    let mut requests = Receiver::new(fake.context(), decode);
    assert!(matches!(requests.try_recv(), Err(TryRecvError::Empty)));
    assert!(matches!(requests.recv_timeout(Duration::from_nanos(7)), Err(TryRecvError::Empty)));
    assert_eq!(requests.try_recv().unwrap(), "a");
    assert!(matches!(requests.try_recv(), Err(TryRecvError::Ended)));
    let asked = [Some(Instant::ZERO), Some(Instant::from_nanos(57)), Some(Instant::ZERO), Some(Instant::ZERO)];
    assert_eq!(fake.state().recv_until, asked);
}

#[test]
fn a_test_receiver_yields_what_it_was_given() {
    let mut requests = Receiver::from_results([Ok(1), Err(Status::cancelled("gone")), Ok(2)]);
    assert_eq!(requests.try_recv().unwrap(), 1);
    assert!(matches!(requests.recv_timeout(Duration::MAX), Err(TryRecvError::Failed(_))));
    assert!(requests.next().is_none());
}

#[test]
fn small_messages_are_copied_from_one_buffer_and_large_ones_shared() {
    let fake = Fake::new();
    let mut replies = Sender::new(fake.context(), encode);
    let (most, more) = ("x".repeat(16 * 1024), "y".repeat(16 * 1024 + 1));
    for message in ["a".to_string(), more.clone(), "b".to_string(), most.clone()] {
        replies.send(message).unwrap();
    }
    let sent: Vec<_> = fake.state().sent.iter().map(|(m, shared)| (m.len(), *shared)).collect();
    assert_eq!(sent, [(1, false), (16 * 1024 + 1, true), (1, false), (16 * 1024, false)]);
}

#[test]
fn a_message_that_does_not_fit_comes_back() {
    let fake = Fake::new();
    fake.state().room = 1;
    let mut replies = Sender::new(fake.context(), encode);
    let pusher = replies.pusher();
    replies.try_send("a".into()).unwrap();
    assert!(matches!(replies.try_send("b".into()), Err(TrySendError::Full(m)) if m == "b"));
    assert!(matches!(pusher.try_send("c".into()), Err(TrySendError::Full(m)) if m == "c"));
    replies.send_all(["d".to_string(), "e".to_string()]).unwrap();
    let sent: Vec<_> = fake.state().sent.iter().map(|(m, _)| m.clone()).collect();
    assert_eq!(sent, [b"a", b"d", b"e"]);
}

#[test]
fn sending_on_a_call_that_is_over_fails_with_its_status() {
    let fake = Fake::new();
    let mut replies = Sender::new(fake.context(), encode);
    let pusher = replies.pusher();
    replies.context().cancel(Status::cancelled("gone"));
    assert_eq!(replies.send("a".into()).unwrap_err().message(), "gone");
    let error = replies.try_send("a".into()).unwrap_err();
    assert!(!error.is_full());
    assert_eq!(Status::from(error).message(), "gone");
    assert_eq!(pusher.send("a".into()).unwrap_err().message(), "gone");
    assert!(fake.state().sent.is_empty());
}

#[test]
fn a_message_that_cannot_be_encoded_is_not_sent() {
    let fake = Fake::new();
    let mut replies = Sender::new(fake.context(), encode);
    assert_eq!(replies.send("unencodable".into()).unwrap_err().code(), Code::Internal);
    replies.send("a".into()).unwrap();
    assert_eq!(fake.state().sent, [(b"a".to_vec(), false)]);
}

#[test]
fn a_pusher_outlives_the_sender_and_learns_of_the_end() {
    let fake = Fake::new();
    let replies = Sender::new(fake.context(), encode);
    let pusher = replies.pusher();
    drop(replies);
    pusher.clone().send("a".into()).unwrap();
    assert!(!pusher.is_closed());
    fake.state().returned = true;
    assert!(pusher.is_closed());
    assert_eq!(fake.state().sent.len(), 1);
}

#[test]
fn a_test_sender_keeps_what_is_sent_until_its_caller_goes() {
    let mut replies = Sender::for_test().ending_after(2, Status::cancelled("gone"));
    let status = replies.send_all(1..=5).unwrap_err();
    assert_eq!((status.message(), replies.sent()), ("gone", &[1, 2][..]));
    assert!(!replies.try_send(3).unwrap_err().is_full());
    assert!(replies.pusher().is_closed() && replies.pusher().send(1).is_err());
    assert_eq!(replies.take_sent(), [1, 2]);
}

#[test]
fn a_sender_of_no_call_refuses() {
    let mut replies = Sender::new(Context::detached(), encode);
    assert_eq!(replies.send("a".into()).unwrap_err().code(), Code::Cancelled);
    assert!(replies.pusher().is_closed());
    assert!(Receiver::new(Context::detached(), decode).next().is_none());
    assert!(format!("{replies:?}").starts_with("Sender"));
}
