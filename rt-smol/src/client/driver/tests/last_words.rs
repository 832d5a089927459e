//! A write that fails hides nothing that the peer said before.

use super::script::{Counter, Rig};
use super::{failed, pull, start_on, unary};
use proto_core::Code;
use proto_core::connection::Pulled;
use rt_common::unwritable::HEARD_OUT;
use std::io::ErrorKind;
use std::sync::Arc;

#[test]
fn what_the_peer_said_before_a_write_failed_is_heard() {
    let mut rig = Rig::connected();
    let (first, second) = (unary(&rig, b"first"), unary(&rig, b"second"));
    rig.serve();
    rig.reply_to(0, b"in time");
    rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    let third = unary(&rig, b"third");
    let counter = Arc::new(Counter::default());
    rig.run();
    assert!(matches!(pull(&rig, &counter, first), Pulled::Message));
    assert!(matches!(pull(&rig, &counter, first), Pulled::End(_)));
    for id in [second, third] {
        let status = failed(pull(&rig, &counter, id));
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    assert!(rig.is_finished());
}

#[test]
fn a_write_of_the_task_that_fails_ends_the_connection_though_nothing_is_read() {
    let mut rig = Rig::connected();
    rig.pipe.room(&[]);
    let (id, counter) = (unary(&rig, b"a"), Arc::new(Counter::default()));
    assert!(matches!(pull(&rig, &counter, id), Pulled::Nothing));
    rig.run();
    rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    rig.pipe.room_for_all();
    rig.run();
    assert_eq!(counter.count(), 1);
    assert_eq!(failed(pull(&rig, &counter, id)).code(), Code::Unavailable);
    assert!(rig.is_finished());
}

#[test]
fn a_write_that_fails_after_a_read_that_found_nothing_hides_nothing_either() {
    let mut rig = Rig::connected();
    let (first, counter) = (unary(&rig, b"first"), Arc::new(Counter::default()));
    rig.serve();
    rig.reply_to(0, b"in time");
    let (pipe, driver, words) = (rig.pipe.clone(), rig.driver.clone(), rig.pipe.take_input());
    rig.pipe.after_next_empty_read(move || {
        pipe.feed(&words);
        pipe.fail_writes(ErrorKind::BrokenPipe);
        start_on(&driver, b"second");
    });
    rig.run();
    assert!(matches!(pull(&rig, &counter, first), Pulled::Message));
    assert!(matches!(pull(&rig, &counter, first), Pulled::End(_)));
    assert!(rig.is_finished());
}

/// PINGs, whose answers pile up.
fn pings(count: usize) -> Vec<u8> {
    [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(count)
}

#[test]
fn a_peer_that_is_not_read_since_it_reads_nothing_is_heard_after_a_write_failed() {
    let mut rig = Rig::connected();
    let (first, counter) = (unary(&rig, b"first"), Arc::new(Counter::default()));
    rig.serve();
    rig.pipe.room(&[]);
    for _ in 0..2 {
        rig.pipe.feed(&pings(2_000));
        rig.run();
    }
    rig.reply_to(0, b"in time");
    rig.run();
    assert!(matches!(pull(&rig, &counter, first), Pulled::Nothing), "reading did not stop");
    rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    rig.pipe.room_for_all();
    rig.run();
    let got = pull(&rig, &counter, first);
    assert!(matches!(got, Pulled::Message), "{got:?}");
    assert!(rig.is_finished());
}

#[test]
fn a_peer_that_goes_on_talking_after_a_write_failed_is_not_heard_for_ever() {
    let mut rig = Rig::connected();
    rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    let all = pings(HEARD_OUT / 17 * 2);
    rig.pipe.feed(&all);
    let (id, counter) = (unary(&rig, b"x"), Arc::new(Counter::default()));
    rig.run();
    assert!(rig.is_finished());
    assert!(rig.pipe.unread() > all.len() / 3, "{} of {} bytes are left", rig.pipe.unread(), all.len());
    assert_eq!(failed(pull(&rig, &counter, id)).code(), Code::Unavailable);
}
