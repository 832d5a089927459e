//! Metadata, statuses and time-outs in their wire forms: what our own two ends tell each other arrives as it was, and what any peer may have
//! written is read as gRPC's documents say, by a reading of them that is independent of the core's.

use crate::input::{Input, put_piece};
use crate::wire;
use proto_core::call::{CallOptions, Head, Kind, Recv};
use proto_core::connection::Connection;
use proto_core::frame::{flag, kind};
use proto_core::grpc::details::{BadRequest, ErrorInfo, RetryInfo};
use proto_core::h2::Side;
use proto_core::testkit::{Clock, Faults, H2Raw, Pair};
use proto_core::{Code, Config, MessageBuf, Metadata, Status};
use std::time::Duration;

fn config() -> Config {
    Config { max_header_list_size: 1 << 20, ..Config::default() }
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => own_call(&mut input),
        1 => foreign_trailers(&mut input),
        2 => foreign_timeout(input.rest()),
        _ => foreign_metadata(&mut input),
    }
}

/// What the input wants there to be, as far as it is allowed.
fn metadata(input: &mut Input<'_>) -> Metadata {
    let mut metadata = Metadata::new();
    for _ in 0..input.byte() % 8 {
        let way = input.byte() % 4;
        let name = String::from_utf8_lossy(input.piece()).into_owned();
        let value = input.piece();
        let before = metadata.len();
        let text = String::from_utf8_lossy(value);
        let inserted = match way {
            0 => metadata.insert(&name, &text),
            1 => metadata.insert_sensitive(&name, &text),
            2 => metadata.insert_bin(&name, value),
            _ => metadata.insert_bin(&format!("{name}-bin"), value),
        };
        assert_eq!(metadata.len() - before, usize::from(inserted.is_ok()));
        if let Err(error) = inserted {
            assert!(!error.to_string().is_empty());
        }
    }
    metadata
}

/// Request metadata, deadline, response headers, status, details and trailers of one call between our own two ends.
fn own_call(input: &mut Input<'_>) {
    let mut pair = Pair::new(config(), config(), Faults::NONE);
    let now = pair.now();
    let left = Duration::from_nanos(input.u64() >> (input.byte() % 64));
    let deadline = (!left.is_zero()).then(|| now.checked_add(left)).flatten();
    let options = CallOptions { metadata: metadata(input), deadline, kind: Kind::BIDI, ..CallOptions::default() };
    let id = pair.client.start(now, Head::new("/a.B/C"), &options).expect("it fits");
    assert!(pair.settle());
    let served = pair.server.accept().expect("a call");
    let mut call = pair.server.call(served).expect("accepted");
    call.set_kind(Kind::BIDI);
    assert_eq!(*call.head().metadata, options.metadata);
    match (deadline, call.deadline()) {
        (Some(ours), Some(theirs)) => {
            let more = theirs.saturating_duration_since(ours);
            assert!(theirs >= ours && more <= left / 100_000 + Duration::from_nanos(1), "{left:?}: {more:?} more");
        }
        (None, theirs) => assert_eq!(theirs, None),
        (Some(_), None) => panic!("a deadline was lost"),
    }
    let (headers, trailers) = (metadata(input), metadata(input));
    let code = Code::from_i32(i32::from(input.byte() % 18));
    let message = String::from_utf8_lossy(input.piece()).into_owned();
    let details = input.piece();
    let mut status = Status::new(code, message.clone()).with_details(details.to_vec());
    let typed = RetryInfo::default();
    if details.is_empty() && code != Code::Ok {
        status = status.with_detail(&typed);
    }
    let with_headers = input.byte() & 1 == 0;
    if with_headers {
        assert!(call.send_headers(now, &headers));
    }
    assert!(call.finish(now, &status, &trailers));
    assert!(pair.settle());
    let mut call = pair.client.call(id).expect("not released");
    let outcome = call.outcome().expect("a verdict").clone();
    assert_eq!(outcome.code(), code);
    if code != Code::Ok {
        assert_eq!((outcome.message(), outcome.details()), (&*message, status.details()));
        assert_eq!(*outcome.metadata(), trailers);
        assert!(!details.is_empty() || outcome.detail::<RetryInfo>() == Some(typed));
    }
    read_details(&outcome);
    assert_eq!(call.take_headers(), Some(if with_headers { headers } else { Metadata::new() }));
    assert_eq!(call.take_trailers(), Some(trailers));
}

