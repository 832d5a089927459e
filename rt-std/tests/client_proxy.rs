//! The client through HTTP proxies: tunnels that work, proxies that refuse, break off, or are slow.

mod support;

use proto_core::h1::{ConnectError, ProxyError};
use proto_core::rpc::Front;
use rt_common_testing::proxy::{answers, listener, proxy, read_head, relay};
use rt_std::os::Pipe;
use rt_std::os::unix::{RealOs, SocketPipe};
use rt_std::{Channel, ChannelBuilder, Code, Seen, Status};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use support::peer::{self, Behaviour};
use support::{ECHO, STREAM, request, unary};

const MS: Duration = Duration::from_millis(1);

/// A gRPC server.
fn server() -> SocketAddr {
    listener(|stream| {
        let pipe: Arc<dyn Pipe> = Arc::new(SocketPipe::from_tcp(stream).expect("it is connected"));
        peer::serve(&RealOs, &*pipe, &Behaviour::default());
    })
}

fn through(target: &str, proxy: impl std::fmt::Display) -> ChannelBuilder {
    Channel::builder(target).proxy(format!("http://{proxy}"))
}

fn refused(target: &str, proxy: impl std::fmt::Display) -> Status {
    let status = through(target, proxy).connect().expect_err("there is no tunnel");
    assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No), "{status}");
    status
}

#[test]
fn calls_go_through_a_tunnel_and_the_name_is_left_to_the_proxy() {
    let (proxy, requests) = proxy(server(), "HTTP/1.1 200 OK\r\n\r\n");
    let channel = through("no-such-host.invalid:50051", proxy).connect().expect("the tunnel stands");
    assert_eq!(&unary(&channel, &ECHO, b"hello").expect("a reply")[..], b"hello");
    let replies = channel.streaming(&STREAM, request(&[20, 200]));
    assert_eq!(replies.map(|reply| reply.expect("a reply").len()).collect::<Vec<_>>(), [20_000; 20]);
    let head = requests.recv().expect("the proxy was asked");
    assert!(
        head.starts_with("CONNECT no-such-host.invalid:50051 HTTP/1.1\r\nHost: no-such-host.invalid:50051\r\n"),
        "{head}"
    );
    assert!(!head.contains("Proxy-Authorization"), "{head}");
}

