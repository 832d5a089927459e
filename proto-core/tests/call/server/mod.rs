//! A server against a scripted client: requests as clients are known to send them, proper and improper, and the right
//! answers. Each whole, byte by byte, and in random pieces.

mod answering;
mod ending;
mod places;
mod requests;

use proto_core::buf::Payload;
use proto_core::call::{CallId, Kind, Recv};
use proto_core::connection::{Connection, Event, Server};
use proto_core::error::ErrorCode;
use proto_core::frame::{self, flag, kind};
use proto_core::h2::Side;
use proto_core::hpack::HeaderList;
use proto_core::testkit::{Chop, Clock, H2Raw, Random, RawFrame};
use proto_core::{Code, Config, MessageBuf, Metadata, Status};
use std::time::Duration;

pub(super) type Raw = H2Raw<Connection<Server>>;

pub(super) const REQUEST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    (":authority", "host"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];

pub(super) fn connect(config: Config, chop: Chop) -> Raw {
    let mut raw = Raw::over(Side::Server, Connection::server(config, Clock::new().now()));
    raw.greet();
    raw.chop = chop;
    raw
}

pub(super) fn chops() -> Vec<Chop> {
    let seeded = (1..10).map(|seed| Chop::Random(Random::seed(seed)));
    [Chop::Whole, Chop::Ones].into_iter().chain(seeded).collect()
}

/// A proper request with these fields instead of its own, or beside them.
pub(super) fn request<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = REQUEST.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let changed = changed.iter().filter(|(_, value)| *value != "(none)");
    let (pseudo, other): (Vec<_>, Vec<_>) = usual.chain(changed).copied().partition(|(name, _)| name.starts_with(':'));
    [pseudo, other].concat()
}

/// The response on stream 1 to a request that gets no handler.
pub(super) fn refused(changed: &[(&str, &str)]) -> HeaderList {
    let mut answer = None;
    for chop in chops() {
        let mut raw = connect(Config::default(), chop);
        raw.send_headers(1, &request(changed), false).unwrap();
        assert_eq!(raw.connection.accept(), None, "no handler sees it");
        let frames = raw.frames();
        assert_eq!((frames[0].head.kind, frames[0].head.flags), (kind::HEADERS, flag::END_HEADERS | flag::END_STREAM));
        assert_eq!(frames.iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [0], "RST_STREAM(NO_ERROR)");
        assert_eq!(raw.connection.active_calls(), 0);
        answer = Some(raw.fields(&frames[0]));
    }
    answer.expect("an answer")
}

pub(super) fn field(list: &HeaderList, name: &str) -> Option<String> {
    list.iter().find(|f| f.name.as_bytes() == name.as_bytes()).map(|f| String::from_utf8_lossy(f.value).into())
}

/// The status of a response that is trailers alone.
pub(super) fn status(list: &HeaderList) -> (Code, String) {
    assert_eq!(field(list, ":status").as_deref(), Some("200"));
    assert_eq!(field(list, "content-type").as_deref(), Some("application/grpc"));
    let code = field(list, "grpc-status").expect("a status");
    (Code::parse(code.as_bytes()), field(list, "grpc-message").unwrap_or_default())
}

pub(super) fn message(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((body.len() as u32).to_be_bytes());
    framed.extend(body);
    framed
}

/// A request that is accepted.
pub(super) fn accept(raw: &mut Raw, stream: u32, changed: &[(&str, &str)], kind: Kind) -> CallId {
    raw.send_headers(stream, &request(changed), false).unwrap();
    let id = raw.connection.accept().expect("a call");
    raw.connection.call(id).unwrap().set_kind(kind);
    raw.frames();
    id
}

pub(super) fn outcome(raw: &mut Raw, id: CallId) -> Option<Code> {
    raw.connection.call(id).unwrap().outcome().map(Status::code)
}
