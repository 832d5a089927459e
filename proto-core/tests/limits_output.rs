//! Peers that make us write and do not read: whatever it is that we write, it has a bound, and then we stop reading, and then they are left.

mod peers;

use peers::*;
use proto_core::Config;
use proto_core::call::Kind;
use proto_core::error::ConnectionError;
use proto_core::frame;
use std::time::Duration;

/// What may wait in the output: `max_unsent` and some more.
const BOUND: usize = 1_500_000;

/// The script sends these requests again and again, does not read, and stops when it is not read itself, as a driver would see it. Says how many it sent.
fn flood(raw: &mut RawServer, fields: &[(&str, &str)], between: impl Fn(&mut RawServer)) -> u32 {
    for n in 0..200_000u32 {
        if !raw.connection.wants_input() {
            return n;
        }
        raw.send_headers(2 * n + 1, fields, true).expect("no fault, but a flood");
        between(raw);
        assert!(raw.connection.unsent() <= BOUND, "{} bytes wait after {n} requests", raw.connection.unsent());
    }
    200_000
}

fn is_left_after_a_while(raw: &mut RawServer) {
    assert!(!raw.connection.wants_input());
    raw.clock.advance(Duration::from_secs(301));
    let now = raw.clock.now();
    raw.connection.handle_timeout(now);
    let reason = raw.connection.close_reason().expect("it is over");
    assert!(matches!(reason, ConnectionError::TimedOut { .. }), "{reason}");
    assert_eq!(raw.connection.poll_timeout(), None);
}

#[test]
fn requests_that_are_refused_do_not_fill_the_output() {
    let web = [(":method", "POST"), (":scheme", "http"), (":path", "/"), ("content-type", "text/html")];
    let codec = [&REQUEST[..5], &[("content-type", "application/grpc+json")]].concat();
    let zero = [&REQUEST[..], &[("grpc-timeout", "0n")]].concat();
    let encoding = [&REQUEST[..], &[("grpc-encoding", "snappy")]].concat();
    let path = [&[(":method", "POST"), (":scheme", "http"), (":path", "x")], &REQUEST[4..]].concat();
    for fields in [&web[..], &codec, &zero, &encoding, &path] {
        let mut raw = server(Config::default());
        let sent = flood(&mut raw, fields, |_| {});
        assert!(sent < 200_000, "{fields:?}");
        is_left_after_a_while(&mut raw);
    }
}

#[test]
fn refused_requests_of_a_peer_that_reads_are_no_flood() {
    let mut raw = server(Config::default());
    for n in 0..50_000 {
        raw.send_headers(2 * n + 1, &[&REQUEST[..5], &[("content-type", "text/html")]].concat(), true).unwrap();
        assert!(raw.connection.wants_input() && !raw.frames().is_empty());
    }
}

#[test]
fn calls_that_nobody_waits_for_any_more_do_not_fill_the_output() {
    // They expire before they are accepted: each costs us an answer and the peer nothing.
    let mut raw = server(Config::default());
    let sent = flood(&mut raw, &[&REQUEST[..], &[("grpc-timeout", "1n")]].concat(), |raw| {
        raw.clock.advance(Duration::from_micros(1));
        let now = raw.clock.now();
        raw.connection.handle_timeout(now);
        assert_eq!(raw.connection.accept(), None);
    });
    assert!(sent < 200_000);
    is_left_after_a_while(&mut raw);
}

#[test]
fn handlers_that_end_at_once_do_not_fill_the_output() {
    let mut raw = server(Config::default());
    for n in 0..200_000u32 {
        let now = raw.clock.now();
        if !raw.connection.wants_input() {
            return is_left_after_a_while(&mut raw);
        }
        // Beyond the streams that are held the peer is refused.
        if raw.send_headers(2 * n + 1, &REQUEST, true).is_err() {
            break;
        }
        while let Some(id) = raw.connection.accept() {
            let mut call = raw.connection.call(id).unwrap();
            call.set_kind(Kind::BIDI);
            call.finish(now, &proto_core::Status::unimplemented("no such method"), &proto_core::Metadata::new());
            call.release(now);
        }
        assert!(raw.connection.unsent() <= BOUND, "{} bytes wait after {n} requests", raw.connection.unsent());
    }
    assert!(raw.connection.is_closed());
}

#[test]
fn credit_does_not_fill_the_output() {
    // One byte of window at a time: each byte that is taken is given back by a frame of thirteen.
    let mut raw = server(Config { stream_window: 1, ..Config::default() });
    let id = accept(&mut raw, 1, Kind::BIDI, false);
    raw.frames();
    let (now, mut buf) = (raw.clock.now(), proto_core::MessageBuf::new());
    let body = message(&[7; 200]).repeat(1_000);
    let mut sent = 0;
    for byte in body.chunks(1) {
        if !raw.connection.wants_input() || raw.send_data(1, byte, false).is_err() {
            break;
        }
        sent += 1;
        let _ = raw.connection.call(id).unwrap().recv(now, &mut buf);
        assert!(raw.connection.unsent() <= BOUND, "{} bytes wait", raw.connection.unsent());
    }
    assert!(sent > 1_000, "{sent}");
}

#[test]
fn window_updates_and_settings_without_end_cost_nothing_but_time() {
    let mut raw = server(Config::default());
    accept(&mut raw, 1, Kind::BIDI, false);
    raw.frames();
    for n in 0..50_000u32 {
        raw.send_with(|out| {
            frame::window_update(out, 1, 1);
            frame::settings(out, &[(4, n % 65_536), (4, 65_535)]);
        })
        .unwrap();
        assert!(raw.frames().len() <= 1, "an ack and no more");
    }
}
