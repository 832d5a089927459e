//! What ends something and is dropped before it is ready: the reply of a client's stream, a channel's or a server's
//! shutdown, a server that serves. None of it leaves anything waiting.
#![allow(unreachable_pub, missing_docs)]

use proto_build_testing::hello::v1::{
    HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer,
};
use rt_smol::testkit::Sim;
use rt_smol::{Channel, Code, Receiver, Request, Response, Sender, Server, Status};
use smol::future::poll_once;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// Its handlers never answer; it counts those that have begun, and those that have ended.
#[derive(Clone, Default)]
struct Deaf {
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

struct Ends(Arc<AtomicUsize>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Deaf {
    async fn wait<T>(&self) -> T {
        let _ends = Ends(self.ended.clone());
        self.begun.fetch_add(1, SeqCst);
        std::future::pending().await
    }

    fn counts(&self) -> (usize, usize) {
        (self.begun.load(SeqCst), self.ended.load(SeqCst))
    }
}

impl HelloService for Deaf {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.wait().await
    }

    async fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        self.wait().await
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        while requests.recv().await?.is_some() {}
        self.wait().await
    }

    async fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        self.wait().await
    }
}

/// Until so many handlers have begun.
async fn begun(sim: &Sim, service: &Deaf, handlers: usize) {
    while service.counts().0 < handlers {
        sim.sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_reply_that_is_not_waited_for_any_more_is_a_call_that_is_cancelled() {
    for seed in 0..10 {
        Sim::seed(seed).run(async |sim| {
            let service = Deaf::default();
            let server = sim.serve(HelloServiceServer::new(service.clone()));
            let hello = HelloServiceClient::new(sim.channel(&server));
            let mut call = hello.lots_of_greetings();
            call.send(HelloRequest::default()).await.expect("it is taken");
            let mut finishing = Box::pin(call.finish());
            assert!(poll_once(&mut finishing).await.is_none());
            begun(sim, &service, 1).await;
            drop(finishing);
            // Never polled.
            let call = hello.lots_of_greetings();
            drop(call.finish());
            sim.sleep(SEC).await;
            let (begun, ended) = service.counts();
            assert!(begun >= 1 && begun == ended, "{ended} of {begun} handlers have ended");
        });
    }
}

#[test]
fn a_shutdown_of_a_channel_goes_on_when_it_is_dropped() {
    for seed in 0..10 {
        Sim::seed(seed).run(async |sim| {
            let service = Deaf::default();
            let server = sim.serve(HelloServiceServer::new(service.clone()));
            let channel = sim.channel(&server);
            let hello = HelloServiceClient::new(channel.clone());
            let call = hello.say_hello(HelloRequest::default());
            begun(sim, &service, 1).await;
            let start = sim.now();
            assert!(poll_once(channel.shutdown(2 * SEC)).await.is_none());
            let late = hello.say_hello(HelloRequest::default()).await.expect_err("the channel is shut down");
            assert_eq!((late.code(), sim.now() - start < SEC), (Code::Unavailable, true), "{late}");
            let status = call.await.expect_err("nobody answers");
            let took = sim.now() - start;
            assert_eq!(status.code(), Code::Unavailable, "{status}");
            assert!(took >= 2 * SEC && took < 3 * SEC, "{took:?}");
        });
    }
}

#[test]
fn a_shutdown_of_a_server_that_is_dropped_ends_it_at_once() {
    for seed in 0..10 {
        Sim::seed(seed).run(async |sim| {
            let service = Deaf::default();
            let server = sim.serve(HelloServiceServer::new(service.clone()));
            let hello = HelloServiceClient::new(sim.channel(&server));
            let call = hello.say_hello(HelloRequest::default());
            begun(sim, &service, 1).await;
            let start = sim.now();
            assert!(poll_once(server.shutdown(600 * SEC)).await.is_none());
            let status = call.await.expect_err("nobody answers");
            assert_eq!(status.code(), Code::Unavailable, "{status}");
            assert!(sim.now() - start < SEC, "{:?}", sim.now() - start);
            sim.sleep(SEC).await;
            assert_eq!(service.counts(), (1, 1));
        });
    }
}

#[test]
fn a_server_whose_serving_is_dropped_ends_its_calls_and_frees_its_address() {
    let service = Deaf::default();
    let bind = |address| Server::builder().add_service(HelloServiceServer::new(service.clone())).bind(address);
    let server = bind("127.0.0.1:0".to_owned()).expect("a free port");
    let address = server.local_addr().to_string();
    smol::block_on(async {
        let serving = smol::spawn(server.serve());
        let channel = Channel::connect(&address).await.expect("it listens");
        let call = HelloServiceClient::new(channel).say_hello(HelloRequest::default());
        while service.counts().0 == 0 {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
        drop(serving);
        let status = call.await.expect_err("nobody answers");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        while service.counts().1 == 0 || bind(address.clone()).map(drop).is_err() {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
    });
}
