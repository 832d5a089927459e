//! A client against a scripted server: every answer of the wire that servers are known to give, and the right verdict
//! on it. Each whole, byte by byte, and in random pieces.

mod ending;
mod response;
mod starting;

use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::{Client, Connection, Event};
use proto_core::error::ErrorCode;
use proto_core::frame::{self, flag, kind};
use proto_core::grpc::{Local, Seen};
use proto_core::h2::Side;
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, Clock, H2Raw, Random, RawFrame};
use proto_core::{Code, Config, MessageBuf, Origin, Status};
use std::time::Duration;

pub(super) type Raw = H2Raw<Connection<Client>>;

pub(super) const HEADERS: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];
pub(super) const OK: &[(&str, &str)] = &[("grpc-status", "0")];

pub(super) fn connect(config: Config, chop: Chop) -> Raw {
    let mut raw = Raw::over(Side::Client, Connection::client(config, Clock::new().now()));
    raw.greet();
    raw.chop = chop;
    raw
}

pub(super) fn start(raw: &mut Raw, kind: Kind, deadline: Option<Duration>) -> CallId {
    let now = raw.clock.now();
    let options = CallOptions { kind, deadline: deadline.map(|left| now + left), ..CallOptions::default() };
    let id = raw.connection.start(now, Head::new("/a.B/C"), &options).expect("it starts");
    raw.connection.call(id).unwrap().send(now, &b"q"[..]).unwrap();
    raw.frames();
    id
}

/// Everything that can be pulled, and the verdict.
pub(super) fn drain(raw: &mut Raw, id: CallId) -> (Vec<Vec<u8>>, Option<Status>) {
    let (now, mut buf, mut messages) = (raw.clock.now(), MessageBuf::new(), Vec::new());
    let mut call = raw.connection.call(id).unwrap();
    loop {
        match call.recv(now, &mut buf) {
            Recv::Message => {
                use bytes::Buf;
                messages.push(buf.copy_to_bytes(buf.remaining()).to_vec());
            }
            Recv::Pending => return (messages, None),
            Recv::End => return (messages, Some(call.outcome().expect("a verdict").clone())),
            Recv::Failed(status) => {
                assert_eq!(call.outcome().map(Status::code), Some(status.code()));
                return (messages, Some(status));
            }
        }
    }
}

pub(super) fn chops() -> Vec<Chop> {
    let seeded = (1..10).map(|seed| Chop::Random(Random::seed(seed)));
    [Chop::Whole, Chop::Ones].into_iter().chain(seeded).collect()
}

/// A bidi call; what the server answers; what the client makes of it.
pub(super) fn verdict(answer: impl Fn(&mut Raw)) -> (Vec<Vec<u8>>, Status) {
    verdict_of(Kind::BIDI, &answer)
}

pub(super) fn verdict_of(kind: Kind, answer: &dyn Fn(&mut Raw)) -> (Vec<Vec<u8>>, Status) {
    let mut all: Vec<(Vec<Vec<u8>>, Status)> = Vec::new();
    for chop in chops() {
        let mut raw = connect(Config::default(), chop);
        let id = start(&mut raw, kind, None);
        answer(&mut raw);
        let (messages, status) = drain(&mut raw, id);
        all.push((messages, status.expect("a verdict")));
    }
    let (messages, status) = all.pop().unwrap();
    for (other_messages, other) in all {
        assert_eq!((other_messages, other.code()), (messages.clone(), status.code()), "in any chopping");
    }
    (messages, status)
}

pub(super) fn code(answer: impl Fn(&mut Raw)) -> Code {
    verdict(answer).1.code()
}

pub(super) fn message(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((body.len() as u32).to_be_bytes());
    framed.extend(body);
    framed
}

pub(super) fn headers(raw: &mut Raw, fields: &[(&str, &str)], end: bool) {
    raw.send_headers(1, fields, end).unwrap();
}

pub(super) fn data(raw: &mut Raw, bytes: &[u8], end: bool) {
    raw.send_data(1, bytes, end).unwrap();
}

pub(super) fn reset(raw: &mut Raw, code: u32) {
    raw.send_frame(kind::RST_STREAM, 0, 1, &code.to_be_bytes()).unwrap();
}

pub(super) fn resets(frames: &[RawFrame]) -> Vec<u32> {
    frames.iter().filter(|frame| frame.head.kind == kind::RST_STREAM).filter_map(RawFrame::code).collect()
}

pub(super) fn goaway(raw: &mut Raw, last: u32, code: ErrorCode, debug: &[u8]) {
    raw.send_with(|out| frame::goaway(out, last, code, debug)).unwrap();
}
