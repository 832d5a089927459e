//! Messages larger than the window borrow from a pool, which must not become a trap: not for replies that nobody has pulled yet, not for limits
//! beyond the pool.

use bytes::Bytes;
use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::testkit::{Faults, Pair};
use proto_core::{Config, MessageBuf, Metadata};

/// A unary reply, from a server that answers every call at once.
fn answer_all(pair: &mut Pair, reply: &Bytes) {
    pair.settle();
    let now = pair.now();
    while let Some(id) = pair.server.accept() {
        let mut call = pair.server.call(id).unwrap();
        call.set_kind(Kind::UNARY);
        call.reply(now, &Metadata::new(), reply, &Metadata::new()).unwrap();
        call.release(now);
        pair.settle();
    }
    pair.settle();
}

fn unary(pair: &mut Pair, max: Option<usize>) -> CallId {
    let now = pair.now();
    let options = CallOptions { max_receive_message_size: max, ..CallOptions::default() };
    let id = pair.client.start(now, Head::new("/a.B/C"), &options).unwrap();
    pair.client.call(id).unwrap().send_last(now, &b"q"[..]).unwrap();
    id
}

fn recv(pair: &mut Pair, id: CallId) -> Recv {
    let now = pair.now();
    pair.client.call(id).unwrap().recv(now, &mut MessageBuf::new())
}

#[test]
fn a_call_may_allow_larger_replies_than_its_connection() {
    let mut pair = Pair::new(Config::default(), Config::default(), Faults::NONE);
    let id = unary(&mut pair, Some(64 << 20));
    let reply = Bytes::from(vec![7; 40 << 20]);
    assert!(matches!(recv(&mut pair, id), Recv::Pending));
    answer_all(&mut pair, &reply);
    assert!(matches!(recv(&mut pair, id), Recv::Message), "more than the connection's pool");
    assert!(matches!(recv(&mut pair, id), Recv::End));
}

#[test]
fn replies_that_nobody_waits_for_do_not_hold_up_the_one_that_somebody_waits_for() {
    for size in [100 << 10, 1 << 20, 4 << 20] {
        let mut pair = Pair::new(Config::default(), Config::default(), Faults::NONE);
        pair.settle();
        // The slow one is the first, and the only one that is waited for.
        let slow = unary(&mut pair, None);
        assert!(matches!(recv(&mut pair, slow), Recv::Pending));
        pair.settle();
        let slow_at_server = pair.server.accept().unwrap();
        pair.server.call(slow_at_server).unwrap().set_kind(Kind::UNARY);
        let reply = Bytes::from(vec![7; size]);
        let others: Vec<_> = (0..400).map(|_| unary(&mut pair, None)).collect();
        for _ in 0..others.len() {
            answer_all(&mut pair, &reply);
        }
        let now = pair.now();
        let mut call = pair.server.call(slow_at_server).unwrap();
        call.reply(now, &Metadata::new(), &reply, &Metadata::new()).unwrap();
        call.release(now);
        assert!(pair.settle());
        assert!(matches!(recv(&mut pair, slow), Recv::Message), "{size} bytes: it waits for ever");
        // And the others, one after the other.
        for id in others {
            while let Recv::Pending = recv(&mut pair, id) {
                let before = pair.transferred();
                answer_all(&mut pair, &reply);
                assert!(pair.transferred() > before, "{size} bytes: it waits for ever");
            }
            let now = pair.now();
            pair.client.call(id).unwrap().release(now);
        }
    }
}

#[test]
fn windows_shorter_than_the_prefix_of_a_message_do_not_lend_the_pool_away_in_prefixes() {
    // Each stream would borrow the rest of a prefix, hold on to it, and wait for the rest of its message: all of them for each other.
    let narrow = Config { stream_window: 1, loan_pool: 1, max_receive_message_size: 60, ..Config::default() };
    let mut pair = Pair::new(Config::default(), narrow, Faults::NONE);
    pair.settle();
    let now = pair.now();
    for _ in 0..60 {
        let id = pair.client.start(now, Head::new("/a.B/C"), &CallOptions::default()).unwrap();
        pair.client.call(id).unwrap().send_last(now, &[7; 17][..]).unwrap();
    }
    pair.settle();
    let mut waiting: Vec<CallId> = std::iter::from_fn(|| pair.server.accept()).collect();
    assert_eq!(waiting.len(), 60);
    waiting.iter().for_each(|&id| pair.server.call(id).unwrap().set_kind(Kind::UNARY));
    while !waiting.is_empty() {
        let before = waiting.len();
        for _ in 0..20 {
            pair.settle();
            let now = pair.now();
            waiting.retain(|&id| {
                !matches!(pair.server.call(id).unwrap().recv(now, &mut MessageBuf::new()), Recv::Message)
            });
        }
        assert!(waiting.len() < before, "{before} calls wait for ever");
    }
}
