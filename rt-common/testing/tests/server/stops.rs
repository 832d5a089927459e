//! The beginning and the end of a server, and of a handler that panics.

use proto_core::grpc::Code;
use rt_common_testing::runtime::{Running, Server, ServerBuilder};
use rt_common_testing::toy::{M, Toy, number};
use rt_common_testing::{LONG, Runtime, Setup, broken, on_both};
use rt_std::ServerError;
use rt_std::os::{Os, RealOs};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

on_both! {
    a_graceful_stop_lets_running_calls_end_and_takes_no_new_connections,
    serve_returns_when_stopped_and_before_it_has_begun_too,
    a_dropped_server_frees_its_address,
    an_address_in_use_and_one_that_is_none_are_named,
    a_server_that_listens_without_a_service_is_an_error_that_says_what_to_add,
    a_unix_socket_in_a_directory_that_is_not_there_names_the_directory,
    a_panic_is_unknown_and_the_server_lives_on,
    a_panic_outside_of_handlers_costs_its_connection_and_nothing_else,
}

fn a_graceful_stop_lets_running_calls_end_and_takes_no_new_connections<R: Runtime>() {
    let setup = Setup::<R>::new(3, |b| b);
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::LatchStream.info());
    c.flush();
    setup.until("both run", || setup.toy.latch.load(SeqCst) == 2);
    let stop = setup.server.stop();
    stop.graceful(LONG);
    stop.graceful(LONG * 2);
    c.until("GOAWAY", |c| c.goaway);
    let address = setup.address();
    setup.until("nobody listens", || TcpStream::connect(address).is_err());
    setup.toy.latch.fetch_add(1, SeqCst);
    c.until("both end well", |c| c.all_ended([1, 2]));
    assert!([1, 2].iter().all(|i| c.ended(*i).is_some_and(|e| e.0 == Code::Ok)));
    c.until("the connection ends", |c| c.eof);
    let report = setup.server.wait();
    assert_eq!((report.calls, report.forced, report.left_behind), (2, 0, 0));
}

fn serve_returns_when_stopped_and_before_it_has_begun_too<R: Runtime>() {
    let os: Arc<dyn Os> = RealOs::shared();
    for early in [true, false] {
        let server = R::server().toy(&Toy::new(&os, 0)).bind("127.0.0.1:0").expect("a free port");
        let stop = server.stop();
        if early {
            stop.graceful(LONG);
        }
        let served = std::thread::spawn(move || server.serve().expect("it serves"));
        if !early {
            stop.graceful(LONG);
        }
        assert_eq!(served.join().expect("no panic").left_behind, 0);
    }
}

fn a_dropped_server_frees_its_address<R: Runtime>() {
    let os: Arc<dyn Os> = RealOs::shared();
    let bind = |address: &str| R::server().toy(&Toy::new(&os, 0)).bind(address);
    let running = bind("127.0.0.1:0").expect("a free port").spawn();
    let address = running.address().to_string();
    drop(running);
    // Where the listener belongs to a task, it goes when that is woken.
    let end = os.now() + LONG;
    while bind(&address).map(drop).is_err() {
        assert!(os.now() < end, "it is not free");
        std::thread::yield_now();
    }
}

fn an_address_in_use_and_one_that_is_none_are_named<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b);
    let address = setup.address();
    let bind = |at: &str| R::server().toy(&setup.toy).bind(at).map(drop);
    let error = bind(&address.to_string()).expect_err("it is in use");
    assert!(matches!(error, ServerError::Bind { .. }));
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("in use"), "{text}");
    for wrong in ["127.0.0.1", "127.0.0.1:99999"] {
        let error = bind(wrong).expect_err("no address");
        assert!(error.to_string().contains(wrong), "{error}");
    }
    let twice = R::server().toy(&setup.toy).toy(&setup.toy);
    let error = twice.bind("127.0.0.1:0").expect_err("one name, two services");
    assert!(error.to_string().contains("toy.Toy"), "{error}");
}

fn a_server_that_listens_without_a_service_is_an_error_that_says_what_to_add<R: Runtime>() {
    let error = R::server().bind("127.0.0.1:0").expect_err("nothing is served");
    assert!(matches!(error, ServerError::NoService));
    assert!(error.to_string().contains("add_service"), "{error}");
}

fn a_unix_socket_in_a_directory_that_is_not_there_names_the_directory<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b);
    let folder = std::env::temp_dir().join(format!("no-such-directory-{}", std::process::id()));
    let server = R::server().toy(&setup.toy);
    let text = server.bind_unix(&folder.join("socket")).expect_err("there is no directory").to_string();
    assert!(text.contains(&format!("the directory {} does not exist", folder.display())), "{text}");
}

fn a_panic_is_unknown_and_the_server_lives_on<R: Runtime>() {
    let setup = Setup::<R>::new(0, ServerBuilder::few_threads);
    let mut c = setup.client();
    for i in 0..40 {
        c.request(i, if i % 2 == 0 { M::Panic } else { M::Echo }.info(), None, b"x");
    }
    c.until("all answered", |c| c.all_ended(0..40));
    for i in 0..40 {
        let status = c.status(i).expect("it ended");
        assert_eq!(status.code(), if i % 2 == 0 { Code::Unknown } else { Code::Ok });
        assert!(i % 2 != 0 || status.message().contains("/toy.Toy/Panic"), "{status}");
    }
    c.pipe.close();
    assert_eq!(setup.shutdown().panics, 20);
}

fn a_panic_outside_of_handlers_costs_its_connection_and_nothing_else<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.broken().few_threads());
    let mut good = setup.client();
    good.ping_within(1, LONG);
    for round in 0..10 {
        let mut c = setup.client();
        c.request(1, broken::aborts(), None, b"");
        c.until("its answer", |c| c.ended(1).is_some_and(|e| e.0 == Code::Aborted));
        c.request(2, M::Sleep.info(), None, &number(2_000));
        c.open(3, M::WaitStream.info());
        c.request(4, broken::breaks_the_lookup(), None, b"");
        c.until("the end of the connection", |c| c.eof);
        good.request(round, M::Echo.info(), None, b"x");
        good.until("an answer", |c| c.ended(round).is_some_and(|e| e.0 == Code::Ok));
    }
    setup.until("all is given back", || setup.server.counts().handlers == 0 && setup.server.counts().connections == 1);
    good.pipe.close();
    let report = setup.shutdown();
    assert_eq!((report.panics, report.left_behind), (20, 0));
}
