//! Applications that do anything at any time: single operations on a connection, chosen by chance.
//!
//! What must hold whatever they do is asserted on the way; these functions panic where it does not.

use super::Random;
use crate::buf::MessageBuf;
use crate::call::{CallId, CallOptions, Head, Kind, Recv};
use crate::connection::{Client, Connection, Event, Server};
use crate::grpc::{Metadata, Status};
use crate::time::Instant;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// The four shapes of a call.
pub const KINDS: [Kind; 4] = [Kind::UNARY, Kind::SERVER_STREAMING, Kind::CLIENT_STREAMING, Kind::BIDI];

/// The largest message that [`client_by_chance`] and [`server_by_chance`] send, bytes.
pub const LARGEST: usize = 200_000;

fn size(random: &mut Random) -> usize {
    let most = *random.pick(&[0, 1, 20, 5_000, LARGEST]);
    random.below(most + 1)
}

/// One operation on a client's connection; calls that it starts are added to `calls`, which it takes the others from.
pub fn client_by_chance(random: &mut Random, now: Instant, client: &mut Connection<Client>, calls: &mut Vec<CallId>) {
    if random.one_in(4) {
        let deadline = random.one_in(2).then(|| now + Duration::from_millis(random.below(200) as u64));
        let mut options = CallOptions { kind: *random.pick(&KINDS), deadline, ..CallOptions::default() };
        if random.one_in(3) {
            // Good names and values, so that there is no error.
            let _ = options.metadata.insert("x-a", &"v".repeat(random.below(300)));
            let _ = options.metadata.insert_bin("x-b-bin", &vec![7; random.below(300)]);
        }
        calls.extend(client.start(now, Head::new("/a.B/C"), &options));
        return;
    }
    if calls.is_empty() {
        return;
    }
    let id = *random.pick(calls);
    let Ok(mut call) = client.call(id) else { return };
    let mut buf = MessageBuf::new();
    match random.below(9) {
        0 | 1 => drop(call.send(now, &vec![1; size(random)])),
        2 => drop(call.send_last(now, &Bytes::from(vec![2; size(random)]))),
        3 => drop(call.finish(now)),
        4 | 5 => {
            let before = call.outcome().is_some();
            let recv = call.recv(now, &mut buf);
            assert!(!before || !matches!(recv, Recv::Pending), "a call that is over never waits");
        }
        6 => {
            let _ = (call.take_headers(), call.take_trailers(), call.all_sent(), call.can_send());
        }
        7 if random.one_in(3) => call.cancel(now, Status::cancelled("at random")),
        8 if random.one_in(3) => {
            call.release(now);
            assert!(client.call(id).is_err(), "a released id is stale");
        }
        _ => {}
    }
}

/// One operation on a server's connection; calls that it accepts are added to `calls`, which it takes the others from.
pub fn server_by_chance(random: &mut Random, now: Instant, server: &mut Connection<Server>, calls: &mut Vec<CallId>) {
    if random.one_in(4) {
        if let Some(id) = server.accept() {
            if !random.one_in(5)
                && let Ok(mut call) = server.call(id)
            {
                call.set_kind(*random.pick(&KINDS));
            }
            calls.push(id);
        }
        return;
    }
    if calls.is_empty() {
        return;
    }
    let id = *random.pick(calls);
    let Ok(mut call) = server.call(id) else { return };
    let (mut buf, none) = (MessageBuf::new(), Metadata::new());
    match random.below(10) {
        0 | 1 => drop(call.send(now, &vec![3; size(random)])),
        2 => drop(call.reply(now, &none, &Bytes::from(vec![4; size(random)]), &none)),
        3 | 4 => drop(call.recv(now, &mut buf)),
        5 => drop(call.send_headers(now, &none)),
        6 => drop(call.finish(now, &Status::internal("at random \n%"), &none)),
        7 => drop(call.finish(now, &Status::OK, &none)),
        8 if random.one_in(3) => call.cancel(now, Status::aborted("at random")),
        9 if random.one_in(2) => {
            call.release(now);
            assert!(server.call(id).is_err(), "a released id is stale");
        }
        _ => {
            let _ = (call.can_start(), call.head().path.len(), call.time_left(now), call.is_cancelled());
        }
    }
}

/// Outcomes that do not matter here, `Copy` ones among them.
fn drop<T>(_: T) {}

/// Takes all events: those of calls name calls that live, and there is an end to them.
pub fn take_events<R>(connection: &mut Connection<R>) {
    for _ in 0..100_000 {
        match connection.poll_event() {
            None => return,
            Some(event @ (Event::Readable(id) | Event::Writable(id) | Event::Ended(id))) => {
                assert!(connection.call(id).is_ok(), "{event:?} of a call that was released");
            }
            Some(_) => {}
        }
    }
    panic!("events without end");
}
