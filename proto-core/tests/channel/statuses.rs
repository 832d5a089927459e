//! What a call is told when it gets no connection.

use crate::world::{World, ms};
use proto_core::channel::{ConnectFailure, Pick, State, Waiter};
use proto_core::grpc::{Code, Local, Origin, Seen, Status};

const THREE: [&str; 3] = ["10.0.0.5:50051", "10.0.0.6:50051", "10.0.0.7:50051"];

fn failed_on_three_addresses() -> World {
    let mut world = World::new("db.example:50051");
    world.connect();
    world.resolving("db.example");
    world.resolved(&THREE);
    for _ in THREE {
        let (key, _) = world.connecting();
        world.refused(key);
    }
    world
}

#[track_caller]
fn assert_unsent(status: &Status, code: Code, local: Local, message: &str) {
    assert_eq!((status.code(), status.seen_by_server()), (code, Seen::No));
    assert_eq!((status.message(), status.origin()), (message, Origin::Local(local)));
}

#[test]
fn a_call_that_fails_fast_is_told_what_was_tried_and_when_it_is_tried_again() {
    let mut world = failed_on_three_addresses();
    let status = world.fails(&mut Waiter::new(false));
    let tried = "connecting to 10.0.0.7:50051 (3 of 3 addresses of db.example tried): connection refused";
    assert_unsent(&status, Code::Unavailable, Local::Connect, &format!("{tried}; next attempt in 1 s"));
    assert!(status.can_retry());
    let Some(ConnectFailure::Connect { address, tried: 3, of: 3, error, .. }) =
        status.source().and_then(|source| source.downcast_ref())
    else {
        panic!("{status:?}")
    };
    assert_eq!((address.to_string().as_str(), error.as_str()), ("10.0.0.7:50051", "connection refused"));

    world.pass(ms(650));
    let status = world.fails(&mut Waiter::new(false));
    assert_eq!(status.message(), format!("{tried}; next attempt in 350 ms"));
}

#[test]
fn a_single_address_is_named_plainly() {
    for (target, message) in [
        ("10.0.0.7:50051", "connecting to 10.0.0.7:50051: connection refused; next attempt in 1 s"),
        ("unix:/run/app", "connecting to unix:/run/app: connection refused; next attempt in 1 s"),
    ] {
        let mut world = World::new(target);
        world.connect();
        world.failed_round();
        assert_eq!(world.fails(&mut Waiter::new(false)).message(), message);
    }
    let mut world = World::new("db:50051");
    world.connect();
    world.resolving("db");
    world.resolved(&["10.0.0.7:50051"]);
    world.failed_round();
    let message = "connecting to 10.0.0.7:50051 (the address of db): connection refused; next attempt in 1 s";
    assert_eq!(world.fails(&mut Waiter::new(false)).message(), message);
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    let mut world = World::new("nowhere.example:50051");
    let mut call = Waiter::new(false);
    assert!(world.waits(&mut call));
    world.resolving("nowhere.example");
    world.unresolved("no such host");
    let message = "resolving nowhere.example: no such host; next attempt in 1 s";
    assert_unsent(&world.fails(&mut call), Code::Unavailable, Local::Resolve, message);
    world.pass(ms(1_000));
    world.resolved(&[]);
    let message = "resolving nowhere.example: the name has no addresses; next attempt in 1.6 s";
    assert_unsent(&world.fails(&mut call), Code::Unavailable, Local::Resolve, message);
}

#[test]
fn what_is_silent_is_said_to_have_been_waited_for() {
    for (connected, message) in [
        (false, "connecting to 10.0.0.7:1: no connection within 20 s; trying again now"),
        (true, "connecting to 10.0.0.7:1: connected, but no SETTINGS of HTTP/2 came within 20 s; trying again now"),
    ] {
        let mut world = World::new("10.0.0.7:1");
        let mut call = Waiter::new(false);
        assert!(world.waits(&mut call));
        let (key, _) = world.connecting();
        if connected {
            world.channel.handle_connected(key);
        }
        world.pass(ms(20_000));
        assert_eq!(world.channel.state(), State::Connecting);
        assert_unsent(&world.fails(&mut call), Code::Unavailable, Local::Connect, message);
    }
}

