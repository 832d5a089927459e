//! The scenarios: what must hold whatever the seed. Busy ones.

use crate::world::{ACCEPT, Body, LATE, MS, RTT, Scene, US, World, run};
use proto_core::grpc::Code;
use rt_common_testing::Cli;
use rt_common_testing::toy::{M, number};
use rt_std::testkit::{Failure, Report, Rule};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

pub type Outcome = Result<Report, Failure>;

pub fn body(run: impl FnOnce(&mut Cli, &World) + Send + 'static) -> Body {
    Box::new(run)
}

/// All handlers are blocked: PING, cancel, deadline, a new connection, the queue's bound; then the latch opens.
pub fn latch(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { wants: 6, ..Scene::new(seed, 5000) };
    let client = body(move |c, world| {
        let toy = &world.toy;
        c.open(1, M::LatchStream.info());
        c.open(2, M::LatchStream.info());
        if seed.is_multiple_of(3) {
            // Otherwise everything arrives at once.
            c.flush();
            c.pump_for(300 * US);
        }
        for i in 3..6 {
            c.request(i, M::Latch.info(), None, &[]);
        }
        c.flush();
        let end = world.sim.now() + ACCEPT + 30 * MS;
        while toy.latch.load(SeqCst) < 5 && world.sim.now() < end {
            c.pump_for(MS);
        }
        assert_eq!(toy.latch.load(SeqCst), 5, "all five handlers must get a thread");
        for i in 10..14 {
            c.request(i, M::Echo.info(), (i == 11).then_some(MS), b"queued");
        }
        c.request(14, M::Echo.info(), None, b"too many");
        let sent = world.sim.now();
        c.ping_within(100, RTT + 20 * US);
        assert!(c.pump(sent + RTT + 20 * US, |c| c.ended(14).is_some()), "no refusal");
        let refusal = c.status(14).expect("it ended");
        assert_eq!(refusal.code(), Code::ResourceExhausted);
        assert!(refusal.message().contains("max_queued_calls"), "{refusal}");
        assert!(c.pump(sent + MS + RTT + 20 * US, |c| c.ended(11).is_some()), "the deadline of a queued call");
        // A handler that does not look: its slot stays, nothing breaks.
        c.cancel(5);
        c.cancel(12);
        c.flush();
        let mut other = world.client();
        other.ping_within(1, RTT + ACCEPT);
        other.ping_within(2, RTT + 20 * US);
        other.pipe.close();
        toy.latch.fetch_add(1, SeqCst);
        let answered = |c: &Cli| [1, 2, 3, 4, 10, 13].iter().all(|i| c.ended(*i).is_some_and(|e| e.0 == Code::Ok));
        assert!(c.pump(world.sim.now() + 40 * MS, answered), "after the latch");
        assert!(c.ended(12).is_none());
    });
    run(seed, without, scene, vec![client])
}

/// Replies that nobody reads: the other connection is served, memory is bounded, then everything arrives.
pub fn slow_reader(seed: u64, without: Option<Rule>) -> Outcome {
    let mut scene = Scene { queue: 1000, ..Scene::new(seed, 3000) };
    scene.tuning.first_guess = Duration::ZERO;
    let slow = body(|c, world| {
        for i in 1..=60 {
            c.request(i, M::Big.info(), None, &number(5000));
        }
        c.flush();
        world.sim.sleep(20 * MS);
        assert!(c.pump(world.sim.now() + 300 * MS, |c| c.all_ended(1..=60)), "the replies come at last");
        assert!((1..=60).all(|i| c.received(i) == 5000));
    });
    let quick = body(|c, world| {
        for i in 1..=10 {
            let sent = world.sim.now();
            c.request(i, M::Echo.info(), None, b"x");
            c.flush();
            let first = if i == 1 { ACCEPT } else { Duration::ZERO };
            assert!(c.pump(sent + LATE + first, |c| c.ended(i).is_some()), "call {i} late");
        }
    });
    run(seed, without, scene, vec![slow, quick])
}

