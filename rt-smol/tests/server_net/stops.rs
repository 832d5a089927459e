//! The end of a server: handlers that wait, and one that blocks.

use futures_lite::future::block_on;
use proto_core::grpc::Code;
use rt_common_testing::toy::M;
use rt_common_testing::{LONG, Setup, Smol};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn the_end_of_the_grace_cuts_calls_and_drops_their_handlers() {
    let setup = Setup::<Smol>::new(100, |b| b);
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::WaitStream.info());
    c.request(3, M::Wait.info(), None, b"");
    c.flush();
    setup.until("all run", || setup.server.counts().handlers == 3);
    let stop = setup.server.stop();
    stop.graceful(LONG);
    stop.graceful(Duration::from_millis(20));
    c.until("every call has its end", |c| c.all_ended(1..4));
    assert!((1..4).all(|i| c.ended(i).is_some_and(|e| e.0 != Code::Ok)));
    let toy = setup.toy.clone();
    let report = block_on(setup.server.wait());
    assert_eq!((report.forced, report.left_behind, report.calls), (3, 0, 3));
    assert_eq!(toy.dropped.load(SeqCst), 2);
}

#[test]
fn a_handler_that_blocks_its_thread_is_left_behind_and_counted() {
    let setup = Setup::<Smol>::new(100, |b| b);
    let mut c = setup.client();
    c.request(1, M::Deaf.info(), None, b"");
    c.flush();
    setup.until("it is deaf", || setup.toy.waiting.load(SeqCst) == 1);
    let toy = setup.toy.clone();
    let report = block_on(setup.server.shutdown(Duration::from_millis(10)));
    assert_eq!(report.left_behind, 1);
    toy.latch.fetch_add(100, SeqCst);
}
