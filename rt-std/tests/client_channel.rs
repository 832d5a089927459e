//! Channels in a simulation: names, addresses, deadlines, waiting for a server, losing it, ending.

mod support;

use bytes::Bytes;
use proto_core::Config;
use proto_core::grpc::{Local, Origin, Seen};
use proto_core::rpc::Front;
use rt_std::testkit::{Network, Sim};
use rt_std::{Channel, Code, Request, SendError, State, Status, TryRecvError, TrySendError};
use std::net::SocketAddr;
use std::time::Duration;
use support::peer::{self, Behaviour};
use support::{CHAT, COUNT, DIE, DROP, ECHO, MEET, STREAM, none, request, unary};

const US: Duration = Duration::from_micros(1);
const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn channel(sim: &Sim, target: &str) -> Channel {
    sim.builder(target).build().expect("a target")
}

/// A call with a deadline of a second, to a target that never lets it come to anything.
fn late(sim: &Sim, channel: &Channel) -> Status {
    let start = sim.now();
    let status = channel.unary(&DROP, request(b"x").with_timeout(SEC)).expect_err("it ends at its deadline");
    assert_eq!((status.code(), sim.now() - start), (Code::DeadlineExceeded, SEC), "{status}");
    status
}

#[test]
fn a_deadline_covers_every_phase_and_names_it() {
    let slow = Network { resolve_delay: 5 * SEC, ..Network::default() };
    Sim::seed(1).with_network(slow).run(|sim| {
        sim.host("far.example", &[address("10.1.0.1:1")]);
        let status = late(sim, &channel(sim, "far.example:1"));
        assert!(status.to_string().contains("resolving far.example"), "{status}");
    });
    Sim::seed(1).run(|sim| {
        sim.black_hole(address("10.1.0.1:1"));
        let status = late(sim, &channel(sim, "10.1.0.1:1"));
        assert!(status.to_string().contains("connecting to 10.1.0.1:1"), "{status}");
        let (silent, listener) = sim.listen();
        let status = late(sim, &sim.channel_to(silent));
        assert!(status.to_string().contains("SETTINGS"), "{status}");
        assert_eq!(status.seen_by_server(), Seen::No);
        drop(listener);
        let status = late(sim, &sim.channel_to(peer::listen(sim, Behaviour::default(), 1)));
        assert!(matches!(status.origin(), Origin::Local(Local::DeadlineExceeded { .. })), "{status:?}");
        assert!(status.to_string().contains("response"), "{status}");
    });
}

#[test]
fn a_name_that_does_not_resolve_is_an_error_that_names_it() {
    Sim::seed(2).run(|sim| {
        let status = sim.builder("nowhere.example:1").connect().expect_err("there is no such name");
        assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Local(Local::Resolve)));
        assert!(status.to_string().contains("nowhere.example"), "{status}");
    });
}

#[test]
fn a_lookup_without_a_thread_is_an_error_that_says_so() {
    let network = Network { spawn_errors: true, ..Network::default() };
    let refused = (0..200).filter(|seed| {
        Sim::seed(*seed).with_network(network.clone()).run(|sim| {
            sim.host("near.example", &[address("10.1.0.1:1")]);
            let status = sim.builder("near.example:1").connect().expect_err("nobody listens");
            assert_eq!(status.code(), Code::Unavailable);
            status.to_string().contains("no thread")
        })
    });
    assert!(refused.count() > 0);
}

#[test]
fn addresses_are_tried_in_order() {
    Sim::seed(3).run(|sim| {
        let alive = peer::listen(sim, Behaviour::default(), 1);
        let (dead, alive) = (address("10.1.0.1:50051"), alive);
        sim.host("two.example", &[dead, alive]);
        assert_eq!(&unary(&channel(sim, "two.example:50051"), &ECHO, b"x").expect("the second one answers")[..], b"x");
        sim.host("none.example", &[dead, address("10.1.0.2:50051")]);
        let status = unary(&channel(sim, "none.example:50051"), &ECHO, b"x").expect_err("nobody listens");
        assert!(status.to_string().contains("2 of 2 addresses of none.example"), "{status}");
    });
}

