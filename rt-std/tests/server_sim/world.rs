//! One server, its clients, a seed.

use proto_core::Config;
use rt_common_testing::Cli;
use rt_common_testing::toy::{Blocking, Toy};
use rt_std::Server;
use rt_std::os::Address;
use rt_std::server::ServerBuilder;
use rt_std::testkit::{Failure, Network, Probe, Report, Rule, Sim, Tuning};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

pub const US: Duration = Duration::from_micros(1);
pub const MS: Duration = Duration::from_millis(1);
/// There and back.
pub const RTT: Duration = Duration::from_micros(100);
/// A promise of the watch: what somebody else's handler may cost us.
pub const LATE: Duration = Duration::from_micros(100 + 1_100);
/// Accepting may have to pause: 10, 20, 40, 80, 160 ms.
pub const ACCEPT: Duration = Duration::from_millis(320);

/// What a scenario sets.
pub struct Scene {
    /// Bytes that the network holds in each direction.
    pub capacity: usize,
    /// Calls that open the latch.
    pub wants: u64,
    pub tuning: Tuning,
    pub handlers: usize,
    pub streams: usize,
    pub queue: usize,
    /// Stream window of both ends, bytes.
    pub window: u32,
    /// Streams' senders block above this together, bytes.
    pub max_unsent: usize,
    /// The network's and the system's own faults.
    pub faults: bool,
    pub max_connections: usize,
    pub max_pending: usize,
    pub configure: fn(&mut Config),
}

impl Scene {
    /// Small numbers, so that every bound is met.
    pub fn new(seed: u64, capacity: usize) -> Self {
        let help_above = if seed.is_multiple_of(3) { Duration::ZERO } else { 100 * US };
        let first_guess = if seed.is_multiple_of(2) { Duration::ZERO } else { MS };
        Scene {
            capacity,
            wants: 0,
            tuning: Tuning { cores: 2, hold_above: 20_000, first_guess, help_above, read_size: 600 },
            handlers: 3,
            streams: 2,
            queue: 4,
            window: 2_000,
            max_unsent: 2_000,
            faults: true,
            max_connections: 1000,
            max_pending: 1000,
            configure: |_| {},
        }
    }

    fn builder(&self, toy: &Arc<Toy>) -> ServerBuilder {
        let (window, max_unsent) = (self.window, self.max_unsent);
        let builder = Server::builder()
            .add_service(Blocking(toy.clone()))
            .max_handler_threads(self.handlers)
            .max_streaming_handlers(self.streams)
            .max_queued_calls(self.queue)
            .max_connections(self.max_connections)
            .max_pending_handshakes(self.max_pending)
            .min_ping_interval(Duration::ZERO)
            .configure(|config| {
                config.stream_window = window;
                config.max_unsent = max_unsent;
                config.max_unsent_per_call = max_unsent;
            })
            .configure(self.configure);
        self.tuning.apply(builder)
    }
}

pub type Body = Box<dyn FnOnce(&mut Cli, &World) + Send>;

/// What a client sees of the world.
#[derive(Clone)]
pub struct World {
    pub sim: Sim,
    pub toy: Arc<Toy>,
    pub probe: Probe,
    pub stop: rt_std::Stop,
    pub address: Address,
    window: u32,
}

impl World {
    pub fn client(&self) -> Cli {
        let config = Config { stream_window: self.window, ..Config::default() };
        Cli::new(&self.sim.os(), &self.address, config)
    }
}

/// Runs the clients against a server; all of it on this seed, without this rule.
pub fn run(seed: u64, without: Option<Rule>, scene: Scene, clients: Vec<Body>) -> Result<Report, Failure> {
    let mut sim = Sim::seed(seed).with_max_switches(40_000);
    if let Some(rule) = without {
        sim = sim.without_rule(rule.name());
    }
    // Without a delay the peer's writes race with our reads.
    let delay = if seed % 4 == 1 { Duration::ZERO } else { 50 * US };
    let network = |faults: bool| {
        let mut network = Network::default();
        (network.capacity, network.delay) = (scene.capacity, delay);
        (network.accept_errors, network.spawn_errors) = (faults, faults);
        network
    };
    let (calm, faulty) = (network(false), network(scene.faults));
    let run = sim.with_network(calm).try_run(|sim| {
        let toy = Toy::new(&sim.os(), scene.wants);
        let server = sim.serve_with(scene.builder(&toy));
        let probe = Probe::of(&server);
        let inner = probe.clone();
        let _ = toy.unsent.set(Box::new(move || inner.most_unsent()));
        let world = World {
            sim: sim.clone(),
            toy: toy.clone(),
            probe,
            stop: server.stop(),
            address: server.address().clone(),
            window: scene.window,
        };
        let start = |body: Body| {
            let world = world.clone();
            sim.spawn("client", move || {
                let mut cli = world.client();
                body(&mut cli, &world);
                cli.pipe.close();
            })
        };
        let tasks: Vec<_> = clients.into_iter().map(start).collect();
        // From here on: the clients have their threads, whatever the server gets.
        sim.set_network(faulty);
        tasks.into_iter().for_each(rt_std::testkit::Task::join);
        let report = server.shutdown(MS);
        assert_eq!(report.left_behind, 0, "handlers left behind");
        let peak = toy.peak.load(SeqCst);
        assert!(peak <= scene.tuning.hold_above + 64 * 1024, "unsent at a handler's start: {peak}");
    });
    run.map(|((), report)| report)
}
