//! What a peer may not send, each with the exact error; whole and byte by byte.

use proto_core::Config;
use proto_core::error::{ConnectionError, ErrorCode};
use proto_core::frame::{self, flag, kind, setting};
use proto_core::h2::Side;
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, H2Raw, RawFrame};

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// RST_STREAM with this code; the connection lives.
    Stream(ErrorCode),
    /// GOAWAY with this code.
    Connection(ErrorCode),
}

use ErrorCode::*;
use Verdict::{Connection, Fine, Stream};

/// Runs the script on an open connection, over every kind of link.
fn judge(side: Side, script: impl Fn(&mut H2Raw) -> Result<(), ConnectionError>) -> Verdict {
    let verdicts = [Chop::Whole, Chop::Ones].map(|chop| {
        let mut raw = H2Raw::open(side, &Config::default());
        if side == Side::Client {
            let mut block = raw.connection.open(raw.clock.now(), 0).expect("a stream");
            block.field(Known::Method, b"POST");
            let _ = block.end(false);
            raw.frames();
        }
        raw.chop = chop;
        let outcome = script(&mut raw);
        let frames = raw.frames();
        let code = |kind| frames.iter().filter(|f| f.head.kind == kind).find_map(RawFrame::code);
        let verdict = match (outcome, code(kind::GOAWAY), code(kind::RST_STREAM)) {
            (Ok(()), None, None) => Fine,
            (Ok(()), None, Some(code)) => Stream(ErrorCode::from_wire(code).expect("a known code")),
            (Err(ConnectionError::PeerMisbehaved { code, what }), Some(sent), _) => {
                assert_eq!(sent, code.to_wire(), "GOAWAY says what the error says");
                assert!(!what.is_empty());
                Connection(code)
            }
            other => panic!("{other:?}"),
        };
        (verdict, matches!(raw.connection.close_reason(), Some(ConnectionError::PeerMisbehaved { .. })))
    });
    assert_eq!(verdicts[0], verdicts[1], "chopping makes no difference");
    assert_eq!(verdicts[0].1, matches!(verdicts[0].0, Connection(_)));
    verdicts[0].0
}

pub(crate) fn server(script: impl Fn(&mut H2Raw) -> Result<(), ConnectionError>) -> Verdict {
    judge(Side::Server, script)
}

fn client(script: impl Fn(&mut H2Raw) -> Result<(), ConnectionError>) -> Verdict {
    judge(Side::Client, script)
}

/// A request with these fields in place of the usual ones.
fn fields(fields: &[(&str, &str)]) -> Verdict {
    server(|raw| raw.send_headers(1, fields, true))
}

