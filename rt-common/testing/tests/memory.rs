//! Replies that nobody reads take memory within a bound.
#![cfg(target_os = "linux")]

use proto_core::Config;
use rt_common_testing::process::alone;
use rt_common_testing::runtime::{Running, ServerBuilder};
use rt_common_testing::toy::{M, number};
use rt_common_testing::{Cli, LONG, Runtime, Setup, on_both};
use std::time::Duration;

on_both! {
    two_thousand_replies_of_a_mebibyte_that_nobody_reads_stay_bounded,
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc is there");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}

fn two_thousand_replies_of_a_mebibyte_that_nobody_reads_stay_bounded<R: Runtime>() {
    alone(replies_that_nobody_reads::<R>);
}

fn replies_that_nobody_reads<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.configure(|config| config.max_concurrent_streams = 2000).takes_calls(2000));
    let config = Config { stream_window: 8 << 20, connection_window: 1 << 30, ..Config::default() };
    let mut c = Cli::new(&setup.os, setup.server.address(), config);
    c.ping_within(1, LONG);
    let before = resident();
    for i in 0..2000 {
        c.request(i, M::Big.info(), None, &number(1 << 20));
    }
    c.flush();
    // Nothing is read. The server comes to rest with what it may hold.
    let mut last = (0, 0);
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(20));
        let now = (setup.server.report().calls, setup.server.counts().unsent as u64);
        if now == last && now.0 > 0 {
            break;
        }
        last = now;
    }
    let grown = resident().saturating_sub(before);
    let unsent = setup.server.counts().unsent;
    println!("{} replies made, {unsent} bytes unsent, resident memory grew by {grown} bytes", last.0);
    assert!(unsent < 8 << 20, "{unsent} bytes unsent");
    assert!(grown < 20 << 20, "resident memory grew by {grown} bytes");
    // Another connection is served as if nothing were.
    let mut other = setup.client();
    other.request(1, M::Echo.info(), None, b"x");
    other.until("an answer", |c| c.ended(1).is_some());
}
