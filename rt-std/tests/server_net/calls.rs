//! Calls that go well, over every kind of transport.

use crate::common::toy::{M, Served, Toy, number};
use crate::{LONG, Setup};
use proto_core::Config;
use proto_core::grpc::Code;
use rt_std::os::{Os, RealOs};
use rt_std::{Halves, Server, serve_connection};
use std::sync::Arc;

use crate::common::cli::Cli;

/// The shapes, each with its answer.
fn exercise(c: &mut Cli) {
    c.request(1, M::Echo.info(), None, b"unary");
    c.request(2, M::Reply.info(), None, &number(300_000));
    c.open(3, M::EchoStream.info());
    for message in [&b"one"[..], b"two"] {
        assert!(c.send(3, message));
    }
    c.finish(3);
    c.request(4, M::Big.info(), None, &number(2_000_000));
    c.until("four calls", |c| c.all_ended(1..5));
    for label in 1..5 {
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
    let report = setup.server.shutdown(LONG);
    assert_eq!((report.calls, report.forced, report.left_behind, report.connections), (4, 0, 0, 1));
}

#[test]
#[cfg(unix)]
fn the_shapes_over_a_unix_socket_whose_file_goes_with_the_server() {
    let path = std::env::temp_dir().join(format!("rt-std-server-{}.sock", std::process::id()));
    let setup = Setup::of(0, |builder| builder.bind_unix(&path).expect("a new file"));
    exercise(&mut setup.client());
    assert!(path.exists());
    drop(setup);
    assert!(!path.exists(), "the file is left behind");
}

#[test]
fn the_shapes_over_one_connection_without_a_listener() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let pipe = |stream| Arc::new(rt_std::os::unix::SocketPipe::from_unix(stream).expect("a pipe"));
    let os: Arc<dyn Os> = RealOs::shared();
    let toy = Toy::new(&os, 0);
    std::thread::scope(|scope| {
        let served = scope.spawn(move || serve_connection(far, Served(toy)).expect("it is served"));
        let mut c = Cli::over(&os, pipe(near), Config::default());
        exercise(&mut c);
        c.pipe.close();
        assert_eq!(served.join().expect("no panic").calls, 4);
    });
}

#[test]
fn the_shapes_over_something_that_only_reads_and_writes() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let os: Arc<dyn Os> = RealOs::shared();
    let toy = Toy::new(&os, 0);
    std::thread::scope(|scope| {
        let reader = far.try_clone().expect("a second handle");
        let builder = Server::builder().add_service(Served(toy));
        let served = scope.spawn(move || builder.serve_connection(Halves::new(reader, far)).expect("it is served"));
        let pipe = Arc::new(rt_std::os::unix::SocketPipe::from_unix(near).expect("a pipe"));
        let mut c = Cli::over(&os, pipe, Config::default());
        exercise(&mut c);
        c.pipe.close();
        assert_eq!(served.join().expect("no panic").calls, 4);
    });
}

#[test]
fn a_thousand_calls_of_sixteen_connections_are_answered_each_with_its_own() {
    let setup = Setup::new(0, |builder| builder.max_queued_calls(2_000));
    std::thread::scope(|scope| {
        for k in 0..16u32 {
            let setup = &setup;
            scope.spawn(move || {
                let mut c = setup.client();
                for round in 0..10 {
                    for i in 0..100 {
                        c.request(
                            i,
                            M::Echo.info(),
                            None,
                            &[&k.to_be_bytes()[..], &(round * 100 + i).to_be_bytes()].concat(),
                        );
                    }
                    c.until("a hundred calls", |c| c.all_ended(0..100));
                    for i in 0..100 {
                        let expected = [&k.to_be_bytes()[..], &(round * 100 + i).to_be_bytes()].concat();
                        assert_eq!(c.calls[&i].messages[0].0, expected);
                    }
                }
            });
        }
    });
    assert_eq!(setup.server.shutdown(LONG).calls, 16_000);
}
