//! The scenarios with little traffic: what background noise would hide. And the ends.

use crate::cases::{Outcome, body};
use crate::world::{ACCEPT, LATE, MS, RTT, Scene, US, run};
use proto_core::grpc::Code;
use rt_common_testing::Cli;
use rt_common_testing::toy::{M, number};
use rt_std::testkit::Rule;
use std::time::Duration;

/// Stop under load: every call that was sent ends with a reply or a status, the waiting ones by force when grace ends.
pub fn stop(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { queue: 100, ..Scene::new(seed, 2000) };
    let client = |k: u32| {
        body(move |c, world| {
            let forced = seed.is_multiple_of(3);
            if k == 1 {
                c.request(1000, M::Sleep.info(), None, &number(6_000));
                if forced {
                    c.open(1001, M::WaitStream.info());
                    c.request(1002, M::Wait.info(), None, &[]);
                }
            }
            let mut last = 0;
            while !c.goaway && !c.eof {
                for _ in 0..3 {
                    last += 1;
                    let method = if last % 4 == 0 { M::Sleep } else { M::Echo };
                    c.request(last, method.info(), None, &number(300));
                }
                let ended = c.pump(world.sim.now() + ACCEPT + 60 * MS, |c| c.all_ended(last - 2..=last));
                assert!(ended || c.eof, "a call without an end: {last}");
                if k == 0 && last > 12 + (seed % 7) as u32 {
                    world.stop.graceful(10 * MS);
                }
            }
            let now = world.sim.now();
            assert!(c.pump(now + 12 * MS + RTT, |c| c.eof), "not closed when the grace had ended");
            if k == 1 {
                let labels = if forced { 1000..1003 } else { 1000..1001 };
                assert!(c.all_ended(labels), "a call without an end");
            }
        })
    };
    run(seed, without, scene, (0..3).map(client).collect())
}

/// A deadline of a call whose handler blocks, set while the poller already waits for longer; a backlog larger than the
/// reads of one visit; an idle connection is closed at once.
pub fn timers(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { queue: 100, ..Scene::new(seed, 20_000) };
    let client = body(move |c, world| {
        c.ping_within(900, ACCEPT);
        c.request(1, M::Wait.info(), Some(50 * MS), &[]);
        c.flush();
        c.pump_for(MS);
        let first = world.sim.now();
        c.request(2, M::Wait.info(), Some(2 * MS), &[]);
        c.flush();
        assert!(c.pump(first + 2 * MS + LATE, |c| c.ended(2).is_some()), "late deadline");
        for i in 10..60 {
            c.request(i, M::Echo.info(), None, &[9; 100]);
        }
        c.flush();
        let limit = if seed.is_multiple_of(2) { LATE } else { 30 * MS };
        assert!(c.pump(world.sim.now() + limit, |c| c.all_ended(10..60)), "backlog left unread");
        assert!(c.pump(first + 60 * MS, |c| c.ended(1).is_some()), "first deadline");
        c.pump_for(5 * MS);
        world.stop.graceful(10 * MS);
        let stopped = world.sim.now();
        // GOAWAY, a PING there and back, the close.
        assert!(c.pump(stopped + 2 * RTT + 20 * US, |c| c.eof), "an idle connection is closed at once");
    });
    run(seed, without, scene, vec![client])
}

/// Small pieces from many connections at once, read by many workers: no edge may be lost.
pub fn dribs(seed: u64, without: Option<Rule>) -> Outcome {
    // No delay: what is written races with our reads.
    let seed = seed * 4 + 1;
    let mut scene = Scene { queue: 100, faults: false, ..Scene::new(seed, 1000) };
    scene.tuning.cores = 8;
    scene.tuning.help_above = Duration::ZERO;
    let client = |_| {
        body(|c, world| {
            c.ping_within(1, LATE);
            for i in 2..14 {
                if i % 3 == 0 {
                    c.request(100 + i, M::Echo.info(), None, b"x");
                }
                c.ping(u64::from(i));
                let sent = world.sim.now();
                while !c.wire.is_empty() {
                    let rest = c.wire.split_off(c.wire.len().min(5));
                    c.write_only();
                    c.wire.extend_from_slice(&rest);
                }
                assert!(c.pump(sent + LATE, |c| c.pongs.contains_key(&u64::from(i))), "an edge was lost");
                // In step with the others: all write at one instant.
                world.sim.sleep(MS);
            }
        })
    };
    run(seed, without, scene, (0..5).map(client).collect())
}

