//! The async server in simulations: its end at any moment, the ages of its connections, its limits, and tasks that push
//! replies beside their handlers; judged on many seeds.

use proto_build_testing::hello::v1::{
    HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer,
};
use rt_smol::server::ServerBuilder;
use rt_smol::testkit::{Failure, HeldBy, Network, Rule, Sim};
use rt_smol::{Channel, Code, Receiver, Report, Request, Response, Running, Sender, Server, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Handlers that run, those that were begun, those that came to their end.
#[derive(Default)]
struct Counts {
    running: AtomicUsize,
    begun: AtomicUsize,
    ended: AtomicUsize,
}

#[derive(Clone)]
struct Service {
    counts: Arc<Counts>,
    sim: Sim,
}

struct Counted(Arc<Counts>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

impl Service {
    fn begin(&self) -> Counted {
        self.counts.running.fetch_add(1, Relaxed);
        self.counts.begun.fetch_add(1, Relaxed);
        Counted(self.counts.clone())
    }

    fn end(&self) {
        self.counts.ended.fetch_add(1, Relaxed);
    }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl HelloService for Service {
    /// Sleeps for as many milliseconds as the request says.
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let _counted = self.begin();
        let time: u32 = request.greeting.parse().map_err(|_| Status::invalid_argument("not a number"))?;
        if time > 0 {
            request.context().sleep_async(MS * time).await?;
        }
        self.end();
        Ok(reply(request.greeting.clone()).into())
    }

    /// A task of its own pushes, until the handler ends, and a little longer.
    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let _counted = self.begin();
        let (pusher, sim, context) = (replies.pusher(), self.sim.clone(), request.context().clone());
        let pushing = self.sim.spawn(async move {
            for i in 0.. {
                if pusher.send(reply(format!("pushed {i}"))).await.is_err() {
                    break;
                }
                sim.sleep(MS).await;
            }
            // It is told how the call ended, however that was.
            context.cancelled().await
        });
        for i in 0..5 {
            request.context().sleep_async(MS * 3).await?;
            replies.send(reply(format!("sent {i}"))).await?;
        }
        drop(pushing);
        self.end();
        Ok(())
    }

    async fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    /// Echoes, until the server is to stop.
    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let _counted = self.begin();
        while let Some(request) = requests.recv().await? {
            replies.send(reply(request.greeting)).await?;
            if requests.context().draining() {
                break;
            }
        }
        self.end();
        Ok(())
    }
}

/// Well, or as a call may fail when its server stops, or has enough to do.
fn ended(result: Result<(), Status>) -> bool {
    if let Err(status) = &result {
        assert!(matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::ResourceExhausted), "{status}");
    }
    result.is_ok()
}

/// Some call of the seed's choosing: what came is right. Whether it ended well.
async fn call(hello: HelloServiceClient<Channel>, random: u64) -> bool {
    let request = |text: &str| Request::new(HelloRequest { greeting: text.into() }).with_timeout(SEC * 5);
    let result = match random % 4 {
        0 | 1 => {
            let time = ((random >> 8) % 40).to_string();
            hello.say_hello(request(&time)).await.map(|got| assert_eq!(got.reply, time))
        }
        2 => {
            let mut replies = hello.lots_of_replies(request("go"));
            let (mut sent, mut pushed) = (0, 0);
            loop {
                match replies.next().await {
                    None => {
                        assert_eq!(sent, 5);
                        break Ok(());
                    }
                    Some(Err(status)) => break Err(status),
                    Some(Ok(got)) => {
                        let (what, next) =
                            if got.reply.starts_with("sent") { ("sent", &mut sent) } else { ("pushed", &mut pushed) };
                        assert_eq!(got.reply, format!("{what} {next}"));
                        *next += 1;
                    }
                }
            }
        }
        _ => {
            let (mut requests, mut replies) = hello.bidi_hello().split();
            for i in 0..10 {
                let text = i.to_string();
                if requests.send(HelloRequest { greeting: text.clone() }).await.is_err() {
                    break;
                }
                match replies.next().await {
                    Some(Ok(got)) => assert_eq!(got.reply, text),
                    Some(Err(status)) => return ended(Err(status)),
                    None => return true,
                }
            }
            let _ = requests.finish().await;
            match replies.next().await {
                None => Ok(()),
                Some(reply) => reply.map(|reply| panic!("{:?} was not asked for", reply.reply)),
            }
        }
    };
    ended(result)
}