/// Two streaming handlers echo over full pipes.
pub fn two_streams(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene::new(seed, 300 + (seed as usize % 5) * 200);
    let client = body(|c, world| {
        c.open(1, M::EchoStream.info());
        c.open(2, M::EchoStream.info());
        let mut sent = [0; 2];
        while !c.all_ended([1, 2]) {
            for label in [1, 2] {
                let sent = &mut sent[label as usize - 1];
                while *sent < 20 && c.wire.len() < 3000 && c.send(label, &[5; 500]) {
                    c.collect();
                    *sent += 1;
                    if *sent == 20 {
                        c.finish(label);
                    }
                }
            }
            let (moved, full) = (c.moved, c.wire.len() >= 3000);
            let go_on = |c: &Cli| c.moved > moved || full && c.wire.len() < 400;
            assert!(c.pump(world.sim.now() + ACCEPT + 20 * MS, go_on), "streams are stuck: {sent:?}");
        }
        assert_eq!([c.received(1), c.received(2)], [10_000, 10_000]);
    });
    run(seed, without, scene, vec![client])
}

/// One write carries fast calls, a slow one and a liar (measured fast, now slow): the fast replies must not wait.
pub fn slow_beside_fast(seed: u64, without: Option<Rule>) -> Outcome {
    let mut scene = Scene { queue: 100, handlers: 5, faults: false, ..Scene::new(seed, 5000) };
    scene.tuning.cores = 4;
    scene.tuning.read_size = 64 * 1024;
    let client = body(move |c, world| {
        let liar = seed % 4 < 2;
        let method = if liar { M::Mixed } else { M::Sleep };
        let believe = |m: M, time| world.probe.set_mean(m.info().path, time);
        c.request(1, M::Echo.info(), None, b"warm");
        c.flush();
        assert!(c.pump(world.sim.now() + 14 * MS, |c| c.ended(1).is_some()));
        believe(M::Echo, Duration::ZERO);
        believe(method, if liar { Duration::ZERO } else { MS });
        if liar && seed % 7 > 3 {
            c.request(50, method.info(), None, &number(20_000));
            let sent = world.sim.now();
            c.ping(98);
            c.flush();
            assert!(c.pump(sent + LATE, |c| c.pongs.contains_key(&98)), "control output waited for a handler");
            believe(method, Duration::ZERO);
        }
        if liar && seed % 7 < 2 {
            for i in 60..68 {
                c.request(i, method.info(), None, &number(300));
            }
            let sent = world.sim.now();
            c.flush();
            assert!(c.pump(sent + 30 * MS, |c| c.all_ended(60..68)));
            let late = (60..68).find(|i| c.ended(*i).is_some_and(|e| e.1 > sent + RTT + 320 * US * (*i - 59 + 1)));
            assert_eq!(late, None, "a finished reply waited for other handlers of its bite");
            believe(method, Duration::ZERO);
        }
        let sent = world.sim.now();
        // Nothing comes after the slow one: only the watch can flush.
        let last = seed % 7 < 3;
        let first_slow = if last { 13 } else { 2 + (seed / 4 % 10) as u32 };
        let twin = seed.is_multiple_of(5) && !last;
        let is_slow = |i: u32| i == first_slow || twin && i == first_slow + 1;
        for i in 2..14 {
            if is_slow(i) {
                c.request(i, method.info(), None, &number(20_000));
            } else {
                c.request(i, M::Echo.info(), None, b"fast");
            }
        }
        let limit = if liar { LATE } else { RTT + 20 * US };
        if !last {
            c.ping(99);
            c.flush();
            assert!(c.pump(sent + limit, |c| c.pongs.contains_key(&99)), "the ping of the batch waited");
        } else {
            c.flush();
        }
        let extra = if twin && liar { MS } else { Duration::ZERO };
        let fast = |c: &Cli| (2..14).filter(|i| !is_slow(*i)).all(|i| c.ended(i).is_some());
        assert!(c.pump(sent + limit + extra, fast), "fast replies waited");
        assert!(c.pump(sent + 22 * MS + RTT, |c| c.all_ended(2..14)), "slow replies");
    });
    run(seed, without, scene, vec![client])
}

