//! Never deaf; who is beyond a bound is told which setting it is.

use proto_core::grpc::Code;
use rt_common_testing::toy::M;
use rt_common_testing::{LONG, Setup, Std};
use rt_std::testkit::Probe;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn while_every_handler_is_busy_pings_are_answered_and_cancellations_and_deadlines_reach_handlers() {
    let setup = Setup::<Std>::new(100, |b| b.max_handler_threads(3).max_streaming_handlers(2).max_queued_calls(2));
    let mut c = setup.client();
    c.open(1, M::LatchStream.info());
    c.open(2, M::WaitStream.info());
    c.request(3, M::Latch.info(), None, b"");
    c.request(4, M::Wait.info(), None, b"");
    c.request(5, M::Wait.info(), Some(Duration::from_secs(3)), b"");
    c.flush();
    setup.until("all handlers are busy", || Probe::of(&setup.server).counts().busy == 5);
    c.ping_within(1, LONG);
    let mut other = setup.client();
    other.ping_within(1, LONG);
    c.until("the deadline ends a handler", |c| c.ended(5).is_some());
    setup.until("the deadline has reached it", || setup.toy.ended.load(SeqCst) == 1);
    c.cancel(2);
    c.cancel(4);
    c.flush();
    setup.until("the cancellations have reached them", || setup.toy.ended.load(SeqCst) == 3);
    setup.toy.latch.fetch_add(100, SeqCst);
    c.until("the rest", |c| c.all_ended([1, 3]));
    c.pipe.close();
    other.pipe.close();
    let report = setup.shutdown();
    assert_eq!((report.forced, report.left_behind), (0, 0));
}

#[test]
fn calls_beyond_the_queue_and_streams_beyond_their_limit_are_told_which_setting() {
    let setup = Setup::<Std>::new(100, |b| b.max_handler_threads(1).max_streaming_handlers(1).max_queued_calls(2));
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::LatchStream.info());
    c.flush();
    setup.until("both are in their handlers", || setup.toy.latch.load(SeqCst) == 2);
    for i in 10..13 {
        c.request(i, M::Echo.info(), None, b"x");
        c.flush();
        c.ping_within(u64::from(i), LONG);
    }
    c.open(20, M::EchoStream.info());
    c.until("two refusals", |c| c.all_ended([12, 20]));
    for (label, setting) in [(12, "max_queued_calls"), (20, "max_streaming_handlers")] {
        let status = c.status(label).expect("it ended");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains(setting), "{status}");
    }
    setup.toy.latch.fetch_add(100, SeqCst);
    c.until("the rest", |c| c.all_ended([1, 2, 10, 11]));
    c.pipe.close();
    assert!([1, 2, 10, 11].iter().all(|i| c.ended(*i).is_some_and(|e| e.0 == Code::Ok)));
    assert_eq!(setup.shutdown().refused, 2);
}
