//! Calls that go well, over every kind of transport and on every kind of executor.

use crate::Setup;
use crate::cli::Cli;
use crate::toy::{M, number};
use proto_core::grpc::Code;

/// The shapes, each with its answer.
pub fn exercise(c: &mut Cli) {
    c.request(1, M::Echo.info(), None, b"unary");
    c.request(2, M::Reply.info(), None, &number(300_000));
    c.open(3, M::EchoStream.info());
    for message in [&b"one"[..], b"two"] {
        assert!(c.send(3, message));
    }
    c.finish(3);
    c.request(4, M::Big.info(), None, &number(2_000_000));
    c.request(5, M::Sleep.info(), None, &number(500));
    c.until("five calls", |c| c.all_ended(1..6));
    for label in 1..6 {
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
    let report = setup.shutdown();
    assert_eq!((report.calls, report.forced, report.left_behind, report.connections), (5, 0, 0, 1));
}
