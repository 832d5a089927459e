//! The end of a server, and what a panic costs outside of handlers.

use crate::toy::{M, Served, Toy};
use crate::{LONG, Setup};
use futures_lite::future::block_on;
use proto_core::call::Kind;
use proto_core::grpc::{Code, Status};
use proto_core::rpc::{AsyncService, CallFuture, MethodInfo, ServerCall, ServiceInfo};
use rt_smol::Address;
use rt_smol::ServerError;
use rt_smol::{Server, Stop};
use std::net::TcpStream;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn a_graceful_stop_lets_running_calls_end_and_takes_no_new_connections() {
    let setup = Setup::new(3, |b| b);
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::LatchStream.info());
    c.flush();
    setup.until("both run", || setup.toy.latch.load(SeqCst) == 2);
    let stop: Stop = setup.server.stop();
    stop.graceful(LONG);
    stop.graceful(LONG * 2);
    c.until("GOAWAY", |c| c.goaway);
    let Address::Tcp(address) = setup.server.address().clone() else { panic!("a TCP server") };
    setup.until("nobody listens", || TcpStream::connect(address).is_err());
    setup.toy.latch.fetch_add(1, SeqCst);
    c.until("both end well", |c| c.all_ended([1, 2]));
    assert!([1, 2].iter().all(|i| c.ended(*i).is_some_and(|e| e.0 == Code::Ok)));
    c.until("the connection ends", |c| c.eof);
    let report = block_on(setup.server.wait());
    assert_eq!((report.calls, report.forced, report.left_behind), (2, 0, 0));
}

#[test]
fn the_end_of_the_grace_cuts_calls_and_drops_their_handlers() {
    let setup = Setup::new(100, |b| b);
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::WaitStream.info());
    c.request(3, M::Wait.info(), None, b"");
    c.flush();
    setup.until("all run", || setup.server.counts().handlers == 3);
    let stop = setup.server.stop();
    stop.graceful(LONG);
    stop.graceful(Duration::from_millis(20));
    c.until("every call has its end", |c| c.all_ended(1..4));
    assert!((1..4).all(|i| c.ended(i).is_some_and(|e| e.0 != Code::Ok)));
    let toy = setup.toy.clone();
    let report = block_on(setup.server.wait());
    assert_eq!((report.forced, report.left_behind, report.calls), (3, 0, 3));
    assert_eq!(toy.dropped.load(SeqCst), 2);
}

#[test]
fn a_handler_that_blocks_its_thread_is_left_behind_and_counted() {
    let setup = Setup::new(100, |b| b);
    let mut c = setup.client();
    c.request(1, M::Deaf.info(), None, b"");
    c.flush();
    setup.until("it is deaf", || setup.toy.waiting.load(SeqCst) == 1);
    let toy = setup.toy.clone();
    let report = block_on(setup.server.shutdown(Duration::from_millis(10)));
    assert_eq!(report.left_behind, 1);
    toy.latch.fetch_add(100, SeqCst);
}

#[test]
fn serve_returns_when_stopped_and_before_it_has_begun_too() {
    for early in [true, false] {
        let server = Server::builder().add_service(Served(Toy::new(0))).bind("127.0.0.1:0").expect("a free port");
        let stop = server.stop();
        if early {
            stop.graceful(LONG);
        }
        let served = std::thread::spawn(move || block_on(server.serve()).expect("it serves"));
        if !early {
            stop.graceful(LONG);
        }
        assert_eq!(served.join().expect("no panic").left_behind, 0);
    }
}

#[test]
fn a_dropped_server_frees_its_address() {
    let service = || Served(Toy::new(0));
    let running = Server::builder().add_service(service()).bind("127.0.0.1:0").expect("a free port").spawn();
    let Address::Tcp(address) = running.address().clone() else { panic!("a TCP server") };
    drop(running);
    // The listener belongs to a task: it goes when that is woken.
    let end = std::time::Instant::now() + LONG;
    while Server::builder().add_service(service()).bind(address).map(drop).is_err() {
        assert!(std::time::Instant::now() < end, "it is not free");
        std::thread::yield_now();
    }
}

