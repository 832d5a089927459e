//! Frames into a buffer. The caller keeps payloads within the peer's frame size.

use super::{Dependency, HEAD_LEN, Head, flag, kind};
use crate::error::ErrorCode;
use alloc::vec::Vec;

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // Payloads reach 2^24-1 bytes at most, so that their length fits.
    out.extend_from_slice(&Head { len: payload.len() as u32, kind, flags, stream }.to_bytes());
    out.extend_from_slice(payload);
}

/// The head of a DATA frame; `len` bytes of payload follow.
pub fn data_head(out: &mut Vec<u8>, stream: u32, len: u32, end_stream: bool) {
    let flags = if end_stream { flag::END_STREAM } else { 0 };
    out.extend_from_slice(&Head { len, kind: kind::DATA, flags, stream }.to_bytes());
}

/// A place for the head of a HEADERS frame, to be patched with [`patch_head`] when the block's length is known. Returns where it is.
pub fn headers_head(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    at
}

/// Writes `head` over the nine bytes at `at`.
pub fn patch_head(out: &mut [u8], at: usize, head: Head) {
    if let Some(place) = out.get_mut(at..at + HEAD_LEN) {
        place.copy_from_slice(&head.to_bytes());
    }
}

/// PRIORITY.
pub fn priority(out: &mut Vec<u8>, stream: u32, dependency: Dependency) {
    let word = dependency.on | u32::from(dependency.exclusive) << 31;
    let [a, b, c, d] = word.to_be_bytes();
    frame(out, kind::PRIORITY, 0, stream, &[a, b, c, d, dependency.weight]);
}

/// RST_STREAM.
pub fn rst_stream(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    frame(out, kind::RST_STREAM, 0, stream, &(code as u32).to_be_bytes());
}

/// SETTINGS with these (identifier, value) pairs.
pub fn settings(out: &mut Vec<u8>, entries: &[(u16, u32)]) {
    out.extend_from_slice(
        &Head { len: entries.len() as u32 * 6, kind: kind::SETTINGS, flags: 0, stream: 0 }.to_bytes(),
    );
    for (id, value) in entries {
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// The acknowledgement of the peer's SETTINGS.
pub fn settings_ack(out: &mut Vec<u8>) {
    frame(out, kind::SETTINGS, flag::ACK, 0, &[]);
}

/// PUSH_PROMISE (we never send one; tests do).
pub fn push_promise(out: &mut Vec<u8>, stream: u32, promised: u32, fragment: &[u8], end_headers: bool) {
    let flags = if end_headers { flag::END_HEADERS } else { 0 };
    let head = Head { len: 4 + fragment.len() as u32, kind: kind::PUSH_PROMISE, flags, stream };
    out.extend_from_slice(&head.to_bytes());
    out.extend_from_slice(&promised.to_be_bytes());
    out.extend_from_slice(fragment);
}

/// PING, or its echo.
pub fn ping(out: &mut Vec<u8>, ack: bool, payload: [u8; 8]) {
    frame(out, kind::PING, if ack { flag::ACK } else { 0 }, 0, &payload);
}

/// GOAWAY.
pub fn goaway(out: &mut Vec<u8>, last_stream: u32, code: ErrorCode, debug: &[u8]) {
    let head = Head { len: 8 + debug.len() as u32, kind: kind::GOAWAY, flags: 0, stream: 0 };
    out.extend_from_slice(&head.to_bytes());
    out.extend_from_slice(&last_stream.to_be_bytes());
    out.extend_from_slice(&(code as u32).to_be_bytes());
    out.extend_from_slice(debug);
}

/// WINDOW_UPDATE.
pub fn window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    frame(out, kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
}

/// CONTINUATION.
pub fn continuation(out: &mut Vec<u8>, stream: u32, fragment: &[u8], end_headers: bool) {
    frame(out, kind::CONTINUATION, if end_headers { flag::END_HEADERS } else { 0 }, stream, fragment);
}