/// Nothing in details makes reading them panic.
fn read_details(status: &Status) {
    let types = status.detail_types();
    assert!(types.iter().any(|url| url.ends_with("google.rpc.BadRequest")) || status.detail::<BadRequest>().is_none());
    let _ = (status.try_detail::<ErrorInfo>(), format!("{status} {status:?}"));
}

/// The client's end, with one call that has got response headers; the rest is the input's.
fn trailers(fields: &[(&[u8], &[u8])]) -> (Status, Metadata) {
    let mut raw = H2Raw::over(Side::Client, Connection::client(config(), Clock::new().now()));
    raw.greet();
    let now = raw.clock.now();
    let options = CallOptions { kind: Kind::BIDI, ..CallOptions::default() };
    let id = raw.connection.start(now, Head::new("/a.B/C"), &options).expect("the first call");
    raw.frames();
    raw.send_headers(1, &wire::RESPONSE, false).expect("a good answer");
    let mut block = Vec::new();
    for (name, value) in fields {
        wire::field(&mut block, name, value);
    }
    raw.send_frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &block).expect("HPACK is good");
    let mut call = raw.connection.call(id).expect("not released");
    let status = call.outcome().expect("trailers end a call").clone();
    assert!(matches!(call.recv(now, &mut MessageBuf::new()), Recv::End | Recv::Failed(_)));
    let trailers = call.take_trailers().unwrap_or_default();
    (status, trailers)
}

/// May HTTP/2 carry this value (RFC 9113 section 8.2.1, RFC 9110 section 5.5)?
fn is_value(value: &[u8]) -> bool {
    let outer = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    value.iter().all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f)) && !outer(value.first()) && !outer(value.last())
}

/// `grpc-status`, `grpc-message`, `grpc-status-details-bin` as the input has them.
fn foreign_trailers(input: &mut Input<'_>) {
    let (code, message, details) = (input.piece(), input.piece(), input.piece());
    let fields = [
        (&b"grpc-status"[..], code),
        (b"grpc-message", message),
        (b"grpc-status-details-bin", details),
        (b"x-last", b"1"),
    ];
    let (status, trailers) = trailers(&fields);
    if !fields.iter().all(|(_, value)| is_value(value)) {
        return;
    }
    let number = core::str::from_utf8(code).ok().filter(|text| text.len() < 3 && !text.starts_with('+'));
    let number = number.and_then(|text| text.parse::<i32>().ok().filter(|n| n.to_string() == text));
    assert_eq!(status.code(), number.map_or(Code::Unknown, Code::from_i32), "{}", code.escape_ascii());
    assert_eq!(trailers.get("x-last"), Some("1"));
    assert_eq!(status.message(), percent_decoded(message));
    read_details(&status);
}

