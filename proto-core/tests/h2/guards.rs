//! The attacks of the limits page, each against its guard; and what looks like an attack and is none.

use crate::common::*;
use proto_core::Config;
use proto_core::error::{ConnectionError, ErrorCode};
use proto_core::frame::{self, flag, kind};
use proto_core::h2::{ContinuationFlood, InducedResets, PingPolicy, QueuedReplies, RapidReset, Side};
use proto_core::hpack::Known;
use proto_core::testkit::{H2Raw, RawFrame};
use std::time::Duration;

fn server() -> H2Raw {
    H2Raw::open(Side::Server, &Config::default())
}

/// Repeats the attack until the connection gives up; says how often it took it.
fn attack(raw: &mut H2Raw, most: u32, mut step: impl FnMut(&mut H2Raw, u32) -> Result<(), ConnectionError>) -> u32 {
    for n in 0..most {
        if let Err(error) = step(raw, n) {
            let calm = matches!(error, ConnectionError::PeerMisbehaved { code: ErrorCode::EnhanceYourCalm, .. });
            assert!(calm, "{error}");
            let goaway = raw.frames().into_iter().rev().find_map(|f| f.code());
            assert_eq!(goaway, Some(ErrorCode::EnhanceYourCalm.to_wire()));
            return n;
        }
    }
    most
}

#[test]
fn rapid_reset_holds_its_places_and_ends_the_connection() {
    let mut raw = server();
    let mut alive = 0;
    let took = attack(&mut raw, 20_000, |raw, n| {
        raw.send_request(2 * n + 1, false)?;
        raw.send_with(|out| frame::rst_stream(out, 2 * n + 1, ErrorCode::Cancel))?;
        raw.frames();
        alive = alive.max(raw.connection.live_streams());
        Ok(())
    });
    // Nobody releases the streams: 100 places are held, the others are refused, and that has a budget as well.
    assert_eq!(alive, 100);
    assert!(took <= 100 + InducedResets::BURST, "{took}");
}

#[test]
fn resets_are_limited_even_when_every_handler_ends_at_once() {
    let mut raw = server();
    let took = attack(&mut raw, 20_000, |raw, n| {
        raw.send_request(2 * n + 1, false)?;
        raw.send_with(|out| frame::rst_stream(out, 2 * n + 1, ErrorCode::Cancel))?;
        for event in raw.events() {
            if let proto_core::h2::Event::Stream { key, .. } = event {
                release(&mut raw.connection, key);
            }
        }
        raw.frames();
        Ok(())
    });
    assert_eq!(took, RapidReset::BURST);
    assert_eq!(raw.connection.guards().rapid_reset.count(), u64::from(RapidReset::BURST) + 1);
}

#[test]
fn a_client_that_cancels_now_and_then_is_no_attacker() {
    let mut raw = server();
    let took = attack(&mut raw, 5_000, |raw, n| {
        raw.clock.advance(Duration::from_millis(25));
        raw.send_request(2 * n + 1, false)?;
        raw.send_with(|out| frame::rst_stream(out, 2 * n + 1, ErrorCode::Cancel))?;
        for event in raw.events() {
            if let proto_core::h2::Event::Stream { key, .. } = event {
                release(&mut raw.connection, key);
            }
        }
        raw.frames();
        Ok(())
    });
    assert_eq!(took, 5_000);
}

#[test]
fn resets_that_we_are_tricked_into_have_a_budget() {
    let mut raw = server();
    let took = attack(&mut raw, 20_000, |raw, n| {
        let stream = 2 * n + 1;
        raw.send_request(stream, false)?;
        // A stream error of the peer's making.
        raw.send_with(|out| frame::window_update(out, stream, 0))?;
        for event in raw.events() {
            if let proto_core::h2::Event::Stream { key, .. } = event {
                release(&mut raw.connection, key);
            }
        }
        raw.frames();
        Ok(())
    });
    assert_eq!(took, InducedResets::BURST);
}

#[test]
fn a_stream_that_we_were_tricked_to_reset_keeps_its_place_until_released() {
    let mut raw = server();
    for n in 0..101 {
        raw.send_request(2 * n + 1, false).expect("legal");
        if n < 100 {
            raw.send_with(|out| frame::window_update(out, 2 * n + 1, 0)).expect("costs the stream");
        }
    }
    assert_eq!(raw.connection.guards().streams.count(), 1);
    assert_eq!(raw.connection.live_streams(), 100);
    let codes: Vec<_> = raw.frames().iter().filter_map(RawFrame::code).collect();
    assert_eq!(codes.last(), Some(&ErrorCode::RefusedStream.to_wire()));
    for event in raw.events() {
        if let proto_core::h2::Event::Stream { key, .. } = event {
            release(&mut raw.connection, key);
        }
    }
    raw.send_request(203, false).expect("there is room again");
    assert_eq!((raw.connection.guards().streams.count(), raw.connection.live_streams()), (1, 1));
}

