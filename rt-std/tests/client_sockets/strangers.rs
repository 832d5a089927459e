//! Peers that are no gRPC servers: what is there is said, and nobody waits for ever.

use crate::support::{ECHO, request, unary};
use crate::{MS, raw_peer};
use proto_core::grpc::{Local, Origin, Seen};
use proto_core::rpc::Front;
use rt_std::{Channel, Code};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// Each gives UNAVAILABLE, at the connect and at a call, and the text says what is there.
fn is_no_grpc_server(address: SocketAddr, says: &str) {
    for status in [
        Channel::connect(address.to_string()).expect_err("no gRPC is spoken there"),
        unary(&Channel::new(address.to_string()).expect("a target"), &ECHO, b"x").expect_err("no gRPC is spoken there"),
    ] {
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No), "{status}");
        let text = status.to_string();
        assert!(text.contains(&address.to_string()), "{text}");
        assert!(text.contains(says), "{text}");
    }
}

/// Answers with these bytes, whatever came, and says no more.
fn answers(bytes: &'static [u8]) -> SocketAddr {
    raw_peer(move |mut stream| {
        let _ = stream.read(&mut [0; 1000]);
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        // The client hangs up.
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        while matches!(stream.read(&mut [0; 1000]), Ok(1..)) {}
    })
}

#[test]
fn a_peer_that_speaks_http_1() {
    let says = "the server speaks HTTP/1.1, not HTTP/2: it answered \"HTTP/1.1 400 Bad Request\"";
    is_no_grpc_server(answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), says);
}

#[test]
fn a_peer_that_speaks_tls() {
    // An alert: protocol version.
    is_no_grpc_server(answers(&[21, 3, 3, 0, 2, 2, 70]), "the server expects TLS");
}

#[test]
fn a_peer_that_sends_an_html_page() {
    is_no_grpc_server(answers(b"<!DOCTYPE html>\n<html><body>It works!</body></html>\n"), "HTML");
}

#[test]
fn a_peer_that_sends_noise() {
    is_no_grpc_server(answers(&[0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), "HTTP/2");
}

#[test]
fn a_peer_that_closes_at_once() {
    is_no_grpc_server(raw_peer(drop), "");
}

#[test]
fn a_peer_that_accepts_and_stays_silent() {
    let address = raw_peer(std::mem::forget);
    let builder = || Channel::builder(address.to_string()).connect_timeout(200 * MS);
    let status = builder().connect().expect_err("nothing comes");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.to_string().contains("SETTINGS"), "{status}");
    // A call's own deadline may be sooner, and says what was waited for.
    let channel = Channel::new(address.to_string()).expect("a target");
    let status = channel.unary(&ECHO, request(b"x").with_timeout(50 * MS)).expect_err("nothing comes");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.seen_by_server(), Seen::No);
    assert!(status.to_string().contains("SETTINGS"), "{status}");
    assert!(matches!(status.origin(), Origin::Local(Local::DeadlineExceeded { .. })));
}
