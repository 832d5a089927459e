//! Scenes around the channel: connections that come and go, and calls that start meanwhile.

use super::super::{CHAT, COUNT, DROP, ECHO, none, peer, request, unary};
use super::{MS, SEC, US, connected, in_time, spawn};
use bytes::Bytes;
use proto_core::Config;
use proto_core::rpc::Front;
use rt_std::testkit::{Sim, Task};
use rt_std::{Cancel, Code, TryRecvError};
use std::time::Duration;

/// The peer closes while nobody is inside, with GOAWAY or without a word. Calls that it might have seen, and that are not
/// sent twice, do not fail of it.
pub(super) fn goodbye_while_idle(sim: &Sim, seed: u64) {
    let behaviour =
        peer::Behaviour { idle_goodbye: Some(150 * MS), silent: seed.is_multiple_of(3), ..peer::Behaviour::default() };
    let address = peer::listen(sim, behaviour, 4);
    let channel = sim.channel_to(address);
    for i in 0..4 {
        let mut call = channel.client_streaming(&COUNT, none());
        for _ in 0..3 {
            call.send(Bytes::from_static(b"abcd")).expect("the connection stands");
        }
        assert_eq!(&call.finish().expect("a reply")[..], b"12");
        if (seed + i).is_multiple_of(2) {
            assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
        }
        sim.sleep(300 * MS);
    }
}

/// A call in a plain read is cut by the end of the grace, which another thread serves.
pub(super) fn shutdown_below_a_plain_read(sim: &Sim, seed: u64) {
    let channel = connected(sim, peer::Behaviour::default());
    let waiting = {
        let channel = channel.clone();
        spawn(sim, "waiting", move |sim| {
            let start = sim.now();
            let status = unary(&channel, &DROP, b"x").expect_err("nobody answers");
            assert_eq!(status.code(), Code::Unavailable, "{status}");
            in_time(sim, start, 100 * MS, "a call below a shutdown");
        })
    };
    sim.sleep(MS);
    let grace = if seed.is_multiple_of(2) { Duration::ZERO } else { 20 * MS };
    channel.shutdown(grace);
    waiting.join();
    let status = unary(&channel, &ECHO, b"x").expect_err("it was shut down");
    assert_eq!(status.code(), Code::Unavailable);
}

/// The first one who needs the connection has no time; the others go on with its attempt.
pub(super) fn an_attempt_outlives_who_began_it(sim: &Sim, seed: u64) {
    let address = peer::listen(sim, peer::Behaviour::default(), 1);
    let channel = sim.channel_to(address);
    let mut tasks = Vec::new();
    for i in 0..3 {
        let channel = channel.clone();
        tasks.push(spawn(sim, "short", move |sim| {
            let start = sim.now();
            let timeout = MS * (1 + 3 * i + (seed % 3) as u32);
            let result = channel.unary(&ECHO, request(b"x").with_timeout(timeout));
            assert_eq!(result.expect_err("no time to connect").code(), Code::DeadlineExceeded);
            in_time(sim, start, timeout, "a call with a deadline");
        }));
    }
    for _ in 0..3 {
        let channel = channel.clone();
        tasks.push(spawn(sim, "long", move |sim| {
            let start = sim.now();
            assert_eq!(&unary(&channel, &ECHO, b"y").expect("a reply")[..], b"y");
            in_time(sim, start, 100 * MS, "a call behind others who gave up");
        }));
    }
    tasks.into_iter().for_each(Task::join);
}

/// Both halves of a call want it started; the one that is at it gives up before the connection stands.
pub(super) fn two_halves_before_the_connection(sim: &Sim, seed: u64) {
    let address = peer::listen(sim, peer::Behaviour::default(), 1);
    let channel = sim.channel_to(address);
    let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
    let sender = spawn(sim, "requests", move |sim| {
        let start = sim.now();
        requests.send(Bytes::from_static(b"x")).expect("the peer takes it");
        requests.finish().expect("the call runs");
        in_time(sim, start, 100 * MS, "sending on a call that was not started");
    });
    let short = MS * (1 + (seed % 30) as u32);
    let mut count = match replies.recv_timeout(short) {
        Ok(_) => 1,
        Err(TryRecvError::Empty) => 0,
        Err(error) => panic!("{error}"),
    };
    sim.sleep(SEC);
    for reply in replies {
        count += reply.expect("a reply").len();
    }
    assert_eq!(count, 1);
    sender.join();
}

/// The token is used while the call's thread is on its way from the channel to the connection.
pub(super) fn cancelled_while_it_starts(sim: &Sim, seed: u64) {
    let address = peer::listen(sim, peer::Behaviour::default(), 1);
    let channel = sim.channel_to(address);
    let cancel = Cancel::new();
    let token = cancel.clone();
    let waiting = spawn(sim, "waiting", move |sim| {
        let start = sim.now();
        let status = channel.unary(&DROP, request(b"x").cancel_on(&token)).expect_err("nobody answers");
        assert_eq!(status.code(), Code::Cancelled);
        in_time(sim, start, 10 * MS, "a call that was cancelled while it started");
    });
    sim.sleep(US * 50 * (1 + (seed % 5) as u32));
    cancel.cancel();
    waiting.join();
}

/// The server sends each connection away after a short while, in the middle of its calls, which go on there. That is no
/// reason not to connect again.
pub(super) fn connections_that_age(sim: &Sim, seed: u64) {
    let config = Config { max_age: Some(40 * MS), ..Config::default() };
    let (address, end) = peer::listen_until(sim, peer::Behaviour { config, ..peer::Behaviour::default() });
    let channel = sim.channel_to(address);
    let mut chats = Vec::new();
    for i in 0..8 {
        let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
        // An answer, or none yet, when the connection is sent away.
        let count = usize::from((seed + i).is_multiple_of(3));
        if count > 0 {
            requests.send(Bytes::from_static(b"x")).expect("one connection or another takes it");
        }
        let reading =
            spawn(sim, "replies", move |_| replies.inspect(|reply| assert!(reply.is_ok(), "it runs on")).count());
        chats.push((requests, reading, count));
        sim.sleep(45 * MS);
    }
    for (requests, reading, count) in chats {
        requests.finish().expect("it runs");
        assert_eq!(reading.join(), count);
    }
    drop(channel);
    end();
}
