//! What only a look inside shows. (The scenes are in `tests/client_sim.rs`.)

use super::{Direction, Driver, First, Observer, Wait, rules};
use crate::testkit::Sim;
use proto_core::call::{CallOptions, Head};
use proto_core::channel::Script;
use proto_core::time::Instant;
use proto_core::{Config, MessageBuf};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Nobody;

impl Observer for Nobody {
    fn ready(&self) {}
    fn draining(&self) {}
    fn closed(&self, _reason: &str, _cause: Option<proto_core::channel::Cause>) {}
}

fn wait(sim: &Sim, driver: &Arc<Driver>, until: Instant) {
    let (driver, name) = (driver.clone(), "waits");
    let task = sim.spawn(name, move || {
        let (id, _) = driver
            .start_call(Head::new("/t.T/Drop"), &CallOptions::default(), &First::Script(&Script::default()))
            .expect("it starts");
        let wait =
            Wait { call: Some(id), direction: Direction::Recv, deadline: None, until: Some(until), alone: false };
        let _ = driver.pull(&wait, id, &mut MessageBuf::new());
    });
    sim.at_end(move || task.join());
}

/// A leader, a parked thread, and then a call with a deadline that nobody waits for. Is it over in time?
fn deadline_is_served(seed: u64, without: Option<&'static str>) -> bool {
    let mut sim = Sim::seed(seed);
    if let Some(rule) = without {
        sim = sim.without_rule(rule);
    }
    sim.run(|sim| {
        let (near, far) = sim.pair();
        let driver = Driver::new(sim.os(), near, Config::default(), Box::new(Nobody));
        let end = sim.now() + 400 * MS;
        wait(sim, &driver, end);
        sim.sleep(MS);
        let options = CallOptions { deadline: Some(sim.now() + 100 * MS), ..CallOptions::default() };
        let (id, _) =
            driver.start_call(Head::new("/t.T/Drop"), &options, &First::Script(&Script::default())).expect("it starts");
        wait(sim, &driver, end);
        sim.sleep(150 * MS);
        let is_over = driver.with(|conn, _| conn.call(id).expect("it is not released").outcome().is_some());
        sim.at_end(move || drop(far));
        is_over
    })
}

#[test]
fn a_parked_thread_serves_a_timer_that_the_leader_does_not_know_of() {
    assert!((0..50).all(|seed| deadline_is_served(seed, None)));
    let noticed = (0..50).filter(|seed| !deadline_is_served(*seed, Some(rules::PARKED_SERVE_TIMERS))).count();
    println!("without {:?}: {noticed} of 50 seeds noticed", rules::PARKED_SERVE_TIMERS);
    assert!(noticed > 0);
}
