//! The client in a simulation: threads, places and hand-offs, busy and quiet, on many seeds.

mod support;

use proto_tls::testkit::Authority;
use rt_std::tls::{TlsAcceptor, TlsConnector};
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

/// Settings of both ends.
fn tls() -> (TlsConnector, TlsAcceptor) {
    let authority = Authority::new("tests").expect("the system has random numbers");
    let server = authority.issue("localhost").expect("a name").server().build().expect("good settings");
    (authority.client().with_server_name("localhost").build().expect("good settings"), server)
}

#[test]
fn every_scene_plays_to_its_end_over_tls() {
    let (connector, acceptor) = tls();
    let mut failures = Vec::new();
    let only = std::env::var("SCENE").ok();
    for scene in scenarios::ALL.iter().filter(|s| only.as_deref().is_none_or(|o| s.name.contains(o))) {
        if scene.name == "lost before a byte left" {
            // It expects that of the request before it some bytes arrived. Of half a record none do: it is sent again too.
            continue;
        }
        let start = std::time::Instant::now();
        let failed = (0..seeds() / 3).filter_map(|seed| scene.run_over_tls(seed, &connector, &acceptor).err());
        failures.extend(failed.map(|failure| format!("{}: {failure}", scene.name)));
        println!("{} over TLS: {} seeds, {:?}", scene.name, seeds() / 3, start.elapsed());
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_scene_is_the_same_again_on_the_same_seed_byte_for_byte() {
    for scene in scenarios::ALL {
        let first = scene.run(11, None);
        // Of a scene that says anything the report has every byte.
        assert!(first.as_ref().is_ok_and(|report| report.bytes != 0), "{}: {first:?}", scene.name);
        assert_eq!(first, scene.run(11, None), "{}", scene.name);
    }
}
