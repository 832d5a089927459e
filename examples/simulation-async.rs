//! A bug that only bad luck shows, found by a simulation, and shown again by its seed.
//!
//! As `simulation`, with an async service, on one thread.
//!
//! The client here tries again when a call is UNAVAILABLE. That is wrong where the server may have served it already: a
//! link that breaks at the wrong moment greets somebody twice. Handler and client are what they would be outside; the
//! simulation gives them a clock, a network and an executor of its own, all ruled by a seed.
//!
//! `cargo run --example simulation-async` looks for the bug; `cargo run --example simulation-async -- SEED` replays one run.

use examples::hello::{HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer};
use proto_core::rpc::AnyFront;
use rt_smol::testkit::{Failure, Network, Report, Sim};
use rt_smol::{Code, Receiver, Request, Response, Sender, Status};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Remembers whom it has greeted.
#[derive(Clone, Default)]
struct Greeter {
    greeted: Arc<Mutex<Vec<String>>>,
}

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        // What a real one would wait for. A timer of the machine would not belong to the simulation.
        request.context().sleep_async(Duration::from_millis(20)).await?;
        self.greeted.lock().unwrap().push(request.greeting.clone());
        request.context().sleep_async(Duration::from_millis(1)).await?;
        Ok(HelloResponse { reply: format!("Hello, {}!", request.greeting) }.into())
    }

    async fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not in this example"))
    }

    async fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not in this example"))
    }

    async fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

/// The client under test. With `careful` it asks the status whether the server can have seen the call.
async fn greet<F: AnyFront>(hello: &HelloServiceClient<F>, name: &str, careful: bool) -> Result<String, Status> {
    let mut tries = 0;
    loop {
        tries += 1;
        match F::settle(hello.say_hello(HelloRequest { greeting: name.into() })).await {
            Ok(reply) => return Ok(reply.into_inner().reply),
            Err(status) if tries == 3 || (careful && !status.can_retry()) => return Err(status),
            Err(status) if status.code() == Code::Unavailable => {} // the bug, unless it is careful
            Err(status) => return Err(status),
        }
    }
}

/// One run. Whatever the network does, nobody is greeted twice.
async fn scenario(sim: &Sim, careful: bool) {
    let greeter = Greeter::default();
    let server = sim.serve(HelloServiceServer::new(greeter.clone()));
    let channel = sim.channel(&server);
    sim.cut_link_after(Duration::from_micros(sim.random() % 300_000));
    let tasks: Vec<_> = ["Ada", "Bob", "Cy"]
        .into_iter()
        .map(|name| {
            let hello = HelloServiceClient::new(channel.clone());
            sim.spawn(async move { greet(&hello, name, careful).await })
        })
        .collect();
    for task in tasks {
        // An error is no bug: the network may fail.
        let _ = task.await;
    }
    let greeted = greeter.greeted.lock().unwrap().clone();
    for name in &greeted {
        let times = greeted.iter().filter(|other| *other == name).count();
        assert_eq!(times, 1, "{name} was greeted {times} times: {greeted:?}");
    }
}

fn run(seed: u64, careful: bool) -> Result<Report, Failure> {
    let network = Network { delay: Duration::from_millis(1), ..Network::default() };
    Sim::seed(seed).with_network(network).try_run(async |sim| scenario(sim, careful).await).map(|((), report)| report)
}

fn main() {
    // The simulation turns a failed assertion into a value; its text need not be printed twice.
    std::panic::set_hook(Box::new(|_| {}));
    if let Some(seed) = std::env::args().nth(1) {
        let seed = seed.parse().expect("the argument is a seed, a number");
        match run(seed, false) {
            Ok(report) => println!("seed {seed}: all is well, after {:?}", report.elapsed),
            Err(failure) => println!("{failure}"),
        }
        return;
    }
    let failure = (0..1_000).find_map(|seed| run(seed, false).err()).expect("some seed shows the bug");
    println!("found: {failure}");
    println!("again: cargo run --example simulation-async -- {}", failure.seed);
    assert_eq!(run(failure.seed, false), Err(failure.clone()), "the same seed is the same run");

    let seeds = failure.seed + 200;
    if let Some(failure) = (0..seeds).find_map(|seed| run(seed, true).err()) {
        println!("found: {failure}");
        std::process::exit(1);
    }
    println!("with `status.can_retry()`: {seeds} seeds, nobody is greeted twice");
}
