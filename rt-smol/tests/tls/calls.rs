//! What works over plain sockets works over TLS.

use futures_lite::StreamExt;
use futures_lite::future::{block_on, zip};
use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use rt_common_testing::greeter::{Greeter, greeting};
use rt_common_testing::world::{authority, builder, issue};
use rt_common_testing::{LONG, Smol, World};
use rt_smol::{Channel, Server};

#[test]
fn calls_of_every_shape() {
    let world = World::<Smol>::new(|_, builder| builder);
    let hello = HelloServiceClient::new(world.connect());
    block_on(async {
        assert_eq!(hello.say_hello(greeting("Ada")).await.expect("a reply").reply, "Ada");
        let replies: Vec<_> = hello.lots_of_replies(greeting("Bob")).map(|r| r.expect("a reply").reply).collect().await;
        assert_eq!(replies.len(), 1_000);

        let mut call = hello.lots_of_greetings();
        for _ in 0..1_000 {
            call.send(greeting("x".repeat(100))).await.expect("the server takes it");
        }
        assert_eq!(call.finish().await.expect("a reply").reply, "100000");

        let (mut requests, replies) = hello.bidi_hello().split();
        let sending = async move {
            for i in 0..500 {
                requests.send(greeting(i.to_string())).await.expect("the server takes it");
            }
            requests.finish().await.expect("it goes on");
        };
        let receiving = replies.map(|r| r.expect("a reply").reply).collect::<Vec<_>>();
        let ((), replies) = zip(sending, receiving).await;
        assert_eq!(replies, (0..500).map(|i| i.to_string()).collect::<Vec<_>>());
        drop(hello);
        let report = world.server.shutdown(LONG).await;
        assert_eq!((report.calls, report.tls_failures), (4, 0));
    });
}

#[test]
fn large_messages_both_ways_at_once() {
    let world = World::<Smol>::new(|_, builder| builder);
    let hello = HelloServiceClient::new(world.connect());
    let texts = [1_000_000, 3_000_000, 4_000_000].map(|n| "y".repeat(n));
    // On their way before anybody waits.
    let calls = texts.each_ref().map(|text| hello.say_hello(greeting(text.clone())));
    for (call, text) in calls.into_iter().zip(texts) {
        assert!(block_on(call).expect("a reply").reply == text);
    }
}

#[test]
fn any_byte_stream_carries_tls() {
    let authority = authority("tests");
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("the system has sockets");
    let stream = |socket| async_io::Async::new(socket).expect("a socket");
    let (builder, _) = builder::<Smol>();
    let serving = builder.tls(issue(&authority, "localhost").server()).serve_connection(stream(far));
    let server = std::thread::spawn(move || block_on(serving).expect("it serves"));
    let channel = Channel::builder("https://localhost:1").tls(authority.client()).from_io(stream(near));
    let hello = HelloServiceClient::new(channel.expect("good settings"));
    assert_eq!(block_on(hello.say_hello(greeting("x"))).expect("a reply").reply, "x");
    drop(hello);
    assert_eq!(server.join().expect("it ends").calls, 1);
}

#[test]
fn inside_the_process_nobody_needs_tls() {
    let authority = authority("tests");
    let server =
        Server::builder().add_service(HelloServiceServer::new(Greeter)).tls(issue(&authority, "localhost").server());
    let hello = HelloServiceClient::new(Channel::in_process_with(server));
    assert_eq!(block_on(hello.say_hello(greeting("x"))).expect("a reply").reply, "x");
}

#[test]
fn the_blocking_runtime_is_at_either_end() {
    let world = World::<Smol>::new(|_, builder| builder);
    let channel = rt_std::Channel::builder(world.target()).tls(world.client()).connect().expect("a connection");
    let hello = HelloServiceClient::new(channel);
    let text = "z".repeat(1_000_000);
    assert!(hello.say_hello(greeting(text.clone())).expect("a reply").reply == text);

    let service = HelloServiceServer::blocking(Greeter);
    let server = rt_std::Server::builder().tls(issue(&world.authority, "localhost").server()).add_service(service);
    let server = server.bind("127.0.0.1:0").expect("a free port").spawn();
    let channel = Channel::builder(format!("https://{}", server.address())).tls(world.client());
    let hello = HelloServiceClient::new(block_on(channel.connect()).expect("a connection"));
    assert!(block_on(hello.say_hello(greeting(text.clone()))).expect("a reply").reply == text);
}
