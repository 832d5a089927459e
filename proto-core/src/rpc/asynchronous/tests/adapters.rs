//! The streams of handlers as `Stream` and `Sink`, polled by hand.

use super::*;
use futures_core::Stream;
use futures_sink::Sink;

fn next<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut core::task::Context::from_waker(Waker::noop()))
}

#[test]
fn requests_are_a_stream_that_waits_once_and_loses_nothing_when_it_is_dropped() {
    let fake = open();
    let mut requests = requests(&fake);
    let mut stream = requests.stream();
    assert!(next(&mut stream).is_pending() && next(&mut stream).is_pending());
    assert_eq!(fake.state().waits, [(CallEvent::Readable, None)]);
    fake.push("a");
    fake.push("b");
    assert!(matches!(next(&mut stream), Poll::Ready(Some(Ok(message))) if message == "a"));
    assert_eq!(now(requests.recv()).unwrap().as_deref(), Some("b"));
    fake.state().open = false;
    assert!(matches!(next(&mut requests.stream()), Poll::Ready(None)));
}

#[test]
fn replies_are_a_sink_whose_messages_leave_when_there_is_room() {
    let fake = Fake::new();
    fake.state().room = 1;
    let mut replies = replies(&fake);
    let cx = &mut core::task::Context::from_waker(Waker::noop());
    let mut sink = replies.sink();
    for message in ["a", "b"] {
        assert!(matches!(Pin::new(&mut sink).poll_ready(cx), Poll::Ready(Ok(()))));
        Pin::new(&mut sink).start_send(message.to_string()).unwrap();
    }
    assert!(Pin::new(&mut sink).poll_ready(cx).is_pending() && Pin::new(&mut sink).poll_flush(cx).is_pending());
    assert_eq!(Pin::new(&mut sink).start_send("c".into()).unwrap_err().code(), Code::Internal);
    assert_eq!((sent(&fake).len(), fake.state().waits.len()), (1, 1));
    fake.state().room = 9;
    assert!(matches!(Pin::new(&mut sink).poll_close(cx), Poll::Ready(Ok(()))));
    fake.state().room = 0;
    Pin::new(&mut sink).start_send("c".into()).unwrap();
    // Without the sink it is not lost either.
    fake.state().room = 9;
    now(replies.send("d".into())).unwrap();
    assert_eq!(sent(&fake), ["a", "b", "c", "d"]);
    fake.context().cancel(Status::cancelled("gone"));
    let mut sink = replies.sink();
    assert_eq!(Pin::new(&mut sink).start_send("e".into()).unwrap_err().message(), "gone");
}

#[test]
fn a_stream_is_poured_into_a_call_and_goes_on_where_it_was() {
    let fake = Fake::new();
    fake.state().room = 1;
    let mut replies = replies(&fake);
    let mut letters = futures_lite::stream::iter(["a", "b", "c"].map(String::from));
    given_up(replies.send_stream(&mut letters));
    fake.state().room = 9;
    now(replies.send_stream(letters)).unwrap();
    assert_eq!(sent(&fake), ["a", "b", "c"]);
    fn sends<T: Send>(_: T) {}
    let mut replies = super::replies(&fake);
    sends(replies.sink());
    sends(super::requests(&fake).stream());
}
