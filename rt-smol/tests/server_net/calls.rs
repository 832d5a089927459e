//! Calls that go well, over every kind of transport.

use futures_lite::future::block_on;
use proto_core::Config;
use rt_common_testing::toy::{Asynchronous, M, Toy, number};
use rt_common_testing::{Cli, LONG, Setup, Smol};
use rt_smol::serve_connection;
use rt_std::os::{Os, RealOs};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn the_shapes_over_a_listener_of_ones_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let setup = Setup::<Smol>::of(0, |builder| builder.listener(listener).expect("it listens"));
    setup.client().exercise();
}

#[test]
#[cfg(unix)]
fn the_shapes_over_one_connection_without_a_listener() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let os: Arc<dyn Os> = RealOs::shared();
    let toy = Toy::new(&os, 0);
    let far = async_io::Async::new(far).expect("a socket of the reactor");
    std::thread::scope(|scope| {
        let served = scope.spawn(|| block_on(serve_connection(far, Asynchronous(toy))).expect("it is served"));
        let pipe = rt_std::os::unix::SocketPipe::from_unix(near).expect("a pipe");
        let mut c = Cli::over(&os, Arc::new(pipe), Config::default());
        c.exercise();
        c.pipe.close();
        assert_eq!(served.join().expect("no panic").calls, 5);
    });
}

#[test]
fn a_connection_that_is_served_ends_with_the_future_that_serves_it() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let os: Arc<dyn Os> = RealOs::shared();
    let toy = Toy::new(&os, 0);
    let far = async_io::Async::new(far).expect("a socket of the reactor");
    let (enough, stop) = smol::channel::bounded::<()>(1);
    let served = Asynchronous(toy.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(futures_lite::future::or(
                async {
                    serve_connection(far, served).await.expect("it is served");
                    panic!("it came to its end by itself");
                },
                async { stop.recv().await.expect("it is told") },
            ));
        });
        let pipe = rt_std::os::unix::SocketPipe::from_unix(near).expect("a pipe");
        let mut c = Cli::over(&os, Arc::new(pipe), Config::default());
        c.request(1, M::Wait.info(), None, b"");
        c.flush();
        let end = os.now() + LONG;
        while toy.waiting.load(SeqCst) == 0 {
            assert!(os.now() < end, "the handler does not start");
            std::thread::yield_now();
        }
        enough.try_send(()).expect("there is room");
        c.until("the end", |c| c.eof);
        while toy.dropped.load(SeqCst) == 0 {
            assert!(os.now() < end, "the handler is not dropped");
            std::thread::yield_now();
        }
    });
}

#[test]
fn on_call_runs_at_the_headers_and_once() {
    let setup = Setup::<Smol>::new(0, |builder| builder);
    let mut c = setup.client();
    c.open(1, M::Reply.info());
    c.open(2, M::EchoStream.info());
    c.flush();
    setup.until("no message has come", || setup.toy.on_call.load(SeqCst) == 2);
    assert!(c.send(1, &number(10)));
    c.finish(1);
    c.finish(2);
    c.until("both end", |c| c.all_ended([1, 2]));
    assert_eq!((c.received(1), setup.toy.on_call.load(SeqCst)), (10, 2));
}
