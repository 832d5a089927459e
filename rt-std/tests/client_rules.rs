//! Every hand-off rule of the client has a mutant (the runtime without that rule), and the seeds notice it.

mod support;

use rt_std::testkit::{Failure, Report, client_rules};
use std::time::Duration;
use support::scenarios::{self, Scene};

/// Seeds for each rule and scene.
const SEEDS: u64 = 40;

/// Longer than any delay that the rules allow.
const SLOW: Duration = Duration::from_millis(500);

/// The scenes that lean on a rule, by parts of their names.
const LEANS: &[(&str, &[&str])] = &[
    ("the reader's place is handed on", &["busy", "leaves a blocked sender"]),
    ("a blocked writer is told that nobody reads", &["leaves a blocked sender"]),
    ("left-over output is handed on", &["before a parked one"]),
    ("the leader is told of left-over output", &["left to a leader", "left to a plain leader"]),
    ("a blocked writer reads", &["more than fits", "leaves a blocked sender"]),
    ("the leader is told what happens to its call", &["by another thread", "beside a blocked writer"]),
    ("a plain read only when nothing is pending", &["left to a plain leader", "beside a blocked writer"]),
    ("a plain read only for a call that nobody else can end", &["by another thread", "busy"]),
    ("a writer whose call is over gives its place up", &["runs out of time", "before a parked one"]),
    ("a signal for the other thread is passed on", &["beside a blocked writer"]),
    ("input before time", &["came in time"]),
    ("an idle connection is drained before a call", &["goodbye while idle"]),
    ("the end of a connection closes its pipe", &["below a plain read"]),
    ("what the peer said before a write failed is heard", &["last words"]),
    ("an attempt to connect is handed on", &["outlives who began it"]),
    ("who waits for a call's start is told", &["two halves"]),
    ("a call cancelled while it starts is cancelled then", &["while it starts"]),
    ("the end of an attempt is judged once for both halves", &["goes on elsewhere"]),
    ("what an ended attempt took is sent to the next", &["goes on elsewhere"]),
    ("a failed attempt is released once its call has moved on", &["goes on elsewhere"]),
    ("a call that nobody waits for has a thread that connects", &["nobody waits"]),
    ("a call that a new connection has missed is started", &["as the connection comes"]),
    ("a call whose thread gives up stands by again", &["in vain"]),
    ("who connects for nobody is told", &["withdrawn"]),
    ("a change of the channel wakes who waits for it", &["outlives who began it"]),
];

/// Needs a rare order of events, and so more seeds.
const RARE: &[&str] = &[
    "what an ended attempt took is sent to the next",
    "a failed attempt is released once its call has moved on",
    "a call that a new connection has missed is started",
    "a call whose thread gives up stands by again",
];

/// Tests inside notice these: what the first does cannot be seen from outside, and the order of events that the second
/// needs is found by the model (`client/driver/models`), which runs all of them.
const INSIDE: [&str; 2] = ["parked threads serve earlier timers", "a writer whose call moved does not wait for room"];

/// Did the seed notice? The same run with all rules is at hand.
fn noticed(with: &Report, without: &Result<Report, Failure>) -> bool {
    match without {
        Err(_) => true,
        Ok(report) => report.elapsed > with.elapsed + SLOW,
    }
}

fn seeds(rule: &str) -> u64 {
    if RARE.contains(&rule) { 4 * SEEDS } else { SEEDS }
}

fn noticing(scene: &Scene, rule: &'static str) -> usize {
    let noticed = (0..seeds(rule)).filter(|seed| {
        let with = scene.run(*seed, None).unwrap_or_else(|failure| panic!("{}: {failure}", scene.name));
        noticed(&with, &scene.run(*seed, Some(rule)))
    });
    noticed.count()
}

#[test]
fn the_seeds_notice_each_rule_that_is_missing() {
    for (rule, parts) in LEANS {
        let scenes = scenarios::ALL.iter().filter(|scene| parts.iter().any(|part| scene.name.contains(part)));
        let found: Vec<_> = scenes.map(|scene| (scene.name, noticing(scene, rule))).collect();
        let total: usize = found.iter().map(|(_, n)| n).sum();
        println!("without {rule:?}: {total} of {} seeds noticed {found:?}", found.len() as u64 * seeds(rule));
        assert!(total > 0, "no seed noticed that this rule was missing: {rule}");
    }
}

#[test]
fn no_rule_is_left_out() {
    let covered: Vec<_> = LEANS.iter().map(|(rule, _)| *rule).chain(INSIDE).collect();
    for rule in client_rules() {
        assert!(covered.contains(&rule), "no scene leans on this rule: {rule}");
    }
    assert_eq!(covered.len(), client_rules().len());
}
