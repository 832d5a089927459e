//! Channels and servers over byte streams that somebody else has opened.

include!("support/hello.rs");

use proto_build_testing::hello::v1::HelloServiceServer;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

/// A unary call and a stream in each direction.
fn exercise(channel: Channel) {
    let hello = HelloServiceClient::new(channel);
    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Hello, Ada!");
    let mut call = hello.lots_of_greetings();
    for _ in 0..200 {
        call.send(greeting(&"x".repeat(1_000))).expect("the call runs");
    }
    assert_eq!(call.finish().expect("a reply").reply.len(), 200 * 1_002 - 2);
}

#[test]
fn a_socket_that_somebody_else_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it listens");
    let (far, _) = listener.accept().expect("it came");
    let served = thread::spawn(|| serve_connection(far, HelloServiceServer::blocking(Greeter)));
    exercise(Channel::from_io(near));
    assert_eq!(served.join().expect("no panic").expect("it is served").calls, 2);
}

#[test]
fn what_only_reads_and_writes_on_both_sides() {
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    let halves = |stream: UnixStream| Halves::new(stream.try_clone().expect("a second handle"), stream);
    let far = halves(far);
    let served = thread::spawn(|| serve_connection(far, HelloServiceServer::blocking(Greeter)));
    exercise(Channel::builder("http://somewhere:1").from_io(halves(near)).expect("a channel"));
    assert_eq!(served.join().expect("no panic").expect("it is served").calls, 2);
}

#[test]
fn calls_after_the_streams_end_say_so() {
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    drop(far);
    let hello = HelloServiceClient::new(Channel::from_io(near));
    let request = Request::new(greeting("Ada")).with_timeout(Duration::from_secs(20));
    let status = hello.say_hello(request).expect_err("nobody is there");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}
