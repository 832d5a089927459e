//! Peers that do not play by the rules, at the server.

use rt_common_testing::greeter::greeting;
use rt_common_testing::runtime::{Channel, Running, ServerBuilder};
use rt_common_testing::{LONG, Runtime, World, on_both, setup};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A warning, close_notify.
const CLOSE_NOTIFY: &[u8] = &[21, 3, 3, 0, 2, 1, 0];

on_both! {
    a_client_that_says_nothing_is_sent_away_in_time,
    a_client_that_shakes_hands_and_then_says_nothing_is_sent_away_too,
    an_http1_client_is_answered_in_plain_text,
    a_huge_client_hello_and_a_close_notify_after_one_end_the_connection,
    a_server_stops_while_handshakes_are_pending,
}

/// Everything until the end.
fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    socket.read_to_end(&mut all).expect("it ends");
    all
}

fn a_client_that_says_nothing_is_sent_away_in_time<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder.handshake_timeout(Duration::from_millis(50)));
    assert_eq!(rest(setup::socket(world.server.address())), CLOSE_NOTIFY);
    let mut half = setup::socket(world.server.address());
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]).expect("it takes it");
    assert_eq!(rest(half), CLOSE_NOTIFY);
    assert_eq!(world.connect().say_hello(greeting("x")).expect("a reply").reply, "x");
}

fn a_client_that_shakes_hands_and_then_says_nothing_is_sent_away_too<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder.handshake_timeout(Duration::from_millis(200)));
    let mut stage = world.client().build().expect("good settings").stage("localhost").expect("a name");
    let mut socket = setup::socket(world.server.address());
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

fn an_http1_client_is_answered_in_plain_text<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let mut socket = setup::socket(world.server.address());
    socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("it takes it");
    let answer = String::from_utf8(rest(socket)).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.ends_with("this port speaks gRPC and TLS only\n")
    );
}

fn a_huge_client_hello_and_a_close_notify_after_one_end_the_connection<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let mut huge = setup::socket(world.server.address());
    huge.write_all(&[22, 3, 1, 0x40, 0, 1, 0, 0x40, 1]).expect("it takes it");
    assert_eq!(rest(huge), b"");
    assert_eq!(world.failure(), "the client sent more than 16384 bytes of a ClientHello");

    let mut gone = setup::socket(world.server.address());
    let mut hello = Vec::new();
    world.client().build().expect("good").stage("localhost").expect("a name").poll_transmit(&mut hello);
    hello.extend_from_slice(&[21, 3, 3, 0, 2, 1, 0]);
    gone.write_all(&hello).expect("it takes it");
    assert!(!rest(gone).is_empty());
    assert_eq!(world.connect().say_hello(greeting("x")).expect("a reply").reply, "x");
}

fn a_server_stops_while_handshakes_are_pending<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let (silent, mut half) = (setup::socket(world.server.address()), setup::socket(world.server.address()));
    half.write_all(&[22, 3, 1, 2, 0]).expect("it takes it");
    // Both have arrived when a later one has.
    assert_eq!(world.connect().say_hello(greeting("x")).expect("a reply").reply, "x");
    let report = world.server.shutdown(LONG * 100);
    assert_eq!((report.connections, report.calls), (3, 1));
    assert_eq!(rest(silent), CLOSE_NOTIFY);
}
