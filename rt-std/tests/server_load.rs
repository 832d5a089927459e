//! Many clients at once, each of them well-behaved: nothing of theirs is refused.

use proto_core::Config;
use proto_core::grpc::Code;
use rt_common_testing::Cli;
use rt_common_testing::toy::{Blocking, M, Toy};
use rt_std::Server;
use rt_std::testkit::Sim;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// So many connections with so many calls each, all at once, to handlers that block until three of them run.
fn all_at_once(seed: u64, connections: u32, calls: u32, queue: Option<usize>) -> Vec<Code> {
    Sim::seed(seed).with_max_switches(400_000).run(|sim| {
        let toy = Toy::new(&sim.os(), 3);
        let mut builder = Server::builder().add_service(Blocking(toy)).max_handler_threads(3);
        if let Some(calls) = queue {
            builder = builder.max_queued_calls(calls);
        }
        let server = sim.serve_with(builder);
        let client = |_| Cli::new(&sim.os(), server.address(), Config::default());
        let mut clients: Vec<Cli> = (0..connections).map(client).collect();
        for client in &mut clients {
            for call in 0..calls {
                client.request(call, M::Latch.info(), None, &[]);
            }
            client.flush();
        }
        let mut codes = Vec::new();
        for client in &mut clients {
            assert!(client.pump(sim.now() + 10 * SEC, |c| c.all_ended(0..calls)), "seed {seed}: a call without an end");
            codes.extend((0..calls).filter_map(|call| client.ended(call)).map(|(code, _)| code));
            client.pipe.close();
        }
        server.shutdown(SEC);
        codes
    })
}

#[test]
fn calls_of_many_connections_wait_and_none_is_refused() {
    for seed in 0..3 {
        let codes = all_at_once(seed, 120, 10, None);
        assert_eq!(codes, vec![Code::Ok; 1_200], "seed {seed}");
    }
}

#[test]
fn a_bound_that_was_set_holds_whatever_the_number_of_connections() {
    let codes = all_at_once(1, 30, 10, Some(5));
    assert!(codes.contains(&Code::ResourceExhausted) && codes.contains(&Code::Ok), "{codes:?}");
    assert_eq!(codes.len(), 300);
}