#[test]
fn a_proxy_by_name_is_looked_up_and_gets_its_credentials() {
    let (proxy, requests) = proxy(server(), "HTTP/1.1 200 OK\r\n\r\n");
    let named = format!("Aladdin:open%20sesame@localhost:{}", proxy.port());
    let channel = through("[2001:db8::1]:443", named).connect().expect("the tunnel stands");
    assert_eq!(&unary(&channel, &ECHO, b"hello").expect("a reply")[..], b"hello");
    let head = requests.recv().expect("the proxy was asked");
    assert!(head.starts_with("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{head}");
}

#[test]
fn bytes_that_come_with_the_answer_belong_to_the_connection() {
    // The server's SETTINGS, and a PING, leave in one write with the proxy's answer.
    let proxy = listener(move |mut client| {
        read_head(&mut client);
        let answer = b"HTTP/1.1 200 OK\r\nVia: test\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x06\0\0\0\0\0left-ove";
        client.write_all(answer).expect("the client reads");
        let mut acked = Vec::new();
        // The preface and all frames up to the answer to that PING.
        while !acked.ends_with(b"left-ove") {
            let mut byte = [0];
            client.read_exact(&mut byte).expect("the client answers");
            acked.push(byte[0]);
        }
    });
    let channel = through("x.invalid:1", proxy).connect().expect("SETTINGS came with the answer");
    let status = channel.unary(&ECHO, request(b"x").with_timeout(30_000 * MS)).expect_err("the proxy hangs up");
    // It hung up because the PING was answered.
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[test]
fn an_answer_in_single_bytes_after_interim_ones_is_understood() {
    let server = server();
    let proxy = listener(move |mut client| {
        read_head(&mut client);
        client.set_nodelay(true).expect("an option");
        for byte in b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 Connection established\r\nX: y\r\n\r\n" {
            client.write_all(&[*byte]).expect("the client reads");
        }
        relay(client, TcpStream::connect(server).expect("the server listens"));
    });
    let channel = through("x.invalid:1", proxy).connect().expect("the tunnel stands");
    assert_eq!(&unary(&channel, &ECHO, b"hello").expect("a reply")[..], b"hello");
}

#[test]
fn refusals_name_the_target_the_proxy_and_the_reason() {
    let place = |proxy: SocketAddr| format!("connecting to x.invalid:1 through proxy {proxy}");
    for (answer, says) in [
        (&b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno."[..], "403 Forbidden"),
        (b"HTTP/1.1 502 \r\n\r\n", "502"),
        (
            b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n",
            "Basic realm=\"corp\"); expected them as in",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is not HTTP/1.1: it begins with \"S"),
        (b"\x15\x03\x03\0\x02\x02\x46", "expects TLS"),
    ] {
        let proxy = answers(answer);
        let text = refused("x.invalid:1", proxy).to_string();
        assert!(text.contains(&place(proxy)) && text.contains(says), "{text}");
    }
    let proxy = answers(b"HTTP/1.1 407 Auth\r\n\r\n");
    let status = refused("x.invalid:1", format!("ada:secret@{proxy}"));
    let cause = status.source().and_then(|failure| failure.source()).and_then(|cause| cause.downcast_ref());
    assert_eq!(cause, Some(&ConnectError::Credentials { challenge: String::new(), given: true }));
    let text = status.to_string();
    assert!(text.contains("does not accept the credentials given") && !text.contains("secret"), "{text}");
}

#[test]
fn a_proxy_that_closes_early_is_named() {
    let closes = |answer: &'static [u8]| {
        listener(move |mut client| {
            read_head(&mut client);
            let _ = client.write_all(answer);
        })
    };
    let text = refused("x.invalid:1", closes(b"")).to_string();
    assert!(text.contains("closed the connection without an answer"), "{text}");
    let text = refused("x.invalid:1", closes(b"HTTP/1.1 200 O")).to_string();
    assert!(text.contains("closed the connection within its answer"), "{text}");
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    let text = refused("x.invalid:1", free).to_string();
    assert!(text.contains(&format!("x.invalid:1 through proxy {free}: connection refused")), "{text}");
    let text = refused("x.invalid:1", "no-such-proxy.invalid:3128").to_string();
    assert!(text.contains("resolving no-such-proxy.invalid, the proxy to x.invalid:1: "), "{text}");
}

#[test]
fn a_proxy_that_is_silent_is_given_up_and_named_in_deadlines() {
    let proxy = answers(b"HTTP/1.1 200 O");
    let status = through("x.invalid:1", proxy).connect_timeout(300 * MS).connect().expect_err("there is no tunnel");
    let text = status.to_string();
    assert!(text.contains("connected to the proxy, but it made no tunnel within 300 ms"), "{text}");
    let channel = through("x.invalid:1", proxy).build().expect("a target");
    let status = channel.unary(&ECHO, request(b"x").with_timeout(200 * MS)).expect_err("there is no tunnel");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let text = status.to_string();
    assert!(text.contains(&format!("waiting for a tunnel to x.invalid:1 through proxy {proxy}")), "{text}");
    channel.shutdown(Duration::ZERO);
}

/// The attempt belongs to the channel: a caller whose time is up leaves it to the others.
#[test]
fn a_tunnel_that_is_under_way_is_handed_on_to_who_still_waits() {
    let server = server();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let proxy = listener(move |mut client| {
        read_head(&mut client);
        client.write_all(b"HTTP/1.1 200 O").expect("the client reads");
        wait.lock().expect("one connection").recv().expect("somebody says go");
        client.write_all(b"K\r\n\r\n").expect("the client reads");
        relay(client, TcpStream::connect(server).expect("the server listens"));
    });
    let channel = through("x.invalid:1", proxy).build().expect("a target");
    std::thread::scope(|scope| {
        let late = [100, 150, 200].map(|ms| {
            let channel = &channel;
            scope.spawn(move || channel.unary(&ECHO, request(b"x").with_timeout(ms * MS)).expect_err("no tunnel yet"))
        });
        let patient: Vec<_> = (0..3).map(|_| scope.spawn(|| unary(&channel, &ECHO, b"hello"))).collect();
        for late in late {
            let status = late.join().expect("a verdict");
            assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        }
        go.send(()).expect("the proxy waits");
        for patient in patient {
            assert_eq!(&patient.join().expect("a verdict").expect("a reply")[..], b"hello");
        }
    });
}

#[test]
fn a_proxy_that_cannot_be_is_refused_at_once() {
    let status = Channel::builder("x.invalid:1").proxy("socks5://ada:secret@p:1").build().expect_err("no such proxies");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.source().is_some_and(|source| source.is::<ProxyError>()), "{status:?}");
    assert!(status.to_string().contains("socks5") && !format!("{status:?}").contains("secret"), "{status:?}");
}