/// PROTOCOL-HTTP2.md, "Responses": `%` and two hex digits are a byte; what is not is kept, and no message is lost.
fn percent_decoded(value: &[u8]) -> String {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < value.len() {
        let hex =
            value.get(at + 1..at + 3).filter(|digits| value[at] == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        match hex.and_then(|digits| core::str::from_utf8(digits).ok()).map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(value[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A server's end that gets a request with these fields as well. Its call, if there is one, and what it answered.
fn request(fields: &[(&[u8], &[u8])], check: impl FnOnce(Option<(Option<Duration>, Metadata)>)) {
    let mut raw = H2Raw::over(Side::Server, Connection::server(config(), Clock::new().now()));
    raw.greet();
    let now = raw.clock.now();
    let mut block = wire::block(&wire::REQUEST);
    for (name, value) in fields {
        wire::field(&mut block, name, value);
    }
    raw.send_frame(kind::HEADERS, flag::END_HEADERS, 1, &block).expect("HPACK is good");
    let call = raw.connection.accept().map(|id| {
        let mut call = raw.connection.call(id).expect("accepted");
        let found = (call.time_left(now), call.take_metadata());
        call.release(now);
        found
    });
    // What is refused is answered.
    assert!(call.is_some() || !raw.frames().is_empty());
    assert_eq!(raw.connection.active_calls(), 0);
    check(call);
}

/// `grpc-timeout` as the input has it: one to eight digits and a unit (PROTOCOL-HTTP2.md, "Requests").
fn foreign_timeout(value: &[u8]) {
    let nanos = value.split_last().and_then(|(unit, digits)| {
        let unit: u128 = match unit {
            b'n' => 1,
            b'u' => 1_000,
            b'm' => 1_000_000,
            b'S' => 1_000_000_000,
            b'M' => 60_000_000_000,
            b'H' => 3_600_000_000_000,
            _ => return None,
        };
        let good = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        let number: u128 = core::str::from_utf8(digits).ok().filter(|_| good)?.parse().ok()?;
        Some(number * unit)
    });
    request(&[(b"grpc-timeout", value)], |call| match nanos {
        None | Some(0) => assert!(call.is_none()),
        Some(nanos) => {
            let (left, _) = call.expect("a good time-out");
            let left = left.expect("a deadline").as_nanos();
            // Our clock ends after 584 years.
            assert!(left == nanos || (left < nanos && nanos > u128::from(u64::MAX) / 2), "{left} for {nanos}");
        }
    });
}

/// Any fields beside those of a good request.
fn foreign_metadata(input: &mut Input<'_>) {
    let mut fields = Vec::new();
    for _ in 0..1 + input.byte() % 6 {
        fields.push((input.piece(), input.piece()));
    }
    request(&fields, |call| {
        let Some((_, metadata)) = call else { return };
        for (name, value) in metadata.iter() {
            assert!(!name.is_empty() && !name.starts_with(':') && !name.bytes().any(|b| b.is_ascii_uppercase()));
            assert!(name.ends_with("-bin") || is_value(value), "{name}: {}", value.escape_ascii());
        }
        for (name, value) in &fields {
            let name = core::str::from_utf8(name).expect("it was accepted");
            let custom = !name.starts_with("grpc-") && metadata.contains(name);
            // White space around a value is left out.
            if custom && !name.ends_with("-bin") {
                assert!(metadata.iter().any(|(other, got)| other == name && got == value.trim_ascii()));
            }
        }
    });
}

/// Seeds: a call with everything, and wire forms good and bad.
pub fn seeds() -> Vec<Vec<u8>> {
    let pieces = |first: &[u8], pieces: &[&[u8]]| {
        let mut out = first.to_vec();
        for piece in pieces {
            put_piece(&mut out, piece);
        }
        out
    };
    let list = |out: &mut Vec<u8>| {
        out.push(4);
        for (way, name, value) in
            [(0, "x-a", "1"), (1, "authorization", "secret"), (2, "t-bin", "\0\u{1}"), (3, "u", "")]
        {
            out.push(way);
            put_piece(out, name.as_bytes());
            put_piece(out, value.as_bytes());
        }
    };
    let mut seeds = Vec::new();
    for shift in [0, 20, 30, 34, 40, 50] {
        let mut out = vec![0];
        out.extend(0x1234_5678_9abc_def0_u64.to_le_bytes());
        out.push(shift);
        (0..3).for_each(|_| list(&mut out));
        out.push(5);
        put_piece(&mut out, " no such user: \u{263a} 100%\r\n ".as_bytes());
        put_piece(&mut out, &[8, 5]);
        out.push(shift & 1);
        seeds.push(out);
    }
    for code in ["0", "5", "16", "17", "00", "-1", "", "x"] {
        seeds.push(pieces(&[1], &[code.as_bytes(), b"no%20user %zz%", b"CAUSAW4="]));
    }
    for value in ["1n", "99999999H", "100m", "0S", "123456789S", "1", "S", "-1S", "1s"] {
        seeds.push([&[2][..], value.as_bytes()].concat());
    }
    seeds.push(pieces(&[3, 3], &[b"x-a", b"1", b"x-b-bin", b"AQID,BAUG", b"x-c-bin", b"AQ==", b"x-d", b"\xff\xfe"]));
    seeds.push(pieces(&[3, 1], &[b"x-b-bin", b"*", b"Upper", b"1"]));
    seeds.push(pieces(&[3, 1], &[b"connection", b"close", b"te", b"gzip"]));
    seeds
}
