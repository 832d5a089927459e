//! What time does: handshake, settings ack, keepalive, idleness, age. (The stall guards are with the guards.)

use crate::common::*;
use proto_core::Config;
use proto_core::error::{ConnectionError, ErrorCode};
use proto_core::frame::{PREFACE, flag, kind, settings};
use proto_core::h2::Side;
use proto_core::hpack::Known;
use proto_core::testkit::{H2Raw, RawFrame};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Time passes, in steps that serve every timer at its time.
fn pass(raw: &mut H2Raw, time: Duration) {
    let end = raw.clock.now() + time;
    while let Some(due) = raw.connection.poll_timeout().filter(|due| *due <= end) {
        raw.clock.advance_to(due);
        raw.connection.handle_timeout(due);
        assert!(raw.connection.poll_timeout().is_none_or(|next| next > due), "timers progress");
    }
    raw.clock.advance_to(end);
}

fn pings(frames: &[RawFrame]) -> Vec<Vec<u8>> {
    frames.iter().filter(|f| f.head.kind == kind::PING).map(|f| f.payload.clone()).collect()
}

#[test]
fn settings_that_are_never_acknowledged_end_the_connection() {
    let mut raw = H2Raw::new(Side::Server, &Config::default());
    let mut hello = PREFACE.to_vec();
    settings(&mut hello, &[]);
    raw.send(&hello).expect("legal");
    pass(&mut raw, 9 * SECOND);
    assert!(raw.connection.close_reason().is_none());
    pass(&mut raw, 2 * SECOND);
    let text = "time ran out waiting for the acknowledgement of our SETTINGS";
    assert_eq!(close_reason(&raw.connection).to_string(), text);
    assert_eq!(raw.frames().iter().find_map(RawFrame::code), Some(ErrorCode::SettingsTimeout.to_wire()));
}

#[test]
fn a_connection_after_its_handshake_has_no_timers_of_its_own() {
    for side in [Side::Server, Side::Client] {
        let raw = H2Raw::open(side, &Config::default());
        assert_eq!(raw.connection.poll_timeout(), None);
    }
}

fn with_keepalive(without_calls: bool) -> H2Raw {
    let config = Config {
        keepalive_interval: Some(10 * SECOND),
        keepalive_timeout: 5 * SECOND,
        keepalive_without_calls: without_calls,
        ..Config::default()
    };
    H2Raw::open(Side::Client, &config)
}

fn open_stream(raw: &mut H2Raw) -> proto_core::h2::StreamKey {
    let mut block = raw.connection.open(raw.clock.now(), 0).expect("a stream");
    block.field(Known::Method, b"GET");
    block.end(true)
}

#[test]
fn keepalive_asks_after_silence_and_gives_up_without_an_answer() {
    let mut raw = with_keepalive(false);
    open_stream(&mut raw);
    raw.frames();
    pass(&mut raw, 9 * SECOND);
    assert!(pings(&raw.frames()).is_empty());
    pass(&mut raw, 2 * SECOND);
    let asked = pings(&raw.frames());
    assert_eq!(asked.len(), 1);
    raw.send_frame(kind::PING, flag::ACK, 0, &asked[0]).expect("legal");
    pass(&mut raw, 9 * SECOND);
    assert!(pings(&raw.frames()).is_empty() && raw.connection.close_reason().is_none());
    pass(&mut raw, 2 * SECOND);
    assert_eq!(pings(&raw.frames()).len(), 1);
    pass(&mut raw, 5 * SECOND);
    assert_eq!(close_reason(&raw.connection), &ConnectionError::TimedOut { what: "the answer to a keepalive PING" });
}

#[test]
fn keepalive_is_content_with_anything_that_comes() {
    let mut raw = with_keepalive(false);
    open_stream(&mut raw);
    raw.frames();
    for _ in 0..20 {
        pass(&mut raw, 6 * SECOND);
        raw.send_frame(0xfa, 0, 0, b"a sign of life").expect("ignored");
    }
    assert!(pings(&raw.frames()).is_empty());
    // Asked, not answered by a PING, and alive all the same.
    pass(&mut raw, 11 * SECOND);
    assert_eq!(pings(&raw.frames()).len(), 1);
    raw.send_frame(0xfa, 0, 0, b"a sign of life").expect("ignored");
    pass(&mut raw, 6 * SECOND);
    assert!(raw.connection.close_reason().is_none());
}

