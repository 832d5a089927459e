//! Two ends that do anything in any order, over a link that changes bytes on the way: no panic, no hang, no call without a verdict, memory within its
//! bound, and everything given back. (Without corruption: `call/random.rs`; one end alone against noise: there as well.)

use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::{Client, Connection, Event, Server};
use proto_core::testkit::{Endpoint, Random};
use proto_core::time::Instant;
use proto_core::{Config, Incoming, MessageBuf, Metadata, Outgoing, Status};
use std::time::Duration;

const KINDS: [Kind; 4] = [Kind::UNARY, Kind::SERVER_STREAMING, Kind::CLIENT_STREAMING, Kind::BIDI];

/// One direction of a link that changes bytes.
#[derive(Default)]
struct Wire {
    outgoing: Outgoing,
    incoming: Incoming,
}

impl Wire {
    /// Moves what one end has, in pieces; one byte in so many is changed.
    fn carry(
        &mut self,
        random: &mut Random,
        one_in: usize,
        now: Instant,
        from: &mut impl Endpoint,
        to: &mut impl Endpoint,
    ) {
        while from.poll_transmit(now, &mut self.outgoing) {
            let mut segments = [&[][..]; 1];
            self.outgoing.segments(&mut segments);
            let n = 1 + random.below(segments[0].len());
            let mut bytes = segments[0][..n].to_vec();
            self.outgoing.advance(n);
            for byte in &mut bytes {
                if random.one_in(one_in) {
                    *byte ^= 1 << random.below(8);
                }
            }
            self.incoming.extend_from_slice(&bytes);
            // A fault shows in the connection.
            let _ = to.receive(now, &mut self.incoming);
        }
    }
}

fn body(random: &mut Random) -> Vec<u8> {
    let most = *random.pick(&[0, 10, 3_000, 100_000]);
    vec![7; random.below(most + 1)]
}

fn ask(random: &mut Random, now: Instant, client: &mut Connection<Client>, calls: &mut Vec<CallId>) {
    if random.one_in(3) || calls.is_empty() {
        let deadline = random.one_in(3).then(|| now + Duration::from_millis(random.below(300) as u64));
        let mut options = CallOptions { kind: *random.pick(&KINDS), deadline, ..CallOptions::default() };
        options.metadata.insert("x-a", &"v".repeat(random.below(50))).unwrap();
        calls.extend(client.start(now, Head::new("/a.B/C"), &options));
        return;
    }
    let Ok(mut call) = client.call(*random.pick(calls)) else { return };
    match random.below(6) {
        0 => drop(call.send(now, &body(random))),
        1 | 2 => drop(call.send_last(now, &body(random))),
        3 if random.one_in(4) => call.cancel(now, Status::OK),
        4 if random.one_in(4) => call.release(now),
        _ => drop(call.recv(now, &mut MessageBuf::new())),
    }
}

fn serve(random: &mut Random, now: Instant, server: &mut Connection<Server>, calls: &mut Vec<CallId>) {
    if let Some(id) = server.accept() {
        server.call(id).unwrap().set_kind(*random.pick(&KINDS));
        calls.push(id);
    }
    if calls.is_empty() {
        return;
    }
    let Ok(mut call) = server.call(*random.pick(calls)) else { return };
    let none = Metadata::new();
    match random.below(6) {
        0 => drop(call.send(now, &body(random))),
        1 => drop(call.reply(now, &none, &body(random), &none)),
        2 => drop(call.finish(now, &Status::aborted("at random"), &none)),
        3 if random.one_in(3) => call.release(now),
        _ => drop(call.recv(now, &mut MessageBuf::new())),
    }
}

/// Events name calls that live, and there is an end to them.
fn hear<R>(connection: &mut Connection<R>) {
    for _ in 0..10_000 {
        match connection.poll_event() {
            None => return,
            Some(Event::Readable(id) | Event::Writable(id) | Event::Ended(id)) => assert!(connection.call(id).is_ok()),
            Some(_) => {}
        }
    }
    panic!("events without end");
}

/// The other end is gone: every call has a verdict, and letting go of them leaves nothing.
fn wind_up<R>(now: Instant, connection: &mut Connection<R>, calls: &[CallId]) {
    connection.receive_eof(now);
    for &id in calls {
        if let Ok(mut call) = connection.call(id) {
            assert!(call.outcome().is_some(), "the connection is over, and so is the call");
            // A verdict is pulled in the end, whatever came before it.
            let (mut buf, mut pulls) = (MessageBuf::new(), 0);
            while let Recv::Message = call.recv(now, &mut buf) {
                pulls += 1;
                assert!(pulls < 100_000);
            }
            assert!(!matches!(call.recv(now, &mut buf), Recv::Pending));
            call.release(now);
        }
    }
    hear(connection);
    assert!(connection.is_closed() && connection.poll_timeout().is_none());
    assert_eq!(connection.unsent(), 0);
}

fn play(seed: u64) {
    let mut random = Random::seed(seed);
    let config = Config {
        stream_window: *random.pick(&[100, 65_536]),
        max_concurrent_streams: *random.pick(&[2, 100]),
        max_unsent: *random.pick(&[1, 1 << 20]),
        ..Config::default()
    };
    let mut now = Instant::ZERO + Duration::from_secs(1_000);
    let (mut client, mut server) = (Connection::client(config.clone(), now), Connection::server(config.clone(), now));
    let (mut up, mut down) = (Wire::default(), Wire::default());
    let (mut asked, mut served) = (Vec::new(), Vec::new());
    // The greeting arrives; then bytes are changed rarely enough that calls get somewhere.
    let one_in = *random.pick(&[200, 2_000, 20_000]);
    up.carry(&mut random, usize::MAX, now, &mut client, &mut server);
    down.carry(&mut random, usize::MAX, now, &mut server, &mut client);
    for _ in 0..150 {
        ask(&mut random, now, &mut client, &mut asked);
        serve(&mut random, now, &mut server, &mut served);
        if random.one_in(2) {
            up.carry(&mut random, one_in, now, &mut client, &mut server);
            down.carry(&mut random, one_in, now, &mut server, &mut client);
        }
        hear(&mut client);
        hear(&mut server);
        if random.one_in(5) {
            now = now + Duration::from_millis(random.below(100) as u64);
            client.handle_timeout(now);
            server.handle_timeout(now);
            let due = [client.poll_timeout(), server.poll_timeout()];
            assert!(due.into_iter().flatten().all(|due| due > now), "seed {seed}: what is due is served");
        }
        assert!(server.memory() <= config.memory_bound(100_000), "seed {seed}: {} bytes", server.memory());
    }
    wind_up(now, &mut client, &asked);
    wind_up(now, &mut server, &served);
    while server.accept().is_some() {}
    assert_eq!(server.active_calls(), 0, "seed {seed}");
    assert_eq!(client.active_calls(), 0, "seed {seed}");
}

#[test]
fn bytes_that_change_on_the_way_break_a_connection_and_nothing_else() {
    for seed in 0..400 {
        play(seed);
    }
}
