//! When the connection's task is told of what callers have left to it.

use super::script::{Counter, Rig};
use super::{failed, pull, unary};
use proto_core::connection::Pulled;
use std::sync::Arc;

#[test]
fn a_caller_that_has_written_enough_leaves_the_rest_to_the_task() {
    let mut rig = Rig::connected();
    // Of a request of more than a hundred bytes, 16 writes of a byte, and whatever is to be written then.
    rig.pipe.room(&[&[1; 16][..], &[10_000; 8]].concat());
    let writes = rig.pipe.writes().len();
    unary(&rig, &[7; 200]);
    assert_eq!((rig.pipe.writes().len(), rig.woken()), (writes + 16, 1));
    rig.run();
    rig.serve();
    assert_eq!(rig.peer.served, [[7; 200]]);
}

#[test]
fn a_write_of_a_caller_that_fails_ends_the_connection_though_nothing_is_read() {
    let mut rig = Rig::connected();
    let (first, counter) = (unary(&rig, b"first"), Arc::new(Counter::default()));
    assert!(matches!(pull(&rig, &counter, first), Pulled::Nothing));
    rig.pipe.fail_writes(std::io::ErrorKind::BrokenPipe);
    unary(&rig, b"second");
    assert_eq!(rig.woken(), 1);
    rig.run();
    assert_eq!(counter.count(), 1);
    assert_eq!(failed(pull(&rig, &counter, first)).code(), proto_core::Code::Unavailable);
    assert!(rig.is_finished());
}
