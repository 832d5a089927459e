//! Scripted peers of a gRPC connection: a client's and a server's end whose other end is written frame by frame.
#![allow(dead_code)] // Each test binary uses its own part.

use bytes::Buf;
use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::{Client, Connection, Event, Server};
use proto_core::frame::kind;
use proto_core::h2::Side;
use proto_core::testkit::{Clock, H2Raw, RawFrame};
use proto_core::{Config, MessageBuf, Status};

pub(crate) type RawClient = H2Raw<Connection<Client>>;
pub(crate) type RawServer = H2Raw<Connection<Server>>;

pub(crate) const REQUEST: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    (":authority", "host"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];
pub(crate) const RESPONSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];
pub(crate) const OK: [(&str, &str); 1] = [("grpc-status", "0")];
pub(crate) const TRAILERS_ONLY_OK: [(&str, &str); 3] =
    [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")];

/// A client whose server is the script; greetings are exchanged.
pub(crate) fn client(config: Config) -> RawClient {
    let mut raw = RawClient::over(Side::Client, Connection::client(config, Clock::new().now()));
    raw.greet();
    while raw.connection.poll_event().is_some() {}
    raw
}

/// A server whose client is the script; greetings are exchanged.
pub(crate) fn server(config: Config) -> RawServer {
    let mut raw = RawServer::over(Side::Server, Connection::server(config, Clock::new().now()));
    raw.greet();
    while raw.connection.poll_event().is_some() {}
    raw
}

/// A message in its frame.
pub(crate) fn message(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((body.len() as u32).to_be_bytes());
    framed.extend(body);
    framed
}

/// A call of this kind, with one small message if it is to have one.
pub(crate) fn start(raw: &mut RawClient, kind: Kind, request: Option<&[u8]>) -> CallId {
    let now = raw.clock.now();
    let options = CallOptions { kind, ..CallOptions::default() };
    let id = raw.connection.start(now, Head::new("/a.B/C"), &options).expect("it starts");
    if let Some(request) = request {
        raw.connection.call(id).unwrap().send_last(now, request).unwrap();
    }
    id
}

/// A request that the server accepts.
pub(crate) fn accept(raw: &mut RawServer, stream: u32, kind: Kind, end: bool) -> CallId {
    raw.send_headers(stream, &REQUEST, end).unwrap();
    let id = raw.connection.accept().expect("a call");
    raw.connection.call(id).unwrap().set_kind(kind);
    id
}

pub(crate) fn client_events(raw: &mut RawClient) -> Vec<Event> {
    std::iter::from_fn(|| raw.connection.poll_event()).collect()
}

pub(crate) fn server_events(raw: &mut RawServer) -> Vec<Event> {
    std::iter::from_fn(|| raw.connection.poll_event()).collect()
}

/// One pull at the client.
pub(crate) fn pull(raw: &mut RawClient, id: CallId) -> (Recv, Vec<u8>) {
    let (now, mut buf) = (raw.clock.now(), MessageBuf::new());
    let recv = raw.connection.call(id).unwrap().recv(now, &mut buf);
    let bytes = buf.copy_to_bytes(buf.remaining()).to_vec();
    (recv, bytes)
}

/// The client's verdict, which must stand.
pub(crate) fn verdict(raw: &mut RawClient, id: CallId) -> Status {
    raw.connection.call(id).unwrap().outcome().expect("a verdict").clone()
}

/// The codes of all RST_STREAM frames.
pub(crate) fn resets(frames: &[RawFrame]) -> Vec<u32> {
    frames.iter().filter(|frame| frame.head.kind == kind::RST_STREAM).filter_map(RawFrame::code).collect()
}

/// The code of the GOAWAY among them.
pub(crate) fn goaway(frames: &[RawFrame]) -> Option<u32> {
    frames.iter().rev().find(|frame| frame.head.kind == kind::GOAWAY).and_then(RawFrame::code)
}
