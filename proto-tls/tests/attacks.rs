//! What a peer can send: bounded, answered, no panic.

mod support;

use proto_tls::{MAX_HANDSHAKE, Stage, TlsProblem};
use support::{Authority, Pair, trusting};

fn server() -> Stage {
    let authority = Authority::new("tests");
    authority.issue("localhost").server().build().expect("good settings").stage().expect("good settings")
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend_from_slice(&u16::try_from(body.len()).expect("a short record").to_be_bytes());
    record.extend_from_slice(body);
    record
}

#[test]
fn a_huge_client_hello_is_refused_by_its_announced_length() {
    let mut stage = server();
    let error = stage.receive(&record(22, &[1, 0, 0x40, 1, 3, 3])).expect_err("too long");
    assert_eq!(error.to_string(), "the client sent more than 16384 bytes of a ClientHello");
}

#[test]
fn a_hello_in_endless_small_records_is_refused_too() {
    let mut stage = server();
    let mut sent = 0;
    // The length is split over records, so that it is not seen at the start.
    let mut error = stage.receive(&record(22, &[1])).err();
    error = error.or(stage.receive(&record(22, &[0, 0xf0, 0])).err());
    while error.is_none() {
        let more = record(22, &[0; 50]);
        sent += more.len();
        assert!(sent <= MAX_HANDSHAKE + 100, "it takes more than it says");
        error = stage.receive(&more).err();
    }
    assert!(matches!(error.expect("it ends").problem(), TlsProblem::TooLarge { .. } | TlsProblem::Broken));
}

#[test]
fn a_close_notify_after_the_client_hello_ends_the_connection() {
    let authority = Authority::new("tests");
    let mut pair = Pair::new(trusting(&authority), authority.issue("localhost").server());
    let mut hello = Vec::new();
    pair.client.poll_transmit(&mut hello);
    hello.extend_from_slice(&record(21, &[1, 0]));
    let error = pair.server.receive(&hello).expect_err("it has gone");
    assert_eq!(error.problem(), &TlsProblem::ClosedInHandshake);
    assert_eq!(pair.server.send([&b"x"[..]]), 0);
}

#[test]
fn a_close_notify_before_anything_else_ends_it_as_well() {
    let mut stage = server();
    let error = stage.receive(&record(21, &[1, 0])).expect_err("it has gone");
    assert_eq!(error.problem(), &TlsProblem::ClosedInHandshake);
}

#[test]
fn warnings_without_end_are_refused() {
    let mut stage = server();
    let refused = (0..1_000).find_map(|_| stage.receive(&record(21, &[1, 90])).err());
    assert!(refused.is_some());
}

#[test]
fn any_change_of_any_byte_of_a_handshake_is_an_error_and_no_panic() {
    let authority = Authority::new("tests");
    let client = trusting(&authority).build().expect("good");
    let server = authority.issue("localhost").server().build().expect("good");
    let mut first = Vec::new();
    client.stage("localhost").expect("a name").poll_transmit(&mut first);
    for at in 0..first.len() {
        for change in [1, 0x80, 0xff] {
            let mut stage = server.stage().expect("good");
            let mut changed = first.clone();
            changed[at] ^= change;
            // Some changes are seen only when the client signs for what it sent; none ends the handshake.
            let _ = stage.receive(&changed);
            assert!(!stage.is_established());
            let _ = stage.receive_eof().expect_err("nothing was complete");
        }
    }
}
