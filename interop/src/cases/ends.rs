//! Calls that end before their time: deadlines and cancellations, each seen from both sides.

use super::check::{code, equal, failure, zeros};
use super::{LIMIT, Outcome, Peer, limited, payload, request, wish, wish_late};
use crate::service::{ECHO_INITIAL, ENDED, TIME_LEFT, TIME_LEFT_MS, WATCH};
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};
use rt_std::{Cancel, Code, Request, RequestOptions};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A key by which the server knows a call, used once.
fn watch_key() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let moment = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    format!("ours-{}-{moment}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The handler of this call must have noticed that it was cancelled.
fn handler_was_cancelled(peer: &Peer, key: &str) -> Outcome {
    let reply = peer.test.empty_call(request(Empty {}).with_metadata(ENDED, key))?;
    equal("the handler's view", reply.trailers().get(ENDED), Some("cancelled"))
}

pub(super) fn deadline_reaches_the_server(peer: &Peer) -> Outcome {
    let reply = peer.test.empty_call(request(Empty {}).with_metadata(TIME_LEFT, "1"))?;
    let left: u128 = reply.trailers().get(TIME_LEFT_MS).ok_or("no answer")?.parse()?;
    if left == 0 || left > LIMIT.as_millis() {
        return Err(format!("the server has {left} ms left of {LIMIT:?}").into());
    }
    let reply = peer.test.empty_call(Request::new(Empty {}).with_metadata(TIME_LEFT, "1"))?;
    equal("without a deadline", reply.trailers().get(TIME_LEFT_MS), Some("none"))
}

pub(super) fn timeout_on_sleeping_server(peer: &Peer) -> Outcome {
    let key = watch_key();
    let options = RequestOptions::new().with_timeout(Duration::from_millis(300)).with_metadata(WATCH, &key);
    let mut call = peer.test.full_duplex_call_with(options);
    call.send(StreamingOutputCallRequest { payload: payload(27_182), ..wish_late() })?;
    code("call", &failure(call.recv())?, Code::DeadlineExceeded)?;
    handler_was_cancelled(peer, &key)
}

pub(super) fn cancel_after_begin(peer: &Peer) -> Outcome {
    let cancel = Cancel::new();
    let call = peer.test.streaming_input_call_with(limited().cancel_on(&cancel));
    cancel.cancel();
    code("call", &failure(call.finish())?, Code::Cancelled)
}

pub(super) fn cancel_after_first_response(peer: &Peer) -> Outcome {
    let key = watch_key();
    let mut call = peer.test.full_duplex_call_with(limited().with_metadata(WATCH, &key));
    call.send(StreamingOutputCallRequest { payload: payload(27_182), ..wish([31_415]) })?;
    zeros("reply", call.recv()?.ok_or("no reply")?.payload.as_ref(), 31_415)?;
    call.send(wish_late())?;
    call.cancel();
    code("call", &failure(call.recv())?, Code::Cancelled)?;
    handler_was_cancelled(peer, &key)
}

/// The thread that is cancelled waits in its call meanwhile.
pub(super) fn cancel_from_another_thread(peer: &Peer) -> Outcome {
    let (key, cancel) = (watch_key(), Cancel::new());
    let options = limited().with_metadata(WATCH, &key).cancel_on(&cancel);
    let mut replies = peer.test.streaming_output_call(Request::with_options(wish_late(), options));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            cancel.cancel();
        });
        replies.recv()
    });
    code("call", &failure(result)?, Code::Cancelled)?;
    handler_was_cancelled(peer, &key)
}

pub(super) fn dropped_call_is_cancelled(peer: &Peer) -> Outcome {
    let key = watch_key();
    let mut call = peer.test.full_duplex_call_with(limited().with_metadata(WATCH, &key));
    call.send(wish([1]))?;
    zeros("reply", call.recv()?.ok_or("no reply")?.payload.as_ref(), 1)?;
    drop(call);
    handler_was_cancelled(peer, &key)?;

    let key = watch_key();
    let options = limited().with_metadata(WATCH, &key).with_metadata(ECHO_INITIAL, "begun");
    let mut call = peer.test.streaming_input_call_with(options);
    call.send(StreamingInputCallRequest { payload: payload(1) })?;
    // The handler runs: a call that is cancelled before that may never come to one.
    equal("initial", call.headers()?.get(ECHO_INITIAL), Some("begun"))?;
    call.cancel();
    handler_was_cancelled(peer, &key)
}