#[test]
fn a_call_that_waits_for_the_server_gets_through_once_there_is_one() {
    for seed in 0..20 {
        Sim::seed(seed).run(|sim| {
            let (address, listener) = sim.listen();
            drop(listener);
            let channel = sim.channel_to(address);
            let waiting = {
                let channel = channel.clone();
                sim.spawn("waiting", move || channel.unary(&ECHO, request(b"x").with_wait_for_ready()))
            };
            sim.sleep(10 * MS);
            let status = unary(&channel, &ECHO, b"x").expect_err("nobody listens");
            assert_eq!(status.code(), Code::Unavailable);
            assert!(!waiting.is_finished());
            let listener = sim.listen_at(address).expect("the address is free");
            let (os, inner) = (sim.os(), sim.clone());
            sim.spawn("listener", move || {
                let poller = os.poller().expect("a poller");
                poller.add(0, listener.raw()).expect("it can be watched");
                loop {
                    poller.wait(&mut Vec::new(), None);
                    if let Ok(pipe) = listener.try_accept() {
                        return peer::on_pipe(&inner, pipe, Behaviour::default());
                    }
                }
            });
            assert_eq!(&waiting.join().expect("a reply")[..], b"x");
        });
    }
}

#[test]
fn every_call_ends_with_a_definite_status_when_links_break() {
    let (mut ok, mut lost) = (0, 0);
    for seed in 0..60 {
        let network = Network { loss: 40, ..Network::default() };
        let statuses = Sim::seed(seed).with_network(network).run(|sim| {
            let (address, stop) = peer::listen_until(sim, Behaviour::default());
            let channel = sim.channel_to(address);
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let channel = channel.clone();
                    sim.spawn("calls", move || {
                        let call = |i: u8| channel.unary(&ECHO, request(&[i; 50]).with_wait_for_ready());
                        (0..10).map(|i| call(i).map(|reply| assert_eq!(reply[..], [i; 50]))).collect::<Vec<_>>()
                    })
                })
                .collect();
            let statuses: Vec<_> = tasks.into_iter().flat_map(rt_std::testkit::Task::join).collect();
            channel.shutdown(Duration::ZERO);
            stop();
            statuses
        });
        for status in statuses {
            match status {
                Ok(()) => ok += 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status}");
                    assert_ne!(status.seen_by_server(), Seen::No, "this could have been sent again: {status}");
                    lost += 1;
                }
            }
        }
    }
    assert!(ok > lost && lost > 0, "{ok} calls ended well, {lost} were lost");
}

#[test]
fn keepalive_ends_a_call_on_a_dead_link() {
    Sim::seed(4).run(|sim| {
        let target = peer::listen(sim, Behaviour::default(), 1).to_string();
        let channel = sim.builder(&target).keepalive(10 * SEC, 2 * SEC).connect().expect("it connects");
        sim.hold_links(true);
        let start = sim.now();
        let status = unary(&channel, &DROP, b"x").expect_err("nothing arrives");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.to_string().contains("keepalive"), "{status}");
        let took = sim.now() - start;
        assert!(took >= 2 * SEC && took <= 13 * SEC, "{took:?}");
        sim.hold_links(false);
    });
}

#[test]
fn background_io_answers_while_nobody_calls() {
    Sim::seed(5).run(|sim| {
        // The peer's keepalive kills a connection that does not answer.
        let config = Config {
            keepalive_interval: Some(SEC),
            keepalive_timeout: SEC,
            keepalive_without_calls: true,
            ..Config::default()
        };
        for (background, served) in [(true, 1), (false, 2)] {
            let behaviour = Behaviour { config: config.clone(), ..Behaviour::default() };
            let target = peer::listen(sim, behaviour, served).to_string();
            let builder = sim.builder(&target);
            let builder = if background { builder.background_io() } else { builder };
            let channel = builder.connect().expect("it connects");
            for _ in 0..3 {
                assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
                assert_eq!(channel.state(false), State::Ready);
                sim.sleep(if background { 10 * SEC } else { Duration::ZERO });
            }
            if !background {
                sim.sleep(10 * SEC);
                assert_eq!(channel.state(false), State::Idle);
                assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
            }
        }
    });
}

