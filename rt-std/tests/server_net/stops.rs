//! The end of a server whose handlers do not look.

use proto_core::grpc::Code;
use rt_common_testing::toy::M;
use rt_common_testing::{LONG, Setup, Std};
use rt_std::testkit::Probe;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn the_end_of_the_grace_cuts_calls_and_leaves_deaf_handlers_behind() {
    let setup = Setup::<Std>::new(100, |b| b);
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::WaitStream.info());
    c.request(3, M::Wait.info(), None, b"");
    c.flush();
    setup.until("all run", || Probe::of(&setup.server).counts().busy == 3);
    let stop = setup.server.stop();
    stop.graceful(LONG);
    stop.graceful(Duration::from_millis(20));
    c.until("every call has its end", |c| c.all_ended(1..4));
    assert!((1..4).all(|i| c.ended(i).is_some_and(|e| e.0 != Code::Ok)));
    let toy = setup.toy.clone();
    let report = setup.server.wait();
    assert_eq!((report.forced, report.left_behind), (3, 1), "the latch does not look");
    toy.latch.fetch_add(100, SeqCst);
}
