//! What only a look inside shows.

use super::*;
use crate::testkit::Sim;
use proto_core::MessageBuf;
use proto_core::rpc::RequestOptions;
use std::time::Duration;

/// While another thread looks for a connection: each time is one more.
#[test]
fn a_thread_that_asks_again_and_again_whether_a_call_has_started_leaves_nothing_behind() {
    for seed in 0..10 {
        Sim::seed(seed).run(|sim| {
            let (address, listener) = sim.listen();
            drop(listener);
            let channel = sim.channel_to(address);
            let options = RequestOptions::new().with_wait_for_ready();
            let call = Call::start(&channel, "/test/Call", Kind::BIDI, options, Ok(None));
            let other = call.clone();
            let waits = sim.spawn("waits", move || drop(other.pull(&mut MessageBuf::new(), None)));
            sim.sleep(Duration::from_millis(1));
            for _ in 0..50 {
                let _ = call.pull(&mut MessageBuf::new(), call.after(Duration::from_millis(10)));
            }
            assert_eq!(call.lock().waiting.len(), 0);
            call.stop(Status::cancelled("enough"));
            waits.join();
        });
    }
}
