//! The async server under every kind of executor and over every kind of stream, called by the blocking client.
#![allow(unreachable_pub, missing_docs)]

include!("support/greeter.rs");

use futures_lite::future::{block_on, zip};
use hello::HelloServiceClient;
use rt_smol::{Report, Server, serve_connection};
use rt_std::Channel;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// The four shapes, an error, and a call that its caller gives up.
fn exercise(channel: Channel) {
    let hello = HelloServiceClient::new(channel.clone());
    let request = |text: &str| HelloRequest { greeting: text.into() };
    let reply = hello.say_hello(request("Ada")).expect("a reply");
    assert_eq!(reply.reply, "Hello, Ada!");
    assert_eq!((reply.metadata().get("x-server"), reply.trailers().get("x-cost")), (Some("1"), Some("3")));
    let status = hello.say_hello(request("")).expect_err("no greeting");
    assert_eq!((status.code(), status.message()), (rt_std::Code::InvalidArgument, "greeting is empty"));
    let replies: Vec<_> = hello.lots_of_replies(request("Bob")).map(|r| r.expect("a reply").reply).collect();
    assert_eq!((replies.len(), &replies[9][..]), (10, "9 Bob"));
    let mut call = hello.lots_of_greetings();
    for name in ["Ada", "Bob", "Eve"] {
        call.send(request(name)).expect("it is taken");
    }
    assert_eq!(call.finish().expect("a reply").reply, "Ada, Bob, Eve");
    let (mut requests, mut replies) = hello.bidi_hello().split();
    for name in ["Ada", "Bob"] {
        requests.send(request(name)).expect("it is taken");
        assert_eq!(replies.next().expect("one more").expect("a reply").reply, format!("Hello, {name}!"));
    }
    requests.finish().expect("it is open");
    assert!(replies.next().is_none());
    let slow = rt_std::Request::new(request("slow")).with_timeout(Duration::from_millis(20));
    assert_eq!(hello.say_hello(slow).expect_err("it is slow").code(), rt_std::Code::DeadlineExceeded);
    channel.shutdown(LONG);
}

fn check(report: Report) {
    assert_eq!((report.calls, report.forced, report.left_behind, report.panics), (6, 0, 0, 0), "{report:?}");
}

fn service() -> hello::HelloServiceServer<proto_core::rpc::Async<Greeter>> {
    hello::HelloServiceServer::new(Greeter)
}

/// Calls a server from a thread of its own.
fn caller(address: &rt_smol::Address) -> JoinHandle<()> {
    let target = address.to_string();
    std::thread::spawn(move || exercise(Channel::connect(target).expect("it listens")))
}

#[test]
fn with_no_executor_at_all_a_thread_of_ours_runs_it() {
    let server = Server::builder().add_service(service()).bind("127.0.0.1:0").expect("a free port");
    let (stop, calls) = (server.stop(), caller(server.local_addr()));
    let serve = std::thread::spawn(move || block_on(server.serve()).expect("it serves"));
    calls.join().expect("all went well");
    stop.graceful(LONG);
    check(serve.join().expect("no panic"));
}

#[test]
fn on_one_thread_that_does_all() {
    let executor = Arc::new(smol::Executor::new());
    let spawn = executor.clone();
    let builder = Server::builder().executor(move |task| spawn.spawn(task).detach()).add_service(service());
    let server = builder.bind("127.0.0.1:0").expect("a free port");
    let (stop, calls) = (server.stop(), caller(server.local_addr()));
    let called = smol::unblock(move || {
        calls.join().expect("all went well");
        stop.graceful(LONG);
    });
    let (report, ()) = block_on(executor.run(zip(server.serve(), called)));
    check(report.expect("it serves"));
    assert!(executor.is_empty(), "a task is left");
}

#[test]
fn under_smol() {
    let builder = Server::builder().executor(|task| smol::spawn(task).detach()).add_service(service());
    let running = builder.bind("127.0.0.1:0").expect("a free port").spawn();
    caller(running.address()).join().expect("all went well");
    check(smol::block_on(running.shutdown(LONG)));
}

#[test]
fn under_tokio() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime");
    let handle = tokio.handle().clone();
    let builder = Server::builder().executor(move |task| drop(handle.spawn(task))).add_service(service());
    let running = builder.bind("127.0.0.1:0").expect("a free port").spawn();
    caller(running.address()).join().expect("all went well");
    check(tokio.block_on(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        running.shutdown(LONG).await
    }));
    // The last one has said that it is over, and may still be on its way out.
    let end = std::time::Instant::now() + LONG;
    while tokio.metrics().num_alive_tasks() > 0 {
        assert!(std::time::Instant::now() < end, "a task is left");
        std::thread::yield_now();
    }
}

#[test]
#[cfg(unix)]
fn over_a_unix_socket_whose_file_goes_with_the_server() {
    let path = std::env::temp_dir().join(format!("rt-smol-server-{}.sock", std::process::id()));
    let running = Server::builder().add_service(service()).bind_unix(&path).expect("a new file").spawn();
    assert!(path.exists());
    caller(running.address()).join().expect("all went well");
    check(block_on(running.shutdown(LONG)));
    assert!(!path.exists(), "the file is left behind");
}

#[test]
#[cfg(unix)]
fn over_one_stream_without_a_listener() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let far = async_io::Async::new(far).expect("a socket of the reactor");
    let serve = std::thread::spawn(move || block_on(serve_connection(far, service())).expect("it is served"));
    let channel = rt_smol::Channel::from_io(async_io::Async::new(near).expect("a socket of the reactor"));
    let hello = HelloServiceClient::new(channel.clone());
    block_on(async {
        for name in ["Ada", "Bob"] {
            let reply = hello.say_hello(HelloRequest { greeting: name.into() }).await.expect("a reply");
            assert_eq!(reply.reply, format!("Hello, {name}!"));
        }
    });
    drop((channel, hello));
    let report = serve.join().expect("no panic");
    assert_eq!((report.calls, report.connections), (2, 1));
}
