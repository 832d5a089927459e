//! Any sequence of inputs is safe: reports in any order, about anything, orders carried out late or never.

use proto_core::testkit::{ChannelByChance, Random};

#[test]
fn any_sequence_of_inputs_is_safe_and_every_connection_is_ended() {
    for seed in 0..2_000 {
        let mut channel = ChannelByChance::new(Random::seed(seed));
        for _ in 0..300 {
            channel.step();
        }
        channel.end();
    }
}

#[test]
fn after_any_sequence_of_inputs_a_call_still_gets_a_connection() {
    for seed in 0..2_000 {
        let mut channel = ChannelByChance::new(Random::seed(seed));
        for _ in 0..channel.random().below(300) {
            channel.step();
        }
        if !channel.is_stopped() {
            channel.recovers();
        }
    }
}
