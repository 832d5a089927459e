//! Streams of every kind in a simulation, on seeds: bytes both ways with everything full, streams that are stuck, that fail, that
//! end; and for each rule, that the seeds notice when it is missing.

mod scenes;

use super::rules;
use crate::testkit::{Failure, Network, Report, Sim};
use scenes::{ALL, Scene};

/// Seeds of each scene.
const SEEDS: u64 = 12;

/// Seeds for a rule that needs a rare order of events.
const MOST: u64 = 1_000;

fn play(scene: &Scene, seed: u64, without: Option<&'static str>) -> Result<Report, Failure> {
    let network = Network { capacity: 4_000 + (seed as usize % 5) * 4_000, chop: true, ..Network::default() };
    let mut sim = Sim::seed(seed).with_network(network).with_max_switches(100_000);
    if let Some(rule) = without {
        sim = sim.without_rule(rule);
    }
    sim.try_run(|sim| (scene.play)(sim)).map(|(_, report)| report)
}

#[test]
fn every_scene_plays_to_its_end_whatever_the_seed() {
    for scene in ALL {
        let start = std::time::Instant::now();
        for seed in 0..SEEDS {
            let played = play(scene, seed, None);
            assert!(played.is_ok(), "{}: {played:?}", scene.name);
        }
        println!("{}: {SEEDS} seeds, {:?}", scene.name, start.elapsed());
    }
}

#[test]
fn a_scene_is_the_same_again_on_the_same_seed() {
    for scene in ALL {
        assert_eq!(play(scene, 3, None), play(scene, 3, None), "{}", scene.name);
    }
}

/// The scene that leans on a rule.
fn leans_on(rule: &str) -> &'static str {
    match rule {
        rules::FULL_INPUT_LEAVES_OUTPUT | rules::REST_IS_KEPT => "both ways, in non-blocking mode",
        rules::OUTPUT_ENDS_PAUSE => "questions and answers, in non-blocking mode",
        rules::STUCK_IS_NOTICED | rules::OUTPUT_WAKES_WATCH => "a read that blocks",
        rules::WRITER_SAYS_SO => "a write that blocks",
        rules::READS_ON => "a write that fails before replies come, in halves",
        rules::QUIET_ENDS => "a write that fails, and silence, in turns",
        rules::END_WAKES_WATCH => "a read that fails, in turns",
        other => panic!("no scene leans on this rule: {other}"),
    }
}

/// Failed runs are told by their `Failure`: panics of their threads, which are no test's, say nothing more.
fn quietly() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name().is_some_and(|name| name.contains("::")) {
            hook(info);
        }
    }));
}

#[test]
fn the_seeds_notice_each_rule_that_is_missing() {
    quietly();
    for rule in rules::ALL {
        let scene = ALL.iter().find(|scene| scene.name == leans_on(rule)).expect("a scene of this name");
        let (mut tried, mut noticed) = (0, 0);
        while tried < SEEDS || noticed == 0 && tried < MOST {
            noticed += u64::from(play(scene, tried, Some(rule)).is_err());
            tried += 1;
        }
        println!("without {rule:?}: {noticed} of {tried} seeds notice ({})", scene.name);
        assert!(noticed > 0, "no seed has noticed that this rule was missing: {rule}");
    }
}
