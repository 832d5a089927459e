//! Servers when the system has no descriptors left: they go on, and accept again when there are some. The limit is the whole
//! process's, so each has one of its own.
#![cfg(target_os = "linux")]

use proto_core::Config;
use proto_core::grpc::Code;
use rt_common_testing::process::alone;
use rt_common_testing::runtime::{Running, Server, ServerBuilder};
use rt_common_testing::toy::{M, Toy};
use rt_common_testing::{Cli, LONG, Runtime, on_both};
use rt_std::os::{Os, RealOs};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use std::time::Duration;

fn descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").expect("/proc is there").count() as u64
}

fn limit(to: u64) {
    let now = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(to), maximum: now.maximum }).expect("it may be lowered");
}

fn call(c: &mut Cli, label: u32) {
    c.request(label, M::Echo.info(), None, b"x");
    let end = c.now() + LONG;
    assert!(c.pump(end, |c| c.ended(label).is_some()), "call {label} has no answer");
    assert_eq!(c.ended(label).map(|e| e.0), Some(Code::Ok));
}

on_both! {
    without_descriptors_the_server_serves_whom_it_has_and_accepts_the_others_later,
}

fn without_descriptors_the_server_serves_whom_it_has_and_accepts_the_others_later<R: Runtime>() {
    alone(serves_whom_it_has_and_accepts_the_others_later::<R>);
}

fn serves_whom_it_has_and_accepts_the_others_later<R: Runtime>() {
    let os: Arc<dyn Os> = RealOs::shared();
    let server = R::server().toy(&Toy::new(&os, 0)).configure(|config| config.min_ping_interval = Duration::ZERO);
    let server = server.bind("127.0.0.1:0").expect("a free port");
    let nobody = descriptors();
    // They stand in the backlog; a client takes two descriptors, its waiting included.
    let mut clients: Vec<_> = (0..12)
        .map(|_| {
            let mut c = Cli::new(&os, server.local_addr(), Config::default());
            c.flush();
            c.pump_for(Duration::ZERO);
            c
        })
        .collect();
    let before = getrlimit(Resource::Nofile).current.unwrap_or(1024);
    // Room for four connections of the twelve, and for nothing else.
    limit(descriptors() + 4 - 1);
    let running = server.spawn();
    let end = os.now() + LONG;
    while running.report().accept_errors == 0 {
        assert!(os.now() < end, "the limit was not met");
        std::thread::sleep(Duration::from_millis(1));
    }
    let stands = running.report().connections;
    assert!((1..12).contains(&stands), "{stands} of 12");
    // The first ones are served as ever.
    call(&mut clients[0], 1);
    call(&mut clients[0], 2);
    limit(before);
    for c in &mut clients {
        call(c, 3);
    }
    clients.iter().for_each(|c| c.pipe.close());
    let report = running.shutdown(LONG);
    assert_eq!((report.connections, report.calls), (12, 14));
    drop(clients);
    // What the reactor and the executor have opened for themselves stays.
    let end = os.now() + LONG;
    while descriptors() > nobody + 4 {
        assert!(os.now() < end, "{} descriptors before, {} now", nobody, descriptors());
        std::thread::yield_now();
    }
}
