//! Scenes that the client plays in a simulation, each on a seed: a busy one, and quiet ones that each lean on one rule.
//! (Background traffic hides half of the faults.)

mod apart;
mod channel;
mod replay;
mod tunnel;

use super::{CHAT, COUNT, DIE, DROP, ECHO, LAST, MEET, STREAM, none, peer, request, unary};
use bytes::Bytes;
use proto_core::rpc::Front;
use rt_std::testkit::{Failure, Network, Report, Sim, Task};
use rt_std::tls::{TlsAcceptor, TlsConnector};
use rt_std::{Cancel, Channel, Code, SendError, TryRecvError};
use std::time::Duration;

pub const US: Duration = Duration::from_micros(1);
pub const MS: Duration = Duration::from_millis(1);
pub const SEC: Duration = Duration::from_secs(1);

/// A scene: its name, and how it is played.
pub struct Scene {
    pub name: &'static str,
    network: fn(u64) -> Network,
    play: fn(&Sim, u64),
}

impl Scene {
    /// Plays it on a seed, without a rule if one is given.
    pub fn run(&self, seed: u64, without: Option<&'static str>) -> Result<Report, Failure> {
        let mut sim = Sim::seed(seed).with_network((self.network)(seed)).with_max_switches(20_000);
        if let Some(rule) = without {
            sim = sim.without_rule(rule);
        }
        sim.try_run(|sim| (self.play)(sim, seed)).map(|(_, report)| report)
    }

    /// Plays it on a seed, over TLS.
    pub fn run_over_tls(&self, seed: u64, connector: &TlsConnector, acceptor: &TlsAcceptor) -> Result<Report, Failure> {
        let sim = Sim::seed(seed).with_network((self.network)(seed)).with_max_switches(60_000);
        let sim = sim.with_tls(connector.clone(), acceptor.clone());
        sim.try_run(|sim| (self.play)(sim, seed)).map(|(_, report)| report)
    }
}

pub const ALL: &[Scene] = &[
    Scene { name: "busy", network: narrow, play: busy },
    Scene { name: "one thread sends more than fits", network: narrow, play: one_thread_sends_more_than_fits },
    Scene { name: "the reader leaves a blocked sender", network: middle, play: the_reader_leaves_a_blocked_sender },
    Scene { name: "a stuck call runs out of time", network: narrow, play: a_stuck_call_runs_out_of_time },
    Scene { name: "a stuck call before a parked one", network: narrow, play: a_stuck_call_before_a_parked_one },
    Scene { name: "output left to a leader", network: narrow, play: output_left_to_a_leader },
    Scene { name: "output left to a plain leader", network: narrow, play: output_left_to_a_plain_leader },
    Scene { name: "cancelled by another thread", network: wide, play: cancelled_by_another_thread },
    Scene { name: "cancelled beside a blocked writer", network: narrow, play: cancelled_beside_a_blocked_writer },
    Scene { name: "a reply that came in time", network: wide, play: a_reply_that_came_in_time },
    Scene { name: "goodbye while idle", network: wide, play: channel::goodbye_while_idle },
    Scene { name: "shutdown below a plain read", network: wide, play: channel::shutdown_below_a_plain_read },
    Scene { name: "an attempt outlives who began it", network: slow, play: channel::an_attempt_outlives_who_began_it },
    Scene { name: "two halves before the connection", network: slow, play: channel::two_halves_before_the_connection },
    Scene { name: "cancelled while it starts", network: wide, play: channel::cancelled_while_it_starts },
    Scene { name: "nobody waits", network: slow, play: apart::nobody_waits },
    Scene { name: "begun as the connection comes", network: wide, play: apart::begun_as_the_connection_comes },
    Scene { name: "waited for in vain", network: slow, play: apart::waited_for_in_vain },
    Scene { name: "withdrawn", network: wide, play: apart::withdrawn },
    Scene { name: "last words before a reset", network: near, play: last_words_before_a_reset },
    Scene { name: "connections that age", network: wide, play: channel::connections_that_age },
    Scene { name: "through a proxy", network: wide, play: tunnel::through_a_proxy },
    Scene { name: "a refused call goes on elsewhere", network: middle, play: replay::goes_on_elsewhere },
    Scene { name: "a refused call of one thread", network: middle, play: replay::of_one_thread },
    Scene { name: "a call refused for good", network: wide, play: replay::refused_for_good },
    Scene { name: "cancelled while it is sent again", network: middle, play: replay::cancelled_while_it_is_sent_again },
    Scene { name: "lost before a byte left", network: narrow, play: replay::lost_before_a_byte_left },
];