#[test]
fn a_header_block_without_end_is_cut_by_frames_and_by_bytes() {
    let mut raw = server();
    raw.send_frame(kind::HEADERS, 0, 1, &[]).expect("a start");
    let took = attack(&mut raw, 200_000, |raw, _| raw.send_frame(kind::CONTINUATION, 0, 1, &[]));
    assert_eq!(took, ContinuationFlood::MAX_FRAMES as u32);
    let mut raw = server();
    raw.send_frame(kind::HEADERS, 0, 1, &[]).expect("a start");
    let took = attack(&mut raw, 200_000, |raw, _| raw.send_frame(kind::CONTINUATION, 0, 1, &[0; 10_000]));
    assert_eq!(took as usize, raw.connection.guards().continuation.max_bytes() / 10_000);
}

#[test]
fn frames_that_ask_for_replies_stop_the_reading_and_then_end_it() {
    for what in ["PING", "SETTINGS"] {
        let mut raw = server();
        let mut stopped = None;
        let took = attack(&mut raw, 100_000, |raw, n| {
            if !raw.connection.wants_input() {
                stopped.get_or_insert(n);
            }
            match what {
                "PING" => {
                    // Welcome ones: we answer a stream all the time.
                    raw.clock.advance(Duration::from_secs(8_000));
                    raw.send_frame(kind::PING, 0, 0, &[1; 8])
                }
                _ => raw.send_with(|out| frame::settings(out, &[])),
            }
        });
        let stopped = stopped.expect("input is not wanted any more");
        let size = if what == "PING" { 17 } else { 9 };
        assert_eq!(stopped as usize, QueuedReplies::SOFT_CAP.div_ceil(size), "{what}");
        assert_eq!(took as usize, QueuedReplies::HARD_CAP / size, "{what}");
    }
}

#[test]
fn reading_goes_on_when_the_peer_takes_the_replies() {
    let mut raw = server();
    for _ in 0..100_000 {
        raw.send_with(|out| frame::settings(out, &[])).expect("no flood: the replies leave");
        assert!(raw.connection.wants_input());
        if raw.frames().is_empty() {
            panic!("no ack");
        }
    }
}

#[test]
fn settings_have_at_most_32_entries() {
    let mut raw = server();
    raw.send_with(|out| frame::settings(out, &[(99, 1); 32])).expect("legal");
    let error = raw.send_with(|out| frame::settings(out, &[(99, 1); 33])).expect_err("too many");
    assert!(matches!(error, ConnectionError::PeerMisbehaved { code: ErrorCode::EnhanceYourCalm, .. }));
}

