//! In whose words a connection ends under streams that live: the peer's own where it had some.

use crate::common::*;
use proto_core::Config;
use proto_core::error::ErrorCode;
use proto_core::frame;
use proto_core::h2::Side;
use proto_core::testkit::H2Raw;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// How a server's connection with one stream ends after these words of its client: by the end of its input, and by an
/// error of the system.
fn ends(before: impl Fn(&mut H2Raw)) -> [String; 2] {
    [false, true].map(|error| {
        let mut raw = H2Raw::open(Side::Server, &Config::default());
        raw.send_request(1, false).expect("legal");
        before(&mut raw);
        let now = raw.clock.now();
        if error {
            raw.connection.lost(now, "reset by peer".into(), None);
        } else {
            raw.connection.receive_eof(now);
        }
        close_reason(&raw.connection).to_string()
    })
}

fn goaway(code: ErrorCode, words: &'static [u8]) -> impl Fn(&mut H2Raw) {
    move |raw| raw.send_with(|out| frame::goaway(out, 0, code, words)).expect("legal")
}

#[test]
fn a_peer_that_said_nothing_has_closed_it_whatever_this_side_was_about_to_do() {
    let wanted =
        ["the connection was lost: the peer closed it without GOAWAY", "the connection was lost: reset by peer"];
    assert_eq!(ends(|_| ()), wanted);
    assert_eq!(ends(|raw| raw.connection.shutdown(raw.clock.now(), MINUTE)), wanted);
}

#[test]
fn a_peer_that_said_goodbye_is_named_by_it_unless_the_system_knows_more() {
    let [closed, broken] = ends(goaway(ErrorCode::NoError, b""));
    assert_eq!(closed, "the peer sent GOAWAY with NO_ERROR (0)");
    assert_eq!(broken, "the connection was lost: reset by peer");
}

#[test]
fn a_peer_that_complained_is_quoted_however_it_went() {
    let quoted = "the peer sent GOAWAY with INTERNAL_ERROR (2): out of memory";
    assert_eq!(ends(goaway(ErrorCode::InternalError, b"out of memory")), [quoted, quoted]);
}