#[test]
fn a_call_that_fails_fast_learns_of_a_failure_that_it_slept_through() {
    let mut world = World::new("10.0.0.7:50051");
    let (mut early, mut patient) = (Waiter::new(false), Waiter::new(true));
    assert!(world.waits(&mut early) && world.waits(&mut patient));
    let before = world.channel.generation();
    world.failed_round();
    assert_ne!(world.channel.generation(), before);
    world.pass(ms(1_000));
    // The next round is under way: new calls wait for it, the old one has had its chance.
    assert_eq!(world.channel.state(), State::Connecting);
    assert!(world.waits(&mut Waiter::new(false)));
    assert!(world.waits(&mut patient));
    let message = "connecting to 10.0.0.7:50051: connection refused; trying again now";
    assert_eq!(world.fails(&mut early).message(), message);
}

#[test]
fn a_call_that_had_a_connection_is_not_failed_by_what_happened_meanwhile() {
    let mut world = World::new("10.0.0.7:50051");
    let first = world.connected();
    let mut call = Waiter::new(false);
    assert!(matches!(world.pick(&mut call), Pick::Ready(_)));
    world.pass(ms(60_000));
    world.channel.handle_draining(world.now, first);
    world.connect();
    let wait = world.failed_round();
    world.pass(wait);
    // The call comes back, unprocessed: it waits like a new one.
    assert!(world.waits(&mut call));
    let (key, _) = world.connecting();
    world.ready(key);
    assert!(matches!(world.pick(&mut call), Pick::Ready(picked) if picked == key));
}

#[test]
fn a_call_that_waits_for_ready_waits_through_failures() {
    let mut world = World::new("10.0.0.7:50051");
    let mut call = Waiter::new(true);
    for _ in 0..5 {
        assert!(world.waits(&mut call));
        let wait = world.failed_round();
        assert!(world.waits(&mut call));
        world.pass(wait);
    }
    let (key, _) = world.connecting();
    world.ready(key);
    assert!(matches!(world.pick(&mut call), Pick::Ready(picked) if picked == key));
}

#[test]
fn a_deadline_names_what_was_under_way() {
    #[track_caller]
    fn check(world: &World, phase: &'static str, message: &str) {
        let status = world.channel.deadline_exceeded(world.now);
        assert_unsent(&status, Code::DeadlineExceeded, Local::DeadlineExceeded { phase }, message);
        assert_eq!(status.phase(), Some(phase));
    }

    let mut world = World::new("db.example:50051");
    check(&world, "waiting for a connection", "the deadline passed while waiting for a connection");
    world.connect();
    check(&world, "resolving", "the deadline passed while resolving db.example");
    world.resolving("db.example");
    world.resolved(&THREE);
    let connecting = "the deadline passed while connecting to";
    check(&world, "connecting", &format!("{connecting} 10.0.0.5:50051 (1 of 3 addresses of db.example tried)"));
    let (key, _) = world.connecting();
    world.refused(key);
    let first = "connecting to 10.0.0.5:50051 (1 of 3 addresses of db.example tried): connection refused";
    let second = "10.0.0.6:50051 (2 of 3 addresses of db.example tried)";
    check(&world, "connecting", &format!("{connecting} {second}; before that: {first}"));
    let (key, _) = world.connecting();
    world.channel.handle_connected(key);
    check(
        &world,
        "waiting for the peer's SETTINGS",
        &format!("the deadline passed while waiting for SETTINGS from {second}; before that: {first}"),
    );

    let mut world = failed_on_three_addresses();
    world.pass(ms(800));
    check(
        &world,
        "waiting to connect again",
        "the deadline passed while waiting to connect again; next attempt in 200 ms; before that: \
         connecting to 10.0.0.7:50051 (3 of 3 addresses of db.example tried): connection refused",
    );
}

#[test]
fn a_failure_is_forgotten_once_a_connection_is_ready() {
    let mut world = World::new("10.0.0.7:50051");
    world.connect();
    let wait = world.failed_round();
    assert!(world.channel.last_failure().is_some());
    world.pass(wait);
    let (key, _) = world.connecting();
    world.ready(key);
    assert_eq!(world.channel.last_failure(), None);
}
