//! Peers that mean no good, or speak something else: each costs its own connection, and nothing else.

use rt_common_testing::runtime::{Running, ServerBuilder};
use rt_common_testing::toy::M;
use rt_common_testing::{LONG, Runtime, Setup, on_both};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

on_both! {
    a_bad_peer_costs_its_own_connection,
    an_http_1_request_gets_an_answer_that_says_what_is_spoken_here,
    connections_that_are_gone_before_they_are_accepted_do_no_harm,
}

/// The preface of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Everything until the server closes.
fn answer<R: Runtime>(setup: &Setup<R>, sent: &[u8], half_close: bool) -> Vec<u8> {
    let mut socket = setup.socket();
    socket.write_all(sent).expect("it can be written");
    if half_close {
        socket.shutdown(Shutdown::Write).expect("it can be shut");
    }
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("the server did not close: {error}"),
        _ => answer,
    }
}

fn a_bad_peer_costs_its_own_connection<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.handshake_timeout(Duration::from_millis(200)));
    let mut good = setup.client();
    good.ping_within(1, LONG);
    let noise: Vec<u8> = (0..2000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut wrong_frame = PREFACE.to_vec();
    // DATA on stream 0.
    wrong_frame.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, b'x']);
    let tls: &[u8] = &[0x16, 3, 1, 0, 0xf0, 1, 0, 0, 0xec, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let peers: [(&str, &[u8], bool); 7] = [
        ("HTTP/1.1", b"GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n", false),
        ("TLS", tls, false),
        ("noise", &noise, false),
        ("half a preface", &PREFACE[..10], true),
        ("half a preface, then silence", &PREFACE[..10], false),
        ("silence", b"", false),
        ("a frame that must not be", &wrong_frame, false),
    ];
    for (number, (who, sent, half_close)) in (2..).zip(peers) {
        let answer = answer(&setup, sent, half_close);
        println!("{who}: answered with {} bytes", answer.len());
        good.ping_within(number, LONG);
    }
    setup.until("only the good one is left", || setup.server.counts().connections == 1);
    good.request(1, M::Echo.info(), None, b"still there");
    good.until("an answer", |c| c.ended(1).is_some());
}

/// As curl and browsers do; `Connection: close` is what they read on for.
fn an_http_1_request_gets_an_answer_that_says_what_is_spoken_here<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.handshake_timeout(LONG));
    let get = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n";
    let whole = String::from_utf8(answer(&setup, get, false)).expect("a text");
    let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 505 ") && head.ends_with("connection: close"), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    assert!(body.contains("gRPC") && body.contains("prior knowledge"), "{body}");

    let mut socket = setup.socket();
    socket.set_nodelay(true).expect("a socket option");
    for byte in get {
        socket.write_all(&[*byte]).expect("the server reads");
    }
    let mut slowly = String::new();
    socket.read_to_string(&mut slowly).expect("an answer, and the end");
    assert_eq!(slowly, whole);

    let head = answer(&setup, b"HEAD / HTTP/1.0\r\n\r\n", false);
    assert!(head.starts_with(b"HTTP/1.1 505 ") && head.ends_with(b"\r\n\r\n"));
    // What is left unread of a body does not cost the client the answer.
    let mut post = b"POST /a.B/C HTTP/1.1\r\nContent-Type: application/grpc\r\nContent-Length: 99999\r\n\r\n".to_vec();
    post.resize(post.len() + 99_999, b'x');
    let told = String::from_utf8(answer(&setup, &post, false)).expect("a text");
    assert!(told.contains("This gRPC request came over HTTP/1.1"), "{told}");
    setup.until("none is left", || setup.server.counts().connections == 0);
}

fn connections_that_are_gone_before_they_are_accepted_do_no_harm<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b);
    for _ in 0..200 {
        drop(setup.socket());
    }
    let mut c = setup.client();
    c.ping_within(1, LONG);
    setup.until("all others are gone", || setup.server.counts().connections == 1);
}
