//! The blocking server under the simulation: scenarios on seeds, and mutants that the seeds must kill.
#![allow(unreachable_pub, missing_docs)]

mod cases;
mod quiet;
mod world;

use cases::Outcome;
use rt_std::testkit::Rule;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

type Scenario = (&'static str, fn(u64, Option<Rule>) -> Outcome);

const ALL: &[Scenario] = &[
    ("latch", cases::latch),
    ("slow reader", cases::slow_reader),
    ("two streams", cases::two_streams),
    ("slow beside fast", cases::slow_beside_fast),
    ("killed", cases::killed),
    ("crowd", cases::crowd),
    ("flood", cases::flood),
    ("stop", quiet::stop),
    ("timers", quiet::timers),
    ("dribs", quiet::dribs),
    ("corks", quiet::corks),
    ("pings", quiet::pings),
    ("last words", quiet::last_words),
    ("idle", quiet::idle),
];

/// Seeds for every scenario; `SEEDS` in the environment asks for more.
fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}

/// Runs jobs on as many threads as there are processors.
fn in_parallel<J: Sync>(jobs: &[J], run: impl Fn(&J) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Relaxed)) {
                    run(job);
                }
            });
        }
    });
}

/// Failed runs are told by their `Failure`; panics in their threads say nothing more.
fn quietly() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // The test's own thread has its name; those of a run are nameless, or named by it.
            if std::thread::current().name().is_some_and(|name| name.contains('_')) {
                hook(info);
            }
        }));
    });
}

#[test]
fn every_scenario_holds_on_every_seed() {
    quietly();
    let only = std::env::var("SCENARIO").ok();
    let wanted = ALL.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name));
    let jobs: Vec<_> = wanted.flat_map(|s| (0..seeds()).map(move |seed| (s, seed))).collect();
    let failures = Mutex::new(Vec::new());
    in_parallel(&jobs, |((name, scenario), seed)| match scenario(*seed, None) {
        Err(failure) => failures.lock().unwrap().push(format!("{name} {seed}: {failure}")),
        Ok(report) if std::env::var_os("SHOW").is_some() => println!("{name} {seed}: {report:?}"),
        Ok(_) => {}
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} runs failed:\n{}", failures.len(), jobs.len(), failures.join("\n"));
}

#[test]
fn a_seed_repeats_exactly_byte_for_byte() {
    for (name, scenario) in ALL {
        let [a, b] = [scenario(3, None), scenario(3, None)];
        assert!(a.is_ok() && a == b, "{name}: {a:?}, {b:?}");
    }
}

/// The scenario that notices best when a rule is missing.
fn best_at(rule: Rule) -> &'static str {
    match rule {
        Rule::EdgeDuringVisit => "dribs",
        Rule::EdgeDuringWrite => "two streams",
        Rule::LastFreeWorker | Rule::QueueBounded | Rule::WakeNext | Rule::GrowWhileStuck => "latch",
        Rule::PlaceBeforeSlow | Rule::FreePlaceWakes | Rule::Notify | Rule::StopNudges | Rule::BudgetRequeues => {
            "timers"
        }
        Rule::WatchTicks | Rule::WatchFlushesCorks => "corks",
        Rule::WatchFlushes | Rule::WatchTakesBite | Rule::WatchTakesPlace => "slow beside fast",
        Rule::FlushOldReplies | Rule::RobbedControl => "slow beside fast",
        Rule::SendersGoOn => "flood",
        Rule::EndWakesHandler | Rule::LostEndsCalls => "killed",
        Rule::HeldGoOn | Rule::HoldCalls => "slow reader",
        Rule::PanicEndsCall => "crowd",
        Rule::ReadingGoesOn => "pings",
        Rule::LastWordsHeard => "last words",
    }
}

#[test]
fn each_rule_has_a_mutant_that_the_seeds_kill() {
    const SEEDS: u64 = 24;
    const MOST: u64 = 500;
    quietly();
    let lines = Mutex::new(Vec::new());
    in_parallel(&Rule::ALL, |rule| {
        let name = best_at(*rule);
        let (_, scenario) = ALL.iter().find(|(n, _)| *n == name).expect("a scenario of this name");
        let (mut tried, mut noticed, mut first) = (0, 0, None);
        while tried < SEEDS || noticed == 0 && tried < MOST {
            if scenario(tried, Some(*rule)).is_err() {
                noticed += 1;
                first.get_or_insert(tried);
            }
            tried += 1;
        }
        lines.lock().unwrap().push((*rule, noticed, tried, first, name));
    });
    let lines = lines.into_inner().unwrap();
    for (rule, noticed, tried, first, name) in &lines {
        println!("without \"{}\": {noticed} of {tried} seeds notice (first {first:?}, {name})", rule.name());
    }
    let alive: Vec<_> = lines.iter().filter(|line| line.1 == 0).map(|line| line.0).collect();
    assert!(alive.is_empty(), "no seed has noticed that these rules were missing: {alive:?}");
}
