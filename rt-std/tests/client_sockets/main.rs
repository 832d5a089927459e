//! The client over real sockets: the four shapes, load, targets, servers that die or go away.

#[path = "../support/mod.rs"]
mod support;

mod strangers;

use bytes::Bytes;
use proto_core::Config;
use proto_core::channel::{TargetError, TargetProblem};
use proto_core::grpc::{Local, Origin, Seen};
use proto_core::rpc::Front;
use rt_common_testing::sockets::{accept, raw_peer, serve};
use rt_std::os::Os;
use rt_std::os::unix::{RealOs, SocketPipe};
use rt_std::{BackoffConfig, Channel, Code, Pending, State, Status};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::time::Duration;
use support::peer::{self, Behaviour};
use support::refuser::{self, Refusal};
use support::{CHAT, COUNT, DIE, DROP, ECHO, STREAM, none, request, unary};

const MS: Duration = Duration::from_millis(1);

fn connect(address: SocketAddr) -> Channel {
    Channel::connect(address.to_string()).expect("the peer takes connections")
}

#[test]
fn all_four_shapes() {
    let channel = connect(serve(Behaviour::default()));
    assert_eq!(&unary(&channel, &ECHO, b"hello").expect("a reply")[..], b"hello");
    let replies = channel.streaming(&STREAM, request(&[5, 2]));
    assert_eq!(replies.map(|reply| reply.expect("a reply").len()).collect::<Vec<_>>(), [200; 5]);
    let mut call = channel.client_streaming(&COUNT, none());
    call.send_all((0..10).map(|_| Bytes::from_static(b"abc"))).expect("the peer takes it");
    let reply = call.finish().expect("a reply");
    assert_eq!((&reply[..], reply.all_sent()), (&b"30"[..], true));
    let mut call = channel.bidi(&CHAT, none());
    for word in ["ping", "pong"] {
        call.send(Bytes::from(word)).expect("the peer takes it");
        assert_eq!(call.recv().expect("the call goes on").as_deref(), Some(word.as_bytes()));
    }
    call.finish().expect("the call runs");
    assert_eq!(call.recv().expect("it ends well"), None);
}

#[test]
fn a_thousand_concurrent_calls_on_one_connection_from_16_threads() {
    let config = Config { max_concurrent_streams: 2_000, ..Config::default() };
    let channel = connect(serve(Behaviour { config, ..Behaviour::default() }));
    std::thread::scope(|scope| {
        for thread in 0..16_u16 {
            let channel = &channel;
            scope.spawn(move || {
                let later = channel.later();
                for round in 0..3_u16 {
                    let body = |i: u16| [thread.to_be_bytes(), (round * 100 + i).to_be_bytes()].concat();
                    let bodies: Vec<_> = (0..63).map(body).collect();
                    let pending: Vec<_> = bodies.iter().map(|body| later.unary(&ECHO, request(body))).collect();
                    for (body, pending) in bodies.iter().zip(pending) {
                        assert_eq!(pending.wait().expect("a reply")[..], body[..]);
                    }
                }
            });
        }
    });
}

#[test]
fn sixteen_threads_share_a_connection_with_deadlines_and_streams() {
    let channel = connect(serve(Behaviour::default()));
    std::thread::scope(|scope| {
        for thread in 0..16_u64 {
            let channel = &channel;
            scope.spawn(move || {
                for i in 0..100_u64 {
                    let body = (thread * 1_000 + i).to_be_bytes();
                    let request = request(&body);
                    let request = if thread % 2 == 0 { request } else { request.with_timeout(Duration::from_secs(30)) };
                    assert_eq!(channel.unary(&ECHO, request).expect("a reply")[..], body);
                    if i % 25 == thread {
                        let status =
                            channel.unary(&DROP, support::request(b"x").with_timeout(3 * MS)).expect_err("no answer");
                        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
                    }
                }
            });
        }
        scope.spawn(|| {
            let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    for _ in 0..200 {
                        requests.send(Bytes::from(vec![7; 20_000])).expect("the peer takes it");
                    }
                    requests.finish().expect("the call runs");
                });
                assert_eq!(replies.map(|reply| reply.expect("a reply").len()).sum::<usize>(), 200 * 20_000);
            });
        });
    });
}

#[test]
fn messages_larger_than_every_window_go_both_ways() {
    let config = Config { max_receive_message_size: 8 << 20, ..Config::default() };
    let address = serve(Behaviour { config, ..Behaviour::default() });
    let channel =
        Channel::builder(address.to_string()).max_receive_message_size(8 << 20).connect().expect("it connects");
    let body: Vec<u8> = (0..(6 << 20)).map(|i: u32| (i % 251) as u8).collect();
    assert!(unary(&channel, &ECHO, &body).expect("a reply")[..] == body[..]);
}

