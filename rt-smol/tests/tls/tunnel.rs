//! TLS inside the tunnel of an HTTP proxy: the proxy sees the target's name, and records.

use super::proxy::{answers, proxy};
use super::world::{World, greeting};
use futures_lite::future::block_on;
use proto_build_testing::hello::v1::HelloServiceClient;
use proto_core::h1::ConnectError;
use rt_smol::{Channel, Code};

#[test]
fn calls_go_over_tls_through_a_tunnel() {
    let world = World::new(|_, builder| builder);
    let server = world.server.address().to_string().parse().expect("a TCP server");
    let (proxy, requests) = proxy(server, "HTTP/1.1 200 OK\r\n\r\n");
    let channel = Channel::builder("https://no-such-host.invalid:443").tls(world.client());
    let channel = channel.proxy(format!("http://ada:secret@{proxy}"));
    block_on(async {
        let hello = HelloServiceClient::new(channel.connect().await.expect("the tunnel stands"));
        assert_eq!(hello.say_hello(greeting("Ada")).await.expect("a reply").reply, "Ada");
        let big = "y".repeat(1_000_000);
        assert!(hello.say_hello(greeting(big.clone())).await.expect("a reply").reply == big);
    });
    let head = requests.recv().expect("the proxy was asked");
    assert!(head.starts_with("CONNECT no-such-host.invalid:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic "), "{head}");
}

#[test]
fn records_that_come_with_the_proxys_answer_belong_to_tls() {
    let world = World::new(|_, builder| builder);
    // An alert, handshake_failure, in one packet with the answer.
    let proxy = answers(b"HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\0\x02\x02\x28");
    let channel = Channel::builder("https://x.invalid:443").tls(world.client()).proxy(proxy.to_string());
    let status = block_on(channel.connect()).expect_err("the alert was heard");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let text = status.to_string();
    assert!(text.contains("x.invalid:443 through proxy") && text.contains("in common"), "{text}");
}

#[test]
fn a_proxy_that_refuses_is_named_before_tls_begins() {
    let world = World::new(|_, builder| builder);
    let proxy = answers(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    let channel = Channel::builder("https://x.invalid:443").tls(world.client()).proxy(proxy.to_string());
    let status = block_on(channel.connect()).expect_err("there is no tunnel");
    assert!(status.to_string().contains("the proxy answered CONNECT with 403 Forbidden"), "{status}");
    let cause = status.source().and_then(|failure| failure.source()).and_then(|cause| cause.downcast_ref());
    assert_eq!(cause, Some(&ConnectError::Refused { status: 403, reason: "Forbidden".into() }));
}
