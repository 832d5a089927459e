//! What works over plain sockets works over TLS.

use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use rt_common_testing::greeter::{Greeter, greeting};
use rt_common_testing::world::{authority, issue};
use rt_common_testing::{LONG, Std, World};
use rt_std::{Channel, Request, Server};
use std::thread;

#[test]
fn calls_of_every_shape() {
    let world = World::<Std>::new(|_, builder| builder);
    let hello = HelloServiceClient::new(world.connect());
    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Ada");
    let replies: Result<Vec<_>, _> = hello.lots_of_replies(greeting("Bob")).map(|r| r.map(|r| r.reply)).collect();
    assert_eq!(replies.expect("it ends well").len(), 1_000);

    let mut call = hello.lots_of_greetings();
    call.send_all((0..1_000).map(|_| greeting("x".repeat(100)))).expect("the server takes them");
    assert_eq!(call.finish().expect("a reply").reply, "100000");

    let (mut requests, replies) = hello.bidi_hello().split();
    thread::scope(|scope| {
        scope.spawn(move || {
            (0..500).for_each(|i| requests.send(greeting(i.to_string())).expect("the server takes it"));
            requests.finish().expect("it goes on");
        });
        let replies: Vec<_> = replies.map(|r| r.expect("a reply").reply).collect();
        assert_eq!(replies, (0..500).map(|i| i.to_string()).collect::<Vec<_>>());
    });
    drop(hello);
    let report = world.server.shutdown(LONG);
    assert_eq!((report.calls, report.tls_failures), (4, 0));
}

#[test]
fn large_messages_both_ways_at_once() {
    let world = World::<Std>::new(|_, builder| builder);
    let hello = HelloServiceClient::new(world.connect());
    thread::scope(|scope| {
        for n in [1_000_000, 3_000_000, 4_000_000] {
            let hello = hello.clone();
            scope.spawn(move || {
                let text = "y".repeat(n);
                assert!(hello.say_hello(greeting(text.clone())).expect("a reply").reply == text);
            });
        }
    });
}

#[test]
fn deadlines_and_cancelling_work_as_ever() {
    let world = World::<Std>::new(|_, builder| builder);
    let hello = HelloServiceClient::new(world.connect());
    let mut call =
        hello.bidi_hello_with(rt_std::RequestOptions::new().with_timeout(std::time::Duration::from_millis(50)));
    call.send(greeting("x")).expect("the server takes it");
    assert_eq!(call.recv().expect("a reply").map(|r| r.reply).as_deref(), Some("x"));
    let status = call.recv().expect_err("time is up");
    assert_eq!(status.code(), rt_std::Code::DeadlineExceeded);
    drop(hello.bidi_hello());
    assert_eq!(hello.say_hello(Request::new(greeting("on")).with_timeout(LONG)).expect("a reply").reply, "on");
}

#[test]
fn inside_the_process_nobody_needs_tls() {
    let authority = authority("tests");
    let server = Server::builder()
        .add_service(HelloServiceServer::blocking(Greeter))
        .tls(issue(&authority, "localhost").server());
    let hello = HelloServiceClient::new(Channel::in_process_with(server));
    assert_eq!(hello.say_hello(greeting("x")).expect("a reply").reply, "x");
}
