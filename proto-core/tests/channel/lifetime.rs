//! A connection's life as the channel sees it: draining, loss, connections that do not last, idleness, shutdown.

use crate::world::{World, ms, steady};
use proto_core::channel::{Cause, Channel, ChannelConfig, Order, Pick, State, Waiter};
use proto_core::grpc::{Code, Local, Origin, Seen};
use std::time::Duration;

const ADDRESS: &str = "10.0.0.7:50051";
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn after_goaway_new_calls_go_to_a_new_connection_to_a_name_resolved_anew() {
    let mut world = World::new("db.example:50051");
    world.connect();
    world.resolving("db.example");
    world.resolved(&[ADDRESS]);
    let (old, _) = world.connecting();
    world.ready(old);
    world.pass(MINUTE);
    let before = world.channel.generation();
    world.channel.handle_draining(world.now, old);
    assert_eq!((world.channel.state(), world.orders()), (State::Idle, vec![]));
    assert_ne!(world.channel.generation(), before);
    let mut call = Waiter::new(false);
    assert!(world.waits(&mut call));
    world.resolving("db.example");
    world.resolved(&["10.0.0.8:50051"]);
    let (new, _) = world.connecting();
    world.ready(new);
    world.channel.handle_draining(world.now, old);
    world.channel.handle_closed(world.now, old, "drained");
    assert_eq!(world.picked(), new);
}

#[test]
fn after_the_loss_of_a_connection_the_next_call_connects_at_once() {
    let mut world = World::new(ADDRESS);
    let key = world.connected();
    world.pass(MINUTE);
    world.channel.handle_closed(world.now, key, "reset by peer");
    assert_eq!((world.channel.state(), world.orders()), (State::Idle, vec![]));
    let mut call = Waiter::new(false);
    assert!(world.waits(&mut call));
    let (key, _) = world.connecting();
    world.ready(key);
}

#[test]
fn connections_that_end_at_once_make_the_channel_back_off() {
    let mut world = World::new(ADDRESS);
    let mut call = Waiter::new(false);
    // One call that is sent again and again, as a transparent retry is.
    for _ in 0..3 {
        assert!(world.waits(&mut call));
        let (key, _) = world.connecting();
        world.ready(key);
        assert!(matches!(world.pick(&mut call), Pick::Ready(_)));
        world.channel.handle_draining(world.now, key);
        assert_eq!(world.channel.state(), State::Idle);
    }
    let mut wait = Duration::ZERO;
    for _ in 0..3 {
        assert!(world.waits(&mut call));
        let (key, _) = world.connecting();
        world.ready(key);
        assert!(matches!(world.pick(&mut call), Pick::Ready(_)));
        world.channel.handle_draining(world.now, key);
        let status = world.fails(&mut call);
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("connections in a row ended within 1 s: the peer sent GOAWAY"), "{status}");
        let next = world.channel.poll_timeout().unwrap() - world.now;
        assert!(next > wait);
        wait = next;
        world.pass(wait);
        call = Waiter::new(false);
    }
}

#[test]
fn short_connections_that_serve_calls_or_one_that_lasts_are_forgiven() {
    let mut world = World::new(ADDRESS);
    for _ in 0..20 {
        world.channel.call_started(world.now);
        let key = world.connected();
        world.channel.call_ended(world.now);
        world.channel.handle_draining(world.now, key);
        assert_eq!(world.channel.state(), State::Idle);
    }
    for round in 0..20 {
        let key = world.connected();
        if round % 3 == 2 {
            world.pass(ms(1_000));
        }
        world.channel.handle_closed(world.now, key, "closed");
        assert_eq!(world.channel.state(), State::Idle);
    }
    world.connect();
    assert_eq!(world.failed_round(), ms(1_000));
}