/// Eight tasks with four calls each. The server stops with this grace at some moment; without one after the last call, and
/// says how many ended well.
async fn scene(sim: &Sim, builder: ServerBuilder, grace: Option<Duration>) -> (Report, usize) {
    let counts = Arc::new(Counts::default());
    let service = HelloServiceServer::new(Service { counts: counts.clone(), sim: sim.clone() });
    let server = sim.serve_with(builder.add_service(service));
    let channels: Vec<_> = (0..2).map(|_| sim.channel(&server)).collect();
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            let (hello, inner) = (HelloServiceClient::new(channels[i % 2].clone()), sim.clone());
            sim.spawn(async move {
                let mut well = 0;
                for _ in 0..4 {
                    well += usize::from(call(hello.clone(), inner.random()).await);
                }
                well
            })
        })
        .collect();
    drop(channels);
    let all = async {
        let mut well = 0;
        for task in tasks {
            well += task.await;
        }
        well
    };
    // As soon as all has ended: no call here takes longer than this, and every grace for them is longer.
    let shutdown = async |server: Running, grace: Duration| {
        let start = sim.now();
        let report = server.shutdown(grace).await;
        assert!(sim.now() - start < SEC * 30, "the server's end took {:?}", sim.now() - start);
        report
    };
    let (report, well) = match grace {
        Some(grace) => {
            sim.sleep(Duration::from_micros(sim.random() % 100_000)).await;
            let report = shutdown(server, grace).await;
            assert_eq!(counts.running.load(Relaxed), 0, "handlers that run after the server's end");
            (report, all.await)
        }
        None => {
            let well = all.await;
            (shutdown(server, SEC * 60).await, well)
        }
    };
    assert_eq!((report.left_behind, counts.running.load(Relaxed)), (0, 0));
    assert_eq!(report.calls as usize, counts.begun.load(Relaxed), "each handler that began was counted once");
    assert!(well <= counts.ended.load(Relaxed), "{well} calls ended well");
    (report, well)
}

fn network(seed: u64) -> Network {
    Network { capacity: [300, 5_000, 64 * 1024][seed as usize % 3], jitter: MS, ..Network::default() }
}

fn try_run(
    seed: u64,
    builder: ServerBuilder,
    grace: Option<Duration>,
    without: Option<Rule>,
) -> Result<(Report, usize), Failure> {
    let sim = Sim::seed(seed).with_network(network(seed)).with_max_polls(500_000);
    let sim = without.into_iter().fold(sim, Sim::without_rule);
    sim.try_run(async |sim| scene(sim, builder, grace).await).map(|(result, _)| result)
}

fn run(seed: u64, change: impl Fn(ServerBuilder) -> ServerBuilder, grace: Option<Duration>) -> (Report, usize) {
    try_run(seed, change(Server::builder()), grace, None).unwrap_or_else(|failure| panic!("{failure}"))
}

/// At once, soon, or when all is over.
fn grace(seed: u64) -> Duration {
    [Duration::ZERO, MS * 5, SEC * 60][seed as usize % 3]
}

#[test]
fn a_stop_at_any_moment_ends_every_call_and_every_handler() {
    let (mut calls, mut forced) = (0, 0);
    for seed in 0..60 {
        let grace = grace(seed);
        let (report, _) = run(seed, |builder| builder, Some(grace));
        assert!(grace < SEC || report.forced == 0, "seed {seed}: {report}");
        (calls, forced) = (calls + report.calls, forced + report.forced);
    }
    assert!(calls > 100 && forced > 10, "{calls} calls, {forced} of them forced");
}

#[test]
fn connections_that_grow_old_or_idle_cost_no_call() {
    for seed in 0..30 {
        let (report, well) = run(seed, |b| b.max_connection_age(MS * 20, SEC * 10).idle_timeout(MS * 5), None);
        assert_eq!((report.forced, well), (0, 32), "seed {seed}");
        assert!(report.connections > 2, "seed {seed}: {} connections", report.connections);
    }
}

#[test]
fn handlers_are_never_more_than_the_limit() {
    let mut refused = 0;
    for seed in 0..30 {
        let (report, well) = run(seed, |builder| builder.max_concurrent_handlers(2), None);
        assert_eq!((report.refused + report.calls, report.forced), (32, 0), "seed {seed}");
        assert_eq!(well as u64 + report.refused, 32, "seed {seed}");
        refused += report.refused;
    }
    assert!(refused > 0);
}

#[test]
fn the_seeds_notice_each_rule_that_they_hold() {
    const SEEDS: u64 = 30;
    for rule in Rule::ALL.iter().filter(|rule| rule.held_by().contains(&HeldBy::Stops)) {
        let end = |seed: u64| if seed.is_multiple_of(2) { Some(grace(seed)) } else { None };
        let broken = |seed: &u64| try_run(*seed, Server::builder(), end(*seed), Some(*rule)).is_err();
        let noticed = (0..SEEDS).filter(broken).count();
        println!("without {:?}: {noticed} of {SEEDS} seeds notice", rule.name());
        assert!(noticed > 0, "no seed noticed that this rule was missing: {}", rule.name());
    }
}
