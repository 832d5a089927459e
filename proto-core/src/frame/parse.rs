//! Any frame, for tools and tests; a connection reads the type that it has before it.

use super::{
    Continuation, Data, FrameError, GoAway, HEAD_LEN, Head, Headers, Ping, Priority, PushPromise, Settings,
    StreamReset, WindowUpdate, kind,
};
use crate::error::ErrorCode::FrameSizeError;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is documented at its type")]
pub enum Frame<'a> {
    Data(Data<'a>),
    Headers(Headers<'a>),
    Priority(Priority),
    RstStream(StreamReset),
    Settings(Settings<'a>),
    PushPromise(PushPromise<'a>),
    Ping(Ping),
    GoAway(GoAway<'a>),
    WindowUpdate(WindowUpdate),
    Continuation(Continuation<'a>),
    /// A type that RFC 9113 does not know: to be ignored (section 5.5).
    Unknown(Head),
}

/// Reads the first frame of `bytes` and says how long it is in all. `None` while it is incomplete. A payload longer than
/// `max_frame_size` is refused as soon as the head is there.
pub fn parse(bytes: &[u8], max_frame_size: u32) -> Option<Result<(Frame<'_>, usize), FrameError>> {
    let head = Head::read(bytes)?;
    if head.len > max_frame_size {
        let what = "a frame longer than SETTINGS_MAX_FRAME_SIZE (RFC 9113 section 4.2)";
        return Some(Err(FrameError::connection(FrameSizeError, what)));
    }
    let end = HEAD_LEN + head.len as usize;
    let payload = bytes.get(HEAD_LEN..end)?;
    Some(read(head, payload).map(|frame| (frame, end)))
}

fn read(head: Head, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    Ok(match head.kind {
        kind::DATA => Frame::Data(Data::read(head, payload)?),
        kind::HEADERS => Frame::Headers(Headers::read(head, payload)?),
        kind::PRIORITY => Frame::Priority(Priority::read(head, payload)?),
        kind::RST_STREAM => Frame::RstStream(StreamReset::read(head, payload)?),
        kind::SETTINGS => Frame::Settings(Settings::read(head, payload)?),
        kind::PUSH_PROMISE => Frame::PushPromise(PushPromise::read(head, payload)?),
        kind::PING => Frame::Ping(Ping::read(head, payload)?),
        kind::GOAWAY => Frame::GoAway(GoAway::read(head, payload)?),
        kind::WINDOW_UPDATE => Frame::WindowUpdate(WindowUpdate::read(head, payload)?),
        kind::CONTINUATION => Frame::Continuation(Continuation::read(head, payload)?),
        _ => Frame::Unknown(head),
    })
}