fn narrow(seed: u64) -> Network {
    Network { capacity: 300 + (seed as usize % 5) * 200, ..Network::default() }
}

fn middle(seed: u64) -> Network {
    Network { capacity: 3000 + (seed as usize % 5) * 1000, ..Network::default() }
}

/// Without a delay: a write fails no sooner than what was said before can be read.
fn near(seed: u64) -> Network {
    Network { delay: Duration::ZERO, ..middle(seed) }
}

fn wide(_seed: u64) -> Network {
    Network::default()
}

fn slow(_seed: u64) -> Network {
    Network { delay: 5 * MS, chop: false, ..Network::default() }
}

/// A connected channel to a peer that behaves so.
fn connected(sim: &Sim, behaviour: peer::Behaviour) -> Channel {
    let address = peer::listen(sim, behaviour, 1);
    sim.builder(&address.to_string()).connect().expect("the peer takes connections")
}

/// Within a virtual time that only a fault exceeds.
fn in_time(sim: &Sim, start: proto_core::Instant, limit: Duration, what: &str) {
    let took = sim.now() - start;
    assert!(took <= limit, "{what} took {took:?}");
}

fn spawn<T: Send + 'static>(sim: &Sim, name: &str, run: impl FnOnce(&Sim) -> T + Send + 'static) -> Task<T> {
    let inner = sim.clone();
    sim.spawn(name, move || run(&inner))
}

