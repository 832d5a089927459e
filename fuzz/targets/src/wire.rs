//! HTTP/2 written by hand, for seeds and scripts: header blocks without a table, so that the same bytes always mean the same.

use proto_core::frame::{self, Head, flag, kind};

/// A request's head, as gRPC wants it.
pub(crate) const REQUEST: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    (":authority", "host"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];

/// A response's head.
pub(crate) const RESPONSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];

/// An HPACK integer (RFC 7541 section 5.1).
fn integer(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
    let most = (1 << bits) - 1;
    if value < most {
        // Below 2^bits.
        return out.push(first | value as u8);
    }
    out.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A literal field without indexing (RFC 7541 section 6.2.2).
pub(crate) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    integer(out, 0, 7, name.len());
    out.extend_from_slice(name);
    integer(out, 0, 7, value.len());
    out.extend_from_slice(value);
}

/// A header block of such fields.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        field(&mut out, name.as_bytes(), value.as_bytes());
    }
    out
}

/// Any frame.
pub(crate) fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&Head { len: payload.len() as u32, kind, flags, stream }.to_bytes());
    out.extend_from_slice(payload);
}

/// HEADERS in one frame.
pub(crate) fn headers(out: &mut Vec<u8>, stream: u32, block: &[u8], end: bool) {
    frame(out, kind::HEADERS, flag::END_HEADERS | if end { flag::END_STREAM } else { 0 }, stream, block);
}

/// DATA.
pub(crate) fn data(out: &mut Vec<u8>, stream: u32, body: &[u8], end: bool) {
    frame(out, kind::DATA, if end { flag::END_STREAM } else { 0 }, stream, body);
}

/// A message in its frame.
pub(crate) fn message(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((body.len() as u32).to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

/// What a peer says first; a client's preface if it is one.
pub(crate) fn greeting(client: bool) -> Vec<u8> {
    let mut out = if client { frame::PREFACE.to_vec() } else { Vec::new() };
    frame::settings(&mut out, &[]);
    frame::settings_ack(&mut out);
    out
}

/// Every type of frame once, good and not so good, about these streams.
pub(crate) fn every_frame(streams: &[u32]) -> Vec<Vec<u8>> {
    use proto_core::error::ErrorCode::{Cancel, NoError};
    let mut all = Vec::new();
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        all.push(out);
    };
    for &stream in streams {
        add(&|out| frame::window_update(out, stream, 1));
        add(&|out| frame::window_update(out, stream, 0x7fff_ffff));
        add(&|out| frame::rst_stream(out, stream, Cancel));
        add(&|out| frame::continuation(out, stream, &[0x82], true));
        add(&|out| frame::priority(out, stream, frame::Dependency { on: 0, exclusive: true, weight: 9 }));
        // Padded DATA, and padded HEADERS with a priority.
        add(&|out| frame(out, kind::DATA, flag::PADDED, stream, &[2, 0, 0, 0, 0, 0, 0, 0]));
        add(&|out| frame(out, kind::HEADERS, 0x2c | flag::END_STREAM, stream, &[1, 0, 0, 0, 0, 9, 0x88, 0]));
    }
    add(&|out| frame::settings(out, &[(1, 0), (2, 0), (3, 1), (4, 3), (5, 16_384), (6, 100), (9, 9)]));
    add(&|out| frame::settings(out, &[(4, 0x7fff_ffff)]));
    add(&|out| frame::settings_ack(out));
    add(&|out| frame::ping(out, false, *b"12345678"));
    add(&|out| frame::ping(out, true, *b"12345678"));
    add(&|out| frame::goaway(out, 1, NoError, b"so long"));
    add(&|out| frame::push_promise(out, 1, 2, &[0x82], true));
    add(&|out| frame(out, 0xbe, 0xff, 1, b"unknown"));
    all
}