#[test]
fn a_channel_without_calls_closes_its_connection_and_connects_again_when_wanted() {
    let mut world = World::new(ADDRESS);
    let key = world.connected();
    world.pass(30 * MINUTE - ms(1));
    assert_eq!(world.channel.state(), State::Ready);
    world.pass(ms(1));
    assert_eq!(world.channel.state(), State::Idle);
    assert_eq!(world.orders(), [Order::Close { key, grace: Duration::MAX }]);
    assert_eq!(world.channel.poll_timeout(), None);
    let next = world.connected();
    assert_eq!(world.channel.poll_timeout(), Some(world.now + 30 * MINUTE));
    // It is not over before it is reported to be.
    world.channel.shutdown(Duration::ZERO);
    assert_eq!(world.orders(), [key, next].map(|key| Order::Close { key, grace: Duration::ZERO }));
}

#[test]
fn a_call_that_runs_keeps_the_connection_and_the_time_counts_from_the_last_ones_end() {
    let mut world = World::new(ADDRESS);
    let key = world.connected();
    world.channel.call_started(world.now);
    world.channel.call_started(world.now);
    world.pass(100 * MINUTE);
    world.channel.call_ended(world.now);
    world.pass(100 * MINUTE);
    world.channel.call_ended(world.now);
    world.pass(30 * MINUTE - ms(1));
    assert_eq!(world.channel.state(), State::Ready);
    // Picks that nobody counts keep it, too.
    assert_eq!(world.picked(), key);
    world.pass(30 * MINUTE - ms(1));
    assert_eq!(world.channel.state(), State::Ready);
    world.pass(ms(1));
    assert_eq!(world.channel.state(), State::Idle);
}

#[test]
fn a_channel_that_nobody_uses_stops_trying() {
    let config = ChannelConfig { idle_timeout: Some(ms(1_500)), ..steady() };
    let mut world = World::with(ADDRESS, config.clone());
    world.connect();
    world.failed_round();
    world.pass(ms(1_000));
    let (key, _) = world.connecting();
    world.pass(ms(500));
    assert_eq!((world.channel.state(), world.orders()), (State::Idle, vec![Order::Abort { key }]));

    let mut world = World::with(ADDRESS, config.clone());
    world.connect();
    world.pass(ms(700));
    let (key, _) = world.connecting();
    world.refused(key);
    world.channel.connect(world.now);
    world.pass(ms(300));
    world.failed_round();
    world.pass(ms(500));
    assert_eq!((world.channel.state(), world.channel.poll_timeout()), (State::Idle, None));
    world.connect();
    assert_eq!(world.failed_round(), ms(1_000));

    // A lookup that was not begun is taken back; one that was is not asked for twice.
    let mut world = World::with("db.example:50051", config);
    world.connect();
    world.pass(ms(1_500));
    assert_eq!((world.channel.state(), world.orders()), (State::Idle, vec![]));
    world.connect();
    world.resolving("db.example");
    world.pass(ms(1_500));
    world.connect();
    assert_eq!(world.orders(), []);
    world.resolved(&[ADDRESS]);
    let (key, _) = world.connecting();
    world.ready(key);
}

#[test]
fn without_an_idle_time_out_the_connection_stays() {
    let mut world = World::with(ADDRESS, ChannelConfig { idle_timeout: None, ..steady() });
    let key = world.connected();
    assert_eq!(world.channel.poll_timeout(), None);
    world.pass(1_000_000 * MINUTE);
    assert_eq!(world.picked(), key);
}

#[test]
fn shutdown_closes_every_connection_and_fails_every_pick() {
    let mut world = World::new(ADDRESS);
    let draining = world.connected();
    world.pass(MINUTE);
    world.channel.handle_draining(world.now, draining);
    let current = world.connected();
    let before = world.channel.generation();
    world.channel.shutdown(ms(500));
    assert_ne!(world.channel.generation(), before);
    assert_eq!((world.channel.state(), world.channel.poll_timeout()), (State::Shutdown, None));
    let close = |key, grace| Order::Close { key, grace: ms(grace) };
    assert_eq!(world.orders(), [close(draining, 500), close(current, 500)]);
    for wait_for_ready in [false, true] {
        let status = world.fails(&mut Waiter::new(wait_for_ready));
        assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No));
        assert_eq!(status.origin(), Origin::Local(Local::Shutdown));
    }
    // Once more, at once: only what is not over yet.
    world.channel.handle_closed(world.now, draining, "drained");
    world.channel.shutdown(ms(100));
    world.channel.shutdown(Duration::ZERO);
    world.connect();
    assert_eq!(world.orders(), [close(current, 0)]);
}

