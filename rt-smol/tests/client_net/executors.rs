//! The client under every kind of executor, and under none.

use super::server::{client, greeting, hello};
use super::*;
use proto_build_testing::hello::v1::HelloServiceClient;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// All shapes, a name to be resolved, a deadline.
async fn exercise(channel: Channel) {
    assert_eq!(&unary(&channel, &ECHO, b"hello").await.expect("a reply")[..], b"hello");
    let mut replies = channel.streaming(&STREAM, request(&[50, 2]));
    let mut count = 0;
    while let Some(reply) = replies.next().await {
        assert_eq!(reply.expect("a reply").len(), 200);
        count += 1;
    }
    assert_eq!(count, 50);
    let mut call = channel.client_streaming(&COUNT, none());
    call.send_all((0..10).map(|_| Bytes::from_static(b"abc"))).await.expect("the peer takes it");
    assert_eq!(&call.finish().await.expect("a reply")[..], b"30");
    let mut call = channel.bidi(&CHAT, none());
    call.send(Bytes::from_static(b"ping")).await.expect("the peer takes it");
    assert_eq!(call.recv().await.expect("a reply").as_deref(), Some(&b"ping"[..]));
    let late = channel.unary(&DROP, request(b"x").with_timeout(5 * MS)).await;
    assert_eq!(late.expect_err("no answer").code(), rt_smol::Code::DeadlineExceeded);
    channel.shutdown(Duration::ZERO).await;
}

fn target() -> String {
    format!("localhost:{}", serve(Behaviour::default()).port())
}

#[test]
fn under_smol() {
    run(async {
        let builder = Channel::builder(target()).executor(|task| smol::spawn(task).detach());
        exercise(builder.connect().await.expect("it connects")).await;
    });
}

#[test]
fn under_an_executor_of_ones_own() {
    let executor = Arc::new(smol::Executor::new());
    let spawner = executor.clone();
    let builder = Channel::builder(target()).executor(move |task| spawner.spawn(task).detach());
    // One thread for all: the test's own.
    run(executor.run(async { exercise(builder.connect().await.expect("it connects")).await }));
}

#[test]
fn under_tokio() {
    let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    tokio.block_on(async {
        let builder = Channel::builder(target()).executor(|task| {
            tokio::spawn(task);
        });
        let channel = builder.connect().await.expect("it connects");
        tokio::spawn(exercise(channel)).await.expect("no panic");
    });
}

#[test]
fn a_runtime_that_goes_away_leaves_no_caller_waiting() {
    let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let channel = tokio.block_on(async {
        let builder = Channel::builder(target()).executor(|task| {
            tokio::spawn(task);
        });
        builder.connect().await.expect("it connects")
    });
    let running = channel.unary(&DROP, request(b"x"));
    drop(tokio);
    for call in [running, channel.unary(&ECHO, request(b"x"))] {
        let status = run(call).expect_err("nobody reads");
        assert_eq!(status.code(), rt_smol::Code::Unavailable, "{status}");
        assert!(status.to_string().contains("executor"), "{status}");
    }
    run(channel.shutdown(LONG));
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Nothing but the standard library.
fn bare_block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

#[test]
fn under_a_bare_block_on() {
    bare_block_on(async { exercise(Channel::connect(target()).await.expect("it connects")).await });
}

#[test]
fn calls_are_futures_of_any_executor_at_once() {
    let (server, _news) = hello();
    let hello = client(&server);
    let greet = |hello: HelloServiceClient<Channel>| async move {
        hello.say_hello(greeting("Ada")).await.map(|reply| reply.into_inner().reply)
    };
    let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let in_tokio = tokio.block_on(async { tokio::spawn(greet(hello.clone())).await.expect("no panic") });
    let in_smol = smol::block_on(smol::spawn(greet(hello.clone())));
    let in_none = bare_block_on(greet(hello));
    for reply in [in_tokio, in_smol, in_none] {
        assert_eq!(reply.expect("a reply"), "Ada from nobody");
    }
}
