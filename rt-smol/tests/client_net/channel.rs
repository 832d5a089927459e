//! Targets, states, waiting for a server, servers that come and go.

use super::server::{Seen, greeting, hello, hello_at};
use super::*;
use proto_build_testing::hello::v1::HelloServiceClient;
use proto_core::channel::TargetError;
use rt_smol::{BackoffConfig, Code, Local, Origin, State};
use std::io::{Read, Write};

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port")
}

fn impatient(target: SocketAddr) -> Channel {
    let backoff = BackoffConfig { initial: MS, max: 20 * MS, ..BackoffConfig::default() };
    Channel::builder(target.to_string()).backoff(backoff).build().expect("a target")
}

#[test]
fn malformed_targets_are_errors_that_say_what_is_wrong() {
    for (target, expected) in [("ftp://x", "ftp"), (":50051", "host"), ("127.0.0.1", "port"), ("::1:50051", "bracket")]
    {
        let status = Channel::new(target).expect_err("it is no target");
        assert_eq!(status.code(), Code::InvalidArgument, "{target}: {status}");
        assert!(status.to_string().contains(expected), "{target}: {status}");
        assert!(status.source().is_some_and(|source| source.is::<TargetError>()), "{target}: {status:?}");
    }
}

#[test]
fn connection_refused_names_the_address_and_the_next_attempt() {
    run(async {
        let address = nobody();
        let channel = Channel::new(address.to_string()).expect("a target");
        let status = unary(&channel, &ECHO, b"x").await.expect_err("nobody listens");
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, rt_smol::Seen::No));
        for part in [&address.to_string(), "refused", "next attempt in"] {
            assert!(status.to_string().contains(part), "{status}");
        }
        assert_eq!(channel.state(false), State::TransientFailure);
        let status = Channel::connect(address.to_string()).await.expect_err("nobody listens");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    });
}

#[test]
fn a_call_that_waits_for_the_server_gets_through_once_there_is_one() {
    run(async {
        let address = nobody();
        let channel = impatient(address);
        let waiting = channel.unary(&ECHO, request(b"x").with_wait_for_ready());
        let mut stream = channel.bidi(&CHAT, none().with_wait_for_ready());
        let status = unary(&channel, &ECHO, b"x").await.expect_err("nobody listens");
        assert_eq!(status.code(), Code::Unavailable);
        let listener = TcpListener::bind(address).expect("still free");
        std::thread::spawn(move || accept(&listener, &Behaviour::default()));
        assert_eq!(&waiting.await.expect("a reply")[..], b"x");
        stream.send(Bytes::from_static(b"y")).await.expect("it runs");
        assert_eq!(stream.recv().await.expect("a reply").as_deref(), Some(&b"y"[..]));
    });
}

#[test]
fn the_states_of_a_channel() {
    run(async {
        let channel = Channel::new(serve(Behaviour::default()).to_string()).expect("a target");
        assert_eq!(channel.state(false), State::Idle);
        assert_eq!(channel.wait_for_change(State::Idle, MS).await, State::Idle);
        assert!(matches!(channel.state(true), State::Connecting | State::Ready));
        assert_eq!(channel.wait_for_change(State::Connecting, LONG).await, State::Ready);
        let watched = channel.clone();
        let watching = smol::spawn(async move { watched.wait_for_change(State::Ready, LONG).await });
        let status = unary(&channel, &DIE, b"x").await.expect_err("the peer dies");
        assert_eq!(status.code(), Code::Unavailable);
        // Without a look into the socket by anybody: the connection's task does that.
        assert_eq!(watching.await, State::Idle);
        assert_eq!(&unary(&channel, &ECHO, b"x").await.expect("a reply")[..], b"x");
        channel.shutdown(Duration::ZERO).await;
        assert_eq!(channel.state(true), State::Shutdown);
    });
}

#[test]
fn a_server_that_is_restarted_is_found_again() {
    let (server, _news) = hello();
    let rt_std::Address::Tcp(address) = *server.address() else { panic!("it is TCP") };
    run(async {
        let channel = impatient(address);
        let hello = HelloServiceClient::new(channel);
        assert!(hello.say_hello(greeting("Ada")).await.is_ok());
        server.shutdown(Duration::ZERO);
        let status = hello.say_hello(greeting("Ada")).await.expect_err("nobody listens");
        assert_eq!(status.code(), Code::Unavailable);
        let waiting = hello.say_hello(Request::new(greeting("Bob")).with_wait_for_ready());
        let (again, news) = hello_at(address).expect("still free");
        assert_eq!(waiting.await.expect("a reply").reply, "Bob from nobody");
        assert_eq!(news.try_recv(), Ok(Seen::Began("Bob".into())));
        drop(again);
    });
}

#[test]
fn a_goodbye_lets_running_calls_end_and_new_ones_go_elsewhere() {
    let (server, news) = hello();
    let rt_std::Address::Tcp(address) = *server.address() else { panic!("it is TCP") };
    run(async {
        let channel = Channel::new(server.address().to_string()).expect("a target");
        let hello = HelloServiceClient::new(channel.clone());
        let mut bidi = hello.bidi_hello();
        bidi.send(greeting("a")).await.expect("it is taken");
        assert_eq!(bidi.recv().await.expect("a reply").expect("one").reply, "a");
        let stopping = std::thread::spawn(move || server.shutdown(LONG));
        assert_ne!(channel.wait_for_change(State::Ready, LONG).await, State::Ready);
        // The old one does not listen any more, but finishes what runs.
        let (again, anew) = loop {
            match hello_at(address) {
                Ok(server) => break server,
                Err(_) => smol::Timer::after(MS).await,
            };
        };
        let other = Request::new(greeting("b")).with_wait_for_ready();
        assert_eq!(hello.say_hello(other).await.expect("a reply").reply, "b from nobody");
        assert_eq!(anew.try_recv(), Ok(Seen::Began("b".into())));
        bidi.send(greeting("c")).await.expect("it is taken");
        assert_eq!(bidi.recv().await.expect("a reply").expect("one").reply, "c");
        bidi.finish().await.expect("it runs");
        assert!(bidi.recv().await.expect("it ends well").is_none());
        let report = stopping.join().expect("it stops");
        assert_eq!(report.forced, 0);
        drop((again, news));
    });
}

#[test]
fn a_peer_that_speaks_http_1_is_told_apart() {
    let address = raw_peer(|mut stream| {
        let _ = stream.read(&mut [0; 1000]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.set_read_timeout(Some(LONG));
        while matches!(stream.read(&mut [0; 1000]), Ok(1..)) {}
    });
    let status = run(Channel::connect(address.to_string())).expect_err("no gRPC is spoken there");
    assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, rt_smol::Seen::No), "{status}");
    assert!(status.to_string().contains("the server speaks HTTP/1.1"), "{status}");
}

#[test]
fn a_name_that_does_not_resolve_is_an_error_that_names_it() {
    let status = run(Channel::connect("no.such.name.invalid:1")).expect_err("there is no such name");
    assert_eq!((status.code(), status.origin()), (Code::Unavailable, Origin::Local(Local::Resolve)));
    assert!(status.to_string().contains("no.such.name.invalid"), "{status}");
}
