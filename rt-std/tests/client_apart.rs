//! Calls that are begun and not waited for, on a channel that has no connection yet: they leave by themselves.

mod support;

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking};
use proto_core::rpc::Front;
use rt_std::testkit::{Network, Report, Sim};
use rt_std::{Channel, Code, Receiver, Request, Response, Sender, Server, Status};
use std::sync::mpsc;
use std::time::Duration;
use support::peer::{self, Behaviour};
use support::{DIE, DROP, ECHO, STREAM, request, unary};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Tells of each call whose handler runs.
#[derive(Clone)]
struct Service {
    came: mpsc::Sender<&'static str>,
}

impl Service {
    fn new() -> (Self, mpsc::Receiver<&'static str>) {
        let (came, comes) = mpsc::channel();
        (Service { came }, comes)
    }

    fn note(&self, shape: &'static str) {
        self.came.send(shape).expect("the test runs");
    }
}

impl blocking::HelloService for Service {
    fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.note("later");
        Ok(HelloResponse { reply: "hello".into() }.into())
    }

    fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        self.note("replies");
        Ok(())
    }

    fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.note("greetings");
        Ok(HelloResponse { reply: "hello".into() }.into())
    }

    fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        self.note("bidi");
        Ok(())
    }
}

/// Begins a call of this shape on a fresh channel, does `meanwhile`, and never waits for the call.
fn begun(channel: Channel, shape: &str, meanwhile: impl FnOnce()) {
    let client = HelloServiceClient::new(channel.clone());
    let greeting = HelloRequest { greeting: "Ada".into() };
    match shape {
        "later" => {
            let pending = HelloServiceClient::new(channel.later()).say_hello(greeting);
            meanwhile();
            drop(pending);
        }
        "replies" => {
            let replies = client.lots_of_replies(greeting);
            meanwhile();
            drop(replies);
        }
        "greetings" => {
            let call = client.lots_of_greetings();
            meanwhile();
            drop(call);
        }
        _ => {
            let call = client.bidi_hello();
            meanwhile();
            drop(call);
        }
    }
}

const SHAPES: [&str; 4] = ["later", "replies", "greetings", "bidi"];

#[test]
fn the_handler_of_a_call_that_nobody_waits_for_runs() {
    for seed in 0..40 {
        for shape in SHAPES {
            Sim::seed(seed).run(|sim| {
                let (service, comes) = Service::new();
                let server = sim.serve(HelloServiceServer::blocking(service));
                begun(sim.channel(&server), shape, || {
                    sim.sleep(SEC);
                    assert_eq!(comes.try_recv(), Ok(shape));
                });
                drop(server);
            });
        }
    }
}

#[test]
fn over_sockets_too() {
    for shape in SHAPES {
        let (service, comes) = Service::new();
        let server = Server::builder().add_service(HelloServiceServer::blocking(service));
        let server = server.bind("127.0.0.1:0").expect("a free port").spawn();
        let channel = Channel::new(server.address().to_string()).expect("a target");
        // It comes when it comes; the limit is for a call that never does.
        begun(channel, shape, || assert_eq!(comes.recv_timeout(120 * SEC), Ok(shape)));
        drop(server);
    }
}

#[test]
fn after_a_lost_connection_too() {
    for seed in 0..40 {
        Sim::seed(seed).run(|sim| {
            let channel = sim.channel_to(peer::listen(sim, Behaviour::default(), 2));
            assert_eq!(unary(&channel, &DIE, b"x").expect_err("the peer dies").code(), Code::Unavailable);
            let mut pending = channel.later().unary(&ECHO, request(b"x"));
            sim.sleep(SEC);
            assert_eq!(&pending.try_wait().expect("it left by itself").expect("a reply")[..], b"x");
        });
    }
}