/// Everything at once: unary calls, deadlines, a bidirectional call on two threads, cancelling, dropping.
fn busy(sim: &Sim, seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let mut tasks = Vec::new();
    for i in 0..2 {
        let channel = channel.clone();
        tasks.push(spawn(sim, "unary", move |_| {
            for k in 0..4 {
                let body = vec![i * 16 + k; 400];
                assert_eq!(unary(&channel, &ECHO, &body).expect("a reply").to_vec(), body);
            }
        }));
    }
    let deadlines = channel.clone();
    tasks.push(spawn(sim, "deadlines", move |sim| {
        for i in 1..4 {
            let start = sim.now();
            let timeout = 300 * US * i;
            let status = deadlines.unary(&DROP, request(b"x").with_timeout(timeout)).expect_err("nobody answers");
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert!(sim.now() - start >= timeout);
        }
    }));
    let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
    tasks.push(spawn(sim, "requests", move |_| {
        for _ in 0..20 {
            requests.send(Bytes::from(vec![5; 500])).expect("the peer takes it");
        }
        requests.finish().expect("the call runs");
    }));
    tasks.push(spawn(sim, "replies", move |_| {
        let total: usize = replies.map(|reply| reply.expect("a reply").len()).sum();
        assert_eq!(total, 20 * 500);
    }));
    let cancel = Cancel::new();
    let (other, token) = (channel.clone(), cancel.clone());
    tasks.push(spawn(sim, "cancelled", move |_| {
        let status = other.unary(&DROP, request(b"x").cancel_on(&token)).expect_err("nobody answers");
        assert_eq!(status.code(), Code::Cancelled);
    }));
    tasks.push(spawn(sim, "canceller", move |sim| {
        sim.sleep(US * 700 * (seed % 7) as u32);
        cancel.cancel();
    }));
    let dropping = channel.clone();
    tasks.push(spawn(sim, "dropping", move |_| {
        for i in 0..3 {
            let mut call = dropping.client_streaming(&COUNT, none().with_timeout(20 * US * i));
            let _ = call.send(Bytes::from_static(&[1; 300]));
            let _ = dropping.streaming(&STREAM, request(&[9, 3])).try_recv();
        }
    }));
    tasks.into_iter().for_each(Task::join);
    let status = unary(&channel, &DIE, b"").expect_err("the peer dies");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

/// A blocked write has to read: the peer does not read while it cannot write.
fn one_thread_sends_more_than_fits(sim: &Sim, _seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let mut call = channel.bidi(&CHAT, none());
    let body = Bytes::from(vec![7; 900]);
    for _ in 0..20 {
        call.send(body.clone()).expect("the peer takes it");
    }
    call.finish().expect("the call runs");
    let total: usize = call.map(|reply| reply.expect("a reply").len()).sum();
    assert_eq!(total, 20 * 900);
}

/// The sender is stuck and counts on the leader to read; the leader's time is over and nobody else is there.
fn the_reader_leaves_a_blocked_sender(sim: &Sim, seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
    let sender = spawn(sim, "requests", move |sim| {
        let start = sim.now();
        for _ in 0..10 {
            requests.send(Bytes::from(vec![5; 15_000])).expect("the peer takes it");
        }
        in_time(sim, start, 300 * MS, "sending beside a reader who has left");
        requests.finish().expect("the call runs");
    });
    // Reads a little, each time for a short while, and goes away for long.
    let mut count = 0;
    for i in 0..seed % 12 {
        match replies.recv_timeout(US * 20 * (1 + (i % 5) as u32)) {
            Ok(_) => count += 1,
            Err(TryRecvError::Empty) => {}
            Err(error) => panic!("{error}"),
        }
    }
    sim.sleep(SEC);
    count += replies.map(|reply| assert_eq!(reply.expect("a reply").len(), 15_000)).count();
    assert_eq!(count, 10);
    sender.join();
}

/// A call with a deadline holds the writer's place and is stuck; another one's request is behind it. The peer reads only
/// after the first one's time is over.
fn a_stuck_call_runs_out_of_time(sim: &Sim, seed: u64) {
    let channel = stuck(sim, 500 * US);
    let first = {
        let channel = channel.clone();
        spawn(sim, "first", move |sim| {
            let start = sim.now();
            let status = channel.unary(&DROP, request(&[1; 2000]).with_timeout(100 * US)).expect_err("no time");
            assert_eq!(status.code(), Code::DeadlineExceeded);
            in_time(sim, start, 110 * US, "a call with a deadline of 100 us");
        })
    };
    if seed.is_multiple_of(4) {
        sim.sleep(20 * US);
    }
    let start = sim.now();
    assert_eq!(&unary(&channel, &ECHO, b"second").expect("a reply")[..], b"second");
    in_time(sim, start, 50 * MS, "the call behind a stuck one");
    first.join();
}

/// The same, while a third thread sits in a plain read, so that nobody but the one behind can go on writing.
fn a_stuck_call_before_a_parked_one(sim: &Sim, _seed: u64) {
    let channel = stuck(sim, 500 * US);
    let leader = {
        let channel = channel.clone();
        spawn(sim, "leader", move |_| assert_eq!(&unary(&channel, &MEET, &[2]).expect("both are there")[..], b"met"))
    };
    sim.sleep(10 * US);
    let first = {
        let channel = channel.clone();
        spawn(sim, "first", move |sim| {
            // No deadline, whose timer would wake the one behind too.
            let mut body = [0; 2000];
            body[0] = 1;
            let mut replies = channel.streaming(&STREAM, request(&body));
            assert!(matches!(replies.recv_timeout(100 * US), Err(TryRecvError::Empty)));
            sim.sleep(SEC);
            assert_eq!(replies.map(|reply| reply.expect("a reply").len()).sum::<usize>(), 0);
        })
    };
    sim.sleep(10 * US);
    let start = sim.now();
    assert_eq!(&unary(&channel, &MEET, &[2]).expect("both are there")[..], b"met");
    in_time(sim, start, 100 * MS, "the call behind a stuck one");
    leader.join();
    first.join();
}

/// A ready channel whose peer then does not read for a while.
fn stuck(sim: &Sim, time: Duration) -> Channel {
    let channel = connected(sim, peer::Behaviour { pause: Some(time), ..peer::Behaviour::default() });
    // The pause begins with the first call.
    let pending = channel.later().unary(&DROP, request(b"pause").with_timeout(60 * SEC));
    sim.sleep(150 * US);
    sim.spawn("pending", move || drop(pending)).join();
    channel
}

/// Two calls that are answered together. The second one's request does not fit, and its thread goes away without waiting:
/// the first one's has to send it.
fn output_left_to_a_leader(sim: &Sim, seed: u64) {
    meet(sim, seed, true);
}

/// The same, with a first call that nobody can cancel, so that it may block in a plain read.
fn output_left_to_a_plain_leader(sim: &Sim, seed: u64) {
    meet(sim, seed, false);
}

fn meet(sim: &Sim, seed: u64, cancellable: bool) {
    let channel = stuck(sim, MS);
    let leader = {
        let channel = channel.clone();
        spawn(sim, "leader", move |_| {
            let cancel = Cancel::new();
            let request = if cancellable { request(&[2]).cancel_on(&cancel) } else { request(&[2]) };
            let reply = channel.unary(&MEET, request).expect("both are there");
            assert_eq!(&reply[..], b"met");
        })
    };
    if seed.is_multiple_of(2) {
        sim.sleep(10 * US);
    }
    let mut body = vec![0; 3000];
    body[0] = 2;
    let pending = channel.later().unary(&MEET, request(&body));
    let start = sim.now();
    leader.join();
    if cancellable {
        in_time(sim, start, 100 * MS, "a meeting whose second request was left to the leader");
    }
    assert_eq!(&pending.wait().expect("both were there")[..], b"met");
}

/// The only call on a quiet connection, in the reader's place, is ended by another thread.
fn cancelled_by_another_thread(sim: &Sim, seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let cancel = Cancel::new();
    let token = cancel.clone();
    let waiting = spawn(sim, "waiting", move |sim| {
        let start = sim.now();
        let status = channel.unary(&DROP, request(b"x").cancel_on(&token)).expect_err("nobody answers");
        assert_eq!(status.code(), Code::Cancelled);
        in_time(sim, start, 10 * MS, "a call that was cancelled");
        let mut chat = channel.bidi(&CHAT, none().cancel_on(&token));
        assert!(matches!(chat.send(Bytes::from_static(b"x")), Err(SendError::Failed(_) | SendError::Ended)));
        let status = chat.recv().expect_err("the token was used");
        assert_eq!(status.code(), Code::Cancelled);
    });
    sim.sleep(US * 40 * (seed % 10) as u32);
    cancel.cancel();
    waiting.join();
}

/// A writer waits for room, a leader for its call; both at one wake handle. The leader's call is cancelled.
fn cancelled_beside_a_blocked_writer(sim: &Sim, seed: u64) {
    let channel = stuck(sim, 20 * MS);
    let cancel = Cancel::new();
    let token = cancel.clone();
    let leader = {
        let channel = channel.clone();
        spawn(sim, "leader", move |sim| {
            let start = sim.now();
            let status = channel.unary(&DROP, request(b"x").cancel_on(&token)).expect_err("nobody answers");
            assert_eq!(status.code(), Code::Cancelled);
            in_time(sim, start, 10 * MS, "a call that was cancelled beside a blocked writer");
        })
    };
    let writer = {
        let channel = channel.clone();
        spawn(sim, "writer", move |_| {
            assert_eq!(unary(&channel, &ECHO, &[3; 3000]).expect("a reply").len(), 3000);
        })
    };
    sim.sleep(MS + US * (seed % 50) as u32);
    cancel.cancel();
    leader.join();
    writer.join();
}

/// The reply came before the deadline, and its thread looks after it.
fn a_reply_that_came_in_time(sim: &Sim, _seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let pending = channel.later().unary(&ECHO, request(b"x").with_timeout(10 * MS));
    sim.sleep(20 * MS);
    assert_eq!(&pending.wait().expect("it was there in time")[..], b"x");
}

/// The server answers and closes, while one thread still writes and another one is about to read: the answer is heard.
fn last_words_before_a_reset(sim: &Sim, seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let (mut requests, mut replies) = channel.bidi(&LAST, none()).split();
    let sender = spawn(sim, "requests", move |sim| {
        for _ in 0..30 {
            if requests.send(Bytes::from(vec![1; 400])).is_err() {
                break;
            }
            sim.sleep(US * 25 * (seed % 4) as u32);
        }
        // Dropping them would cancel the call.
        requests
    });
    let status = replies.recv().expect_err("it was refused");
    assert_eq!(status.code(), Code::AlreadyExists, "{status}");
    drop(sender.join());
}