/// A connection dies with calls in every state: its handlers end, the other connection goes on.
pub fn killed(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene::new(seed, 1000);
    let victim = body(move |c, world| {
        c.open(1, if seed.is_multiple_of(2) { M::WaitStream } else { M::Flood }.info());
        c.open(2, M::WaitStream.info());
        c.request(3, M::Wait.info(), None, &[]);
        c.request(4, M::Sleep.info(), None, &number(500));
        c.request(5, M::Wait.info(), None, &[]);
        c.request(6, M::Echo.info(), None, &[1; 300]);
        c.flush();
        c.pump_for(ACCEPT / 20 * (seed % 4) as u32 + 2 * MS + 4 * MS * (seed % 7) as u32);
        c.pipe.close();
        world.sim.sleep(40 * MS);
        assert!(world.toy.ended.load(SeqCst) <= 4);
    });
    let other = body(|c, world| {
        for i in 1..=20 {
            c.ping_within(i, LATE + if i == 1 { ACCEPT } else { Duration::ZERO });
            world.sim.sleep(2 * MS);
        }
        world.sim.sleep(100 * MS);
        let n = world.probe.counts();
        assert_eq!((n.busy, n.unary, n.streams, n.queued, n.connections), (0, 0, 0, 0, 1), "all is given back");
    });
    run(seed, without, scene, vec![victim, other])
}

/// Many connections, all sorts of calls: each gets exactly its own answer.
pub fn crowd(seed: u64, without: Option<Rule>) -> Outcome {
    let scene = Scene { queue: 100, ..Scene::new(seed, 1500) };
    let client = |k: u64| {
        body(move |c, world| {
            let kind = |i: u32| (u64::from(i) + k + seed) % 8;
            for i in 1..=16u32 {
                match kind(i) {
                    0 => c.request(i, M::Sleep.info(), None, &number(i * 40)),
                    1 => c.request(i, M::Panic.info(), None, &[]),
                    2 => c.request(i, M::Wait.info(), Some(700 * US * i), &[]),
                    3 => {
                        c.request(i, M::Wait.info(), None, &[]);
                        c.collect();
                        c.cancel(i);
                    }
                    4 => c.request(i, M::Mixed.info(), None, &number(400)),
                    _ => c.request(i, M::Echo.info(), None, &[k as u8, i as u8]),
                }
                if i % 5 == 0 {
                    c.flush();
                    world.sim.sleep(100 * US);
                }
            }
            c.flush();
            let all = |c: &Cli| (1..=16).all(|i| kind(i) == 3 || c.ended(i).is_some());
            assert!(c.pump(world.sim.now() + ACCEPT + 150 * MS, all), "an answer is missing");
            for i in 1..=16 {
                let Some((code, _)) = c.ended(i) else { continue };
                match kind(i) {
                    1 => assert_eq!(code, Code::Unknown, "call {i}"),
                    2 => assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "call {i}: {code:?}"),
                    _ => assert_eq!(code, Code::Ok, "call {i}"),
                }
                if kind(i) > 4 {
                    assert_eq!(c.calls[&i].messages[0].0, [k as u8, i as u8]);
                }
            }
        })
    };
    run(seed, without, scene, (0..5).map(client).collect())
}

/// A flood of output against a small window; then a cancel wakes the blocked senders.
pub fn flood(seed: u64, without: Option<Rule>) -> Outcome {
    // Blocked by the window, or by unsent output alone.
    let window = if seed.is_multiple_of(2) { 2_000 } else { 60_000 };
    let scene = Scene { window, ..Scene::new(seed, 600) };
    let client = body(move |c, world| {
        c.open(1, M::Flood.info());
        c.open(2, M::Flood.info());
        let stop_at = 4_000 + (seed % 5) as usize * 4_000;
        while c.received(1) < stop_at && c.ended(1).is_none() {
            let before = c.received(1) + c.received(2);
            let more = |c: &Cli| c.received(1) + c.received(2) > before || c.ended(1).is_some();
            assert!(c.pump(world.sim.now() + ACCEPT + 30 * MS, more), "the flood is stuck at {before}");
        }
        c.cancel(1);
        c.cancel(2);
        c.flush();
        c.pump_for(3 * MS);
        assert_eq!(world.probe.counts().streams, 0, "a cancelled sender is still blocked");
    });
    run(seed, without, scene, vec![client])
}