#[test]
fn shutdown_aborts_what_is_under_way() {
    let mut world = World::new("db.example:50051");
    world.connect();
    world.channel.shutdown(ms(500));
    assert_eq!(world.orders(), []);

    let mut world = World::new("db.example:50051");
    world.connect();
    world.resolving("db.example");
    world.channel.shutdown(ms(500));
    world.resolved(&[ADDRESS]);
    assert_eq!((world.channel.state(), world.orders()), (State::Shutdown, vec![]));

    let mut world = World::new(ADDRESS);
    world.connect();
    let (key, _) = world.connecting();
    world.channel.handle_connected(key);
    world.channel.shutdown(ms(500));
    assert_eq!(world.orders(), [Order::Abort { key }]);
    world.channel.handle_ready(world.now, key);
    assert_eq!(world.channel.state(), State::Shutdown);
}

#[test]
fn a_channel_can_be_handed_to_another_thread() {
    fn sendable<T: Send + Sync>() {}
    sendable::<Channel>();
}

/// A channel over one connection.
fn once() -> World {
    let mut world = World::new(ADDRESS);
    world.channel = world.channel.with_one_connection();
    world
}

#[test]
fn a_channel_over_one_connection_ends_with_it_for_whoever_waits_too() {
    let mut world = once();
    let key = world.connected();
    world.pass(MINUTE * 600);
    assert_eq!((world.picked(), world.orders()), (key, vec![]));
    world.channel.handle_closed(world.now, key, "reset by peer");
    assert_eq!((world.channel.state(), world.orders()), (State::Shutdown, vec![]));
    for wait_for_ready in [false, true] {
        let status = world.fails(&mut Waiter::new(wait_for_ready));
        assert_eq!(status.to_string(), "UNAVAILABLE: the channel's byte stream takes no more calls: reset by peer");
        assert_eq!((status.seen_by_server(), status.origin()), (Seen::No, Origin::Local(Local::Connect)));
    }
}

#[test]
fn a_channel_over_one_connection_whose_handshake_fails_makes_no_other_attempt() {
    let mut world = once();
    let mut call = Waiter::new(true);
    assert!(world.waits(&mut call));
    let (key, _) = world.connecting();
    world.channel.handle_connected(key);
    // What a runtime gives it for a target is nobody's business.
    let late = world.channel.deadline_exceeded(world.now).to_string();
    assert!(late.contains("SETTINGS from the channel's byte stream") && !late.contains(ADDRESS), "{late}");
    let before = world.channel.generation();
    world.channel.handle_failed(world.now, key, "not a server");
    assert_ne!(world.channel.generation(), before);
    assert!(world.fails(&mut call).message().ends_with("not a server"));
    assert_eq!((world.channel.poll_timeout(), world.orders()), (None, vec![]));
}

#[test]
fn the_error_behind_the_end_of_the_one_connection_is_behind_every_refusal() {
    let mut world = once();
    let key = world.connected();
    world.channel.handle_cause(key, Cause::new(std::io::Error::other("the cable is cut")));
    world.channel.handle_closed(world.now, key, "writing failed: the cable is cut");
    let status = world.fails(&mut Waiter::new(false));
    let failure = status.source().expect("how it ended");
    assert!(failure.source().is_some_and(|cause| cause.is::<std::io::Error>()), "{failure:?}");
}

#[test]
fn calls_on_the_one_connection_end_well_when_it_takes_no_more() {
    let mut world = once();
    let key = world.connected();
    world.channel.handle_draining(world.now, key);
    // Nobody is told to end it.
    assert_eq!((world.channel.state(), world.orders()), (State::Shutdown, vec![]));
    assert!(world.fails(&mut Waiter::new(true)).message().ends_with("the peer sent GOAWAY"));
    world.channel.shutdown(MINUTE);
    assert_eq!(world.orders(), vec![Order::Close { key, grace: MINUTE }]);
}
