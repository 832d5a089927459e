//! Ends that come in between: deadlines, resets, lost connections, shutdown.

use super::*;

#[test]
fn the_server_enforces_the_deadline_by_itself() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[("grpc-timeout", "10m")], Kind::BIDI);
    let now = raw.clock.now();
    assert_eq!(raw.connection.call(id).unwrap().time_left(now), Some(Duration::from_millis(10)));
    let due = raw.connection.poll_timeout().unwrap();
    raw.clock.advance_to(due);
    raw.connection.handle_timeout(due);
    let mut call = raw.connection.call(id).unwrap();
    assert!(call.is_cancelled() && call.outcome().map(Status::code) == Some(Code::DeadlineExceeded));
    assert!(!call.finish(due, &Status::OK, &Metadata::new()), "too late for the handler's own");
    assert!(matches!(call.recv(due, &mut MessageBuf::new()), Recv::Failed(_)));
    // A client whose own deadline comes a little later is told the reason; a bare RST_STREAM(CANCEL) would be
    // CANCELLED to it.
    let frames = raw.frames();
    let fields = raw.fields(frames.iter().find(|frame| frame.head.kind == kind::HEADERS).unwrap());
    assert_eq!(status(&fields).0, Code::DeadlineExceeded);
    assert_eq!(frames.iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [ErrorCode::NoError.to_wire()]);
    let events: Vec<Event> = std::iter::from_fn(|| raw.connection.poll_event()).collect();
    assert_eq!(events.last(), Some(&Event::Ended(id)));
}

#[test]
fn a_deadline_cuts_replies_short_that_the_client_does_not_read() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[("grpc-timeout", "10m")], Kind::BIDI);
    let now = raw.clock.now();
    // Beyond the client's window of 65,535 bytes.
    let mut call = raw.connection.call(id).unwrap();
    call.send(now, Payload::Slice(&vec![0; 100_000])).unwrap();
    raw.frames();
    let due = raw.connection.poll_timeout().unwrap();
    raw.clock.advance_to(due);
    raw.connection.handle_timeout(due);
    let frames = raw.frames();
    assert!(frames.iter().all(|frame| frame.head.kind != kind::HEADERS), "an incomplete message has no trailers");
    assert_eq!(frames.iter().filter_map(RawFrame::code).collect::<Vec<_>>(), [ErrorCode::Cancel.to_wire()]);
}

#[test]
fn a_reset_cancels_the_handler_and_what_had_arrived_is_dropped() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    raw.send_data(1, &message(b"m"), false).unwrap();
    raw.send_frame(kind::RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    let now = raw.clock.now();
    let mut call = raw.connection.call(id).unwrap();
    assert!(call.is_cancelled());
    let Recv::Failed(status) = call.recv(now, &mut MessageBuf::new()) else { panic!("not failed") };
    assert_eq!((status.code(), status.phase()), (Code::Cancelled, Some("handling the call")));
}

#[test]
fn a_lost_connection_cancels_the_handler() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = accept(&mut raw, 1, &[], Kind::BIDI);
    let now = raw.clock.now();
    raw.connection.receive_eof(now);
    assert_eq!(outcome(&mut raw, id), Some(Code::Cancelled));
    raw.connection.call(id).unwrap().release(now);
    assert_eq!(raw.connection.active_calls(), 0);
}

#[test]
fn shutdown_lets_running_calls_end_and_cuts_what_is_left_after_the_grace() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let (done, cut) = (accept(&mut raw, 1, &[], Kind::BIDI), accept(&mut raw, 3, &[], Kind::BIDI));
    let now = raw.clock.now();
    raw.connection.shutdown(now, Duration::from_secs(5));
    assert!(raw.connection.is_draining() && !raw.connection.is_closed());
    let mut call = raw.connection.call(done).unwrap();
    assert!(call.finish(now, &Status::OK, &Metadata::new()));
    call.release(now);
    let goaway: Vec<u32> =
        raw.frames().iter().filter(|f| f.head.kind == kind::GOAWAY).filter_map(RawFrame::code).collect();
    assert_eq!(goaway, [0]);
    while let Some(due) = raw.connection.poll_timeout() {
        raw.clock.advance_to(due);
        raw.connection.handle_timeout(due);
        raw.frames();
    }
    assert!(raw.connection.is_closed());
    assert_eq!(outcome(&mut raw, cut), Some(Code::Cancelled));
}
