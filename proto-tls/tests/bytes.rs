//! Bytes through a pair of stages in memory, whole and chopped.

mod support;

use proto_tls::{Outbox, TlsProblem};
use support::{Authority, Pair, bytes, read, send, trusting};

fn pair() -> Pair {
    let authority = Authority::new("tests");
    Pair::new(trusting(&authority), authority.issue("localhost").server())
}

#[test]
fn bytes_go_both_ways_however_they_are_chopped() {
    for chop in [1, 2, 5, 7, 100, 1000, usize::MAX] {
        let mut pair = pair().chopped(chop).establish();
        assert_eq!(pair.client.version(), Some("TLSv1_3"));
        let (up, down) = (bytes(90_000), bytes(40_000));
        send(&mut pair.client, &up[..60_000]);
        send(&mut pair.server, &down);
        assert_eq!(pair.carry(), (None, None));
        send(&mut pair.client, &up[60_000..]);
        assert_eq!(pair.carry(), (None, None));
        assert!(read(&mut pair.server, 999) == up, "chopped into {chop}");
        assert!(read(&mut pair.client, 20_000) == down, "chopped into {chop}");
        assert!(!pair.client.has_plaintext() && pair.client.wants_input());
    }
}

#[test]
fn what_comes_while_plaintext_waits_is_kept_in_order() {
    let mut pair = pair().establish();
    let mut wire = Vec::new();
    for part in bytes(200_000).chunks(3_000) {
        send(&mut pair.client, part);
        pair.client.poll_transmit(&mut wire);
    }
    // Nobody reads meanwhile.
    for piece in wire.chunks(10_000) {
        pair.server.receive(piece).expect("good records");
    }
    assert!(!pair.server.wants_input() && pair.server.has_plaintext());
    assert!(read(&mut pair.server, 777) == bytes(200_000));
    assert!(pair.server.wants_input());
}

#[test]
fn what_is_received_and_read_in_one_is_the_same_whatever_room_there_is() {
    let plaintext = bytes(200_000);
    for (chop, room) in [(1, 100), (700, 1), (5_000, 5_000), (40_000, 60_000), (66_000, 65_000), (30_000, 0)] {
        let mut pair = pair().establish();
        let (mut wire, mut heard, mut buf) = (Vec::new(), Vec::new(), vec![0; room]);
        for part in plaintext.chunks(20_000) {
            send(&mut pair.client, part);
            pair.client.poll_transmit(&mut wire);
        }
        for piece in wire.chunks(chop) {
            let n = pair.server.receive_into(piece, &mut buf);
            heard.extend_from_slice(&buf[..n]);
            // Only what there was no room for is kept. (A record may begin in an earlier piece.)
            assert!(room < chop + 16_384 || pair.server.wants_input() && !pair.server.has_plaintext());
        }
        heard.extend(read(&mut pair.server, 10_000));
        assert!(heard == plaintext, "{chop} bytes at once, room for {room}");
        assert!(pair.server.wants_input() && !pair.server.has_plaintext());
    }
}

#[test]
fn a_fault_in_what_is_received_and_read_in_one_comes_behind_what_was_good() {
    let mut pair = pair().establish();
    let (mut wire, mut buf) = (Vec::new(), [0; 100]);
    send(&mut pair.client, b"good");
    send(&mut pair.client, b"bad");
    pair.client.poll_transmit(&mut wire);
    *wire.last_mut().expect("there are bytes") ^= 1;
    assert_eq!(pair.server.receive_into(&wire, &mut buf), 4);
    assert_eq!(pair.server.failure().expect("somebody has changed a byte").problem(), &TlsProblem::Broken);
    assert_eq!((pair.server.receive_into(&wire, &mut buf), pair.server.has_plaintext()), (0, false));
    let (at_client, _) = pair.carry();
    assert!(at_client.is_some(), "the alert tells");

    let authority = Authority::new("tests");
    let mut stranger = authority.issue("localhost").server().build().expect("good").stage().expect("good");
    assert_eq!(stranger.receive_into(b"GET ", &mut buf), 0);
    assert!(stranger.failure().is_none(), "nobody can tell yet");
    assert_eq!(stranger.receive_into(b"/ HTTP/1.1\r\n\r\n", &mut buf), 0);
    assert!(matches!(stranger.failure().expect("no TLS").problem(), TlsProblem::NotTls(_)));
}

#[test]
fn nothing_is_taken_before_the_handshake_is_over() {
    let mut pair = pair();
    assert_eq!(pair.client.send([&b"early"[..]]), 0);
    assert_eq!(pair.server.send([&b"early"[..]]), 0);
    let mut pair = pair.establish();
    assert_eq!(pair.client.send([&b"now"[..]]), 3);
}

