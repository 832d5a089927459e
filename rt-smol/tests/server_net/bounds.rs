//! Never deaf; who is beyond the bound is told which setting it is.

use proto_core::grpc::Code;
use rt_common_testing::toy::M;
use rt_common_testing::{LONG, Setup, Smol};
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn handlers_beyond_their_limit_are_refused_with_the_settings_name() {
    let setup = Setup::<Smol>::new(100, |b| b.max_concurrent_handlers(3));
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::LatchStream.info());
    c.request(3, M::Latch.info(), None, b"");
    c.flush();
    setup.until("all are in their handlers", || setup.toy.latch.load(SeqCst) == 3);
    c.request(4, M::Echo.info(), None, b"x");
    c.open(5, M::EchoStream.info());
    c.until("two refusals", |c| c.all_ended([4, 5]));
    for label in [4, 5] {
        let status = c.status(label).expect("it ended");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("max_concurrent_handlers"), "{status}");
    }
    c.ping_within(1, LONG);
    setup.toy.latch.fetch_add(100, SeqCst);
    c.until("the rest", |c| c.all_ended([1, 2, 3]));
    assert!([1, 2, 3].iter().all(|i| c.ended(*i).is_some_and(|e| e.0 == Code::Ok)));
    c.request(6, M::Echo.info(), None, b"x");
    c.until("there is room again", |c| c.ended(6).is_some());
    assert_eq!(c.ended(6).map(|e| e.0), Some(Code::Ok));
    c.pipe.close();
    let report = setup.shutdown();
    assert_eq!((report.refused, report.calls), (2, 4));
}

#[test]
fn a_handler_that_blocks_its_thread_does_not_make_other_connections_deaf() {
    let setup = Setup::<Smol>::new(100, |b| b);
    let mut deaf = setup.client();
    deaf.request(1, M::Deaf.info(), None, b"");
    deaf.flush();
    setup.until("it is deaf", || setup.toy.waiting.load(SeqCst) == 1);
    let mut other = setup.client();
    other.ping_within(1, LONG);
    other.request(1, M::Echo.info(), None, b"x");
    other.until("an answer", |c| c.ended(1).is_some());
    setup.toy.latch.fetch_add(100, SeqCst);
    deaf.until("the end", |c| c.ended(1).is_some());
}
