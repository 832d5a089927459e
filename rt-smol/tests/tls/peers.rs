//! Peers that do not play by the rules, at the server.

use super::world::{LONG, World, greeting};
use futures_lite::future::block_on;
use rt_smol::Address;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A warning, close_notify.
const CLOSE_NOTIFY: &[u8] = &[21, 3, 3, 0, 2, 1, 0];

fn socket(world: &World) -> TcpStream {
    let Address::Tcp(address) = world.server.address() else { panic!("a TCP server") };
    let socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(LONG)).expect("a socket option");
    socket
}

/// Everything until the end.
fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    socket.read_to_end(&mut all).expect("it ends");
    all
}

#[test]
fn a_client_that_says_nothing_is_sent_away_in_time() {
    let world = World::new(|_, builder| builder.handshake_timeout(Duration::from_millis(50)));
    assert_eq!(rest(socket(&world)), CLOSE_NOTIFY);
    let mut half = socket(&world);
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]).expect("it takes it");
    assert_eq!(rest(half), CLOSE_NOTIFY);
    assert_eq!(block_on(world.hello().say_hello(greeting("x"))).expect("a reply").reply, "x");
}

#[test]
fn a_client_that_shakes_hands_and_then_says_nothing_is_sent_away_too() {
    let world = World::new(|_, builder| builder.handshake_timeout(Duration::from_millis(200)));
    let mut stage = world.client().build().expect("good settings").stage("localhost").expect("a name");
    let mut socket = socket(&world);
    let (mut out, mut buf) = (Vec::new(), [0; 4_096]);
    loop {
        out.clear();
        stage.poll_transmit(&mut out);
        socket.write_all(&out).expect("it takes it");
        match socket.read(&mut buf).expect("it comes in time") {
            0 => break,
            n => stage.receive(&buf[..n]).expect("good records"),
        }
    }
    // TLS ended properly.
    assert!(stage.is_established() && stage.is_peer_closed());
}

#[test]
fn an_http1_client_is_answered_in_plain_text() {
    let world = World::new(|_, builder| builder);
    let mut socket = socket(&world);
    socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("it takes it");
    let answer = String::from_utf8(rest(socket)).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.ends_with("this port speaks gRPC and TLS only\n")
    );
}

#[test]
fn a_huge_client_hello_and_a_close_notify_after_one_end_the_connection() {
    let world = World::new(|_, builder| builder);
    let mut huge = socket(&world);
    huge.write_all(&[22, 3, 1, 0x40, 0, 1, 0, 0x40, 1]).expect("it takes it");
    assert_eq!(rest(huge), b"");
    assert_eq!(world.failure(), "the client sent more than 16384 bytes of a ClientHello");

    let mut gone = socket(&world);
    let mut hello = Vec::new();
    world.client().build().expect("good").stage("localhost").expect("a name").poll_transmit(&mut hello);
    hello.extend_from_slice(&[21, 3, 3, 0, 2, 1, 0]);
    gone.write_all(&hello).expect("it takes it");
    assert!(!rest(gone).is_empty());
    assert_eq!(block_on(world.hello().say_hello(greeting("x"))).expect("a reply").reply, "x");
}

#[test]
fn a_server_stops_while_handshakes_are_pending() {
    let world = World::new(|_, builder| builder);
    let (silent, mut half) = (socket(&world), socket(&world));
    half.write_all(&[22, 3, 1, 2, 0]).expect("it takes it");
    // Both have arrived when a later one has.
    assert_eq!(block_on(world.hello().say_hello(greeting("x"))).expect("a reply").reply, "x");
    let report = block_on(world.server.shutdown(LONG * 100));
    assert_eq!((report.connections, report.calls), (3, 1));
    assert_eq!(rest(silent), CLOSE_NOTIFY);
}
