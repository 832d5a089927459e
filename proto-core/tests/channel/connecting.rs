//! From IDLE to READY and back: addresses, failures, backoff, time-outs.

use crate::world::{World, at, ms, steady, tcp};
use proto_core::channel::{Address, ChannelConfig, Order, Pick, State, Waiter};
use std::time::Duration;

const NAME: &str = "db.example:50051";
const ADDRESS: &str = "10.0.0.7:50051";

#[test]
fn nothing_happens_until_somebody_wants_the_channel() {
    let mut world = World::new(ADDRESS);
    assert_eq!(world.channel.state(), State::Idle);
    assert_eq!((world.orders(), world.channel.poll_timeout()), (vec![], None));
}

#[test]
fn an_address_is_connected_to_without_resolving() {
    for (target, address) in
        [(ADDRESS, tcp(ADDRESS)), ("[::1]:1", tcp("[::1]:1")), ("unix:/a", Address::Unix("/a".to_owned()))]
    {
        let mut world = World::new(target);
        world.connect();
        assert_eq!(world.connecting().1, address);
    }
}

#[test]
fn calls_wait_while_connecting_and_go_to_the_connection_once_settings_came() {
    let mut world = World::new(NAME);
    let mut call = Waiter::new(false);
    assert!(world.waits(&mut call));
    world.resolving("db.example");
    assert_eq!(world.channel.state(), State::Connecting);
    world.resolved(&[ADDRESS]);
    let (key, _) = world.connecting();
    world.channel.handle_connected(key);
    assert!(world.waits(&mut call));
    let before = world.channel.generation();
    world.ready(key);
    assert_ne!(world.channel.generation(), before);
    assert!(matches!(world.pick(&mut call), Pick::Ready(picked) if picked == key));
    assert_eq!(world.channel.poll_timeout(), Some(at(30 * 60_000)));
}

#[test]
fn addresses_are_tried_in_order_each_once_and_the_next_at_once() {
    let mut world = World::new(NAME);
    world.connect();
    world.resolving("db.example");
    world.resolved(&["10.0.0.9:50051", "10.0.0.7:50051", "10.0.0.9:50051", "[::1]:50051"]);
    for address in ["10.0.0.9:50051", "10.0.0.7:50051", "[::1]:50051"] {
        let (key, ordered) = world.connecting();
        assert_eq!(ordered, tcp(address));
        assert_eq!(world.channel.state(), State::Connecting);
        world.refused(key);
    }
    assert_eq!((world.channel.state(), world.orders()), (State::TransientFailure, vec![]));
}

#[test]
fn rounds_that_fail_are_spaced_by_a_backoff_that_grows() {
    let mut world = World::with(ADDRESS, ChannelConfig { idle_timeout: None, ..steady() });
    world.connect();
    for wait in [1_000, 1_600, 2_560, 4_096] {
        assert_eq!(world.failed_round(), ms(wait));
        world.pass(ms(wait - 1));
        assert_eq!((world.channel.state(), world.orders()), (State::TransientFailure, vec![]));
        world.pass(ms(1));
        assert_eq!(world.channel.state(), State::Connecting);
    }
    for _ in 0..20 {
        let wait = world.failed_round();
        world.pass(wait);
    }
    assert_eq!(world.failed_round(), Duration::from_secs(120));
}

#[test]
fn the_backoff_counts_from_the_beginning_of_the_round() {
    let mut world = World::new(ADDRESS);
    world.connect();
    world.pass(ms(400));
    assert_eq!(world.failed_round(), ms(600));
    world.pass(ms(600));
    // The next round lasts longer than its backoff: no further wait.
    world.pass(ms(5_000));
    assert_eq!(world.failed_round(), ms(0));
    world.pass(ms(0));
    assert_eq!(world.channel.state(), State::Connecting);
}

#[test]
fn jitter_comes_from_the_seed_alone() {
    let waits = |seed| {
        let mut world = World::with(ADDRESS, ChannelConfig { seed, ..ChannelConfig::default() });
        world.connect();
        [(); 5].map(|()| {
            let wait = world.failed_round();
            world.pass(wait);
            wait
        })
    };
    assert_eq!(waits(7), waits(7));
    assert_ne!(waits(7), waits(8));
}

#[test]
fn a_connection_that_dies_before_settings_is_a_failure() {
    let mut world = World::new(ADDRESS);
    world.connect();
    let (key, _) = world.connecting();
    world.channel.handle_connected(key);
    world.channel.handle_closed(world.now, key, "closed at once");
    assert_eq!(world.channel.state(), State::TransientFailure);
    world.pass(ms(1_000));
    let (key, _) = world.connecting();
    world.channel.handle_connected(key);
    world.channel.handle_draining(world.now, key);
    assert_eq!(world.orders(), [Order::Abort { key }]);
    assert_eq!(world.channel.poll_timeout(), Some(world.now + ms(1_600)));
}

#[test]
fn a_connection_that_lasts_resets_the_backoff() {
    let mut world = World::new(ADDRESS);
    world.connect();
    for _ in 0..5 {
        let wait = world.failed_round();
        world.pass(wait);
    }
    let (key, _) = world.connecting();
    world.ready(key);
    world.pass(ms(2_000));
    world.channel.handle_closed(world.now, key, "reset by peer");
    world.connect();
    assert_eq!(world.failed_round(), ms(1_000));
}

