//! Calls that end before their handlers do, and handlers that end before their callers.

use proto_core::grpc::Code;
use rt_common_testing::toy::M;
use rt_common_testing::{Setup, Smol};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn a_deadline_ends_the_call_with_trailers_and_drops_the_handler() {
    let setup = Setup::<Smol>::new(0, |b| b);
    let mut c = setup.client();
    c.request(1, M::Wait.info(), Some(Duration::from_millis(30)), b"");
    c.open(2, M::WaitStream.info());
    c.flush();
    // The client is not looking, and says nothing: the server ends it by its own clock.
    setup.until("the handler is dropped", || setup.toy.dropped.load(SeqCst) == 1);
    setup.until("one is left", || setup.server.counts().handlers == 1);
    c.until("the answer", |c| c.ended(1).is_some());
    assert_eq!(c.status(1).expect("it ended").code(), Code::DeadlineExceeded);
}

#[test]
fn a_cancelled_call_drops_its_handler_where_it_waits() {
    let setup = Setup::<Smol>::new(0, |b| b);
    let mut c = setup.client();
    c.request(1, M::Wait.info(), None, b"");
    c.open(2, M::WaitStream.info());
    c.request(3, M::Wait.info(), None, b"");
    c.flush();
    setup.until("all wait", || setup.toy.waiting.load(SeqCst) == 3);
    c.cancel(1);
    c.cancel(2);
    c.flush();
    setup.until("two are dropped", || setup.toy.dropped.load(SeqCst) == 2);
    setup.until("one is left", || setup.server.counts().handlers == 1);
    c.request(4, M::Echo.info(), None, b"still there");
    c.until("an answer", |c| c.ended(4).is_some());
    c.pipe.close();
    setup.until("the lost connection drops the third", || setup.toy.dropped.load(SeqCst) == 3);
    let report = setup.shutdown();
    assert_eq!((report.calls, report.forced, report.left_behind), (4, 0, 0));
}

#[test]
fn a_handler_that_ends_its_call_itself_goes_on() {
    let setup = Setup::<Smol>::new(0, |b| b);
    let mut c = setup.client();
    c.request(1, M::Cancel.info(), None, b"");
    c.until("the answer", |c| c.ended(1).is_some());
    assert_eq!(c.ended(1).map(|e| e.0), Some(Code::Aborted));
    setup.until("it comes to its end", || setup.toy.went_on.load(SeqCst) == 1);
    setup.until("its place is free", || setup.server.counts().handlers == 0);
}

#[test]
fn an_early_answer_ends_a_call_whose_client_still_sends() {
    let setup = Setup::<Smol>::new(0, |b| b);
    let mut c = setup.client();
    c.open(1, M::Early.info());
    while c.ended(1).is_none() {
        c.send(1, &[1; 1000]);
        c.pump_for(Duration::from_millis(1));
    }
    assert_eq!(c.ended(1).map(|e| e.0), Some(Code::AlreadyExists));
    c.request(2, M::Echo.info(), None, b"next");
    c.until("the next call", |c| c.ended(2).is_some());
}

#[test]
fn a_sender_waits_while_its_client_does_not_read_and_goes_on_when_it_does() {
    let setup = Setup::<Smol>::new(0, |b| b);
    let mut c = setup.client();
    c.open(1, M::Endless.info());
    c.flush();
    // Nobody reads: it comes to rest.
    let mut last = 0;
    setup.until("it sends", || setup.toy.sent.load(SeqCst) > 0);
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = setup.toy.sent.swap(0, SeqCst);
        if now == 0 {
            break;
        }
        last += now;
    }
    assert!(setup.server.counts().unsent <= 512 * 1024, "{last} messages of 10,000 bytes were taken");
    c.until("much more than fits anywhere", |c| c.received(1) > 20_000_000);
    c.cancel(1);
    c.flush();
    setup.until("the handler is dropped while it waits to send", || setup.server.counts().handlers == 0);
}

#[test]
fn a_panic_ends_its_call_at_whatever_poll_and_nothing_else() {
    let setup = Setup::<Smol>::new(0, |b| b);
    let mut c = setup.client();
    for i in 0..60 {
        let method = [M::Panic, M::Echo, M::PanicLater][i as usize % 3];
        c.request(i, method.info(), None, b"x");
    }
    c.until("all answered", |c| c.all_ended(0..60));
    for i in 0..60 {
        let status = c.status(i).expect("it ended");
        assert_eq!(status.code(), if i % 3 == 1 { Code::Ok } else { Code::Unknown }, "{status}");
        assert!(i % 3 == 1 || status.message().contains("/toy.Toy/Panic"), "{status}");
    }
    setup.until("all places are free", || setup.server.counts().handlers == 0);
    c.pipe.close();
    assert_eq!(setup.shutdown().panics, 40);
}
