//! What works over plain sockets works over TLS.

use super::world::{LONG, World, authority, builder, greeting, issue};
use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use rt_std::{Channel, Request, Server};
use std::thread;

#[test]
fn calls_of_every_shape() {
    let world = World::new(|_, builder| builder);
    let hello = world.hello();
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
    let world = World::new(|_, builder| builder);
    let hello = world.hello();
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
fn many_threads_share_a_connection() {
    let world = World::new(|_, builder| builder);
    let hello = world.hello();
    thread::scope(|scope| {
        for i in 0..8 {
            let hello = hello.clone();
            scope.spawn(move || {
                for k in 0..100 {
                    let text = format!("{i} {k}");
                    assert_eq!(hello.say_hello(greeting(text.clone())).expect("a reply").reply, text);
                }
            });
        }
    });
    drop(hello);
    assert_eq!(world.server.shutdown(LONG).connections, 1);
}

#[test]
fn deadlines_and_cancelling_work_as_ever() {
    let world = World::new(|_, builder| builder);
    let hello = world.hello();
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
fn handlers_see_the_clients_certificates() {
    let world = World::new(|authority, builder| {
        builder.tls(issue(authority, "localhost").server().with_client_roots_pem(authority.pem()))
    });
    let me = issue(&world.authority, "ada");
    let tls = world.client().with_identity_pem(&me.certificate, &me.key);
    let channel = Channel::builder(world.target()).tls(tls).connect().expect("a connection");
    let reply = HelloServiceClient::new(channel).say_hello(greeting("who")).expect("a reply");
    assert_eq!(reply.reply, me.der.len().to_string());
}

#[test]
fn a_unix_socket_speaks_tls_when_it_is_told_to() {
    let authority = authority();
    let path = std::env::temp_dir().join(format!("rt-std-tls-{}.sock", std::process::id()));
    let (builder, _) = builder();
    let server = builder.tls(issue(&authority, "localhost").server()).bind_unix(&path).expect("a free path").spawn();
    let channel = Channel::builder(format!("unix:{}", path.display())).tls(authority.client());
    let hello = HelloServiceClient::new(channel.connect().expect("a connection"));
    assert_eq!(hello.say_hello(greeting("x")).expect("a reply").reply, "x");
    drop(hello);
    server.shutdown(LONG);
}

#[test]
fn a_certificate_is_changed_while_the_server_runs() {
    let authority = authority();
    let (old, new) = (issue(&authority, "old.example"), issue(&authority, "new.example"));
    let acceptor = old.server().build().expect("good settings");
    let (builder, _) = builder();
    let server = builder.tls(acceptor.clone()).bind("127.0.0.1:0").expect("a free port").spawn();
    let hello = |name: &str| {
        let tls = authority.client().with_server_name(name);
        let channel = Channel::builder(format!("https://{}", server.address())).tls(tls).connect();
        channel.map(HelloServiceClient::new)
    };
    let before = hello("old.example").expect("a connection");
    acceptor.reload(new.server()).expect("good settings");
    let after = hello("new.example").expect("a connection");
    for hello in [&before, &after] {
        assert_eq!(hello.say_hello(greeting("x")).expect("a reply").reply, "x");
    }
    hello("old.example").expect_err("that certificate is no more");
}

#[test]
fn a_channel_resumes_its_session_when_it_connects_again() {
    let authority = authority();
    let acceptor = issue(&authority, "localhost").server().build().expect("good settings");
    let connector = authority.client().with_server_name("localhost").build().expect("good settings");
    // The server demands nothing anew from a session that is resumed: it is the sizes that tell, on the wire.
    let (builder, _) = builder();
    let server = builder.tls(acceptor).bind("127.0.0.1:0").expect("a free port").spawn();
    let connect = || {
        let target = format!("https://{}", server.address());
        let hello =
            HelloServiceClient::new(Channel::builder(target).tls(connector.clone()).connect().expect("a connection"));
        assert_eq!(hello.say_hello(greeting("x")).expect("a reply").reply, "x");
    };
    connect();
    connect();
    // A ticket of this server stands in the connector's store: its next hello offers it.
    let mut stage = connector.stage("ignored").expect("a name");
    let mut hello = Vec::new();
    stage.poll_transmit(&mut hello);
    // Extension 41, pre_shared_key, is the last one (RFC 8446 section 4.2.11).
    assert!(hello.windows(2).any(|w| w == [0, 41]), "no ticket is offered");
}

#[test]
fn inside_the_process_nobody_needs_tls() {
    let authority = authority();
    let server = Server::builder()
        .add_service(HelloServiceServer::blocking(super::world::Service))
        .tls(issue(&authority, "localhost").server());
    let hello = HelloServiceClient::new(Channel::in_process_with(server));
    assert_eq!(hello.say_hello(greeting("x")).expect("a reply").reply, "x");
}
