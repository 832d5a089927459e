//! Calls that go well, without a listener.

use proto_core::Config;
use rt_common_testing::Cli;
use rt_common_testing::toy::{Blocking, Toy};
use rt_std::os::{Os, RealOs};
use rt_std::{Halves, Server, serve_connection};
use std::sync::Arc;

#[test]
fn the_shapes_over_one_connection_without_a_listener() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let pipe = |stream| Arc::new(rt_std::os::unix::SocketPipe::from_unix(stream).expect("a pipe"));
    let os: Arc<dyn Os> = RealOs::shared();
    let toy = Toy::new(&os, 0);
    std::thread::scope(|scope| {
        let served = scope.spawn(move || serve_connection(far, Blocking(toy)).expect("it is served"));
        let mut c = Cli::over(&os, pipe(near), Config::default());
        c.exercise();
        c.pipe.close();
        assert_eq!(served.join().expect("no panic").calls, 5);
    });
}

#[test]
fn the_shapes_over_something_that_only_reads_and_writes() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let os: Arc<dyn Os> = RealOs::shared();
    let toy = Toy::new(&os, 0);
    std::thread::scope(|scope| {
        let reader = far.try_clone().expect("a second handle");
        let builder = Server::builder().add_service(Blocking(toy));
        let served = scope.spawn(move || builder.serve_connection(Halves::new(reader, far)).expect("it is served"));
        let pipe = Arc::new(rt_std::os::unix::SocketPipe::from_unix(near).expect("a pipe"));
        let mut c = Cli::over(&os, pipe, Config::default());
        c.exercise();
        c.pipe.close();
        assert_eq!(served.join().expect("no panic").calls, 5);
    });
}
