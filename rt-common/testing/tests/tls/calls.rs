//! What works over plain sockets works over TLS.

use rt_common_testing::greeter::greeting;
use rt_common_testing::runtime::{Channel, ChannelBuilder, Running, Server, ServerBuilder};
use rt_common_testing::world::{authority, builder, issue};
use rt_common_testing::{LONG, Runtime, World, on_both};
use std::thread;

on_both! {
    many_threads_share_a_connection,
    handlers_see_the_clients_certificates,
    a_unix_socket_speaks_tls_when_it_is_told_to,
    a_certificate_is_changed_while_the_server_runs,
}

fn many_threads_share_a_connection<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let channel = world.connect();
    thread::scope(|scope| {
        for i in 0..8 {
            let channel = channel.clone();
            scope.spawn(move || {
                for k in 0..100 {
                    let text = format!("{i} {k}");
                    assert_eq!(channel.say_hello(greeting(text.clone())).expect("a reply").reply, text);
                }
            });
        }
    });
    drop(channel);
    assert_eq!(world.server.shutdown(LONG).connections, 1);
}

fn handlers_see_the_clients_certificates<R: Runtime>() {
    let world = World::<R>::new(|authority, builder| {
        builder.tls(issue(authority, "localhost").server().with_client_roots_pem(authority.pem()))
    });
    let me = issue(&world.authority, "ada");
    let tls = world.client().with_identity_pem(&me.certificate, &me.key);
    let channel = R::channel(world.target()).tls(tls).connect().expect("a connection");
    let reply = channel.say_hello(greeting("who")).expect("a reply");
    assert_eq!(reply.reply, me.der.len().to_string());
}

fn a_unix_socket_speaks_tls_when_it_is_told_to<R: Runtime>() {
    let authority = authority("tests");
    let path = std::env::temp_dir().join(format!("{}-tls-{}.sock", R::NAME, std::process::id()));
    let (builder, _) = builder::<R>();
    let server = builder.tls(issue(&authority, "localhost").server()).bind_unix(&path).expect("a free path").spawn();
    let channel = R::channel(format!("unix:{}", path.display())).tls(authority.client());
    let channel = channel.connect().expect("a connection");
    assert_eq!(channel.say_hello(greeting("x")).expect("a reply").reply, "x");
    drop(channel);
    server.shutdown(LONG);
}

fn a_certificate_is_changed_while_the_server_runs<R: Runtime>() {
    let authority = authority("tests");
    let (old, new) = (issue(&authority, "old.example"), issue(&authority, "new.example"));
    let acceptor = old.server().build().expect("good settings");
    let (builder, _) = builder::<R>();
    let server = builder.tls(acceptor.clone()).bind("127.0.0.1:0").expect("a free port").spawn();
    let connect = |name: &str| {
        let tls = authority.client().with_server_name(name);
        R::channel(format!("https://{}", server.address())).tls(tls).connect()
    };
    let before = connect("old.example").expect("a connection");
    acceptor.reload(new.server()).expect("good settings");
    let after = connect("new.example").expect("a connection");
    for channel in [&before, &after] {
        assert_eq!(channel.say_hello(greeting("x")).expect("a reply").reply, "x");
    }
    connect("old.example").map(drop).expect_err("that certificate is no more");
}
