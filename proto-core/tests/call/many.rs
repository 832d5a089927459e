//! Many calls on one connection.

use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::Event;
use proto_core::testkit::{Faults, Pair, Pieces};
use proto_core::{Config, MessageBuf, Metadata};
use std::collections::HashMap;
use std::time::Duration;

fn text(buf: &mut MessageBuf) -> String {
    use bytes::Buf;
    String::from_utf8(buf.copy_to_bytes(buf.remaining()).to_vec()).expect("text")
}

/// Serves the calls that are ready with an echo, once there are as many as `at_once`.
fn serve(pair: &mut Pair, most: &mut usize, ready: &mut Vec<CallId>, at_once: usize) {
    let (now, mut buf) = (pair.now(), MessageBuf::new());
    while let Some(event) = pair.server.poll_event() {
        match event {
            Event::Incoming => {
                while let Some(id) = pair.server.accept() {
                    let mut call = pair.server.call(id).expect("just accepted");
                    call.set_kind(Kind::UNARY);
                    if call.can_start() {
                        ready.push(id);
                    }
                }
            }
            Event::Readable(id) => ready.push(id),
            Event::Ended(id) => panic!("{id:?} ended"),
            _ => {}
        }
        *most = pair.server.active_calls().max(*most);
    }
    if ready.len() < at_once {
        return;
    }
    for id in ready.drain(..) {
        let mut call = pair.server.call(id).expect("it lives");
        assert!(matches!(call.recv(now, &mut buf), Recv::Message));
        let reply = format!("re: {}", text(&mut buf));
        call.reply(now, &Metadata::new(), reply.as_bytes(), &Metadata::new()).expect("a reply is always accepted");
        call.release(now);
    }
}

/// Offers `calls` at once and waits for all of them. How many were at the server at once.
fn offer(calls: usize, streams: u32, faults: Faults) -> usize {
    let (at_once, mut ready) = (calls.min(streams as usize), Vec::new());
    let server = Config { max_concurrent_streams: streams, ..Config::default() };
    let mut pair = Pair::new(Config::default(), server, faults);
    // The server's SETTINGS come first: calls that are started before are refused beyond its limit.
    assert!(pair.settle());
    let (start, mut most, mut buf) = (pair.now(), 0, MessageBuf::new());
    let options = CallOptions { deadline: Some(start + Duration::from_secs(600)), ..CallOptions::default() };
    let mut open: HashMap<CallId, String> = HashMap::new();
    for n in 0..calls {
        let id = pair.client.start(start, Head::new("/a.B/C"), &options).expect("it starts");
        let body = format!("call {n}");
        pair.client.call(id).unwrap().send_last(start, body.as_bytes()).expect("a small message is accepted");
        open.insert(id, body);
    }
    while !open.is_empty() {
        while pair.step() {
            serve(&mut pair, &mut most, &mut ready, at_once.min(open.len()));
        }
        serve(&mut pair, &mut most, &mut ready, at_once.min(open.len()));
        let now = pair.now();
        while let Some(event) = pair.client.poll_event() {
            let Event::Readable(id) = event else { continue };
            let mut call = pair.client.call(id).expect("it lives");
            if call.outcome().is_none() {
                continue;
            }
            assert!(matches!(call.recv(now, &mut buf), Recv::Message), "{:?}", call.outcome());
            assert_eq!(text(&mut buf), format!("re: {}", open.remove(&id).expect("answered once")));
            assert!(matches!(call.recv(now, &mut buf), Recv::End));
            call.release(now);
        }
        if !open.is_empty() && !pair.step() {
            let due = pair.next_due().filter(|due| *due < start + Duration::from_secs(600));
            let due = due.expect("something moves");
            pair.advance(due.saturating_duration_since(pair.now()));
        }
    }
    assert!(pair.settle());
    assert_eq!((pair.client.active_calls(), pair.server.active_calls()), (0, 0));
    assert_eq!((pair.client.unsent(), pair.server.unsent()), (0, 0));
    most
}

#[test]
fn a_thousand_concurrent_calls_on_one_connection() {
    for faults in [Faults::NONE, Faults { pieces: Pieces::Size(7), ..Faults::NONE }] {
        assert_eq!(offer(1_000, 1_000, faults), 1_000);
    }
    for seed in 1..=5 {
        offer(1_000, 1_000, Faults::delays(seed));
    }
}

#[test]
fn twenty_thousand_calls_offered_to_a_hundred_slots_are_all_answered() {
    assert!(offer(20_000, 100, Faults::NONE) <= 100);
}

#[test]
fn calls_pass_through_a_single_slot_one_by_one() {
    for faults in [Faults::NONE, Faults::BYTE_BY_BYTE, Faults::delays(3)] {
        assert_eq!(offer(50, 1, faults), 1);
    }
}

#[test]
fn a_slow_call_never_stalls_the_others() {
    let mut pair = Pair::new(Config::default(), Config::default(), Faults::NONE);
    let now = pair.now();
    // Nobody pulls this one: its stream's window fills up, the connection's is given back.
    let stuck = CallOptions { kind: Kind::CLIENT_STREAMING, ..CallOptions::default() };
    let mut slow = Vec::new();
    for _ in 0..40 {
        let id = pair.client.start(now, Head::new("/slow"), &stuck).unwrap();
        while pair.client.call(id).unwrap().send(now, &[1; 10_000][..]).is_ok() {}
        pair.settle();
        while pair.client.call(id).unwrap().send(now, &[1; 10_000][..]).is_ok() {}
        slow.push(id);
    }
    pair.settle();
    while let Some(id) = pair.server.accept() {
        pair.server.call(id).unwrap().set_kind(Kind::CLIENT_STREAMING);
    }
    while pair.server.poll_event().is_some() {}
    let id = pair.client.start(now, Head::new("/quick"), &CallOptions::default()).unwrap();
    pair.client.call(id).unwrap().send_last(now, &[2; 3_000_000][..]).unwrap();
    let (mut most, mut ready) = (0, Vec::new());
    while pair.step() {
        serve(&mut pair, &mut most, &mut ready, 1);
    }
    pair.settle();
    assert!(pair.client.call(id).unwrap().outcome().is_some_and(|status| status.is_ok()));
    assert_eq!(slow.len(), 40);
}
