//! A server that an HTTP/1.x client has come to.

use proto_core::connection::{Event, Server};
use proto_core::error::{ConnectionError, Stranger};
use proto_core::{Config, Connection, Incoming, Instant, Outgoing};
use std::time::Duration;

const GET: &[u8] = b"GET /index.html?a=b HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n";

struct Port {
    now: Instant,
    connection: Connection<Server>,
    incoming: Incoming,
}

impl Port {
    fn new() -> Self {
        let now = Instant::from_nanos(1);
        Port { now, connection: Connection::server(Config::default(), now), incoming: Incoming::new() }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.incoming.extend_from_slice(bytes);
        self.connection.receive(self.now, &mut self.incoming)
    }

    fn said(&mut self) -> String {
        let (mut out, mut all) = (Outgoing::new(), Vec::new());
        while self.connection.poll_transmit(self.now, &mut out) {
            let mut segments = [&[][..]; 16];
            let n = out.segments(&mut segments);
            let written: usize = segments[..n].iter().map(|segment| segment.len()).sum();
            segments[..n].iter().for_each(|segment| all.extend_from_slice(segment));
            out.advance(written);
        }
        String::from_utf8(all).expect("a text")
    }
}

fn asked(request: &str) -> ConnectionError {
    ConnectionError::NotHttp2 { peer: Stranger::Http1Client { request: request.into() } }
}

#[test]
fn an_http_1_request_is_answered_in_http_1_and_then_the_connection_is_over() {
    for size in [1, 2, 7, GET.len()] {
        let mut port = Port::new();
        let outcomes: Vec<_> = GET.chunks(size).map(|piece| port.receive(piece)).collect();
        let (last, before) = outcomes.split_last().unwrap();
        assert!(before.iter().all(Result::is_ok) && *last == Err(asked("GET /index.html HTTP/1.1")), "{outcomes:?}");
        assert_eq!(port.connection.poll_event(), Some(Event::Closed));
        assert!(port.connection.is_closed() && port.connection.has_output());
        // What follows is dropped.
        assert!(port.receive(GET).is_err());
        port.connection.receive_eof(port.now);
        let said = port.said();
        assert!(said.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{said}");
        assert!(said.contains("\r\nconnection: close\r\n") && said.contains("This is a gRPC server"), "{said}");
        assert!(!port.connection.has_output() && port.connection.poll_timeout().is_none());
    }
}

#[test]
fn grpc_over_http_1_is_told_so() {
    let mut port = Port::new();
    let request = b"POST /hello.v1.HelloService/SayHello HTTP/1.1\r\ncontent-type: application/grpc\r\n\r\n\0\0\0\0\0";
    assert!(port.receive(request).is_err());
    let said = port.said();
    assert!(said.contains("This gRPC request came over HTTP/1.1"), "{said}");
}

#[test]
fn a_request_that_never_ends_is_ended_by_the_handshake_time_out() {
    for request in [&b"GET /slow HTTP/1.1\r\nHost: "[..], b"GET /slow"] {
        let mut port = Port::new();
        assert_eq!(port.receive(request), Ok(()));
        assert_eq!(port.connection.poll_timeout(), Some(port.now + Config::default().handshake_timeout));
        port.now = port.now + Duration::from_secs(20);
        port.connection.handle_timeout(port.now);
        let reason = port.connection.close_reason().unwrap().to_string();
        assert!(reason.starts_with("the client speaks HTTP/1.1, not HTTP/2: it asked \"GET /slow"), "{reason}");
        assert_eq!(port.said(), "");
    }
}

#[test]
fn a_request_without_end_is_answered_within_bounds() {
    let mut port = Port::new();
    assert_eq!(port.receive(b"GET / HTTP/1.1\r\n"), Ok(()));
    let mut received = 0;
    while port.receive(b"x-more: and more and more and more and more\r\n").is_ok() {
        received += 45;
        assert!(received < 20_000);
    }
    assert!(port.said().starts_with("HTTP/1.1 431 "));
    assert_eq!(port.connection.close_reason(), Some(&asked("GET / HTTP/1.1")));
}

#[test]
fn others_are_not_answered() {
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello world, how are you?\r\n", b"GET /\r\n"]
    {
        let mut port = Port::new();
        let error = port.receive(bytes).expect_err("it is no HTTP/2");
        assert!(matches!(error, ConnectionError::NotHttp2 { .. }), "{error}");
        assert_eq!(port.said(), "");
    }
}