#[test]
fn unix_sockets() {
    let path = std::env::temp_dir().join(format!("rt-std-client-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a new socket");
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let pipe = SocketPipe::from_unix(stream).expect("it is connected");
            std::thread::spawn(move || peer::serve(&RealOs, &pipe, &Behaviour::default()));
        }
    });
    let channel = Channel::connect(format!("unix:{}", path.display())).expect("it connects");
    assert_eq!(&unary(&channel, &ECHO, b"hello").expect("a reply")[..], b"hello");
    std::fs::remove_file(path).expect("it is there");
}

#[test]
fn names_are_resolved() {
    let address = serve(Behaviour::default());
    let channel = Channel::connect(format!("localhost:{}", address.port())).expect("it connects");
    assert_eq!(&unary(&channel, &ECHO, b"hello").expect("a reply")[..], b"hello");
}

#[test]
fn malformed_targets_are_errors_that_say_what_is_wrong() {
    for (target, expected) in [
        ("ftp://x", "ftp"),
        ("http://", "host"),
        (":50051", "host"),
        ("127.0.0.1:99999", "99999"),
        ("127.0.0.1", "port"),
        ("::1:50051", "bracket"),
        ("", ""),
    ] {
        let status = Channel::new(target).expect_err("it is no target");
        assert_eq!(status.code(), Code::InvalidArgument, "{target}: {status}");
        let text = status.to_string();
        assert!(text.contains(target) && text.contains(expected), "{target}: {text}");
        assert!(status.source().is_some_and(|source| source.is::<TargetError>()), "{target}: {status:?}");
    }
    let source = Channel::new("127.0.0.1:99999").expect_err("no port");
    let source = source.source().and_then(|source| source.downcast_ref::<TargetError>()).expect("a typed error");
    assert_eq!(source.problem(), &TargetProblem::Port("99999".into()));
}

#[test]
fn connection_refused_names_the_address_and_the_next_attempt() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let channel = Channel::new(address.to_string()).expect("a target");
    let status = unary(&channel, &ECHO, b"x").expect_err("nobody listens");
    assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No));
    let text = status.to_string();
    for part in [&address.to_string(), "refused", "next attempt in"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(channel.state(false), State::TransientFailure);
    // A call that waits for the server gets through once there is one.
    let listener = TcpListener::bind(address).expect("still free");
    std::thread::spawn(move || accept(&listener, &Behaviour::default()));
    let reply = channel.unary(&ECHO, request(b"y").with_wait_for_ready().with_timeout(Duration::from_secs(60)));
    assert_eq!(&reply.expect("a reply")[..], b"y");
}

#[test]
fn a_server_killed_in_mid_call_gives_a_status_and_the_next_call_reconnects() {
    let backoff = BackoffConfig { initial: 10 * MS, ..BackoffConfig::default() };
    let channel =
        Channel::builder(serve(Behaviour::default()).to_string()).backoff(backoff).connect().expect("it connects");
    // On their way before the call that kills the server, since all of them share a connection.
    let later = channel.later();
    let pending: Vec<_> = (0..7).map(|_| later.unary(&DROP, request(b"x"))).collect();
    let statuses: Vec<Status> = std::thread::scope(|scope| {
        let wait = |call: Pending<Bytes>| scope.spawn(move || call.wait().map(drop).expect_err("the server dies"));
        let calls: Vec<_> = pending.into_iter().map(wait).collect();
        let last = unary(&channel, &DIE, b"x").expect_err("the server dies");
        calls.into_iter().map(|call| call.join().expect("it ends")).chain([last]).collect()
    });
    for status in statuses {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_ne!(status.seen_by_server(), Seen::No, "{status}");
    }
    assert_eq!(&unary(&channel, &ECHO, b"again").expect("a reply")[..], b"again");
}

