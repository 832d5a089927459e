use super::*;
use crate::testkit::Random;
use alloc::vec;
use alloc::vec::Vec;

fn only(bytes: &[u8]) -> Frame<'_> {
    let (frame, len) = parse(bytes, DEFAULT_MAX_FRAME_SIZE).expect("a whole frame").expect("a good frame");
    assert_eq!(len, bytes.len());
    frame
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn every_type_that_is_written_is_read_back() {
    let dependency = Dependency { on: 3, exclusive: true, weight: 200 };
    assert_eq!(only(&written(|o| priority(o, 5, dependency))), Frame::Priority(Priority { stream: 5, dependency }));
    let reset = StreamReset { stream: 7, code: 8 };
    assert_eq!(only(&written(|o| rst_stream(o, 7, ErrorCode::Cancel))), Frame::RstStream(reset));
    let ping_frame = Ping { ack: true, payload: *b"12345678" };
    assert_eq!(only(&written(|o| ping(o, true, *b"12345678"))), Frame::Ping(ping_frame));
    let update = WindowUpdate { stream: 0, increment: 0x7fff_ffff };
    assert_eq!(only(&written(|o| window_update(o, 0, 0x7fff_ffff))), Frame::WindowUpdate(update));
    let goaway_frame = GoAway { last_stream: 9, code: 11, debug: b"calm" };
    assert_eq!(only(&written(|o| goaway(o, 9, ErrorCode::EnhanceYourCalm, b"calm"))), Frame::GoAway(goaway_frame));
    let more = Continuation { stream: 1, fragment: b"abc", end_headers: true };
    assert_eq!(only(&written(|o| continuation(o, 1, b"abc", true))), Frame::Continuation(more));
    let promise = PushPromise { stream: 1, promised: 2, fragment: b"abc", end_headers: false };
    assert_eq!(only(&written(|o| push_promise(o, 1, 2, b"abc", false))), Frame::PushPromise(promise));
    let data = Data { stream: 3, data: b"xy", flow_len: 2, end_stream: true };
    let bytes = written(|o| {
        data_head(o, 3, 2, true);
        o.extend_from_slice(b"xy");
    });
    assert_eq!(only(&bytes), Frame::Data(data));
}

#[test]
fn settings_are_read_in_order_and_an_ack_is_empty() {
    let bytes = written(|o| settings(o, &[(setting::MAX_FRAME_SIZE, 20_000), (99, 1), (setting::ENABLE_PUSH, 0)]));
    let Frame::Settings(read) = only(&bytes) else { panic!("not SETTINGS") };
    assert!(!read.ack);
    assert_eq!(read.iter().collect::<Vec<_>>(), [(5, 20_000), (99, 1), (2, 0)]);
    let Frame::Settings(ack) = only(&[0, 0, 0, 4, 1, 0, 0, 0, 0]) else { panic!("not SETTINGS") };
    assert!(ack.ack && ack.is_empty());
    assert_eq!(written(settings_ack), [0, 0, 0, 4, 1, 0, 0, 0, 0]);
}

#[test]
fn padding_is_left_out_of_the_data_and_counted_in_the_flow() {
    let bytes = [0, 0, 6, 0, 0x9, 0, 0, 0, 1, 3, b'a', b'b', 0, 0, 0];
    let data = Data { stream: 1, data: b"ab", flow_len: 6, end_stream: true };
    assert_eq!(only(&bytes), Frame::Data(data));
    // Padding may fill the whole payload, and no more than that.
    assert!(matches!(only(&[0, 0, 3, 0, 8, 0, 0, 0, 1, 2, 0, 0]), Frame::Data(d) if d.data.is_empty()));
    let error = parse(&[0, 0, 3, 0, 8, 0, 0, 0, 1, 3, 0, 0], 16_384).expect("whole").expect_err("too much padding");
    assert_eq!((error.code, error.stream), (ErrorCode::ProtocolError, None));
    let error = parse(&[0, 0, 0, 0, 8, 0, 0, 0, 1], 16_384).expect("whole").expect_err("no length of padding");
    assert_eq!((error.code, error.stream), (ErrorCode::FrameSizeError, None));
}

#[test]
fn a_frame_that_is_too_long_is_refused_when_its_head_is_there() {
    let head = Head { len: 16_385, kind: kind::DATA, flags: 0, stream: 1 };
    let error = parse(&head.to_bytes(), 16_384).expect("judged by its head").expect_err("too long");
    assert_eq!(error.code, ErrorCode::FrameSizeError);
    assert!(parse(&head.to_bytes(), 16_385).is_none());
    assert!(parse(&head.to_bytes()[..8], 16_384).is_none());
}

#[test]
fn a_zero_increment_ends_the_stream_or_the_connection_that_it_names() {
    let on = |stream| match parse(&written(|o| window_update(o, stream, 0)), 16_384) {
        Some(Err(error)) => error.stream,
        other => panic!("accepted: {other:?}"),
    };
    assert_eq!(on(0), None);
    assert_eq!(on(3), Some(3));
}

#[test]
fn unknown_types_and_reserved_bits_are_ignored() {
    let bytes = [0, 0, 1, 0xfa, 0xff, 0x80, 0, 0, 1, 42];
    assert_eq!(only(&bytes), Frame::Unknown(Head { len: 1, kind: 0xfa, flags: 0xff, stream: 1 }));
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::seed(1);
    for _ in 0..20_000 {
        let mut bytes = vec![0; 9 + random.below(24)];
        random.fill(&mut bytes);
        bytes[..2].fill(0);
        bytes[2] = random.below(bytes.len()) as u8;
        bytes[3] = random.below(11) as u8;
        if let Some(Ok((_, len))) = parse(&bytes, 16_384) {
            assert!(len <= bytes.len());
        }
    }
}