/// A stream's small messages: a lone one leaves at once; of a burst, none waits for a handler that is busy elsewhere.
pub fn corks(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { faults: false, ..Scene::new(seed, 5000) };
    let client = body(move |c, world| {
        c.ping_within(1, ACCEPT);
        let sent = world.sim.now();
        c.open(1, M::Pair.info());
        if seed.is_multiple_of(3) {
            c.request(2, M::Echo.info(), None, b"beside");
        }
        c.flush();
        let got = |c: &Cli, n: usize| c.calls[&1].messages.len() >= n;
        assert!(c.pump(sent + RTT + 20 * US, |c| got(c, 1)), "the first message waited");
        assert!(c.pump(sent + LATE, |c| got(c, 2)), "a message of the burst waited for the handler");
        assert!(c.pump(sent + 20 * MS + LATE, |c| c.ended(1).is_some_and(|e| e.0 == Code::Ok) && got(c, 3)));
    });
    run(seed, without, scene, vec![client])
}

/// PINGs beyond what the server answers unread: it stops reading, and goes on when they have been taken.
pub fn pings(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { faults: false, ..Scene::new(seed, 2000) };
    let client = body(|c, world| {
        c.ping_within(1, ACCEPT);
        // Without reading a byte.
        for i in 2..3_000 {
            c.ping(i);
            c.write_only();
        }
        world.sim.sleep(2 * MS);
        c.request(1, M::Echo.info(), None, b"after the flood");
        c.ping(3_000);
        let now = world.sim.now();
        let all = c.pump(now + 500 * MS, |c| c.pongs.contains_key(&3_000) && c.ended(1).is_some());
        assert!(all, "{} of 3,000 answered", c.pongs.len());
    });
    run(seed, without, scene, vec![client])
}

/// A client cancels its calls and closes the connection at once, while the server writes: their handlers learn what it
/// said, not that a write failed.
pub fn last_words(seed: u64, without: Option<Rule>) -> Outcome {
    // No delay: a write fails no sooner than what was said before can be read.
    let seed = seed * 4 + 1;
    let mut scene = Scene { faults: false, streams: 5, window: 60_000, ..Scene::new(seed, 100_000) };
    scene.max_unsent = 60_000;
    let client = body(move |c, world| {
        c.open(1, M::Listen.info());
        (2..6).for_each(|i| c.open(i, M::Chatter.info()));
        c.flush();
        assert!(c.pump(world.sim.now() + 10 * MS, |c| (2..6).all(|i| c.received(i) > 0)), "nothing came");
        // At a point at which the handlers send.
        c.pump_for(15 * US * (seed % 5) as u32);
        (1..6).for_each(|i| c.cancel(i));
        c.collect();
        if seed.is_multiple_of(3) {
            // More than one visit reads.
            for i in 0..300 {
                c.ping(i);
            }
        }
        // Without reading a byte.
        while !c.wire.is_empty() {
            c.write_only();
        }
        c.pipe.close();
        world.sim.sleep(40 * MS);
        let last = world.toy.last.lock().expect("no holder panics").clone();
        // The first one may not have begun.
        assert!(last.len() >= 4, "handlers go on: {last:?}");
        let worse = last.iter().find(|status| !status.contains("the client cancelled the call (CANCEL)"));
        assert_eq!(worse, None);
        assert_eq!(world.probe.counts().connections, 0, "it is not closed");
    });
    run(seed, without, scene, vec![client])
}

/// Nobody says anything for an hour: no wake-ups, no threads beyond the first; then it answers at once.
pub fn idle(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { faults: false, handlers: 8, queue: 100, ..Scene::new(seed, 20_000) };
    let client = |k: u64| {
        body(move |c, world| {
            for i in 1..6 {
                c.request(i, M::Sleep.info(), None, &number(700));
            }
            assert!(c.pump(world.sim.now() + 100 * MS, |c| c.all_ended(1..6)));
            world.sim.sleep(Duration::from_secs(60));
            let before = world.probe.counts();
            assert!(before.threads <= 3, "threads that nobody needs: {before:?}");
            world.sim.sleep(Duration::from_secs(3600));
            let after = world.probe.counts();
            if k == 0 {
                assert!(after.waits <= before.waits + 1 && after.unparks == before.unparks, "{before:?} {after:?}");
            }
            world.sim.sleep(Duration::from_secs(60));
            c.ping_within(1, LATE);
            let sent = world.sim.now();
            c.request(7, M::Echo.info(), None, b"after an hour");
            assert!(c.pump(sent + LATE, |c| c.ended(7).is_some()));
        })
    };
    run(seed, without, scene, (0..3).map(client).collect())
}
