//! Client and server of this crate in simulations: calls of all shapes on bad networks, judged on many seeds.

use proto_build_testing::hello::v1::{
    HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer,
};
use rt_smol::testkit::{Failure, HeldBy, Network, Report, Rule, Sim};
use rt_smol::{Channel, Code, Receiver, Request, RequestOptions, Response, SendError, Sender, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Default)]
struct Service {
    /// Handlers that run.
    running: Arc<AtomicUsize>,
}

struct Counted(Arc<AtomicUsize>);

impl Service {
    fn count(&self) -> Counted {
        self.running.fetch_add(1, Relaxed);
        Counted(self.running.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn greeting(text: impl Into<String>) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl HelloService for Service {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let _counted = self.count();
        if request.greeting == "slow" {
            request.context().sleep_async(Duration::from_secs(600)).await?;
        }
        Ok(reply(request.greeting.clone()).into())
    }

    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let _counted = self.count();
        for i in 0..20 {
            replies.send(reply(format!("{i} {}", request.greeting))).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let _counted = self.count();
        let mut size = 0;
        while let Some(request) = requests.recv().await? {
            size += request.greeting.len();
        }
        Ok(reply(size.to_string()).into())
    }

    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let _counted = self.count();
        while let Some(request) = requests.recv().await? {
            replies.send(reply(request.greeting)).await?;
        }
        Ok(())
    }
}

/// One call of the seed's choosing: what came is right, or the call failed as a whole.
async fn call(hello: &HelloServiceClient<Channel>, random: u64) -> Result<(), Status> {
    let text = "x".repeat((random >> 8) as usize % 40_000);
    let limit = RequestOptions::new().with_timeout(Duration::from_secs(60));
    match random % 6 {
        0 => {
            let got = hello.say_hello(Request::with_options(greeting(text.clone()), limit)).await?;
            assert_eq!(got.reply, text);
        }
        1 => {
            let short = Request::new(greeting("slow")).with_timeout(MS * (1 + (random >> 40) as u32 % 20));
            let status = hello.say_hello(short).await.expect_err("it is slow");
            assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Unavailable), "{status}");
        }
        2 => {
            let mut replies = hello.lots_of_replies(Request::with_options(greeting(text.clone()), limit));
            for i in 0..20 {
                assert_eq!(replies.next().await.expect("twenty replies")?.reply, format!("{i} {text}"));
            }
            assert!(replies.next().await.is_none());
        }
        3 => {
            let mut call = hello.lots_of_greetings_with(limit);
            for _ in 0..10 {
                match call.send(greeting(text.clone())).await {
                    Err(SendError::Ended) => break,
                    other => other?,
                }
            }
            assert_eq!(call.finish().await?.reply, (10 * text.len()).to_string());
        }
        4 => {
            let (mut requests, mut replies) = hello.bidi_hello_with(limit).split();
            let sending = async {
                for i in 0..10 {
                    match requests.send(greeting(i.to_string())).await {
                        Err(SendError::Ended) => return Ok(()), // the replies tell how
                        other => other?,
                    }
                }
                match requests.finish().await {
                    Err(SendError::Ended) => Ok(()),
                    other => Ok::<(), Status>(other?),
                }
            };
            let receiving = async {
                for i in 0..10 {
                    assert_eq!(replies.next().await.expect("ten replies")?.reply, i.to_string());
                }
                assert!(replies.next().await.is_none());
                Ok(())
            };
            smol::future::try_zip(sending, receiving).await?;
        }
        // Dropped in the middle.
        _ => {
            let mut replies = hello.lots_of_replies(Request::with_options(greeting(text), limit));
            replies.next().await.expect("a reply")?;
        }
    }
    Ok(())
}

/// Five tasks that call over one channel; what fails must have been the network's fault.
async fn scene(sim: &Sim) {
    let service = Service::default();
    let server = sim.serve(HelloServiceServer::new(service.clone()));
    let channel = sim.channel(&server);
    if sim.random().is_multiple_of(3) {
        sim.cut_link_after(Duration::from_micros(sim.random() % 200_000));
    }
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (hello, inner) = (HelloServiceClient::new(channel.clone()), sim.clone());
            sim.spawn(async move {
                for _ in 0..5 {
                    if let Err(status) = call(&hello, inner.random()).await {
                        assert_eq!(status.code(), Code::Unavailable, "{status}");
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    drop(channel);
    // Whatever became of the calls, no handler outlives them by more than the network's delay.
    sim.sleep(Duration::from_secs(1)).await;
    assert_eq!(service.running.load(Relaxed), 0, "handlers that run for nobody");
    server.shutdown(Duration::from_secs(1)).await;
}

fn run(seed: u64, without: Option<Rule>) -> Result<Report, Failure> {
    let network = Network {
        capacity: [300, 5_000, 64 * 1024][seed as usize % 3],
        jitter: MS,
        loss: if seed.is_multiple_of(4) { 200 } else { 0 },
        accept_errors: seed.is_multiple_of(5),
        ..Network::default()
    };
    let sim = Sim::seed(seed).with_network(network).with_max_polls(500_000);
    let sim = without.into_iter().fold(sim, Sim::without_rule);
    sim.try_run(async |sim| scene(sim).await).map(|r| r.1)
}

#[test]
fn calls_of_all_shapes_end_well_or_with_the_networks_fault() {
    for seed in 0..100 {
        if let Err(failure) = run(seed, None) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_seed_replays_poll_by_poll_and_byte_for_byte() {
    let mut said = std::collections::BTreeSet::new();
    for seed in [0, 1, 2, 8] {
        let report = run(seed, None).expect("it plays to its end");
        assert_eq!(Ok(report), run(seed, None));
        said.insert(report.bytes);
    }
    assert_eq!(said.len(), 4, "each seed has a run of its own");
}

#[test]
fn a_grace_that_never_ends_is_over_with_the_last_call() {
    Sim::seed(1).run(async |sim| {
        let server = sim.serve(HelloServiceServer::new(Service::default()));
        let hello = HelloServiceClient::new(sim.channel(&server));
        let call = sim.spawn(async move { hello.say_hello(greeting("slow")).await });
        sim.sleep(20 * MS).await;
        let report = server.shutdown(Duration::MAX).await;
        assert_eq!((report.calls, report.forced, report.left_behind), (1, 0, 0));
        assert_eq!(call.await.expect("a reply").reply, "slow");
    });
}

#[test]
fn the_seeds_notice_each_rule_that_they_hold() {
    const SEEDS: u64 = 10;
    for rule in Rule::ALL.iter().filter(|rule| rule.held_by().contains(&HeldBy::Calls)) {
        let noticed = (0..SEEDS).filter(|seed| run(*seed, Some(*rule)).is_err()).count();
        println!("without {:?}: {noticed} of {SEEDS} seeds notice", rule.name());
        assert!(noticed > 0, "no seed noticed that this rule was missing: {}", rule.name());
    }
}
