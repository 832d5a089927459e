//! TLS inside the tunnel of an HTTP proxy: the proxy sees the target's name, and records.

use proto_core::Code;
use proto_core::h1::ConnectError;
use rt_common_testing::greeter::greeting;
use rt_common_testing::proxy::{answers, proxy};
use rt_common_testing::runtime::{Channel, ChannelBuilder, Running};
use rt_common_testing::{Runtime, World, on_both, setup};

on_both! {
    calls_go_over_tls_through_a_tunnel,
    records_that_come_with_the_proxys_answer_belong_to_tls,
    a_proxy_that_refuses_is_named_before_tls_begins,
}

fn calls_go_over_tls_through_a_tunnel<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let (proxy, requests) = proxy(setup::tcp(world.server.address()), "HTTP/1.1 200 OK\r\n\r\n");
    let channel = R::channel("https://no-such-host.invalid:443").tls(world.client());
    let channel = channel.proxy(&format!("http://ada:secret@{proxy}")).connect().expect("the tunnel stands");
    assert_eq!(channel.say_hello(greeting("Ada")).expect("a reply").reply, "Ada");
    let big = "y".repeat(1_000_000);
    assert!(channel.say_hello(greeting(big.clone())).expect("a reply").reply == big);
    let head = requests.recv().expect("the proxy was asked");
    assert!(head.starts_with("CONNECT no-such-host.invalid:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic "), "{head}");
}

fn records_that_come_with_the_proxys_answer_belong_to_tls<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    // An alert, handshake_failure, in one packet with the answer.
    let proxy = answers(b"HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\0\x02\x02\x28");
    let channel = R::channel("https://x.invalid:443").tls(world.client()).proxy(&proxy.to_string());
    let status = channel.connect().map(drop).expect_err("the alert was heard");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let text = status.to_string();
    assert!(text.contains("x.invalid:443 through proxy") && text.contains("in common"), "{text}");
}

fn a_proxy_that_refuses_is_named_before_tls_begins<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let proxy = answers(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    let channel = R::channel("https://x.invalid:443").tls(world.client()).proxy(&proxy.to_string());
    let status = channel.connect().map(drop).expect_err("there is no tunnel");
    assert!(status.to_string().contains("the proxy answered CONNECT with 403 Forbidden"), "{status}");
    let cause = status.source().and_then(|failure| failure.source()).and_then(|cause| cause.downcast_ref());
    assert_eq!(cause, Some(&ConnectError::Refused { status: 403, reason: "Forbidden".into() }));
}
