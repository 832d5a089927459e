//! Many calls that end in one read: none may cost a stack frame more than the one before.

mod peers;

use peers::*;
use proto_core::call::{CallOptions, Head, Kind};
use proto_core::{Code, Config, Metadata};
use std::time::Duration;

const CALLS: u32 = 20_000;

/// On a stack as small as some runtimes give.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(work).expect("a thread");
    thread.join().expect("it holds");
}

#[test]
fn a_proxy_may_answer_thousands_of_calls_with_an_error_page_in_one_read() {
    on_a_small_stack(|| {
        let mut raw = client(Config::default());
        let ids: Vec<_> = (0..CALLS).map(|_| start(&mut raw, Kind::UNARY, Some(b"q"))).collect();
        raw.frames();
        let mut page = Vec::new();
        for n in 0..CALLS {
            let block = raw.block(&[(":status", "503"), ("content-type", "text/html")]);
            let head = proto_core::frame::Head { len: block.len() as u32, kind: 1, flags: 4, stream: 2 * n + 1 };
            page.extend_from_slice(&head.to_bytes());
            page.extend_from_slice(&block);
        }
        raw.send(&page).unwrap();
        for id in ids {
            assert_eq!(verdict(&mut raw, id).code(), Code::Unavailable);
        }
    });
}

#[test]
fn a_client_may_break_thousands_of_requests_in_one_read() {
    on_a_small_stack(|| {
        let mut raw = server(Config { max_concurrent_streams: CALLS, ..Config::default() });
        let ids: Vec<_> = (0..CALLS).map(|n| accept(&mut raw, 2 * n + 1, Kind::UNARY, false)).collect();
        let mut broken = Vec::new();
        for n in 0..CALLS {
            proto_core::frame::data_head(&mut broken, 2 * n + 1, 5, false);
            broken.extend_from_slice(&[9; 5]);
        }
        raw.send(&broken).unwrap();
        let now = raw.clock.now();
        for id in ids {
            let mut call = raw.connection.call(id).unwrap();
            assert_eq!(call.outcome().map(|status| status.code()), Some(Code::Internal));
            assert!(!call.finish(now, &proto_core::Status::OK, &Metadata::new()));
        }
    });
}

#[test]
fn thousands_of_calls_that_wait_for_a_stream_may_expire_at_once() {
    on_a_small_stack(|| {
        let mut raw = client(Config::default());
        raw.send_with(|out| proto_core::frame::settings(out, &[(3, 0)])).unwrap();
        let now = raw.clock.now();
        let deadline = Some(now + Duration::from_secs(1));
        let options = CallOptions { deadline, ..CallOptions::default() };
        let ids: Vec<_> =
            (0..CALLS).map(|_| raw.connection.start(now, Head::new("/a/b"), &options).expect("it waits")).collect();
        raw.clock.advance(Duration::from_secs(2));
        // The limit is lifted when all of them are too late, and their timers were not served.
        raw.send_with(|out| proto_core::frame::settings(out, &[(3, 1_000_000)])).unwrap();
        for id in ids {
            assert_eq!(verdict(&mut raw, id).code(), Code::DeadlineExceeded);
        }
        let opened = raw.frames().iter().filter(|frame| frame.head.kind == 1).count();
        assert_eq!(opened, 0, "no stream for a call that is too late");
    });
}

#[test]
fn thousands_of_calls_may_be_lost_with_their_connection() {
    on_a_small_stack(|| {
        let mut raw = client(Config::default());
        let ids: Vec<_> = (0..CALLS).map(|_| start(&mut raw, Kind::UNARY, Some(b"q"))).collect();
        let now = raw.clock.now();
        raw.connection.lost(now, "reset".into(), Some(0));
        for id in ids {
            assert_eq!(verdict(&mut raw, id).code(), Code::Unavailable);
            raw.connection.call(id).unwrap().release(now);
        }
        assert_eq!(raw.connection.active_calls(), 0);
    });
}