#[test]
fn small_segments_leave_as_one_record_and_large_ones_in_records_of_16_kib() {
    let mut pair = pair().establish();
    let mut outbox = Outbox::new();
    let small: Vec<&[u8]> = vec![b"ab"; 30];
    outbox.fill(&mut pair.client, small);
    assert_eq!(records(outbox.bytes()), [60 + 17]);
    outbox.advance(outbox.bytes().len());
    assert_eq!(outbox.take_accepted(), 60);

    let large = bytes(40_000);
    outbox.fill(&mut pair.client, [&b"head"[..], &large]);
    assert_eq!(records(outbox.bytes()), [16_384 + 17, 16_384 + 17, 40_004 - 2 * 16_384 + 17]);
}

/// The lengths of the records.
fn records(mut wire: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, a, b, rest @ ..] = wire {
        let length = usize::from(u16::from_be_bytes([*a, *b]));
        lengths.push(length);
        wire = &rest[length..];
    }
    lengths
}

#[test]
fn plaintext_counts_as_sent_when_its_record_has_left_whatever_the_socket_takes() {
    for room in [1, 17, 1_000, 16_406, 16_407, 40_000, 1 << 20] {
        let mut pair = pair().establish();
        let (mut outbox, mut wire) = (Outbox::new(), Vec::new());
        let plaintext = bytes(150_000);
        let mut reported = 0;
        while reported < plaintext.len() {
            let left = &plaintext[reported..];
            outbox.fill(&mut pair.client, [&left[..left.len().min(10)], &left[left.len().min(10)..]]);
            assert!(outbox.bytes().len() <= 64 * 1024 + 16_406, "memory has a bound");
            let n = outbox.bytes().len().min(room);
            assert!(n > 0, "there is always something to write until all is reported");
            wire.extend_from_slice(&outbox.bytes()[..n]);
            outbox.advance(n);
            reported += outbox.take_accepted();
            // What was reported can be read at the other end, without anything further.
            pair.server.receive(&std::mem::take(&mut wire)).expect("good records");
            let mut arrived = read(&mut pair.server, 4_096);
            assert!(arrived.len() < 5 * 16_384);
            arrived.clear();
        }
        assert_eq!(reported, plaintext.len());
        assert!(outbox.is_empty());
    }
}

#[test]
fn a_close_ends_one_direction_and_the_other_goes_on() {
    let mut pair = pair().establish();
    send(&mut pair.client, b"last words");
    pair.client.close();
    assert_eq!(pair.client.send([&b"more"[..]]), 0);
    assert_eq!(pair.carry(), (None, None));
    assert_eq!(read(&mut pair.server, 4), b"last words");
    assert!(pair.server.is_peer_closed() && !pair.client.is_peer_closed());
    pair.server.receive_eof().expect("it was announced");
    send(&mut pair.server, b"an answer");
    assert_eq!(pair.carry(), (None, None));
    assert_eq!(read(&mut pair.client, 100), b"an answer");
}

#[test]
fn an_end_without_close_notify_matters_inside_a_record_only() {
    let mut pair = pair().establish();
    send(&mut pair.client, b"one");
    assert_eq!(pair.carry(), (None, None));
    pair.server.receive_eof().expect("the record was whole");
    assert_eq!(read(&mut pair.server, 100), b"one");
    assert!(!pair.server.is_peer_closed());

    let mut wire = Vec::new();
    send(&mut pair.client, b"two");
    pair.client.poll_transmit(&mut wire);
    pair.server.receive(&wire[..wire.len() - 1]).expect("so far it is good");
    let error = pair.server.receive_eof().expect_err("a byte is missing");
    assert_eq!(
        (error.problem(), error.to_string().as_str()),
        (&TlsProblem::Truncated, "the client's bytes ended inside a TLS record")
    );
}

#[test]
fn what_was_read_before_a_fault_is_still_there() {
    let mut pair = pair().establish();
    let mut wire = Vec::new();
    send(&mut pair.client, b"good");
    send(&mut pair.client, b"bad");
    pair.client.poll_transmit(&mut wire);
    *wire.last_mut().expect("there are bytes") ^= 1;
    let error = pair.server.receive(&wire).expect_err("somebody has changed a byte");
    assert_eq!(error.problem(), &TlsProblem::Broken);
    assert!(pair.server.has_plaintext());
    assert_eq!(read(&mut pair.server, 100), b"good");
    assert_eq!(pair.server.receive(b"more").expect_err("it has failed"), error);
    assert_eq!(pair.server.send([&b"x"[..]]), 0);
    let (at_client, _) = pair.carry();
    assert_eq!(
        at_client.expect("the alert tells").to_string(),
        "the server gave the TLS connection up: a record was changed on the way (bad_record_mac)"
    );
}
