//! What the scenarios share.

use bytes::Buf;
use proto_core::MessageBuf;
use proto_core::h2::{Connection, Event, Ready, StreamKey};
use proto_core::hpack::Known;
use proto_core::testkit::{Chop, H2Pair, Random};
use proto_core::{Config, error::ConnectionError};

/// Runs the scenario over every kind of link, with these settings on both ends.
pub(crate) fn over_every_link_with(client: &Config, server: &Config, scenario: impl Fn(H2Pair)) {
    let chops = [Chop::Whole, Chop::Ones].into_iter().chain((0..5).map(|seed| Chop::Random(Random::seed(seed))));
    for chop in chops {
        scenario(H2Pair::with_config(chop, client, server));
    }
}

/// Runs the scenario over every kind of link.
pub(crate) fn over_every_link(scenario: impl Fn(H2Pair)) {
    over_every_link_with(&Config::default(), &Config::default(), scenario);
}

/// The client opens a stream.
pub(crate) fn request(pair: &mut H2Pair, end: bool) -> StreamKey {
    let mut block = pair.client.open(pair.clock.now(), 7).expect("a stream");
    block.field(Known::Method, b"POST");
    block.field(Known::Scheme, b"http");
    block.field(Known::Path, b"/a");
    block.other(b"x-one", b"1", false);
    block.end(end)
}

/// A stream that both ends know.
pub(crate) fn open(pair: &mut H2Pair, end: bool) -> (StreamKey, StreamKey) {
    pair.run();
    pair.server_events();
    let client = request(pair, end);
    pair.run();
    (client, at_server(pair).0)
}

/// The stream that the server reported last, with what is ready.
pub(crate) fn at_server(pair: &mut H2Pair) -> (StreamKey, Ready) {
    last_stream(&pair.server_events())
}

/// The stream that the client reported last, with what is ready.
pub(crate) fn at_client(pair: &mut H2Pair) -> (StreamKey, Ready) {
    last_stream(&pair.client_events())
}

fn last_stream(events: &[Event]) -> (StreamKey, Ready) {
    let stream = events.iter().rev().find_map(|event| match event {
        Event::Stream { key, ready, .. } => Some((*key, *ready)),
        _ => None,
    });
    stream.unwrap_or_else(|| panic!("no stream in {events:?}"))
}

/// Takes everything that has arrived.
pub(crate) fn read(connection: &mut Connection, key: StreamKey) -> Vec<u8> {
    let mut stream = connection.stream(key).expect("a stream");
    let mut message = MessageBuf::new();
    let n = stream.available();
    stream.take(0, n, &mut message);
    message.copy_to_bytes(n).to_vec()
}

/// Sends without a prefix.
pub(crate) fn send(connection: &mut Connection, key: StreamKey, body: &[u8], end: bool) {
    connection.stream(key).expect("a stream").send_data(b"", body.into(), end, false).expect("room");
}

/// Writes response headers.
pub(crate) fn respond(connection: &mut Connection, key: StreamKey, end: bool) {
    let mut block = connection.stream(key).expect("a stream").send_headers().expect("may respond");
    block.field(Known::Status, b"200");
    let _ = block.end(end);
}

/// Writes trailers.
pub(crate) fn trailers(connection: &mut Connection, key: StreamKey) {
    let mut block = connection.stream(key).expect("a stream").send_headers().expect("may end");
    block.field(Known::GrpcStatus, b"0");
    let _ = block.end(true);
}

/// Lets go of the stream.
pub(crate) fn release(connection: &mut Connection, key: StreamKey) {
    connection.stream(key).expect("a stream").release();
}

/// The text of the reason for which it closed.
pub(crate) fn close_reason(connection: &Connection) -> &ConnectionError {
    connection.close_reason().expect("closed")
}

/// Seeds of a random test: so many, or as many as the environment variable `SEEDS` says, or the one that `SEED` names.
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|n| n.parse().ok());
    match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(usual),
    }
}