#[test]
fn an_address_in_use_and_one_that_is_none_are_named() {
    let setup = Setup::new(0, |b| b);
    let Address::Tcp(address) = setup.server.address().clone() else { panic!("a TCP server") };
    let bind = |at: &str| Server::builder().add_service(Served(setup.toy.clone())).bind(at).map(drop);
    let error = bind(&address.to_string()).expect_err("it is in use");
    assert!(matches!(error, ServerError::Bind { .. }));
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("in use"), "{text}");
    for wrong in ["127.0.0.1", "127.0.0.1:99999"] {
        let error = bind(wrong).expect_err("no address");
        assert!(error.to_string().contains(wrong), "{error}");
    }
    let twice = Server::builder().add_service(Served(setup.toy.clone())).add_service(Served(setup.toy.clone()));
    let error = twice.bind("127.0.0.1:0").expect_err("one name, two services");
    assert!(error.to_string().contains("toy.Toy"), "{error}");
}

#[test]
fn a_server_that_listens_without_a_service_is_an_error_that_says_what_to_add() {
    let error = Server::builder().bind("127.0.0.1:0").expect_err("nothing is served");
    assert!(matches!(error, ServerError::NoService));
    assert!(error.to_string().contains("add_service"), "{error}");
}

#[test]
fn a_unix_socket_in_a_directory_that_is_not_there_names_the_directory() {
    let setup = Setup::new(0, |b| b);
    let folder = std::env::temp_dir().join(format!("no-such-directory-{}", std::process::id()));
    let server = Server::builder().add_service(Served(setup.toy.clone()));
    let text = server.bind_unix(folder.join("socket")).expect_err("there is no directory").to_string();
    assert!(text.contains(&format!("the directory {} does not exist", folder.display())), "{text}");
}

#[test]
fn a_panic_outside_of_handlers_costs_its_connection_and_nothing_else() {
    /// Its lookup of methods panics; so does what its handlers leave behind.
    struct Broken;
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }
    static ONLY: &[MethodInfo] = &[MethodInfo { name: "Drop", path: "/broken.Broken/Drop", kind: Kind::UNARY }];
    static FIND: &[MethodInfo] = &[MethodInfo { name: "Find", path: "/broken.Broken/Find", kind: Kind::UNARY }];
    static INFO: ServiceInfo = ServiceInfo {
        name: "broken.Broken",
        methods: ONLY,
        find: |name| if name == b"Drop" { Some(0) } else { panic!("a broken table of methods") },
    };
    impl AsyncService for Broken {
        fn info(&self) -> &'static ServiceInfo {
            &INFO
        }
        fn call(&self, _: u16, mut call: ServerCall) -> CallFuture {
            call.context.insert(Bomb);
            Box::pin(async move { (call, Err(Status::aborted("as always"))) })
        }
    }
    let setup = Setup::new(0, |b| b.add_service(Broken));
    let mut good = setup.client();
    good.ping_within(1, LONG);
    for round in 0..10 {
        let mut c = setup.client();
        c.request(1, &ONLY[0], None, b"");
        c.until("its answer", |c| c.ended(1).is_some_and(|e| e.0 == Code::Aborted));
        c.request(2, M::Sleep.info(), None, &crate::toy::number(2_000));
        c.open(3, M::WaitStream.info());
        c.request(4, &FIND[0], None, b"");
        c.until("the end of the connection", |c| c.eof);
        good.request(round, M::Echo.info(), None, b"x");
        good.until("an answer", |c| c.ended(round).is_some_and(|e| e.0 == Code::Ok));
    }
    setup.until("all is given back", || setup.server.counts().handlers == 0 && setup.server.counts().connections == 1);
    good.pipe.close();
    let report = setup.shutdown();
    assert_eq!((report.panics, report.left_behind), (20, 0));
}