#[test]
fn malformed_requests_cost_the_stream() {
    let usual = [(":method", "POST"), (":scheme", "http"), (":path", "/")];
    let with = |more: &[(&'static str, &'static str)]| fields(&[&usual[..], more].concat());
    assert_eq!(with(&[]), Fine);
    assert_eq!(with(&[("te", "trailers"), ("x", "y")]), Fine);
    for bad in [
        ("X-Upper", "x"),
        ("", "x"),
        ("a b", "x"),
        ("x", "a\rb"),
        ("x", "a\nb"),
        ("x", "a\0b"),
        ("connection", "close"),
        ("keep-alive", "x"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        (":path", "/again"),
        (":status", "200"),
        (":protocol", "websocket"),
        (":other", "x"),
        ("content-length", "x"),
        ("content-length", "-1"),
        ("content-length", "1"),
    ] {
        assert_eq!(with(&[bad]), Stream(ProtocolError), "{bad:?}");
    }
    assert_eq!(with(&[("a", "b"), (":authority", "late")]), Stream(ProtocolError));
    for missing in 0..3 {
        let mut rest = usual.to_vec();
        rest.remove(missing);
        assert_eq!(fields(&rest), Stream(ProtocolError), "without {:?}", usual[missing]);
    }
    assert_eq!(fields(&[(":method", "POST"), (":scheme", "http"), (":path", "")]), Stream(ProtocolError));
    assert_eq!(fields(&[(":method", "CONNECT"), (":authority", "a:1")]), Fine);
    assert_eq!(fields(&[(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]), Stream(ProtocolError));
}

#[test]
fn malformed_responses_cost_the_stream() {
    let response = |fields: &[(&str, &str)], end| client(|raw| raw.send_headers(1, fields, end));
    assert_eq!(response(&[(":status", "200")], false), Fine);
    for bad in [
        &[("x", "y")][..],
        &[(":status", "99x")],
        &[(":status", "200"), (":status", "200")],
        &[(":status", "200"), (":path", "/")],
        &[(":status", "200"), ("Upper", "x")],
        &[(":status", "200"), ("connection", "close")],
        &[("x", "y"), (":status", "200")],
        &[(":status", "101")],
    ] {
        assert_eq!(response(bad, false), Stream(ProtocolError), "{bad:?}");
    }
    assert_eq!(response(&[(":status", "100")], true), Stream(ProtocolError));
    assert_eq!(response(&[(":status", "200"), ("content-length", "5")], true), Stream(ProtocolError));
    assert_eq!(response(&[(":status", "304"), ("content-length", "5")], true), Fine);
}

#[test]
fn bodies_keep_to_their_content_length() {
    let body = |length: &'static str, parts: &'static [&'static [u8]]| {
        server(move |raw| {
            let fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"), ("content-length", length)];
            raw.send_headers(1, &fields, false)?;
            let (last, rest) = parts.split_last().expect("parts");
            rest.iter().try_for_each(|part| raw.send_data(1, part, false))?;
            raw.send_data(1, last, true)
        })
    };
    assert_eq!(body("5", &[b"12", b"345"]), Fine);
    assert_eq!(body("5", &[b"12", b"34"]), Stream(ProtocolError));
    assert_eq!(body("5", &[b"123", b"456"]), Stream(ProtocolError));
    assert_eq!(body("0", &[b""]), Fine);
}

#[test]
fn trailers_end_the_stream_and_have_no_pseudo_headers() {
    let trailers = |fields: &'static [(&'static str, &'static str)], end| {
        server(move |raw| {
            raw.send_request(1, false)?;
            raw.send_headers(1, fields, end)
        })
    };
    assert_eq!(trailers(&[("grpc-status", "0")], true), Fine);
    assert_eq!(trailers(&[("grpc-status", "0")], false), Stream(ProtocolError));
    assert_eq!(trailers(&[(":path", "/")], true), Stream(ProtocolError));
    assert_eq!(trailers(&[("Upper", "0")], true), Stream(ProtocolError));
}

#[test]
fn frames_of_a_wrong_size_are_refused() {
    for (kind, flags, stream, len, verdict) in [
        (kind::PING, 0, 0, 7, Connection(FrameSizeError)),
        (kind::PING, 0, 0, 9, Connection(FrameSizeError)),
        (kind::RST_STREAM, 0, 1, 3, Connection(FrameSizeError)),
        (kind::WINDOW_UPDATE, 0, 1, 5, Connection(FrameSizeError)),
        (kind::SETTINGS, 0, 0, 5, Connection(FrameSizeError)),
        (kind::SETTINGS, flag::ACK, 0, 6, Connection(FrameSizeError)),
        (kind::GOAWAY, 0, 0, 7, Connection(FrameSizeError)),
        (kind::PRIORITY, 0, 1, 4, Stream(FrameSizeError)),
        (kind::PRIORITY, 0, 9, 4, Connection(FrameSizeError)),
        (kind::DATA, 0, 1, 16_385, Connection(FrameSizeError)),
        (kind::HEADERS, flag::PRIORITY, 3, 4, Connection(FrameSizeError)),
        (kind::HEADERS, flag::PADDED, 3, 0, Connection(FrameSizeError)),
    ] {
        let got = server(|raw| {
            raw.send_request(1, false)?;
            raw.send_frame(kind, flags, stream, &vec![0; len])
        });
        assert_eq!(got, verdict, "kind {kind}, {len} bytes");
    }
}

#[test]
fn frames_on_the_wrong_stream_are_refused() {
    let block = [0x82];
    for (kind, stream, len) in [
        (kind::DATA, 0, 1),
        (kind::HEADERS, 0, 1),
        (kind::PRIORITY, 0, 5),
        (kind::RST_STREAM, 0, 4),
        (kind::SETTINGS, 1, 0),
        (kind::PUSH_PROMISE, 0, 8),
        (kind::PING, 1, 8),
        (kind::GOAWAY, 1, 8),
        (kind::CONTINUATION, 0, 1),
        (kind::CONTINUATION, 1, 1),
        (kind::HEADERS, 2, 1),
        (kind::DATA, 3, 1),
        (kind::RST_STREAM, 3, 4),
        (kind::WINDOW_UPDATE, 3, 4),
    ] {
        let payload = if len == 1 { block.to_vec() } else { vec![1; len] };
        let got = server(|raw| {
            raw.send_request(1, false)?;
            raw.send_frame(kind, flag::END_HEADERS & !flag::PADDED, stream, &payload)
        });
        assert_eq!(got, Connection(ProtocolError), "kind {kind} on stream {stream}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for (id, value, verdict) in [
        (setting::ENABLE_PUSH, 2, Connection(ProtocolError)),
        (setting::INITIAL_WINDOW_SIZE, 0x8000_0000, Connection(FlowControlError)),
        (setting::MAX_FRAME_SIZE, 16_383, Connection(ProtocolError)),
        (setting::MAX_FRAME_SIZE, 16_777_216, Connection(ProtocolError)),
        (setting::MAX_FRAME_SIZE, 16_777_215, Fine),
        (setting::ENABLE_PUSH, 1, Fine),
        (0xabcd, 7, Fine),
    ] {
        assert_eq!(server(|raw| raw.send_with(|out| frame::settings(out, &[(id, value)]))), verdict, "{id} = {value}");
    }
    let push = |raw: &mut H2Raw| raw.send_with(|out| frame::settings(out, &[(setting::ENABLE_PUSH, 1)]));
    assert_eq!(client(push), Connection(ProtocolError));
}

#[test]
fn windows_do_not_overflow_and_increments_are_not_zero() {
    let update = |stream, increment: u32| {
        server(move |raw| {
            raw.send_request(1, false)?;
            raw.send_with(|out| frame::window_update(out, stream, increment))
        })
    };
    assert_eq!(update(0, 0), Connection(ProtocolError));
    assert_eq!(update(1, 0), Stream(ProtocolError));
    assert_eq!(update(0, 0x7fff_ffff), Connection(FlowControlError));
    assert_eq!(update(1, 0x7fff_ffff), Stream(FlowControlError));
    assert_eq!(update(1, 0x7fff_ffff - 65_535), Fine);
    let by_settings = server(|raw| {
        raw.send_request(1, false)?;
        raw.send_with(|out| frame::window_update(out, 1, 0x7fff_ffff - 65_535))?;
        raw.send_with(|out| frame::settings(out, &[(setting::INITIAL_WINDOW_SIZE, 65_536)]))
    });
    assert_eq!(by_settings, Connection(FlowControlError));
}

#[test]
fn header_blocks_are_not_interrupted() {
    for (kind, stream, len) in
        [(kind::PING, 0, 8), (kind::DATA, 1, 1), (kind::HEADERS, 3, 1), (kind::CONTINUATION, 3, 1), (0xfa, 1, 1)]
    {
        let got = server(|raw| {
            raw.send_frame(kind::HEADERS, 0, 1, &[0x82])?;
            raw.send_frame(kind, 0, stream, &vec![0; len])
        });
        assert_eq!(got, Connection(ProtocolError), "kind {kind}");
    }
    let good = server(|raw| {
        let block = raw.block(&[(":method", "GET"), (":scheme", "http"), (":path", "/")]);
        raw.send_frame(kind::HEADERS, flag::END_STREAM, 1, &block[..1])?;
        raw.send_frame(kind::CONTINUATION, 0, 1, &[])?;
        raw.send_frame(kind::CONTINUATION, flag::END_HEADERS, 1, &block[1..])
    });
    assert_eq!(good, Fine);
}

#[test]
fn a_header_block_that_cannot_be_decoded_ends_the_connection() {
    for block in [&[0x80][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[0x00, 0x05, b'a'], &[0x3f, 0xe2, 0x1f], &[0xbe]]
    {
        let got = server(|raw| raw.send_frame(kind::HEADERS, flag::END_HEADERS, 1, block));
        assert_eq!(got, Connection(CompressionError), "{block:x?}");
    }
}

#[test]
fn pushes_are_refused_whoever_makes_them() {
    let push = |raw: &mut H2Raw| raw.send_with(|out| frame::push_promise(out, 1, 2, &[0x82], true));
    assert_eq!(client(push), Connection(ProtocolError));
    let from_client = |raw: &mut H2Raw| {
        raw.send_request(1, false)?;
        raw.send_with(|out| frame::push_promise(out, 1, 2, &[0x82], true))
    };
    assert_eq!(server(from_client), Connection(ProtocolError));
}

#[test]
fn a_client_opens_its_streams_itself() {
    assert_eq!(client(|raw| raw.send_headers(3, &[(":status", "200")], true)), Connection(ProtocolError));
    assert_eq!(client(|raw| raw.send_headers(2, &[(":status", "200")], true)), Connection(ProtocolError));
    assert_eq!(client(|raw| raw.send_data(1, b"before headers", false)), Stream(ProtocolError));
    assert_eq!(client(|raw| raw.send_data(3, b"idle", false)), Connection(ProtocolError));
}

#[test]
fn unknown_frames_settings_and_priorities_are_ignored() {
    let noise = |raw: &mut H2Raw| {
        raw.send_frame(0xfa, 0xff, 0, b"what is this")?;
        raw.send_request(1, false)?;
        raw.send_frame(0x0b, 0xff, 1, b"")?;
        raw.send_frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 7])?;
        raw.send_frame(kind::PRIORITY, 0, 99, &[0x80, 0, 0, 3, 7])?;
        raw.send_with(|out| frame::settings(out, &[(0x4242, 1), (8, 1)]))?;
        raw.send_data(1, b"", false)?;
        raw.send_data(1, b"x", true)
    };
    assert_eq!(server(noise), Fine);
}

#[test]
fn a_stream_that_depends_on_itself_is_refused() {
    let block_and_priority = |raw: &mut H2Raw| {
        let mut payload = vec![0, 0, 0, 1, 16];
        payload.extend(raw.block(&[(":method", "GET"), (":scheme", "http"), (":path", "/")]));
        raw.send_frame(kind::HEADERS, flag::END_HEADERS | flag::PRIORITY | flag::END_STREAM, 1, &payload)
    };
    assert_eq!(server(block_and_priority), Stream(ProtocolError));
    let alone = |raw: &mut H2Raw| {
        raw.send_request(1, false)?;
        raw.send_frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 1, 16])
    };
    assert_eq!(server(alone), Stream(ProtocolError));
}
