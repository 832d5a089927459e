//! Channels and servers over byte streams of every kind that implements `Read + Write`, and over halves of streams.
#![allow(unreachable_pub, missing_docs)]

include!("../support/hello.rs");

mod failures;
mod kinds;
mod sim;

use proto_build_testing::hello::v1::HelloServiceServer;

/// Calls of all four kinds, with messages of this size. `at_once` runs two things on a thread each.
fn exercise(channel: Channel, size: usize, at_once: impl FnOnce(Box<dyn FnOnce() + Send>, Box<dyn FnOnce()>)) {
    let hello = HelloServiceClient::new(channel);
    let text = "x".repeat(size);
    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Hello, Ada!");
    assert_eq!(hello.say_hello(greeting(&text)).expect("a reply").reply.len(), size + "Hello, !".len());

    let replies: Vec<_> = hello.lots_of_replies(greeting(&text)).collect::<Result<_, _>>().expect("replies");
    assert_eq!((replies.len(), replies[9].reply.len()), (10, size + 2));

    let mut call = hello.lots_of_greetings();
    for _ in 0..10 {
        call.send(greeting(&text)).expect("the call runs");
    }
    assert_eq!(call.finish().expect("a reply").reply.len(), 10 * (size + 2) - 2);

    // Both directions are full.
    let (mut requests, replies) = hello.bidi_hello().split();
    let send = move || {
        for _ in 0..20 {
            requests.send(greeting(&text)).expect("the call runs");
        }
        requests.finish().expect("the call runs");
    };
    let receive = move || {
        let lengths: Vec<_> = replies.map(|reply| reply.expect("a reply").reply.len()).collect();
        assert_eq!(lengths, [size + "Hello, !".len(); 20]);
    };
    at_once(Box::new(send), Box::new(receive));
}

/// How many calls `exercise` makes.
const CALLS: u64 = 5;
