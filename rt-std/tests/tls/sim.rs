//! TLS on the simulated network: narrow, chopped, slow, cut, lossy; whatever the seed, every call ends, and each message
//! arrives once and in order.

use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use rt_common_testing::greeter::{Greeter, greeting};
use rt_common_testing::world::both_ends;
use rt_std::testkit::{Network, Sim};
use rt_std::{Channel, Code, Request, Status};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Plays on seeds, each with its network.
fn play(network: fn(u64) -> Network, scene: impl Fn(&Sim, HelloServiceClient<Channel>) + Send + Sync) {
    let (connector, acceptor) = both_ends();
    for seed in 0..12 {
        let sim = Sim::seed(seed).with_network(network(seed)).with_tls(connector.clone(), acceptor.clone());
        sim.run(|sim| {
            let server = sim.serve(HelloServiceServer::blocking(Greeter));
            scene(sim, HelloServiceClient::new(sim.channel(&server)));
        });
    }
}

/// A call of each shape, whole.
fn all_shapes(hello: &HelloServiceClient<Channel>) -> Result<(), Status> {
    let text = "t".repeat(20_000);
    assert!(hello.say_hello(greeting(text.clone()))?.reply == text);
    let replies: Vec<_> = hello.lots_of_replies(greeting("x")).map(|r| r.map(|r| r.reply)).collect::<Result<_, _>>()?;
    assert!(replies.iter().enumerate().all(|(i, reply)| *reply == format!("{i} x")));
    assert_eq!(replies.len(), 1_000);
    let mut call = hello.lots_of_greetings();
    // Ended early: `finish` tells how.
    let _ = call.send_all((0..50).map(|_| greeting("y".repeat(300))));
    assert_eq!(call.finish()?.reply, "15000");
    Ok(())
}

#[test]
fn calls_of_every_shape_through_narrow_slow_and_chopped_pipes() {
    let network = |seed| Network {
        capacity: 200 + (seed as usize % 4) * 3_000,
        jitter: MS * (seed as u32 % 3),
        ..Network::default()
    };
    play(network, |_, hello| all_shapes(&hello).expect("nothing is lost"));
}

#[test]
fn whatever_breaks_every_call_ends_with_a_definite_status() {
    let network = |seed| Network { loss: 15 + seed as u32 * 5, ..Network::default() };
    play(network, |sim, hello| {
        let tasks: Vec<_> = (0..3)
            .map(|i| {
                let hello = hello.clone();
                sim.spawn("caller", move || {
                    let text = format!("{i}").repeat(5_000);
                    let request = Request::new(greeting(text.clone())).with_timeout(20 * SEC);
                    match hello.say_hello(request) {
                        Ok(reply) => assert!(reply.reply == text),
                        Err(status) => {
                            assert!(matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded), "{status}");
                        }
                    }
                    if let Err(status) = all_shapes(&hello) {
                        assert_eq!(status.code(), Code::Unavailable, "{status}");
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(rt_std::testkit::Task::join);
    });
}

#[test]
fn a_link_that_is_cut_ends_what_runs_and_the_next_call_connects_anew() {
    play(
        |_| Network::default(),
        |sim, hello| {
            assert_eq!(hello.say_hello(greeting("x")).expect("a reply").reply, "x");
            let mut call = hello.bidi_hello();
            call.send(greeting("y")).expect("the server takes it");
            assert_eq!(call.recv().expect("a reply").expect("one").reply, "y");
            sim.cut_link_after(5 * MS);
            assert_eq!(call.recv().expect_err("the link is cut").code(), Code::Unavailable);
            let request = Request::new(greeting("z")).with_wait_for_ready().with_timeout(60 * SEC);
            assert_eq!(hello.say_hello(request).expect("a reply").reply, "z");
        },
    );
}

#[test]
fn a_handshake_that_hangs_ends_in_time_and_is_named() {
    let (connector, acceptor) = both_ends();
    Sim::seed(1).with_tls(connector, acceptor).run(|sim| {
        // It listens, and nobody accepts.
        let (address, listener) = sim.listen();
        let start = sim.now();
        let builder = sim.builder(&address.to_string()).connect_timeout(3 * SEC);
        let status = builder.connect().expect_err("nobody shakes hands");
        assert!(status.message().contains("connected, but the TLS handshake was not over within 3 s"), "{status}");
        assert!(sim.now() - start >= 3 * SEC);
        let channel = sim.builder(&address.to_string()).build().expect("a target");
        let call = Request::new(greeting("x")).with_timeout(SEC);
        let status = HelloServiceClient::new(channel).say_hello(call).expect_err("no time");
        assert!(status.message().contains("in the TLS handshake with"), "{status}");
        drop(listener);
    });
}
