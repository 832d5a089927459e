//! The simulation itself: repeatable, and it notices what it is for.

use super::{Network, Sim};
use crate::os::{Address, Listener, Pipe};
use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, WouldBlock};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Reads until the end, echoes everything.
fn echo(pipe: &dyn Pipe) {
    let mut buf = [0; 1000];
    loop {
        let n = match pipe.read(&mut buf, None) {
            Ok(0) | Err(_) => return pipe.close(),
            Ok(n) => n,
        };
        let mut done = 0;
        while done < n {
            match pipe.try_write(&[&buf[done..n]]) {
                Ok(k) => done += k,
                Err(e) if e.kind() == WouldBlock => drop(pipe.wait(false, true, None)),
                Err(_) => return pipe.close(),
            }
        }
    }
}

fn connect(sim: &Sim, address: std::net::SocketAddr) -> Arc<dyn Pipe> {
    let pipe = sim.os().connect(&Address::Tcp(address)).expect("a connect begins");
    while !pipe.connected().expect("it is not refused") {
        pipe.wait(false, true, None).expect("a wait ends");
    }
    pipe
}

/// Three clients talk to an echo server through a poller; the trace is what the first thread sees.
fn scene(seed: u64) -> (Vec<u64>, super::Report) {
    let net = Network { capacity: 300, jitter: MS, ..Network::default() };
    let run = Sim::seed(seed).with_network(net).try_run(|sim| {
        let (address, listener) = sim.listen();
        let server = {
            let sim = sim.clone();
            sim.clone().spawn("server", move || serve(&sim, &*listener, 3))
        };
        let clients: Vec<_> = (0..3)
            .map(|i| {
                let inner = sim.clone();
                sim.spawn("client", move || {
                    let pipe = connect(&inner, address);
                    let sent = vec![i; 700];
                    let (mut written, mut got) = (0, 0);
                    while got < sent.len() {
                        let ready = pipe.wait(true, written < sent.len(), None).expect("a wait ends");
                        let mut buf = [0; 100];
                        if ready.write && written < sent.len() {
                            written += pipe.try_write(&[&sent[written..], &[]]).unwrap_or(0);
                        }
                        if let Ok(n) = pipe.try_read(&mut buf) {
                            assert!(buf[..n].iter().all(|b| *b == i));
                            got += n;
                        }
                    }
                    inner.now().as_nanos()
                })
            })
            .collect();
        let trace = clients.into_iter().map(super::Task::join).collect();
        server.join();
        trace
    });
    run.expect("the scene plays to its end")
}

fn serve(sim: &Sim, listener: &dyn Listener, connections: usize) {
    let poller = sim.os().poller().expect("a poller");
    poller.add(9, listener.raw()).expect("it can be watched");
    let (mut ready, mut threads) = (Vec::new(), Vec::new());
    while threads.len() < connections {
        poller.wait(&mut ready, None);
        ready.clear();
        while let Ok(pipe) = listener.try_accept() {
            threads.push(sim.spawn("connection", move || echo(&*pipe)));
        }
    }
    threads.into_iter().for_each(super::Task::join);
}

#[test]
fn a_seed_gives_the_same_run_again_and_another_seed_another_one() {
    assert_eq!(scene(1), scene(1));
    let runs: Vec<_> = (0..8).map(scene).collect();
    assert!(runs.iter().any(|r| *r != runs[0]), "eight seeds, one run");
}

#[test]
fn time_jumps_to_the_next_timer() {
    let elapsed = Sim::seed(3).try_run(|sim| sim.sleep(1000 * MS)).expect("it ends").1.elapsed;
    assert_eq!(elapsed, 1000 * MS);
}

#[test]
fn a_deadlock_fails_the_run_and_names_the_threads() {
    let failed = Sim::seed(4).try_run(|sim| {
        let os = sim.os();
        sim.spawn("sleeper", move || os.park(None)).join();
    });
    let what = failed.expect_err("nobody unparks").what;
    assert!(what.contains("deadlock") && what.contains("[sleeper: parked]"), "{what}");
}

#[test]
fn a_thread_left_behind_fails_the_run() {
    let failed = Sim::seed(4).try_run(|sim| {
        let os = sim.os();
        sim.spawn("orphan", move || os.park(None));
    });
    assert!(failed.expect_err("one is left").what.contains("orphan"));
}

#[test]
fn a_panic_fails_the_run_with_its_text() {
    let failed = Sim::seed(4).try_run(|sim| sim.spawn("bad", || panic!("two is not three")).join());
    assert!(failed.expect_err("it panicked").what.contains("thread bad panicked: two is not three"));
}