#[test]
fn tiny_and_empty_data_frames_cost_no_memory_and_are_no_crime() {
    let mut raw = server();
    raw.send_request(1, false).expect("legal");
    for n in 0..30_000 {
        raw.send_data(1, if n % 2 == 0 { b"" } else { b"x" }, false).expect("a stream of small messages");
    }
    assert_eq!(raw.connection.guards().tiny_data.count(), 15_000);
    let Some(proto_core::h2::Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
    assert_eq!(read(&mut raw.connection, key).len(), 15_000);
}

#[test]
fn a_header_list_above_the_limit_is_answered_431_and_the_table_stays_in_step() {
    let mut raw = server();
    let long = "v".repeat(9_000);
    let fields =
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x-a", "indexed"), ("x-b", &long), ("x-c", &long)];
    raw.send_headers(1, &fields, false).expect("costs the stream only");
    assert_eq!(raw.events(), []);
    let frames = raw.frames();
    assert_eq!(raw.fields(&frames[0]).get(Known::Status), Some(&b"431"[..]));
    assert!(frames[0].head.has(flag::END_STREAM));
    assert_eq!(frames[1].code(), Some(ErrorCode::NoError.to_wire()));
    assert_eq!((raw.connection.guards().header_list.count(), raw.connection.live_streams()), (1, 0));
    let small = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x-a", "indexed")];
    for stream in [3, 5] {
        raw.send_headers(stream, &small, true).expect("in step");
        let Some(proto_core::h2::Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
        let stream = raw.connection.stream(key).expect("open");
        assert!(stream.headers().expect("headers").iter().any(|f| f.value == b"indexed"));
    }
}

#[test]
fn a_response_with_too_large_a_header_list_costs_its_stream() {
    let mut raw = H2Raw::open(Side::Client, &Config::default());
    let mut block = raw.connection.open(raw.clock.now(), 0).expect("a stream");
    block.field(Known::Method, b"GET");
    let key = block.end(true);
    let long = "v".repeat(9_000);
    raw.send_headers(1, &[(":status", "200"), ("x-b", &long), ("x-c", &long)], false).expect("costs the stream only");
    let reset = raw.connection.stream(key).expect("kept").reset_reason().expect("reset");
    assert_eq!((reset.code, reset.by_peer), (ErrorCode::EnhanceYourCalm.to_wire(), false));
}

#[test]
fn too_many_pings_end_the_connection_by_name() {
    let mut raw = server();
    let took = attack(&mut raw, 100, |raw, _| {
        raw.clock.advance(Duration::from_secs(10));
        raw.send_frame(kind::PING, 0, 0, &[1; 8])
    });
    assert_eq!(took, PingPolicy::MAX_STRIKES + 1);
    let ConnectionError::PeerMisbehaved { what, .. } = close_reason(&raw.connection) else { panic!("not its fault") };
    assert_eq!(*what, "too_many_pings");
}

#[test]
fn pings_are_welcome_while_we_answer() {
    let mut raw = server();
    raw.send_request(1, false).expect("legal");
    let Some(proto_core::h2::Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
    respond(&mut raw.connection, key, false);
    for _ in 0..1_000 {
        send(&mut raw.connection, key, b"m", false);
        raw.send_frame(kind::PING, 0, 0, &[1; 8]).expect("it measures the path");
        raw.send_with(|out| frame::window_update(out, 1, 1)).expect("legal");
        raw.frames();
    }
    assert_eq!(raw.connection.guards().pings.strikes(), 0);
}

#[test]
fn pointless_frames_on_streams_long_gone_have_a_budget() {
    let mut raw = server();
    raw.send_request(1, false).expect("legal");
    raw.send_with(|out| frame::rst_stream(out, 1, ErrorCode::Cancel)).expect("legal");
    let took = attack(&mut raw, 20_000, |raw, _| raw.send_with(|out| frame::rst_stream(out, 1, ErrorCode::Cancel)));
    assert_eq!(took, proto_core::h2::Glitches::BURST);
}

#[test]
fn a_peer_that_never_reads_is_left_after_the_stall_timeout() {
    let config = Config { stall_timeout: Some(Duration::from_secs(60)), max_unsent: 100_000, ..Config::default() };
    let mut raw = H2Raw::open(Side::Server, &config);
    let body = vec![1; 60_000];
    for stream in [1, 3, 5] {
        raw.send_request(stream, true).expect("legal");
        let Some(proto_core::h2::Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
        respond(&mut raw.connection, key, false);
        let _ = raw.connection.stream(key).expect("open").send_data(b"", (&body).into(), false, false);
    }
    // The transport takes nothing: poll_transmit is never called.
    raw.clock.advance(Duration::from_secs(59));
    raw.connection.handle_timeout(raw.clock.now());
    assert!(raw.connection.close_reason().is_none());
    raw.clock.advance(Duration::from_secs(2));
    raw.connection.handle_timeout(raw.clock.now());
    assert!(matches!(close_reason(&raw.connection), ConnectionError::TimedOut { .. }));
}

#[test]
fn a_zero_window_cannot_hold_an_answer_for_ever() {
    let mut raw = server();
    raw.send_with(|out| frame::settings(out, &[(frame::setting::INITIAL_WINDOW_SIZE, 0)])).expect("legal");
    raw.send_request(1, true).expect("legal");
    let Some(proto_core::h2::Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
    respond(&mut raw.connection, key, false);
    send(&mut raw.connection, key, b"held", false);
    trailers(&mut raw.connection, key);
    release(&mut raw.connection, key);
    raw.frames();
    assert_eq!(raw.connection.live_streams(), 1);
    raw.clock.advance(Duration::from_secs(301));
    raw.connection.handle_timeout(raw.clock.now());
    assert_eq!((raw.connection.live_streams(), raw.connection.guards().stalls.count()), (0, 1));
    assert_eq!(raw.frames().iter().find_map(RawFrame::code), Some(ErrorCode::Cancel.to_wire()));
}

#[test]
fn unread_replies_of_two_thousand_streams_stay_within_the_cap() {
    let config = Config { max_concurrent_streams: 2_000, ..Config::default() };
    let mut raw = H2Raw::open(Side::Server, &config);
    raw.send_with(|out| frame::settings(out, &[(frame::setting::INITIAL_WINDOW_SIZE, 0)])).expect("legal");
    let body = vec![1; 1024 * 1024];
    for n in 0..2_000 {
        raw.send_request(2 * n + 1, true).expect("legal");
        let Some(proto_core::h2::Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
        respond(&mut raw.connection, key, false);
        for part in body.chunks(16_000) {
            let mut stream = raw.connection.stream(key).expect("open");
            if stream.send_data(b"", part.into(), false, false).is_err() {
                break;
            }
        }
        raw.frames();
    }
    assert!(raw.connection.unsent() <= 1024 * 1024 + 16_000, "{}", raw.connection.unsent());
}
