//! Frames (`proto_core::frame`): any bytes are read, or refused, or incomplete; never more is read than is there, a part of a frame is no frame,
//! and what was read is written as it was.

use crate::input::Input;
use crate::wire;
use proto_core::frame::{self, Frame, HEAD_LEN, Head};

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let most = input.pick(&[16_384, 0, 8, 100, (1 << 24) - 1]);
    let mut rest = input.rest();
    while let Some(outcome) = frame::parse(rest, most) {
        // It was read, so it is there.
        let head = Head::read(rest).expect("a head");
        assert!(head.len <= most || outcome.is_err());
        let len = HEAD_LEN + head.len as usize;
        if let Ok((frame, n)) = outcome {
            assert_eq!(n, len);
            for cut in [0, 1, HEAD_LEN - 1, HEAD_LEN, (len / 2).max(HEAD_LEN), len - 1] {
                if cut < len {
                    assert!(frame::parse(&rest[..cut], most).is_none(), "a part of a frame is no frame");
                }
            }
            check(frame, len);
        }
        let Some(behind) = rest.get(len..) else { break };
        rest = behind;
    }
}

/// Looks at everything, and writes again what can be written.
fn check(read: Frame<'_>, len: usize) {
    let mut out = Vec::new();
    match read {
        Frame::Data(data) => {
            assert!(data.data.len() <= data.flow_len as usize && data.flow_len as usize == len - HEAD_LEN);
            frame::data_head(&mut out, data.stream, data.data.len() as u32, data.end_stream);
            out.extend_from_slice(data.data);
            let Some(Ok((Frame::Data(again), _))) = frame::parse(&out, u32::MAX) else { panic!("{data:?}") };
            return assert_eq!((again.stream, again.data, again.end_stream), (data.stream, data.data, data.end_stream));
        }
        Frame::Headers(headers) => return assert!(headers.fragment.len() <= len - HEAD_LEN),
        Frame::Priority(priority) => frame::priority(&mut out, priority.stream, priority.dependency),
        Frame::RstStream(reset) => match proto_core::error::ErrorCode::from_wire(reset.code) {
            Some(code) => frame::rst_stream(&mut out, reset.stream, code),
            None => return,
        },
        Frame::Settings(settings) => {
            let entries: Vec<(u16, u32)> = settings.iter().collect();
            assert_eq!((entries.len(), settings.is_empty()), (settings.len(), entries.is_empty()));
            if settings.ack {
                frame::settings_ack(&mut out);
            } else {
                frame::settings(&mut out, &entries);
            }
        }
        Frame::PushPromise(promise) => {
            frame::push_promise(&mut out, promise.stream, promise.promised, promise.fragment, promise.end_headers);
            // Padding is not written again.
            let Some(Ok((Frame::PushPromise(again), _))) = frame::parse(&out, u32::MAX) else { panic!("{promise:?}") };
            return assert_eq!(again, promise);
        }
        Frame::Ping(ping) => frame::ping(&mut out, ping.ack, ping.payload),
        Frame::GoAway(goaway) => match proto_core::error::ErrorCode::from_wire(goaway.code) {
            Some(code) => frame::goaway(&mut out, goaway.last_stream, code, goaway.debug),
            None => return,
        },
        Frame::WindowUpdate(update) => frame::window_update(&mut out, update.stream, update.increment),
        Frame::Continuation(more) => frame::continuation(&mut out, more.stream, more.fragment, more.end_headers),
        Frame::Unknown(head) => return assert_eq!(head.len as usize, len - HEAD_LEN),
    }
    let again = frame::parse(&out, u32::MAX);
    assert_eq!(again, Some(Ok((read, out.len()))), "written as it was read");
}

/// Seeds: every type of frame, alone and in a row.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut frames = wire::every_frame(&[0, 1]);
    let mut first = Vec::new();
    wire::headers(&mut first, 1, &wire::block(&wire::REQUEST), false);
    wire::data(&mut first, 1, &wire::message(b"Ada"), true);
    frames.push(first);
    frames.push(frames.concat());
    frames.into_iter().map(|frame| [&[0][..], &frame].concat()).collect()
}
