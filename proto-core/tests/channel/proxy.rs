//! Channels through a proxy: what is resolved and connected to, what tunnel is ordered, and what calls are told.

use crate::world::{World, ms, steady, tcp};
use proto_core::channel::{Channel, ConnectFailure, Order, Stage, Target, Waiter};
use proto_core::grpc::{Code, Local, Origin};
use proto_core::h1::Proxy;

const TARGET: &str = "api.example:50051";

fn through(target: &str, proxy: &str) -> World {
    let mut world = World::new(target);
    let proxy = Proxy::parse(proxy).unwrap();
    world.channel = Channel::new(Target::parse(target).unwrap(), steady()).with_proxy(Some(&proxy));
    world
}

/// Where the tunnel of the one order there is leads.
fn tunnel(world: &mut World) -> Option<String> {
    match &world.orders()[..] {
        [Order::Connect { tunnel, .. }] => tunnel.as_ref().map(|tunnel| tunnel.to().to_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_proxys_name_is_resolved_and_the_targets_is_left_to_the_proxy() {
    let mut world = through(TARGET, "http://ada:secret@proxy.example:50051");
    world.connect();
    world.resolving("proxy.example");
    world.resolved(&["10.9.9.8:50051", "10.9.9.9:50051"]);
    for address in ["10.9.9.8:50051", "10.9.9.9:50051"] {
        let orders = world.orders();
        let [Order::Connect { key, address: to, tunnel: Some(tunnel) }] = &orders[..] else { panic!("{orders:?}") };
        assert_eq!((to, tunnel.to()), (&tcp(address), TARGET));
        let request = String::from_utf8(tunnel.connect().transmit().to_vec()).unwrap();
        assert!(
            request.starts_with("CONNECT api.example:50051 HTTP/1.1\r\n") && request.contains("Basic "),
            "{request}"
        );
        assert!(!format!("{orders:?}").contains("Basic"));
        world.channel.handle_failed(world.now, *key, "the proxy answered CONNECT with 403 Forbidden");
    }
    let status = world.fails(&mut Waiter::new(false));
    assert_eq!(
        status.message(),
        "connecting to api.example:50051 through proxy 10.9.9.9:50051 (2 of 2 addresses of proxy.example tried): the proxy \
         answered CONNECT with 403 Forbidden; next attempt in 1 s"
    );
    assert!(matches!(
        status.source().and_then(|source| source.downcast_ref()),
        Some(ConnectFailure::Connect { through: Some(target), .. }) if target == TARGET
    ));
}

#[test]
fn a_proxy_that_is_an_address_is_not_resolved_whatever_the_target_is() {
    for (target, to) in [(TARGET, TARGET), ("10.0.0.7:1", "10.0.0.7:1"), ("[fe80::1%2]:1", "[fe80::1]:1")] {
        for proxy in ["10.9.9.9:3128", "http://[::1]:3128"] {
            let mut world = through(target, proxy);
            world.connect();
            assert_eq!(tunnel(&mut world).as_deref(), Some(to));
        }
    }
}

#[test]
fn a_unix_socket_is_reached_without_a_proxy() {
    let mut world = through("unix:/run/app", "10.9.9.9:3128");
    world.connect();
    assert_eq!(tunnel(&mut world), None);
}

#[test]
fn the_next_round_goes_through_the_proxy_again() {
    let mut world = through(TARGET, "10.9.9.9:3128");
    world.connect();
    assert_eq!(world.failed_round(), ms(1_000));
    world.pass(ms(1_000));
    assert_eq!(tunnel(&mut world).as_deref(), Some(TARGET));
}

#[test]
fn a_proxy_that_does_not_resolve_is_named_as_one() {
    let mut world = through(TARGET, "proxy.example:50051");
    let mut call = Waiter::new(false);
    assert!(world.waits(&mut call));
    let deadline = world.channel.deadline_exceeded(world.now);
    assert_eq!(deadline.message(), "the deadline passed while resolving proxy.example, the proxy to api.example:50051");
    world.resolving("proxy.example");
    world.unresolved("no such host");
    let message = "resolving proxy.example, the proxy to api.example:50051: no such host; next attempt in 1 s";
    assert_eq!(world.fails(&mut call).message(), message);
}

#[test]
fn every_stage_is_named_when_its_time_is_over() {
    let place = "api.example:50051 through proxy 10.9.9.9:3128";
    for (stage, connected, phase, deadline, failure) in [
        (Stage::Socket, false, "connecting", "connecting to", "no connection within 20 s"),
        (
            Stage::Tunnel,
            false,
            "waiting for the proxy's tunnel",
            "waiting for a tunnel to",
            "connected to the proxy, but it made no tunnel within 20 s",
        ),
        (
            Stage::Tls,
            false,
            "the TLS handshake",
            "in the TLS handshake with",
            "connected, but the TLS handshake was not over within 20 s",
        ),
        (
            Stage::Tls,
            true,
            "waiting for the peer's SETTINGS",
            "waiting for SETTINGS from",
            "connected, but no SETTINGS of HTTP/2 came within 20 s",
        ),
    ] {
        let mut world = through(TARGET, "10.9.9.9:3128");
        let mut call = Waiter::new(false);
        assert!(world.waits(&mut call));
        let (key, _) = world.connecting();
        world.channel.handle_stage(key, stage);
        if connected {
            world.channel.handle_connected(key);
        }
        let status = world.channel.deadline_exceeded(world.now);
        assert_eq!(status.message(), format!("the deadline passed while {deadline} {place}"));
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(status.origin(), Origin::Local(Local::DeadlineExceeded { phase }));
        world.pass(ms(20_000));
        let failed = world.fails(&mut call);
        assert!(failed.message().starts_with(&format!("connecting to {place}: {failure}")), "{failed}");
    }
}
