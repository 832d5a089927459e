//! How many calls a server has at once, and when it takes no more.

use super::*;

#[test]
fn a_reset_stream_keeps_its_place_until_its_handler_has_let_go() {
    let mut raw = connect(Config { max_concurrent_streams: 2, ..Config::default() }, Chop::Whole);
    let first = accept(&mut raw, 1, &[], Kind::BIDI);
    accept(&mut raw, 3, &[], Kind::BIDI);
    raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    raw.send_headers(5, &request(&[]), false).unwrap();
    assert_eq!(raw.connection.accept(), None, "its handler is still at work");
    let refused: Vec<u32> = raw.frames().iter().filter_map(RawFrame::code).collect();
    assert_eq!(refused, [ErrorCode::RefusedStream.to_wire()]);
    let now = raw.clock.now();
    raw.connection.call(first).unwrap().release(now);
    raw.send_headers(7, &request(&[]), false).unwrap();
    assert!(raw.connection.accept().is_some());
}

#[test]
fn calls_that_are_reset_before_they_are_accepted_are_never_shown_and_hold_their_places() {
    let mut raw = connect(Config { max_concurrent_streams: 2, ..Config::default() }, Chop::Whole);
    for stream in [1, 3] {
        raw.send_headers(stream, &request(&[]), false).unwrap();
        raw.send_frame(kind::RST_STREAM, 0, stream, &8u32.to_be_bytes()).unwrap();
    }
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert_eq!(events, [Event::Ready, Event::Incoming], "no event of a call that nobody knows");
    raw.send_headers(5, &request(&[]), false).unwrap();
    assert_eq!(raw.frames().iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [7]);
    assert_eq!(raw.connection.accept(), None);
    assert_eq!(raw.connection.active_calls(), 0);
    raw.send_headers(7, &request(&[]), false).unwrap();
    assert!(raw.connection.accept().is_some());
}

#[test]
fn calls_are_held_back_while_too_much_is_unsent_and_announced_again() {
    let mut raw = connect(Config::default(), Chop::Whole);
    raw.send_with(|out| {
        frame::settings(out, &[(4, 0x7fff_ffff)]);
        frame::window_update(out, 0, 0x7f00_0000);
    })
    .unwrap();
    let first = accept(&mut raw, 1, &[], Kind::UNARY);
    raw.send_data(1, &message(b"q"), true).unwrap();
    let now = raw.clock.now();
    let reply = bytes::Bytes::from(vec![1; 1_500_000]);
    let mut call = raw.connection.call(first).unwrap();
    call.reply(now, &Metadata::new(), &reply, &Metadata::new()).unwrap();
    call.release(now);
    raw.send_headers(3, &request(&[]), false).unwrap();
    while raw.connection.poll_event().is_some() {}
    assert!(raw.connection.unsent() > 1_000_000 && raw.connection.accept().is_none(), "held back");
    raw.frames();
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert!(events.contains(&Event::Incoming), "{events:?}");
    assert!(raw.connection.accept().is_some());
}
