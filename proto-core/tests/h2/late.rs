//! Frames that come late: on closed streams, on streams that we reset, after a fault.

use crate::malformed::{Verdict, server};
use Verdict::{Connection, Fine, Stream};
use proto_core::Config;
use proto_core::error::ConnectionError;
use proto_core::error::ErrorCode::{Cancel, FrameSizeError, ProtocolError, StreamClosed};
use proto_core::frame::{self, kind};
use proto_core::h2::{Event, Ready, Side};
use proto_core::hpack::Known;
use proto_core::testkit::{H2Raw, RawFrame};

#[test]
fn frames_on_closed_streams_are_judged_by_how_they_closed() {
    // Half-closed: the stream pays.
    let after_end = |raw: &mut H2Raw| {
        raw.send_request(1, true)?;
        raw.send_data(1, b"late", false)
    };
    assert_eq!(server(after_end), Stream(StreamClosed));
    // Reset by the peer itself: it must send nothing more.
    let after_reset = |raw: &mut H2Raw| {
        raw.send_request(1, false)?;
        raw.send_with(|out| frame::rst_stream(out, 1, Cancel))?;
        raw.send_data(1, b"late", false)
    };
    assert_eq!(server(after_reset), Stream(StreamClosed));
    // Never opened, and passed over: closed for good.
    let skipped = |raw: &mut H2Raw| {
        raw.send_request(5, true)?;
        raw.send_request(3, true)
    };
    assert_eq!(server(skipped), Connection(ProtocolError));
}

#[test]
fn a_closed_stream_is_remembered_after_it_was_let_go() {
    let ended = |late: fn(&mut H2Raw) -> Result<(), ConnectionError>| {
        server(move |raw| {
            raw.send_request(1, true)?;
            let Some(Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
            let mut block = raw.connection.stream(key).expect("open").send_headers().expect("may respond");
            block.field(Known::Status, b"200");
            let _ = block.end(true);
            raw.connection.stream(key).expect("open").release();
            late(raw)
        })
    };
    assert_eq!(ended(|raw| raw.send_data(1, b"late", false)), Connection(StreamClosed));
    assert_eq!(ended(|raw| raw.send_request(1, true)), Connection(StreamClosed));
    // These may have been on their way.
    assert_eq!(ended(|raw| raw.send_with(|out| frame::window_update(out, 1, 5))), Fine);
    assert_eq!(ended(|raw| raw.send_with(|out| frame::rst_stream(out, 1, Cancel))), Fine);
}

#[test]
fn what_was_under_way_when_we_reset_is_forgiven_and_keeps_the_table_in_step() {
    let verdict = server(|raw| {
        raw.send_request(1, false)?;
        let Some(Event::Stream { key, .. }) = raw.events().pop() else { panic!("no stream") };
        raw.connection.stream(key).expect("open").release();
        assert_eq!(raw.frames().iter().find_map(RawFrame::code), Some(Cancel.to_wire()));
        raw.send_data(1, b"under way", false)?;
        raw.send_headers(1, &[("x-new", "value")], true)?;
        // The table has x-new now, on both sides.
        raw.send_headers(3, &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x-new", "value")], true)?;
        let Some(Event::Stream { key, ready, .. }) = raw.events().pop() else { panic!("no stream") };
        assert!(ready.has(Ready::HEADERS));
        let stream = raw.connection.stream(key).expect("open");
        assert!(
            stream.headers().expect("headers").iter().any(|f| f.name.as_bytes() == b"x-new" && f.value == b"value")
        );
        Ok(())
    });
    assert_eq!(verdict, Fine);
}

#[test]
fn nothing_is_parsed_after_the_fault_and_what_came_before_it_stands() {
    let mut raw = H2Raw::open(Side::Server, &Config::default());
    let mut bytes = Vec::new();
    let block = raw.block(&[(":method", "GET"), (":scheme", "http"), (":path", "/")]);
    let headers = frame::Head { len: block.len() as u32, kind: kind::HEADERS, flags: 5, stream: 1 };
    bytes.extend_from_slice(&headers.to_bytes());
    bytes.extend_from_slice(&block);
    bytes.extend_from_slice(&[0, 0, 1, kind::PING, 0, 0, 0, 0, 0, 0]);
    frame::ping(&mut bytes, false, [7; 8]);
    let error = raw.send(&bytes).expect_err("PING of one byte");
    assert!(matches!(error, ConnectionError::PeerMisbehaved { code: FrameSizeError, .. }));
    let events = raw.events();
    let [Event::Stream { ready, key, .. }, Event::Closed] = events.as_slice() else { panic!("{events:?}") };
    assert!(ready.has(Ready::HEADERS) && ready.has(Ready::END) && ready.has(Ready::RESET));
    assert!(raw.connection.stream(*key).expect("kept").headers().is_some());
    let frames = raw.frames();
    assert_eq!(frames.iter().map(|f| f.head.kind).collect::<Vec<_>>(), [kind::GOAWAY], "no PING ack");
    // Last stream 1: the peer knows that it may have been processed.
    assert_eq!(frames[0].payload[..4], [0, 0, 0, 1]);
    assert!(raw.send(b"whatever comes").is_err());
    assert!(!raw.connection.has_output() && raw.connection.poll_timeout().is_none());
}
