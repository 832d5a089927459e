//! Calls that go well, over every kind of transport.

use crate::cli::Cli;
use crate::toy::{M, Served, Toy, number};
use crate::{LONG, Setup};
use futures_lite::future::block_on;
use proto_core::Config;
use proto_core::grpc::Code;
use rt_smol::serve_connection;
use rt_std::os::{Os, RealOs};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// The shapes, each with its answer.
pub fn exercise(c: &mut Cli) {
    c.request(1, M::Echo.info(), None, b"unary");
    c.request(2, M::Reply.info(), None, &number(300_000));
    c.open(3, M::EchoStream.info());
    for message in [&b"one"[..], b"two"] {
        assert!(c.send(3, message));
    }
    c.finish(3);
    c.request(4, M::Big.info(), None, &number(2_000_000));
    c.request(5, M::Sleep.info(), None, &number(500));
    c.until("five calls", |c| c.all_ended(1..6));
    for label in 1..6 {
        assert_eq!(c.ended(label).map(|e| e.0), Some(Code::Ok), "{:?}", c.status(label));
    }
    assert_eq!(c.calls[&1].messages[0].0, b"unary");
    assert_eq!((c.received(2), c.received(4)), (300_000, 2_000_000));
    let echoed: Vec<_> = c.calls[&3].messages.iter().map(|m| &m.0[..]).collect();
    assert_eq!(echoed, [&b"one"[..], b"two"]);
}

#[test]
fn the_shapes_over_tcp() {
    let setup = Setup::new(0, |builder| builder);
    exercise(&mut setup.client());
    let report = setup.shutdown();
    assert_eq!((report.calls, report.forced, report.left_behind, report.connections), (5, 0, 0, 1));
}

#[test]
#[cfg(unix)]
fn the_shapes_over_a_unix_socket_whose_file_goes_with_the_server() {
    let path = std::env::temp_dir().join(format!("rt-smol-server-net-{}.sock", std::process::id()));
    let setup = Setup::of(0, |builder| builder.bind_unix(&path).expect("a new file"));
    exercise(&mut setup.client());
    assert!(path.exists());
    let report = setup.shutdown();
    assert_eq!(report.calls, 5);
    assert!(!path.exists(), "the file is left behind");
}

#[test]
fn the_shapes_over_a_listener_of_ones_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let setup = Setup::of(0, |builder| builder.listener(listener).expect("it listens"));
    exercise(&mut setup.client());
}

#[test]
#[cfg(unix)]
fn the_shapes_over_one_connection_without_a_listener() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let (os, toy): (Arc<dyn Os>, _) = (RealOs::shared(), Toy::new(0));
    let far = async_io::Async::new(far).expect("a socket of the reactor");
    std::thread::scope(|scope| {
        let served = scope.spawn(|| block_on(serve_connection(far, Served(toy))).expect("it is served"));
        let pipe = rt_std::os::unix::SocketPipe::from_unix(near).expect("a pipe");
        let mut c = Cli::over(&os, Arc::new(pipe), Config::default());
        exercise(&mut c);
        c.pipe.close();
        assert_eq!(served.join().expect("no panic").calls, 5);
    });
}

#[test]
fn a_connection_that_is_served_ends_with_the_future_that_serves_it() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let (os, toy): (Arc<dyn Os>, _) = (RealOs::shared(), Toy::new(0));
    let far = async_io::Async::new(far).expect("a socket of the reactor");
    let (enough, stop) = smol::channel::bounded::<()>(1);
    let served = Served(toy.clone());
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
    let setup = Setup::new(0, |builder| builder);
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

#[test]
fn a_thousand_calls_of_sixteen_connections_are_answered_each_with_its_own() {
    let setup = Setup::new(0, |builder| builder);
    std::thread::scope(|scope| {
        for k in 0..16u32 {
            let setup = &setup;
            scope.spawn(move || {
                let mut c = setup.client();
                for round in 0..10 {
                    let expected = |i: u32| [k.to_be_bytes(), (round * 100 + i).to_be_bytes()].concat();
                    for i in 0..100 {
                        // Some handlers end at once, some wait.
                        let method = if i % 3 == 0 { M::Sleep } else { M::Echo };
                        c.request(i, method.info(), None, &expected(i));
                    }
                    c.until("a hundred calls", |c| c.all_ended(0..100));
                    for i in 0..100 {
                        assert_eq!(c.calls[&i].messages[0].0, expected(i));
                    }
                }
            });
        }
    });
    let report = setup.shutdown();
    assert_eq!((report.calls, report.left_behind, report.forced), (16_000, 0, 0));
}
