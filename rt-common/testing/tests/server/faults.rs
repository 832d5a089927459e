//! Connections that break at every point, beside one that must not notice.

use proto_core::grpc::Code;
use proto_core::testkit::Random;
use rt_common_testing::runtime::{Running, ServerBuilder};
use rt_common_testing::toy::{M, number};
use rt_common_testing::{Runtime, Setup, on_both};
use std::time::Duration;

on_both! {
    connections_that_break_anywhere_cost_nothing_but_themselves,
}

fn connections_that_break_anywhere_cost_nothing_but_themselves<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.takes_calls(10_000));
    std::thread::scope(|scope| {
        let vandal = |seed: u64| {
            let setup = &setup;
            move || {
                let mut random = Random::seed(seed);
                for _ in 0..40 {
                    let mut c = setup.client();
                    for label in 0..8 {
                        match random.below(6) {
                            0 => c.open(label, M::WaitStream.info()),
                            1 => c.open(label, M::Flood.info()),
                            2 => c.request(label, M::Wait.info(), Some(Duration::from_millis(3)), b""),
                            3 => c.request(label, M::Big.info(), None, &number(200_000)),
                            4 => c.request(label, M::Panic.info(), None, b""),
                            _ => c.request(label, M::Sleep.info(), None, &number(300)),
                        }
                        if random.one_in(4) {
                            c.collect();
                            c.cancel(label);
                        }
                    }
                    c.collect();
                    // The last write ends anywhere, in the middle of a frame mostly.
                    let cut = random.below(c.wire.len() + 1);
                    if random.one_in(2) {
                        c.wire.truncate(cut);
                    }
                    c.flush();
                    c.pump_for(Duration::from_micros(random.below(3_000) as u64));
                    c.pipe.close();
                }
            }
        };
        let vandals: Vec<_> = (0..4).map(|seed| scope.spawn(vandal(seed))).collect();
        let mut good = setup.client();
        let mut label = 0;
        while !vandals.iter().all(|v| v.is_finished()) {
            label += 1;
            good.request(label, M::Echo.info(), None, &label.to_be_bytes());
            good.until("an answer", |c| c.ended(label).is_some());
            assert_eq!(good.ended(label).map(|e| e.0), Some(Code::Ok));
            assert_eq!(good.calls[&label].messages[0].0, label.to_be_bytes());
        }
        good.pipe.close();
    });
    setup.until("all is given back", || {
        let n = setup.server.counts();
        (n.handlers, n.connections) == (0, 0)
    });
    let report = setup.shutdown();
    assert_eq!((report.left_behind, report.forced), (0, 0));
}
