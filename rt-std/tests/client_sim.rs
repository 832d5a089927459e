//! The client in a simulation: threads, places and hand-offs, busy and quiet, on many seeds.

mod support;

use support::scenarios;

/// Seeds of each scene. `SEEDS` in the environment asks for more.
fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[test]
fn every_scene_plays_to_its_end_whatever_the_seed() {
    let mut failures = Vec::new();
    let only = std::env::var("SCENE").ok();
    for scene in scenarios::ALL.iter().filter(|s| only.as_deref().is_none_or(|o| s.name.contains(o))) {
        let start = std::time::Instant::now();
        let runs: Vec<_> = (0..seeds()).map(|seed| scene.run(seed, None)).collect();
        let switches: u64 = runs.iter().flatten().map(|report| report.switches).sum();
        println!("{}: {} seeds, {switches} switches, {:?}", scene.name, seeds(), start.elapsed());
        let failed = runs.iter().filter_map(|run| run.as_ref().err());
        failures.extend(failed.map(|failure| format!("{}: {failure}", scene.name)));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_scene_is_the_same_again_on_the_same_seed() {
    for scene in scenarios::ALL {
        assert_eq!(scene.run(11, None), scene.run(11, None), "{}", scene.name);
    }
}
