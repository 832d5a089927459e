//! One call played from two scripts, a client's and a server's, over a pair in memory; the same scenario plain, byte
//! by byte and under seeded faults.

pub(crate) mod script;
mod world;

pub(crate) use script::Scenario;
pub(crate) use world::World;

use proto_core::testkit::Faults;

/// Seeds that every scenario runs under, beside the plain run and the one byte by byte.
pub(crate) const SEEDS: u64 = 40;

/// Plays a scenario without faults, byte by byte, and with seeded delays; the scenario's own check must hold each time.
pub(crate) fn play_three_ways(scenario: &Scenario) {
    let seeded = (1..=SEEDS).map(Faults::delays);
    for faults in [Faults::NONE, Faults::BYTE_BY_BYTE].into_iter().chain(seeded) {
        let ran = World::new(scenario, faults).play();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (scenario.check)(&ran)));
        if let Err(panic) = outcome {
            eprintln!("under {faults:?}:\n{ran:#?}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Plays a scenario over a link that breaks: the client gets a definite status, nothing hangs, nothing is left.
/// (`World::play` asserts the last two.)
pub(crate) fn play_with_loss(name: &str, scenario: &Scenario, seeds: u64) {
    for seed in 1..=seeds {
        let ran = World::new(scenario, Faults::loss(seed, 2_000)).play();
        assert!(ran.client.outcome.is_some(), "{name}, seed {seed}: the client has no verdict: {ran:#?}");
        assert!(ran.server.as_ref().is_none_or(|view| view.outcome.is_some()), "{name}, seed {seed}: {ran:#?}");
    }
}

/// Declares scenarios: a test for each, named as its function, and the list of all of them.
macro_rules! scenarios {
    ($($name:ident)*) => {
        mod plays {
            $(#[test]
            fn $name() {
                $crate::support::play_three_ways(&super::$name());
            })*
        }

        #[test]
        fn every_call_ends_with_a_definite_status_when_the_link_breaks() {
            $($crate::support::play_with_loss(stringify!($name), &$name(), 60);)*
        }
    };
}

pub(crate) use scenarios;
