//! A channel (`proto_core::channel`) whose outside does anything: reports come in any order, true or not, and orders are carried out late or
//! never. No attempt is ordered twice, timers progress, every connection is ended at last, and a call still gets one once the outside works.

use proto_core::testkit::{ChannelByChance, Random};

/// Most steps of one input.
const STEPS: usize = 2_000;

/// See the module.
pub fn run(data: &[u8]) {
    let (first, script) = data.split_first().unwrap_or((&0, &[]));
    let mut channel = ChannelByChance::new(Random::scripted(script));
    for _ in 0..STEPS {
        if channel.random().is_used_up() {
            break;
        }
        channel.step();
    }
    if first & 1 == 0 || channel.is_stopped() {
        channel.end();
    } else {
        channel.recovers();
    }
}

/// Seeds: choices by chance.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |seed| {
        let mut random = Random::seed(seed);
        let mut bytes = vec![0; 50 + random.below(1_500)];
        random.fill(&mut bytes);
        bytes
    };
    (0..20).map(seed).collect()
}
