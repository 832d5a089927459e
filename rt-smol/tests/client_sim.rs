//! The async client in a simulation: what depends on time, to the moment; and drops at every point, on many seeds.
#![allow(unreachable_pub, missing_docs)]

include!("support/greeter.rs");

use bytes::Bytes;
use hello::HelloServiceClient;
use proto_core::rpc::{Front, Kind, Method, Raw};
use rt_smol::testkit::{Network, Sim};
use rt_smol::{Channel, Code, Local, Origin, Seen, State};
use smol::future::{or, zip};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

/// No server has it.
static NOTHING: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Nothing", Kind::UNARY);

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn greeting(text: impl Into<String>) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn service() -> hello::HelloServiceServer<proto_core::rpc::Async<Greeter>> {
    hello::HelloServiceServer::new(Greeter)
}

/// A call with a deadline of a second, to a target that never lets it come to anything.
async fn late(sim: &Sim, channel: &Channel) -> Status {
    let start = sim.now();
    let call = channel.unary(&NOTHING, Request::new(Bytes::new()).with_timeout(SEC));
    let status = call.await.expect_err("it ends at its deadline");
    assert_eq!((status.code(), sim.now() - start), (Code::DeadlineExceeded, SEC), "{status}");
    assert!(matches!(status.origin(), Origin::Local(Local::DeadlineExceeded { .. })), "{status:?}");
    status
}

#[test]
fn a_deadline_covers_every_phase_to_the_moment() {
    let slow = Network { resolve_delay: 5 * SEC, ..Network::default() };
    Sim::seed(1).with_network(slow).run(async |sim| {
        sim.host("far.example", &[address("10.1.0.1:1")]);
        let status = late(sim, &sim.channel_to("far.example:1")).await;
        assert!(status.to_string().contains("resolving far.example"), "{status}");
    });
    Sim::seed(1).run(async |sim| {
        sim.black_hole(address("10.1.0.1:1"));
        let status = late(sim, &sim.channel_to("10.1.0.1:1")).await;
        assert!(status.to_string().contains("connecting to 10.1.0.1:1"), "{status}");
        let (silent, _listener) = sim.listen();
        let status = late(sim, &sim.channel_to(&silent.to_string())).await;
        assert!(status.to_string().contains("SETTINGS"), "{status}");
        assert_eq!(status.seen_by_server(), Seen::No);
    });
}

#[test]
fn addresses_are_tried_in_order_and_dead_ones_are_given_up_in_time() {
    Sim::seed(2).run(async |sim| {
        let server = sim.serve(service());
        let rt_smol::Address::Tcp(alive) = *server.address() else { panic!("it is TCP") };
        sim.black_hole(address("10.9.0.1:50051"));
        sim.host("three.example", &[address("10.9.0.1:1"), address("10.9.0.2:1"), alive]);
        let channel = sim.builder("three.example:50051").connect_timeout(2 * SEC).build().expect("a target");
        let start = sim.now();
        let reply = HelloServiceClient::new(channel).say_hello(greeting("Ada")).await.expect("the third one answers");
        assert_eq!(reply.reply, "Hello, Ada!");
        let took = sim.now() - start;
        assert!(took >= 2 * SEC && took < 3 * SEC, "{took:?}");
    });
}

#[test]
fn keepalive_ends_a_call_on_a_dead_link() {
    Sim::seed(3).run(async |sim| {
        let server = sim.serve(service());
        let target = server.address().to_string();
        let builder = sim.builder(&target).keepalive(10 * SEC, 2 * SEC);
        let hello = HelloServiceClient::new(builder.connect().await.expect("it connects"));
        sim.hold_links(true);
        let start = sim.now();
        let status = hello.say_hello(greeting("Ada")).await.expect_err("nothing arrives");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.to_string().contains("keepalive"), "{status}");
        let took = sim.now() - start;
        assert!(took >= 2 * SEC && took <= 13 * SEC, "{took:?}");
        sim.hold_links(false);
    });
}

