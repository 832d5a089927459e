//! Scenes around calls that nobody waits for, on a channel that has no connection yet.

use super::super::{CHAT, DROP, ECHO, STREAM, none, peer, request, unary};
use super::{MS, SEC, Task, US, spawn};
use proto_core::rpc::Front;
use rt_std::testkit::Sim;
use rt_std::{Cancel, Channel, State, TryRecvError};

/// One thread begins calls and does something else. They come to the server, and the answers are there when it looks.
pub(super) fn nobody_waits(sim: &Sim, seed: u64) {
    let channel = sim.channel_to(peer::listen(sim, peer::Behaviour::default(), 1));
    let mut replies = channel.streaming(&STREAM, request(&[1, 1]));
    let mut pending = channel.later().unary(&ECHO, request(b"x"));
    sim.sleep(SEC + US * seed as u32);
    assert_eq!(&pending.try_wait().expect("it left by itself").expect("a reply")[..], b"x");
    assert_eq!(replies.try_recv().expect("it left by itself").len(), 100);
}

/// Calls are begun at the very time at which the connection comes that somebody else has waited for.
pub(super) fn begun_as_the_connection_comes(sim: &Sim, seed: u64) {
    let channel = sim.channel_to(peer::listen(sim, peer::Behaviour::default(), 1));
    let waits = {
        let channel = channel.clone();
        spawn(sim, "waits", move |_| assert_eq!(&unary(&channel, &ECHO, b"y").expect("a reply")[..], b"y"))
    };
    let begins = |channel: Channel| {
        move |sim: &Sim| {
            sim.sleep(US * 50 * (seed % 5) as u32);
            let pending = channel.later().unary(&ECHO, request(b"x"));
            sim.sleep(SEC);
            pending
        }
    };
    let tasks: Vec<_> = (0..3).map(|_| spawn(sim, "begins", begins(channel.clone()))).collect();
    for mut pending in tasks.into_iter().map(Task::join) {
        assert!(pending.try_wait().is_some_and(|reply| reply.is_ok()), "each left by itself");
    }
    waits.join();
}

/// Threads wait for a call for a short while, whose end may be the time at which the connection comes, and do something else
/// then.
pub(super) fn waited_for_in_vain(sim: &Sim, seed: u64) {
    let channel = sim.channel_to(peer::listen(sim, peer::Behaviour::default(), 1));
    let time = 5 * MS * (1 + seed % 6) as u32;
    let waits = |channel: Channel| {
        move |sim: &Sim| {
            let mut replies = channel.streaming(&STREAM, request(&[1, 1]));
            if let Err(error) = replies.recv_timeout(time) {
                assert!(matches!(error, TryRecvError::Empty), "{error}");
                sim.sleep(SEC);
                // Shorter than the way there and back.
                assert_eq!(replies.recv_timeout(4 * MS).expect("it left by itself").len(), 100);
            }
        }
    };
    let tasks: Vec<_> = (0..6).map(|_| spawn(sim, "waits", waits(channel.clone()))).collect();
    tasks.into_iter().for_each(Task::join);
}

/// The only call that wanted a connection is dropped, or cancelled: nobody goes on with the attempt.
pub(super) fn withdrawn(sim: &Sim, seed: u64) {
    let (address, _listener) = sim.listen();
    if seed.is_multiple_of(2) {
        sim.black_hole(address);
    }
    // Shorter than the first backoff.
    let channel = sim.builder(&address.to_string()).connect_timeout(100 * MS).build().expect("a target");
    let cancel = Cancel::new();
    let (pending, chat) = match seed % 4 {
        0 | 1 => (Some(channel.later().unary(&DROP, request(b"x").cancel_on(&cancel).with_wait_for_ready())), None),
        _ => (None, Some(channel.bidi(&CHAT, none().cancel_on(&cancel)))),
    };
    sim.sleep(US * 20 * (seed % 7) as u32);
    if seed.is_multiple_of(3) {
        cancel.cancel();
        sim.sleep(60 * SEC);
        drop((pending, chat));
    } else {
        drop((pending, chat));
        sim.sleep(60 * SEC);
    }
    // Had somebody served its time, it would have failed long since.
    assert_eq!(channel.state(false), State::Connecting);
}