#[test]
fn an_attempt_that_takes_too_long_is_aborted_and_the_next_address_tried() {
    let mut world = World::new(NAME);
    world.connect();
    world.resolving("db.example");
    world.resolved(&["10.0.0.1:1", "10.0.0.2:1"]);
    let (first, _) = world.connecting();
    world.pass(ms(19_999));
    assert_eq!(world.orders(), []);
    world.pass(ms(1));
    let orders = world.orders();
    assert_eq!(orders[0], Order::Abort { key: first });
    let Order::Connect { key: second, .. } = orders[1] else { panic!("{orders:?}") };
    // The first comes too late now.
    world.channel.handle_connected(first);
    world.channel.handle_ready(world.now, first);
    assert_eq!(world.channel.state(), State::Connecting);
    assert_eq!(world.channel.deadline_exceeded(world.now).phase(), Some("connecting"));
    world.ready(second);
}

#[test]
fn an_attempt_that_nobody_has_begun_is_not_aborted_but_taken_back() {
    let mut world = World::new("10.0.0.1:1");
    world.connect();
    world.pass(ms(20_000));
    // The first order is gone, the round that follows has one of its own.
    let (key, _) = world.connecting();
    world.ready(key);
}

#[test]
fn an_attempt_outlives_the_caller_who_began_it() {
    let mut world = World::new(ADDRESS);
    assert!(world.waits(&mut Waiter::new(false)));
    let (key, _) = world.connecting();
    world.pass(ms(200));
    let _its_end = world.channel.deadline_exceeded(world.now);
    let mut next = Waiter::new(false);
    assert!(world.waits(&mut next));
    assert_eq!(world.orders(), []);
    world.ready(key);
    assert_eq!(world.picked(), key);
}

#[test]
fn a_name_that_does_not_resolve_is_asked_for_again_after_the_backoff() {
    let mut world = World::new(NAME);
    world.connect();
    for wait in [1_000, 1_600] {
        world.resolving("db.example");
        world.unresolved("no such host");
        assert_eq!(world.channel.state(), State::TransientFailure);
        assert_eq!(world.channel.poll_timeout(), Some(world.now + ms(wait)));
        world.pass(ms(wait));
    }
    world.resolving("db.example");
    world.resolved(&[]);
    assert_eq!(world.channel.state(), State::TransientFailure);
}

#[test]
fn when_a_lookup_fails_the_addresses_of_an_earlier_one_are_tried() {
    let mut world = World::new(NAME);
    world.connect();
    world.resolving("db.example");
    world.resolved(&[ADDRESS]);
    let (key, _) = world.connecting();
    world.refused(key);
    world.pass(ms(1_000));
    world.resolving("db.example");
    world.unresolved("no such host");
    let (key, address) = world.connecting();
    assert_eq!(address, tcp(ADDRESS));
    world.ready(key);
}

#[test]
fn a_lookup_that_hangs_fails_the_round_is_not_asked_for_twice_and_is_welcome_late() {
    let mut world = World::new(NAME);
    world.connect();
    world.resolving("db.example");
    world.pass(ms(20_000));
    // Longer than the backoff: the next round has begun, and waits for the same lookup.
    assert_eq!((world.channel.state(), world.orders()), (State::Connecting, vec![]));
    world.pass(ms(100_000));
    assert_eq!(world.orders(), []);
    while world.channel.state() != State::TransientFailure {
        world.pass(ms(1_000));
    }
    world.resolved(&[ADDRESS]);
    assert_eq!(world.channel.state(), State::Connecting);
    let (key, _) = world.connecting();
    world.ready(key);
}

#[test]
fn answers_nobody_asked_for_are_ignored() {
    let mut world = World::new(NAME);
    world.resolved(&[ADDRESS]);
    assert_eq!((world.channel.state(), world.orders()), (State::Idle, vec![]));
    world.connect();
    world.resolving("db.example");
    world.resolved(&[ADDRESS]);
    world.resolved(&["10.0.0.1:1"]);
    assert_eq!(world.connecting().1, tcp(ADDRESS));

    let mut world = World::new(NAME);
    world.connect();
    world.resolving("db.example");
    world.unresolved("no such host");
    world.resolved(&[ADDRESS]);
    assert_eq!((world.channel.state(), world.orders()), (State::TransientFailure, vec![]));
}

#[test]
fn a_pick_after_the_backoff_begins_the_next_round_by_itself() {
    let mut world = World::new(ADDRESS);
    world.connect();
    let wait = world.failed_round();
    // Nobody serves the timer, as in a runtime without a thread of its own.
    world.now = world.now + wait;
    let mut call = Waiter::new(false);
    assert!(world.waits(&mut call));
    let (key, _) = world.connecting();
    world.ready(key);
}

#[test]
fn time_outs_of_zero_or_without_end_are_served_like_others() {
    for (timeout, target) in [Duration::ZERO, Duration::MAX].into_iter().flat_map(|t| [(t, NAME), (t, ADDRESS)]) {
        let mut config = ChannelConfig { connect_timeout: timeout, idle_timeout: Some(timeout), ..steady() };
        config.backoff.initial = timeout;
        config.backoff.max = timeout;
        let mut world = World::with(target, config);
        world.connect();
        world.pass(ms(50));
        world.channel.handle_timeout(at(u64::MAX / 1_000_000));
        world.connect();
        let end = proto_core::Instant::from_nanos(u64::MAX);
        world.channel.handle_timeout(end);
        world.channel.connect(end);
        world.channel.handle_timeout(end);
        assert!(world.channel.poll_timeout().is_none());
    }
}
