//! The streams of handlers as `Stream` and `Sink`, on narrow and slow networks: whatever the seed, each message arrives once
//! and in order.
#![allow(unreachable_pub, missing_docs)]

use futures_lite::StreamExt;
use futures_sink::Sink;
use proto_build_testing::hello::v1::{
    HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer,
};
use rt_smol::testkit::{Network, Sim};
use rt_smol::{Channel, Receiver, Request, Response, Sender, Status};
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// Longer than a window in all.
const MESSAGES: usize = 400;

fn message(i: usize) -> String {
    format!("{i} {}", "x".repeat(i % 700))
}

struct Service;

impl HelloService for Service {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    /// Into a sink.
    async fn lots_of_replies(
        &self,
        _: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let mut sink = replies.sink();
        for i in 0..MESSAGES {
            poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await?;
            Pin::new(&mut sink).start_send(HelloResponse { reply: message(i) })?;
        }
        poll_fn(|cx| Pin::new(&mut sink).poll_close(cx)).await
    }

    /// As a stream.
    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let all: Vec<HelloRequest> = requests.stream().try_collect().await?;
        let good = all.iter().enumerate().all(|(i, request)| request.greeting == message(i));
        Ok(HelloResponse { reply: format!("{} requests: {good}", all.len()) }.into())
    }

    /// From a stream into a call.
    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let mut failed = Ok(());
        let names = requests.stream().map_while(|request| match request {
            Ok(request) => Some(HelloResponse { reply: request.greeting }),
            Err(status) => {
                failed = Err(status);
                None
            }
        });
        replies.send_stream(names).await?;
        failed
    }
}

async fn scene(sim: &Sim) {
    let server = sim.serve(HelloServiceServer::new(Service));
    let hello: HelloServiceClient<Channel> = HelloServiceClient::new(sim.channel(&server));
    let mut replies = hello.lots_of_replies(HelloRequest::default());
    for i in 0..MESSAGES {
        if i % 100 == 0 {
            // Nobody reads for a while.
            sim.sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(replies.next().await.expect("one more").expect("a reply").reply, message(i));
    }
    assert!(replies.next().await.is_none());
    let greetings = || (0..MESSAGES).map(|i| HelloRequest { greeting: message(i) });
    let mut call = hello.lots_of_greetings();
    call.send_all(greetings()).await.expect("it is taken");
    assert_eq!(call.finish().await.expect("a reply").reply, format!("{MESSAGES} requests: true"));
    let (mut requests, mut replies) = hello.bidi_hello().split();
    let sending = sim.spawn(async move {
        requests.send_all(greetings()).await.expect("it is taken");
        requests.finish().await.expect("it is open");
    });
    for i in 0..MESSAGES {
        assert_eq!(replies.next().await.expect("one more").expect("a reply").reply, message(i));
    }
    assert!(replies.next().await.is_none());
    sending.await;
}

#[test]
fn every_message_arrives_once_and_in_order_through_streams_and_sinks() {
    for seed in 0..10 {
        let network = Network { capacity: 2_000, jitter: Duration::from_millis(seed % 3), ..Network::default() };
        Sim::seed(seed).with_network(network).run(async |sim| scene(sim).await);
    }
}