#[test]
fn the_last_words_of_a_peer_that_resets_the_connection_are_heard() {
    let (closed, has_closed) = mpsc::channel();
    let address = raw_peer(move |mut stream| {
        // SETTINGS, and the ACK.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]).expect("the client is there");
        // Byte by byte, so that what comes behind the first request stays unread.
        let (mut input, mut chunk) = (Vec::new(), [0; 1]);
        while !input.windows(3).any(|bytes| bytes == b"abc") {
            let n = stream.read(&mut chunk).expect("a request comes");
            input.extend_from_slice(&chunk[..n]);
        }
        // The answer, while more of the request lies unread: closing makes the system reset the connection.
        stream.peek(&mut chunk).expect("another request comes");
        let fields = b"\x88\x5f\x10application/grpc\x00\x0bgrpc-status\x018";
        stream.write_all(&[&[0, 0, fields.len() as u8, 1, 5, 0, 0, 0, 1], &fields[..]].concat()).expect("it is sent");
        drop(stream);
        closed.send(()).expect("the test waits");
    });
    let mut call = connect(address).client_streaming(&COUNT, none());
    for _ in 0..2 {
        call.send(Bytes::from_static(b"abc")).expect("the connection stands");
    }
    has_closed.recv().expect("the peer gets there");
    // The write fails; the answer was there before.
    let _ = call.send(Bytes::from_static(b"abc"));
    let status = call.finish().expect_err("an error was sent");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}

#[test]
fn a_streaming_call_that_was_refused_is_sent_again_in_full() {
    for refusal in [Refusal::Stream, Refusal::GoAway] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let pipe = SocketPipe::from_tcp(stream).expect("it is connected");
            std::thread::spawn(move || refuser::refuse(&pipe, refusal, 30_000));
            accept(&listener, &Behaviour::default());
        });
        let (mut requests, replies) = connect(address).bidi(&CHAT, none()).split();
        let sender = std::thread::spawn(move || {
            for i in 0..50 {
                requests.send(Bytes::from(vec![i; 1_000])).expect("one connection or the other takes it");
            }
            requests.finish().expect("the call runs");
        });
        let replies: Vec<Bytes> = replies.map(|reply| reply.expect("a reply")).collect();
        assert!(replies == (0..50).map(|i| vec![i; 1_000]).collect::<Vec<_>>(), "each once, in order: {refusal:?}");
        sender.join().expect("all was sent");
    }
}

#[test]
fn a_goodbye_while_idle_costs_no_call() {
    let behaviour = Behaviour { idle_goodbye: Some(120 * MS), ..Behaviour::default() };
    let channel = connect(serve(behaviour));
    for _ in 0..4 {
        let mut call = channel.client_streaming(&COUNT, none());
        call.send(Bytes::from_static(b"abc")).expect("the connection stands");
        assert_eq!(&call.finish().expect("a reply")[..], b"3");
        std::thread::sleep(250 * MS);
    }
}

#[test]
fn shutdown_wakes_every_blocked_caller() {
    let channel = connect(serve(Behaviour::default()));
    std::thread::scope(|scope| {
        let mut calls = Vec::new();
        for _ in 0..4 {
            calls.push(scope.spawn(|| unary(&channel, &DROP, b"x").expect_err("nobody answers")));
        }
        calls.push(scope.spawn(|| channel.bidi(&CHAT, none()).recv().expect_err("nobody sends")));
        std::thread::sleep(100 * MS);
        channel.shutdown(50 * MS);
        for call in calls {
            let status = call.join().expect("it ends");
            assert_eq!(status.code(), Code::Unavailable, "{status}");
        }
    });
    assert_eq!(channel.state(true), State::Shutdown);
    let status = unary(&channel, &ECHO, b"x").expect_err("it was shut down");
    assert_eq!(status.origin(), Origin::Local(Local::Shutdown));
}

#[test]
fn background_io_notices_a_lost_connection_while_nobody_calls() {
    let behaviour = Behaviour { idle_goodbye: Some(200 * MS), ..Behaviour::default() };
    let channel = Channel::builder(serve(behaviour).to_string()).background_io().connect().expect("it connects");
    assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
    // Without a look into the socket by this thread: parked, woken by the state's change.
    assert_eq!(channel.wait_for_change(State::Ready, Duration::from_secs(60)), State::Idle);
    assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
}

#[test]
fn wait_for_change_connects_while_it_waits() {
    let channel = Channel::new(serve(Behaviour::default()).to_string()).expect("a target");
    assert_eq!(channel.state(false), State::Idle);
    assert_eq!(channel.wait_for_change(State::Idle, 20 * MS), State::Idle);
    assert_eq!(channel.state(true), State::Connecting);
    assert_eq!(channel.wait_for_change(State::Connecting, Duration::from_secs(60)), State::Ready);
}

#[test]
fn the_clock_of_the_real_system_runs() {
    let (a, b) = (RealOs.now(), RealOs.now());
    assert!(a <= b && RealOs.cpu() > Duration::ZERO);
}
