//! TLS inside the tunnel of an HTTP proxy: the proxy sees the target's name, and records.

use super::proxy::{answers, proxy};
use super::world::{World, greeting};
use proto_build_testing::hello::v1::HelloServiceClient;
use rt_std::{Channel, Code};
use std::net::SocketAddr;

fn address(world: &World) -> SocketAddr {
    world.server.address().to_string().parse().expect("a TCP server")
}

#[test]
fn calls_go_over_tls_through_a_tunnel() {
    let world = World::new(|_, builder| builder);
    let (proxy, requests) = proxy(address(&world), "HTTP/1.1 200 OK\r\n\r\n");
    let channel = Channel::builder("https://no-such-host.invalid:443").tls(world.client());
    let channel = channel.proxy(format!("http://ada:secret@{proxy}")).connect().expect("the tunnel stands");
    let hello = HelloServiceClient::new(channel);
    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Ada");
    let big = "y".repeat(1_000_000);
    assert!(hello.say_hello(greeting(big.clone())).expect("a reply").reply == big);
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
    let status = channel.connect().expect_err("the alert was heard");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let text = status.to_string();
    assert!(text.contains("x.invalid:443 through proxy") && text.contains("in common"), "{text}");
}

#[test]
fn a_proxy_that_refuses_is_named_before_tls_begins() {
    let world = World::new(|_, builder| builder);
    let proxy = answers(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    let channel = Channel::builder("https://x.invalid:443").tls(world.client()).proxy(proxy.to_string());
    let text = channel.connect().expect_err("there is no tunnel").to_string();
    assert!(text.contains("the proxy answered CONNECT with 403 Forbidden"), "{text}");
}
