//! Never deaf, never beyond a bound.

use crate::toy::{M, number};
use crate::{LONG, Setup};
use proto_core::Config;
use proto_core::grpc::Code;
use std::io::Read;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::cli::Cli;

#[test]
fn handlers_beyond_their_limit_are_refused_with_the_settings_name() {
    let setup = Setup::new(100, |b| b.max_concurrent_handlers(3));
    let mut c = setup.client();
    c.request(1, M::Latch.info(), None, b"");
    c.open(2, M::LatchStream.info());
    c.request(3, M::Latch.info(), None, b"");
    c.flush();
    setup.until("all are in their handlers", || setup.toy.latch.load(SeqCst) == 3);
    c.request(4, M::Echo.info(), None, b"x");
    c.open(5, M::EchoStream.info());
    c.until("two refusals", |c| c.all_ended([4, 5]));
    for label in [4, 5] {
        let status = c.status(label).expect("it ended");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("max_concurrent_handlers"), "{status}");
    }
    c.ping_within(1, LONG);
    setup.toy.latch.fetch_add(100, SeqCst);
    c.until("the rest", |c| c.all_ended([1, 2, 3]));
    assert!([1, 2, 3].iter().all(|i| c.ended(*i).is_some_and(|e| e.0 == Code::Ok)));
    c.request(6, M::Echo.info(), None, b"x");
    c.until("there is room again", |c| c.ended(6).is_some());
    assert_eq!(c.ended(6).map(|e| e.0), Some(Code::Ok));
    c.pipe.close();
    let report = setup.shutdown();
    assert_eq!((report.refused, report.calls), (2, 4));
}

#[test]
fn a_handler_that_blocks_its_thread_does_not_make_other_connections_deaf() {
    let setup = Setup::new(100, |b| b);
    let mut deaf = setup.client();
    deaf.request(1, M::Deaf.info(), None, b"");
    deaf.flush();
    setup.until("it is deaf", || setup.toy.waiting.load(SeqCst) == 1);
    let mut other = setup.client();
    other.ping_within(1, LONG);
    other.request(1, M::Echo.info(), None, b"x");
    other.until("an answer", |c| c.ended(1).is_some());
    setup.toy.latch.fetch_add(100, SeqCst);
    deaf.until("the end", |c| c.ended(1).is_some());
}

#[test]
fn a_connection_too_many_is_closed_and_the_others_stay() {
    let setup = Setup::new(0, |b| b.max_connections(2));
    let (mut a, mut b) = (setup.client(), setup.client());
    a.ping_within(1, LONG);
    b.ping_within(1, LONG);
    assert_eq!(setup.socket().read(&mut [0; 16]).unwrap_or(0), 0, "the third is closed");
    a.ping_within(2, LONG);
    b.pipe.close();
    setup.until("its place is free", || setup.server.counts().connections == 1);
    setup.client().ping_within(1, LONG);
    assert_eq!(setup.server.report().connections_refused, 1);
}

#[test]
fn silent_connections_give_way_to_those_that_speak() {
    let setup = Setup::new(0, |b| b.max_pending_handshakes(3));
    let mut first = setup.client();
    first.ping_within(1, LONG);
    let mut silent: Vec<_> = (0..3).map(|_| setup.socket()).collect();
    setup.until("they are there", || setup.server.counts().connections == 4);
    let mut late = setup.client();
    late.ping_within(1, LONG);
    let mut oldest = silent.remove(0);
    // What the server has to say first, and the end.
    let ended = oldest.read_to_end(&mut Vec::new());
    assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    first.ping_within(2, LONG);
}

#[test]
fn a_message_over_the_limit_is_refused_and_the_connection_goes_on() {
    let setup = Setup::new(0, |b| b.max_receive_message_size(1000).max_send_message_size(2000));
    let mut c = setup.client();
    c.request(1, M::Echo.info(), None, &[0; 1000]);
    c.request(2, M::Echo.info(), None, &[0; 1001]);
    c.request(3, M::Big.info(), None, &number(2000));
    c.request(4, M::Big.info(), None, &number(2001));
    c.until("four calls", |c| c.all_ended(1..5));
    let codes: Vec<_> = (1..5).filter_map(|i| c.ended(i)).map(|e| e.0).collect();
    assert_eq!(codes, [Code::Ok, Code::ResourceExhausted, Code::Ok, Code::ResourceExhausted]);
}

/// Resident memory of this process, bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc is there");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}

#[test]
#[cfg(target_os = "linux")]
fn two_thousand_replies_of_a_mebibyte_that_nobody_reads_stay_bounded() {
    // What is measured belongs to the whole process, so it gets one without other tests.
    const ALONE: &str = "SMOL_SERVER_NET_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "bounds::two_thousand_replies_of_a_mebibyte_that_nobody_reads_stay_bounded";
        let mut alone = std::process::Command::new(std::env::current_exe().expect("a test has a file"));
        let output = alone.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{said}");
        assert!(output.status.success() && said.contains("1 passed"), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let setup = Setup::new(0, |b| b.max_concurrent_streams(2000));
    let config = Config { stream_window: 8 << 20, connection_window: 1 << 30, ..Config::default() };
    let mut c = Cli::new(&setup.os, &crate::of_std(setup.server.address()), config);
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
