//! Every target on its seeds and on changed ones: what a fuzzer runs for long, `cargo test` runs for a moment, so that no target rots.

use fuzz_targets::{TARGETS, mutate};
use proto_core::testkit::Random;
use std::collections::BTreeSet;
use std::panic;

/// Changed inputs of a target: so many, or as many as the environment variable `INPUTS` says.
fn inputs() -> u64 {
    std::env::var("INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// Runs one input; where it fails, the test says which it was.
fn run(name: &str, what: &str, run: fn(&[u8]), input: &[u8]) {
    if let Err(reason) = panic::catch_unwind(|| run(input)) {
        eprintln!("{name}, {what}: {}", input.escape_ascii());
        panic::resume_unwind(reason);
    }
}

#[test]
fn every_target_holds_on_its_seeds() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty() && seeds == (target.seeds)(), "{}: always the same", target.name);
        for (at, seed) in seeds.iter().enumerate() {
            run(target.name, &format!("seed {at}"), target.run, seed);
        }
        run(target.name, "nothing", target.run, &[]);
    }
}

#[test]
fn every_target_holds_on_changed_seeds() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        for number in 0..inputs() {
            let mut random = Random::seed(number);
            let first = random.below(seeds.len());
            let mut input = mutate(&mut random, &seeds[first]);
            if random.one_in(10) {
                let second = random.below(seeds.len());
                input.extend_from_slice(&mutate(&mut random, &seeds[second]));
            }
            run(target.name, &format!("input {number}"), target.run, &input);
        }
    }
}

#[test]
fn every_target_has_its_entry_point() {
    let manifest = include_str!("../../Cargo.toml");
    let named: BTreeSet<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .collect();
    assert_eq!(named, TARGETS.iter().map(|target| target.name).collect());
}
