//! Scenes of calls that began and that the server certainly did not process: they are sent again, and nobody notices.

use super::super::refuser::{self, Refusal};
use super::super::{CHAT, COUNT, DIE, ECHO, none, peer, request};
use super::{MS, US, in_time, spawn};
use bytes::Bytes;
use proto_core::rpc::Front;
use rt_std::testkit::Sim;
use rt_std::{Cancel, Channel, Code, Seen};

const MESSAGES: u8 = 12;

/// Messages that tell each other apart.
fn message(i: u8) -> Bytes {
    Bytes::from(vec![i; 300 + usize::from(i)])
}

fn refusals(seed: u64) -> Vec<Refusal> {
    // That a call has left and was refused is overlooked once.
    vec![if seed.is_multiple_of(2) { Refusal::Stream } else { Refusal::GoAway }]
}

fn refused(sim: &Sim, refusals: Vec<Refusal>, seed: u64) -> Channel {
    let address = refuser::listen(sim, refusals, (seed % 9) as usize * 400);
    sim.builder(&address.to_string()).connect().expect("the peer takes connections")
}

/// The two halves of a call on two threads; each may be the first to learn that it was refused. Of large messages the
/// sender is stuck then.
pub(super) fn goes_on_elsewhere(sim: &Sim, seed: u64) {
    let large = if seed.is_multiple_of(3) { 0 } else { 9_000 };
    let message = move |i: u8| Bytes::from(vec![i; large + 300 + usize::from(i)]);
    let channel = refused(sim, refusals(seed), seed / 2);
    let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
    let sender = spawn(sim, "requests", move |sim| {
        for i in 0..MESSAGES {
            requests.send(message(i)).expect("one connection or the other takes it");
            // So that it is on its way again when the refusal comes.
            sim.sleep(US * 25 * (seed % 4) as u32);
        }
        requests.finish().expect("the call runs");
    });
    let start = sim.now();
    let replies: Vec<_> = replies.map(|reply| reply.expect("a reply")).collect();
    in_time(sim, start, 300 * MS, "a call that was refused once");
    assert!(replies == (0..MESSAGES).map(message).collect::<Vec<_>>(), "each message once, in order");
    sender.join();
}

/// One thread that sends everything, half-closes and then waits.
pub(super) fn of_one_thread(sim: &Sim, seed: u64) {
    let channel = refused(sim, refusals(seed), seed / 2);
    let mut call = channel.client_streaming(&COUNT, none());
    let mut sent = 0;
    for i in 0..MESSAGES {
        call.send(message(i)).expect("one connection or the other takes it");
        sent += message(i).len();
    }
    let reply = call.finish().expect("a reply");
    assert_eq!((&reply[..], reply.all_sent()), (sent.to_string().as_bytes(), true));
}

/// Refused again where it is sent again: both halves learn it.
pub(super) fn refused_for_good(sim: &Sim, seed: u64) {
    let channel = refused(sim, vec![Refusal::Every], seed);
    let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
    let sender = spawn(sim, "requests", move |_| {
        while requests.send(message(1)).is_ok() {}
        // Dropping them would cancel the call.
        requests
    });
    let status = replies.recv().expect_err("it was refused twice");
    assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No), "{status}");
    drop(sender.join());
}

/// The token is used before, while, or after the call is sent again.
pub(super) fn cancelled_while_it_is_sent_again(sim: &Sim, seed: u64) {
    let channel = refused(sim, refusals(seed), 0);
    let cancel = Cancel::new();
    let (mut requests, mut replies) = channel.bidi(&CHAT, none().cancel_on(&cancel)).split();
    let sender = spawn(sim, "requests", move |_| while requests.send(message(1)).is_ok() {});
    let receiver = spawn(sim, "replies", move |_| {
        loop {
            match replies.recv() {
                Ok(reply) => assert_eq!(reply.as_ref(), Some(&message(1))),
                Err(status) => return status,
            }
        }
    });
    sim.sleep(US * 15 * (seed % 40) as u32);
    let start = sim.now();
    cancel.cancel();
    let status = receiver.join();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    sender.join();
    in_time(sim, start, 50 * MS, "a call that was cancelled around its replay");
}

/// The peer goes away with the call still on this side, behind another one's bytes.
pub(super) fn lost_before_a_byte_left(sim: &Sim, seed: u64) {
    let behaviour = peer::Behaviour { pause: Some(MS), ..peer::Behaviour::default() };
    let mut first = Some(behaviour);
    let (address, _) =
        peer::listen_with(sim, 2, move |sim, pipe| peer::on_pipe(sim, pipe, first.take().unwrap_or_default()));
    let channel = sim.builder(&address.to_string()).connect().expect("the peer takes connections");
    let later = channel.later();
    let dying = later.unary(&DIE, request(b""));
    sim.sleep(US * 150);
    let stuck = later.unary(&ECHO, request(&[3; 3_000]));
    let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
    let sender = spawn(sim, "requests", move |sim| {
        for i in 0..MESSAGES {
            requests.send(message(i)).expect("one connection or the other takes it");
            sim.sleep(US * 50 * (seed % 7) as u32);
        }
        requests.finish().expect("the call runs");
    });
    let replies: Vec<_> = replies.map(|reply| reply.expect("a reply")).collect();
    assert!(replies == (0..MESSAGES).map(message).collect::<Vec<_>>(), "each message once, in order");
    sender.join();
    for pending in [dying, stuck] {
        let status = pending.wait().expect_err("its connection was lost");
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::Maybe), "{status}");
    }
}
