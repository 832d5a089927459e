//! Loops whose write fails hear what their peer had said before.
//! (A reset leaves what came before it to be read on this system; on others it may be lost.)
#![cfg(target_os = "linux")]

use examples::hello::{HelloRequest, HelloServiceClient};
use examples::port::Port;
use proto_core::rpc::driven::{Caller, Driven, Lend};
use proto_core::{Config, Instant};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{cell::RefCell, rc::Rc, task::Poll};

/// SETTINGS; the head of a response to stream 1 that is trailers too: `:status: 200`, `content-type`, `grpc-status: 5`.
fn not_found() -> Vec<u8> {
    let mut block = vec![0x88];
    for (name, value) in [("content-type", "application/grpc"), ("grpc-status", "5")] {
        for (prefix, text) in [(&[0][..], name), (&[], value)] {
            block.extend_from_slice(prefix);
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let length = u8::try_from(block.len()).expect("it is short");
    [&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, length, 1, 5, 0, 0, 0, 1][..], &block].concat()
}

#[test]
fn an_answer_that_came_before_a_write_failed_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut port =
        Port::new(TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens")).expect("ours");
    let mut peer = listener.accept().expect("it has come").0;
    let now = Instant::ZERO;
    let connection = Rc::new(RefCell::new(Driven::client(Config::default(), now)));
    let hello = HelloServiceClient::new(Caller(connection.clone()));
    let (mut answered, mut cut) = (hello.say_hello(greet("Ada")), hello.say_hello(greet("Bob")));
    assert!(connection.lend(|c| port.transmit(c, now)));
    peer.read_exact(&mut [0]).expect("the client has written");
    peer.write_all(&not_found()).expect("there is room");
    // What it leaves unread makes the system reset the connection: our next write fails.
    drop(peer);
    let _third = hello.say_hello(greet("Cleo"));
    assert!(connection.lend(|c| port.transmit(c, now)), "nothing is over before the peer was heard");
    for _ in 0..2 {
        connection.lend(|c| port.receive(c, now));
    }
    let status = |reply: Poll<Result<_, proto_core::Status>>| match reply {
        Poll::Ready(Err(status)) => status.to_string(),
        Poll::Ready(Ok(_)) => "a reply".to_owned(),
        Poll::Pending => "nothing".to_owned(),
    };
    assert!(status(answered.poll_reply().map_ok(drop)).starts_with("NOT_FOUND"));
    let cut = status(cut.poll_reply().map_ok(drop));
    assert!(cut.contains("reset") || cut.contains("roken pipe"), "the words of the write: {cut}");
    assert!(!connection.lend(|c| port.transmit(c, now)), "it is over");
}

fn greet(name: &str) -> HelloRequest {
    HelloRequest { greeting: name.into() }
}