#[test]
fn an_unpark_before_the_park_is_not_lost() {
    for seed in 0..50 {
        Sim::seed(seed).run(|sim| {
            let (os, me) = (sim.os(), sim.os().me());
            sim.spawn("other", move || os.unpark(&me));
            sim.os().park(None);
        });
    }
}

#[test]
fn a_wake_before_the_wait_is_not_lost() {
    for seed in 0..50 {
        Sim::seed(seed).run(|sim| {
            let (near, far) = sim.pair();
            let inner = near.clone();
            let task = sim.spawn("waker", move || inner.wake());
            assert!(near.wait(true, false, None).expect("a wait ends").woken);
            task.join();
            drop(far);
        });
    }
}

#[test]
fn nobody_listens_means_refused_and_an_unknown_name_is_not_found() {
    Sim::seed(5).run(|sim| {
        let address = "10.9.9.9:1".parse().expect("an address");
        let pipe = sim.os().connect(&Address::Tcp(address)).expect("a connect begins");
        assert!(pipe.wait(false, true, None).expect("a wait ends").write);
        assert_eq!(pipe.connected().expect_err("nobody listens").kind(), ConnectionRefused);
        assert_eq!(sim.os().resolve("nowhere", 1).expect_err("no such host").kind(), NotFound);
        sim.host("here", &[address]);
        assert_eq!(sim.os().resolve("here", 1).expect("it is there"), [address]);
    });
}

#[test]
fn what_was_written_before_a_close_is_read_before_the_end() {
    for seed in 0..50 {
        Sim::seed(seed).run(|sim| {
            let (near, far) = sim.pair();
            let mut sent = 0;
            while sent < 10 {
                sent += near.try_write(&[&b"0123456789"[sent..]]).expect("there is room");
            }
            near.close();
            let (mut got, mut buf) = (Vec::new(), [0; 4]);
            loop {
                match far.read(&mut buf, None).expect("no fault") {
                    0 => break,
                    n => got.extend_from_slice(&buf[..n]),
                }
            }
            assert_eq!(got, b"0123456789");
        });
    }
}

#[test]
fn a_cut_link_is_reset_at_its_time_and_wakes_the_reader() {
    Sim::seed(6).run(|sim| {
        let (near, far) = sim.pair();
        let start = sim.now();
        sim.cut_link_after(3 * MS);
        let error = near.read(&mut [0; 4], None).expect_err("it was cut");
        assert_eq!((error.kind(), sim.now() - start), (ConnectionReset, 3 * MS));
        drop(far);
    });
}

#[test]
fn a_cut_breaks_links_that_are_made_before_it_and_spares_later_ones() {
    Sim::seed(6).run(|sim| {
        sim.cut_link_after(3 * MS);
        sim.sleep(MS);
        let (before, _other) = sim.pair();
        assert_eq!(before.read(&mut [0; 4], None).expect_err("it was cut").kind(), ConnectionReset);
        let (later, other) = sim.pair();
        other.try_write(&[b"x"]).expect("there is room");
        assert_eq!(later.read(&mut [0; 4], None).expect("it stands"), 1);
    });
}

#[test]
fn held_links_deliver_later() {
    Sim::seed(6).run(|sim| {
        let (near, far) = sim.pair();
        sim.hold_links(true);
        near.try_write(&[b"x"]).expect("there is room");
        let until = Some(sim.now() + 5 * MS);
        assert_eq!(far.read(&mut [0; 4], until).expect_err("nothing came").kind(), WouldBlock);
        sim.hold_links(false);
        assert_eq!(far.read(&mut [0; 4], None).expect("it came"), 1);
    });
}

#[test]
fn who_stops_at_a_short_read_hears_of_the_rest() {
    for seed in 0..100 {
        Sim::seed(seed).run(|sim| {
            let (near, far) = sim.pair();
            let poller = sim.os().poller().expect("a poller");
            poller.add(1, near.raw()).expect("it can be watched");
            let mut sent = 0;
            while sent < 1000 {
                sent += far.try_write(&[&[7; 1000][sent..]]).expect("there is room");
            }
            let (mut got, mut events, mut buf) = (0, Vec::new(), [0; 400]);
            while got < 1000 {
                events.clear();
                poller.wait(&mut events, None);
                while events.iter().any(|(_, ready)| ready.read) {
                    let n = near.try_read(&mut buf).unwrap_or(0);
                    got += n;
                    if n < buf.len() {
                        break;
                    }
                }
            }
        });
    }
}