#[test]
fn keepalive_without_streams_is_an_option() {
    let mut raw = with_keepalive(false);
    pass(&mut raw, 100 * SECOND);
    assert!(raw.frames().is_empty() && raw.connection.close_reason().is_none());
    let key = open_stream(&mut raw);
    raw.send_headers(1, &[(":status", "200")], true).expect("legal");
    release(&mut raw.connection, key);
    pass(&mut raw, 100 * SECOND);
    assert!(pings(&raw.frames()).is_empty() && raw.connection.close_reason().is_none());
    assert_eq!(raw.connection.poll_timeout(), None, "an idle connection wakes nobody");
    let mut raw = with_keepalive(true);
    pass(&mut raw, 16 * SECOND);
    assert!(matches!(close_reason(&raw.connection), ConnectionError::TimedOut { .. }));
}

#[test]
fn an_answer_that_nobody_has_released_needs_no_keepalive() {
    let mut raw = with_keepalive(false);
    let key = open_stream(&mut raw);
    raw.send_headers(1, &[(":status", "200")], true).expect("legal");
    raw.frames();
    pass(&mut raw, 100 * SECOND);
    assert!(pings(&raw.frames()).is_empty() && raw.connection.close_reason().is_none());
    release(&mut raw.connection, key);
}

#[test]
fn an_idle_connection_ends_and_a_busy_one_does_not() {
    let config = Config { idle_timeout: Some(60 * SECOND), ..Config::default() };
    over_every_link_with(&config, &Config::default(), |mut pair| {
        let (c, s) = open(&mut pair, true);
        pair.pass(200 * SECOND);
        assert!(pair.client.close_reason().is_none());
        respond(&mut pair.server, s, true);
        release(&mut pair.server, s);
        pair.run();
        release(&mut pair.client, c);
        pair.pass(59 * SECOND);
        assert!(pair.client.close_reason().is_none());
        pair.pass(2 * SECOND);
        assert_eq!(close_reason(&pair.client), &ConnectionError::Shutdown);
    });
}

#[test]
fn an_idle_server_asks_before_it_leaves() {
    let config = Config { idle_timeout: Some(60 * SECOND), ..Config::default() };
    over_every_link_with(&Config::default(), &config, |mut pair| {
        pair.run();
        pair.pass(61 * SECOND);
        assert_eq!(close_reason(&pair.server), &ConnectionError::Shutdown);
        assert!(matches!(close_reason(&pair.client), ConnectionError::PeerWentAway { code: 0, .. }));
    });
}

#[test]
fn an_old_connection_is_drained_and_after_its_grace_cut() {
    let config = Config { max_age: Some(100 * SECOND), max_age_grace: Some(30 * SECOND), seed: 3, ..Config::default() };
    over_every_link_with(&Config::default(), &config, |mut pair| {
        let (c, _) = open(&mut pair, false);
        pair.pass(89 * SECOND);
        assert!(!pair.server.is_draining());
        pair.pass(22 * SECOND);
        assert!(pair.server.is_draining() && pair.client.is_draining());
        assert!(pair.server.close_reason().is_none());
        pair.pass(31 * SECOND);
        assert_eq!(close_reason(&pair.server), &ConnectionError::Shutdown);
        release(&mut pair.client, c);
    });
}

#[test]
fn time_that_runs_backwards_does_no_harm() {
    let mut raw = with_keepalive(true);
    let early = raw.clock.now();
    raw.clock.advance(8 * SECOND);
    raw.connection.handle_timeout(raw.clock.now());
    raw.connection.handle_timeout(early);
    assert!(raw.connection.poll_timeout().is_some_and(|due| due > raw.clock.now()));
    assert!(raw.connection.close_reason().is_none());
}
