//! TLS on the simulated network: narrow, chopped, slow, cut, lossy; whatever the seed, every call ends, and each message
//! arrives once and in order.

use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use rt_common_testing::greeter::{Greeter, greeting};
use rt_common_testing::world::both_ends;
use rt_smol::testkit::{Network, Sim};
use rt_smol::{Channel, Code, Request, Server, Status};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Plays on seeds, each with its network.
fn play(network: fn(u64) -> Network, scene: impl AsyncFn(&Sim, HelloServiceClient<Channel>)) {
    let (connector, acceptor) = both_ends();
    for seed in 0..12 {
        let sim = Sim::seed(seed).with_network(network(seed)).with_tls(connector.clone(), acceptor.clone());
        sim.run(async |sim| {
            let server = sim.serve(HelloServiceServer::new(Greeter));
            scene(sim, HelloServiceClient::new(sim.channel(&server))).await;
        });
    }
}

/// A call of each shape, whole.
async fn all_shapes(hello: &HelloServiceClient<Channel>) -> Result<(), Status> {
    let text = "t".repeat(20_000);
    assert!(hello.say_hello(greeting(text.clone())).await?.reply == text);
    let mut replies = hello.lots_of_replies(greeting("x"));
    let mut count = 0;
    while let Some(reply) = replies.next().await {
        assert_eq!(reply?.reply, format!("{count} x"));
        count += 1;
    }
    assert_eq!(count, 1_000);
    let mut call = hello.lots_of_greetings();
    for _ in 0..50 {
        // Ended early: `finish` tells how.
        if call.send(greeting("y".repeat(300))).await.is_err() {
            break;
        }
    }
    assert_eq!(call.finish().await?.reply, "15000");
    Ok(())
}

#[test]
fn calls_of_every_shape_through_narrow_slow_and_chopped_pipes() {
    let network = |seed| Network {
        capacity: 200 + (seed as usize % 4) * 3_000,
        jitter: MS * (seed as u32 % 3),
        ..Network::default()
    };
    play(network, async |_, hello| all_shapes(&hello).await.expect("nothing is lost"));
}

#[test]
fn whatever_breaks_every_call_ends_with_a_definite_status() {
    let network = |seed| Network { loss: 15 + seed as u32 * 5, ..Network::default() };
    play(network, async |sim, hello| {
        let mut tasks = Vec::new();
        for i in 0..3 {
            let hello = hello.clone();
            tasks.push(sim.spawn(async move {
                let text = format!("{i}").repeat(5_000);
                let request = Request::new(greeting(text.clone())).with_timeout(20 * SEC);
                match hello.say_hello(request).await {
                    Ok(reply) => assert!(reply.reply == text),
                    Err(status) => {
                        assert!(matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded), "{status}");
                    }
                }
                if let Err(status) = all_shapes(&hello).await {
                    assert_eq!(status.code(), Code::Unavailable, "{status}");
                }
            }));
        }
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn a_link_that_is_cut_ends_what_runs_and_the_next_call_connects_anew() {
    play(
        |_| Network::default(),
        async |sim, hello| {
            assert_eq!(hello.say_hello(greeting("x")).await.expect("a reply").reply, "x");
            let mut call = hello.bidi_hello();
            call.send(greeting("y")).await.expect("the server takes it");
            assert_eq!(call.recv().await.expect("a reply").expect("one").reply, "y");
            sim.cut_link_after(5 * MS);
            assert_eq!(call.recv().await.expect_err("the link is cut").code(), Code::Unavailable);
            let request = Request::new(greeting("z")).with_wait_for_ready().with_timeout(60 * SEC);
            assert_eq!(hello.say_hello(request).await.expect("a reply").reply, "z");
        },
    );
}

#[test]
fn a_handshake_that_hangs_ends_in_time_and_is_named() {
    let (connector, _) = both_ends();
    Sim::seed(1).run(async |sim| {
        // It listens, and nobody accepts.
        let (address, listener) = sim.listen();
        let start = sim.now();
        let builder = sim.builder(&address.to_string()).tls(connector.clone());
        let status = builder.clone().connect_timeout(3 * SEC).connect().await.expect_err("nobody shakes hands");
        assert!(status.message().contains("connected, but the TLS handshake was not over within 3 s"), "{status}");
        assert!(sim.now() - start >= 3 * SEC);
        let call = Request::new(greeting("x")).with_timeout(SEC);
        let hello = HelloServiceClient::new(builder.build().expect("a target"));
        let status = hello.say_hello(call).await.expect_err("no time");
        assert!(status.message().contains("in the TLS handshake with"), "{status}");
        drop(listener);
    });
}

#[test]
fn the_same_seed_is_the_same_run() {
    let (connector, acceptor) = both_ends();
    let run = || {
        let network = Network { jitter: MS, loss: 40, ..Network::default() };
        let ran = Sim::seed(5).with_network(network).try_run(async |sim| {
            let server = Server::builder().add_service(HelloServiceServer::new(Greeter)).tls(acceptor.clone());
            let server = sim.serve_with(server);
            // Sessions of before would be resumed, and make a shorter handshake.
            let connector = connector.clone();
            let channel = sim.builder(&server.address().to_string()).tls(connector).build().expect("good settings");
            all_shapes(&HelloServiceClient::new(channel)).await.map_err(|status| status.code())
        });
        let (seen, report) = ran.expect("it ends");
        // What is encrypted is new in every run; how long it is, is not.
        (seen, report.elapsed, report.polls, report.trace)
    };
    let _first = run();
    // From the second run on, all resume.
    assert_eq!(run(), run());
}