#[test]
fn a_connection_without_calls_is_closed_when_its_time_is_over_and_made_again() {
    Sim::seed(4).run(async |sim| {
        let server = sim.serve(service());
        let target = server.address().to_string();
        let builder = sim.builder(&target).idle_timeout(Some(10 * SEC));
        let channel = builder.connect().await.expect("it connects");
        let hello = HelloServiceClient::new(channel.clone());
        for _ in 0..2 {
            assert!(hello.say_hello(greeting("Ada")).await.is_ok());
            let start = sim.now();
            // Nobody calls, nobody looks: the connection's task keeps the time.
            assert_eq!(channel.wait_for_change(State::Ready, 3600 * SEC).await, State::Idle);
            let took = sim.now() - start;
            assert!(took >= 9 * SEC && took <= 11 * SEC, "{took:?}");
        }
    });
}

#[test]
fn a_lost_link_is_noticed_by_every_call_and_the_next_ones_go_on() {
    for seed in 0..30 {
        Sim::seed(seed).run(async |sim| {
            let server = sim.serve(service());
            let hello = HelloServiceClient::new(sim.channel(&server));
            let slow: Vec<_> = (0..5).map(|_| hello.say_hello(greeting("slow"))).collect();
            sim.sleep(10 * MS).await;
            sim.cut_link_after(SEC);
            let start = sim.now();
            for call in slow {
                let status = call.await.expect_err("the link is cut");
                assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::Maybe), "{status}");
            }
            assert!(sim.now() - start < 2 * SEC);
            assert_eq!(hello.say_hello(greeting("Ada")).await.expect("a new link").reply, "Hello, Ada!");
        });
    }
}

/// What comes of a future within a time of the seed's choosing; then it is dropped.
async fn impatiently<T>(sim: &Sim, future: impl Future<Output = T>) -> Option<T> {
    let time = Duration::from_micros(sim.random() % 300);
    or(async { Some(future.await) }, async {
        sim.sleep(time).await;
        None
    })
    .await
}

/// What was sent arrives once and in order, and nothing that came is lost, whenever futures are dropped.
#[test]
fn futures_dropped_at_any_point_lose_nothing_and_repeat_nothing() {
    let (mut sends, mut receives) = (0, 0);
    for seed in 0..40 {
        let network = Network { capacity: 300 + seed as usize % 5 * 700, ..Network::default() };
        let dropped = Sim::seed(seed).with_network(network).run(async |sim| {
            let server = sim.serve(service());
            let hello = HelloServiceClient::new(sim.channel(&server));
            let (mut requests, mut replies) = hello.bidi_hello().split();
            let text = |i: usize| format!("{i} {}", "x".repeat(i * 97 % 9000));
            let sending = async {
                let mut dropped = 0;
                for i in 0..60 {
                    while impatiently(sim, requests.send(greeting(text(i)))).await.map(|sent| sent.unwrap()).is_none() {
                        dropped += 1;
                    }
                }
                requests.finish().await.expect("the call runs");
                dropped
            };
            let receiving = async {
                let (mut dropped, mut count) = (0, 0);
                loop {
                    match impatiently(sim, replies.next()).await {
                        Some(Some(reply)) => {
                            assert_eq!(reply.expect("a reply").reply, format!("Hello, {}!", text(count)));
                            count += 1;
                        }
                        Some(None) => break,
                        None => dropped += 1,
                    }
                }
                assert_eq!(count, 60);
                dropped
            };
            zip(sending, receiving).await
        });
        sends += dropped.0;
        receives += dropped.1;
    }
    assert!(sends > 100 && receives > 100, "{sends} sends and {receives} receives were dropped");
}

#[test]
fn a_call_leaves_and_is_cancelled_without_having_been_polled() {
    for seed in 0..20 {
        Sim::seed(seed).run(async |sim| {
            let server = sim.serve(service());
            let hello = HelloServiceClient::new(sim.channel(&server));
            let calls: Vec<_> = (0..3).map(|_| hello.say_hello(greeting("slow"))).collect();
            sim.sleep(SEC).await;
            assert_eq!(server.report().calls, 0, "they run");
            drop(calls);
            sim.sleep(SEC).await;
            assert_eq!(server.report().calls, 3, "they have ended");
        });
    }
}