#[test]
fn the_states_of_a_channel() {
    Sim::seed(6).run(|sim| {
        let channel = sim.channel_to(peer::listen(sim, Behaviour::default(), 2));
        let inner = channel.clone();
        let watcher = sim.spawn("watcher", move || {
            let mut seen = vec![State::Idle];
            while seen.last() != Some(&State::Shutdown) {
                let last = seen[seen.len() - 1];
                seen.push(inner.wait_for_change(last, 3600 * SEC));
            }
            seen
        });
        sim.sleep(MS);
        assert_eq!(channel.state(true), State::Connecting);
        sim.sleep(10 * MS);
        assert_eq!(channel.state(false), State::Ready);
        let status = unary(&channel, &DIE, b"x").expect_err("the peer dies");
        assert_eq!(status.code(), Code::Unavailable);
        sim.sleep(10 * MS);
        assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
        channel.shutdown(Duration::ZERO);
        let (i, c, r) = (State::Idle, State::Connecting, State::Ready);
        assert_eq!(watcher.join(), [i, c, r, i, c, r, State::Shutdown]);
    });
}

#[test]
fn calls_that_stand_by_leave_once_somebody_has_connected() {
    for seed in 0..30 {
        Sim::seed(seed).run(|sim| {
            let channel = sim.channel_to(peer::listen(sim, Behaviour::default(), 1));
            let pending = channel.later().unary(&MEET, request(&[3]));
            let mut replies = channel.streaming(&STREAM, request(&[1, 1]));
            let another = channel.later().unary(&MEET, request(&[3]));
            // It brings the connection about, and meets the two who wait for nothing.
            assert_eq!(&unary(&channel, &MEET, &[3]).expect("all three are there")[..], b"met");
            sim.sleep(10 * MS);
            assert_eq!(replies.try_recv().expect("it is there").len(), 100);
            for pending in [pending, another] {
                assert_eq!(&pending.wait().expect("it was there")[..], b"met");
            }
        });
    }
}

#[test]
fn dropping_one_half_early_cancels_and_finishing_does_not() {
    for seed in 0..30 {
        Sim::seed(seed).run(|sim| {
            let channel = sim.channel_to(peer::listen(sim, Behaviour::default(), 1));
            let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
            requests.send(Bytes::from_static(b"a")).expect("the peer takes it");
            requests.finish().expect("the call runs");
            assert_eq!(replies.recv().expect("a reply").as_deref(), Some(&b"a"[..]));
            assert_eq!(replies.recv().expect("it ended well"), None);

            let (requests, mut replies) = channel.bidi(&CHAT, none()).split();
            drop(requests);
            assert_eq!(replies.recv().expect_err("cancelled").code(), Code::Cancelled);

            let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
            requests.send(Bytes::from_static(b"a")).expect("the peer takes it");
            drop(replies);
            assert!(matches!(requests.send(Bytes::from_static(b"b")), Err(SendError::Ended)));

            // Finished by this side: the call goes on, and nothing says otherwise.
            let mut call = channel.bidi(&CHAT, none());
            call.send(Bytes::from_static(b"a")).expect("the peer takes it");
            call.finish().expect("the call runs");
            let late = call.send(Bytes::from_static(b"b")).expect_err("it has finished");
            assert!(matches!(late, SendError::Ended) && late.to_string() != "the call has ended", "{late}");
            assert_ne!(proto_core::Status::from(late).message(), "the call has ended");
            assert_eq!(call.recv().expect("a reply").as_deref(), Some(&b"a"[..]));
        });
    }
}

