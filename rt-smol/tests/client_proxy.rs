//! The async client through HTTP proxies: tunnels that work, proxies that refuse, break off, or are slow.
#![allow(dead_code, unreachable_pub)]

include!("support/hello.rs");

use proto_core::h1::{ConnectError, ProxyError};
use rt_common_testing::proxy::{self, answers, listener, read_head, relay};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

const MS: Duration = Duration::from_millis(1);

fn address(server: &Running) -> SocketAddr {
    server.address().to_string().parse().expect("a TCP server")
}

fn through(target: &str, proxy: impl std::fmt::Display) -> ChannelBuilder {
    Channel::builder(target).proxy(format!("http://{proxy}"))
}

async fn hello_through(builder: ChannelBuilder) -> Result<String, Status> {
    let hello = HelloServiceClient::new(builder.connect().await?);
    Ok(hello.say_hello(greeting("Ada")).await?.reply.clone())
}

#[test]
fn calls_go_through_a_tunnel_and_the_name_is_left_to_the_proxy() {
    let server = server();
    let (proxy, requests) = proxy::proxy(address(&server), "HTTP/1.1 200 OK\r\n\r\n");
    let named = format!("Aladdin:open%20sesame@localhost:{}", proxy.port());
    let reply = smol::block_on(hello_through(through("no-such-host.invalid:50051", named)));
    assert_eq!(reply.expect("a reply"), "Hello, Ada!");
    let head = requests.recv().expect("the proxy was asked");
    assert!(head.starts_with("CONNECT no-such-host.invalid:50051 HTTP/1.1\r\nHost: no-such-host.invalid"), "{head}");
    assert!(head.contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{head}");
}

#[test]
fn bytes_that_come_with_the_answer_belong_to_the_connection() {
    let proxy = listener(|mut client| {
        read_head(&mut client);
        // The server's SETTINGS come before its own, and in one write with the proxy's answer. That makes them an empty change.
        client
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x06\0\0\0\0\0left-ove")
            .expect("it reads");
        let mut greeting = Vec::new();
        while !greeting.ends_with(b"left-ove") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut client, &mut byte).expect("the client answers");
            greeting.push(byte[0]);
        }
    });
    let error = smol::block_on(async {
        let channel = through("x.invalid:1", proxy).connect().await.expect("SETTINGS came with the answer");
        HelloServiceClient::new(channel).say_hello(greeting("Ada")).await.expect_err("the proxy hangs up")
    });
    // It hung up because the PING was answered.
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

#[test]
fn an_answer_in_single_bytes_after_interim_ones_is_understood() {
    let running = server();
    let server = address(&running);
    let proxy = listener(move |mut client| {
        read_head(&mut client);
        client.set_nodelay(true).expect("an option");
        for byte in b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 Connection established\r\nX: y\r\n\r\n" {
            client.write_all(&[*byte]).expect("the client reads");
        }
        relay(client, TcpStream::connect(server).expect("the server listens"));
    });
    assert_eq!(smol::block_on(hello_through(through("x.invalid:1", proxy))).expect("a reply"), "Hello, Ada!");
}

#[test]
fn refusals_name_the_target_the_proxy_and_the_reason() {
    for (answer, says) in [
        (&b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno."[..], "403 Forbidden"),
        (b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n", "Basic realm=\"corp\"); expected"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is not HTTP/1.1: it begins with \"S"),
        (b"\x15\x03\x03\0\x02\x02\x46", "expects TLS"),
    ] {
        let proxy = answers(answer);
        let status = smol::block_on(hello_through(through("x.invalid:1", proxy))).expect_err("there is no tunnel");
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No), "{status}");
        let text = status.to_string();
        assert!(text.contains(&format!("connecting to x.invalid:1 through proxy {proxy}")), "{text}");
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_proxy_that_closes_early_is_named() {
    for (answer, says) in
        [(&b""[..], ConnectError::Closed { begun: false }), (b"HTTP/1.1 200 O", ConnectError::Closed { begun: true })]
    {
        let proxy = listener(move |mut client| {
            read_head(&mut client);
            let _ = client.write_all(answer);
        });
        let status = smol::block_on(hello_through(through("x.invalid:1", proxy))).expect_err("there is no tunnel");
        assert!(status.to_string().contains(&says.to_string()), "{status}");
    }
}

#[test]
fn a_proxy_that_is_silent_is_given_up_and_named_in_deadlines() {
    let proxy = answers(b"HTTP/1.1 200 O");
    let builder = through("x.invalid:1", proxy).connect_timeout(300 * MS);
    let text = smol::block_on(hello_through(builder)).expect_err("there is no tunnel").to_string();
    assert!(text.contains("connected to the proxy, but it made no tunnel within 300 ms"), "{text}");
    let status = smol::block_on(async {
        let hello = HelloServiceClient::new(through("x.invalid:1", proxy).build().expect("a target"));
        hello.say_hello(Request::new(greeting("Ada")).with_timeout(200 * MS)).await.expect_err("there is no tunnel")
    });
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let text = status.to_string();
    assert!(text.contains(&format!("waiting for a tunnel to x.invalid:1 through proxy {proxy}")), "{text}");
}

#[test]
fn a_proxy_that_cannot_be_is_refused_at_once() {
    let status = Channel::builder("x.invalid:1").proxy("socks5://ada:secret@p:1").build().expect_err("no such proxies");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.source().is_some_and(|source| source.is::<ProxyError>()), "{status:?}");
    assert!(status.to_string().contains("socks5") && !format!("{status:?}").contains("secret"), "{status:?}");
}