/// To a place where nobody listens: what a call comes to while its thread sleeps.
fn nobody_listens(seed: u64, request: Request<bytes::Bytes>, time: Duration) -> (Status, Report) {
    let played = Sim::seed(seed).with_max_switches(2_000).try_run(|sim| {
        let (address, listener) = sim.listen();
        drop(listener);
        let channel = sim.channel_to(address);
        let mut pending = channel.later().unary(&DROP, request);
        sim.sleep(time);
        pending.try_wait().expect("it is over").expect_err("nobody listens")
    });
    played.unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn it_fails_as_if_somebody_waited() {
    for seed in 0..20 {
        let (status, _) = nobody_listens(seed, request(b"x"), 100 * MS);
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
}

#[test]
fn one_that_waits_for_the_server_ends_at_its_deadline_and_nothing_spins_until_then() {
    for seed in 0..20 {
        let options = request(b"x").with_wait_for_ready().with_timeout(600 * SEC);
        let (status, report) = nobody_listens(seed, options, 1000 * SEC);
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert!(report.switches < 2_000, "{report:?}");
    }
}

#[test]
fn one_that_waits_for_the_server_leaves_once_there_is_one() {
    for seed in 0..20 {
        Sim::seed(seed).run(|sim| {
            let (address, listener) = sim.listen();
            drop(listener);
            let channel = sim.channel_to(address);
            let mut pending = channel.later().unary(&ECHO, request(b"x").with_wait_for_ready());
            sim.sleep(10 * SEC);
            let listener = sim.listen_at(address).expect("the address is free");
            let (os, inner) = (sim.os(), sim.clone());
            sim.spawn("listener", move || {
                let poller = os.poller().expect("a poller");
                poller.add(0, listener.raw()).expect("it can be watched");
                loop {
                    poller.wait(&mut Vec::new(), None);
                    if let Ok(pipe) = listener.try_accept() {
                        return peer::on_pipe(&inner, pipe, Behaviour::default());
                    }
                }
            });
            sim.sleep(300 * SEC);
            assert_eq!(&pending.try_wait().expect("it left by itself").expect("a reply")[..], b"x");
        });
    }
}

#[test]
fn the_end_of_the_channel_ends_the_thread() {
    for seed in 0..60 {
        let played = Sim::seed(seed).with_max_switches(5_000).try_run(|sim| {
            let (address, _listener) = sim.listen();
            if seed % 2 == 0 {
                sim.black_hole(address);
            }
            let channel = sim.channel_to(address);
            let call = channel.streaming(&STREAM, request(b"x").with_wait_for_ready());
            sim.sleep(MS * (seed % 5) as u32);
            if seed % 3 == 0 {
                channel.shutdown(Duration::ZERO);
                sim.sleep(MS);
            }
            drop(channel);
            drop(call);
        });
        // A run lasts until its last thread has ended.
        let ((), report) = played.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(report.elapsed < 100 * MS, "{report:?}");
    }
}

#[test]
fn without_a_thread_it_leaves_when_somebody_waits() {
    let (mut left, mut waited) = (0, 0);
    for seed in 0..200 {
        let network = Network { spawn_errors: true, ..Network::default() };
        Sim::seed(seed).with_network(network).run(|sim| {
            let channel = sim.channel_to(peer::listen(sim, Behaviour::default(), 1));
            let mut pending = channel.later().unary(&ECHO, request(b"x"));
            sim.sleep(SEC);
            let reply = pending.try_wait();
            *if reply.is_some() { &mut left } else { &mut waited } += 1;
            assert_eq!(&reply.unwrap_or_else(|| pending.wait()).expect("a reply")[..], b"x");
        });
    }
    assert!(left > 0 && waited > 0, "{left} {waited}");
}

#[test]
fn a_caller_that_waits_needs_no_other_thread() {
    for seed in 0..20 {
        // Were there another one, the rules' mutant would make a difference.
        let run = |sim: Sim| {
            let played = sim.try_run(|sim| {
                let channel = sim.channel_to(peer::listen(sim, Behaviour::default(), 1));
                let cancel = rt_std::Cancel::new();
                let reply = channel.unary(&ECHO, request(b"x").cancel_on(&cancel));
                assert_eq!(&reply.expect("a reply")[..], b"x");
                assert_eq!(&unary(&channel, &ECHO, b"x").expect("a reply")[..], b"x");
            });
            played.unwrap_or_else(|failure| panic!("{failure}")).1
        };
        let without = Sim::seed(seed).without_rule("a call that nobody waits for has a thread that connects");
        assert_eq!(run(Sim::seed(seed)), run(without));
    }
}