#[test]
fn try_send_gives_the_message_back_when_the_peer_does_not_read() {
    Sim::seed(7).run(|sim| {
        let behaviour = Behaviour { pause: Some(SEC), ..Behaviour::default() };
        let channel = sim.channel_to(peer::listen(sim, behaviour, 1));
        let mut call = channel.bidi(&CHAT, none());
        // Not connected yet.
        assert!(call.try_send(Bytes::from_static(b"early")).expect_err("there is no connection").is_full());
        call.send(Bytes::from_static(b"first")).expect("the peer takes it");
        let (mut sent, message) = (1, Bytes::from(vec![7; 10_000]));
        let full = loop {
            match call.try_send(message.clone()) {
                Ok(()) => sent += 1,
                Err(TrySendError::Full(back)) => break back,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(full, message);
        assert!(matches!(call.try_recv(), Err(TryRecvError::Empty)));
        assert!(matches!(call.recv_timeout(10 * MS), Err(TryRecvError::Empty)));
        call.finish().expect("the call runs");
        let replies = call.collect::<Result<Vec<_>, _>>().expect("it ends well");
        assert_eq!(replies.len(), sent);
    });
}

#[test]
fn who_only_tries_reads_what_came() {
    Sim::seed(7).run(|sim| {
        let target = peer::listen(sim, Behaviour::default(), 1).to_string();
        let channel = sim.builder(&target).connect().expect("it connects");
        let start = sim.now();
        let mut replies = channel.streaming(&STREAM, request(&[3, 1]));
        let mut pending = channel.later().unary(&ECHO, request(b"x"));
        let mut lengths = Vec::new();
        while lengths.len() < 3 {
            lengths.extend(replies.try_recv().map(|reply| reply.len()));
            assert!(lengths.len() == 3 || sim.now() < start + SEC, "{lengths:?}");
            sim.sleep(10 * US);
        }
        let reply = loop {
            match pending.try_wait() {
                Some(reply) => break reply.expect("a reply"),
                None => sim.sleep(10 * US),
            }
            assert!(sim.now() < start + SEC);
        };
        assert_eq!(&reply[..], b"x");
        assert!(matches!(replies.try_recv(), Err(TryRecvError::Ended)));
    });
}

#[test]
fn messages_over_the_limits_fail_their_call_alone() {
    Sim::seed(8).run(|sim| {
        let target = peer::listen(sim, Behaviour::default(), 1).to_string();
        let builder = sim.builder(&target).max_send_message_size(500).max_receive_message_size(300);
        let channel = builder.build().expect("a target");
        let status = unary(&channel, &ECHO, &[1; 501]).expect_err("too large to send");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.to_string().contains("max_send_message_size"), "{status}");
        let status = unary(&channel, &ECHO, &[1; 301]).expect_err("too large to receive");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let larger = request(&[1; 400]).with_max_receive_message_size(400);
        assert_eq!(channel.unary(&ECHO, larger).expect("inclusive").len(), 400);
        let mut call = channel.client_streaming(&COUNT, none());
        assert!(matches!(call.send(Bytes::from(vec![1; 501])), Err(SendError::Failed(_))));
        assert_eq!(call.finish().expect_err("it failed").code(), Code::ResourceExhausted);
        assert_eq!(unary(&channel, &ECHO, &[1; 300]).expect("inclusive").len(), 300);
    });
}

#[test]
fn metadata_that_no_header_can_carry_fails_before_a_byte_is_sent() {
    Sim::seed(9).run(|sim| {
        // Nobody is there to connect to.
        let channel = channel(sim, "10.1.0.1:1");
        let bad = Request::new(Bytes::new()).with_metadata("x-line", "a\nb");
        let status = channel.unary(&ECHO, bad).expect_err("a line feed");
        assert!(status.to_string().contains("x-line"), "{status}");
        let mut replies = channel.streaming(&STREAM, request(&[1, 1]).with_metadata("grpc-status", "0"));
        let status = replies.recv().expect_err("a reserved name");
        assert!(status.to_string().contains("grpc-status"), "{status}");
        assert_eq!(channel.state(false), State::Idle);
    });
}

#[test]
fn dropping_the_last_clone_ends_the_connection() {
    Sim::seed(10).run(|sim| {
        let (address, listener) = sim.listen();
        let channel = sim.channel_to(address);
        let replies = {
            let channel = channel.clone();
            sim.spawn("call", move || {
                let mut replies = channel.streaming(&STREAM, request(&[2, 1]));
                assert_eq!(replies.recv().expect("a reply").map(|m| m.len()), Some(100));
                replies
            })
        };
        let pipe = loop {
            sim.sleep(MS);
            if let Ok(pipe) = listener.try_accept() {
                break pipe;
            }
        };
        let (os, served) = (sim.os(), pipe.clone());
        let peer = sim.spawn("peer", move || peer::serve(&*os, &*served, &Behaviour::default()));
        let mut replies = replies.join();
        drop(channel);
        // A call that goes on keeps its channel.
        assert_eq!(replies.recv().expect("a reply").map(|m| m.len()), Some(100));
        assert_eq!(replies.recv().expect("it ended well"), None);
        assert!(!peer.is_finished());
        drop(replies);
        peer.join();
    });
}
