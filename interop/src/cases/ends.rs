//! Calls that end before their time: deadlines and cancellations, each seen from both sides.

use super::check::{code, equal, failure, zeros};
use super::{LIMIT, Outcome, Peer, limited, payload, request, wish, wish_late};
use crate::runtime::Runtime;
use crate::service::{ECHO_INITIAL, ENDED, TIME_LEFT, TIME_LEFT_MS, WATCH};
use crate::testing::{Empty, StreamingOutputCallRequest};
use proto_core::Code;
use proto_core::rpc::{Request, RequestOptions};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A key by which the server knows a call, used once.
fn watch_key() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let moment = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    format!("ours-{}-{moment}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The handler of this call must have noticed that it was cancelled.
async fn handler_was_cancelled<F: Runtime>(peer: &Peer<F>, key: &str) -> Outcome {
    if !peer.extended {
        return Ok(());
    }
    let reply = F::settle(peer.test.empty_call(request(Empty {}).with_metadata(ENDED, key))).await?;
    equal("the handler's view", reply.trailers().get(ENDED), Some("cancelled"))
}

pub(super) async fn deadline_reaches_the_server<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let reply = F::settle(peer.test.empty_call(request(Empty {}).with_metadata(TIME_LEFT, "1"))).await?;
    let left: u128 = reply.trailers().get(TIME_LEFT_MS).ok_or("no answer")?.parse()?;
    if left == 0 || left > LIMIT.as_millis() {
        return Err(format!("the server has {left} ms left of {LIMIT:?}").into());
    }
    let reply = F::settle(peer.test.empty_call(Request::new(Empty {}).with_metadata(TIME_LEFT, "1"))).await?;
    equal("without a deadline", reply.trailers().get(TIME_LEFT_MS), Some("none"))
}

pub(super) async fn timeout_on_sleeping_server<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let key = watch_key();
    let options = RequestOptions::new().with_timeout(Duration::from_millis(300)).with_metadata(WATCH, &key);
    let mut call = peer.test.full_duplex_call_with(options);
    F::bidi_send(&mut call, StreamingOutputCallRequest { payload: payload(27_182), ..wish_late() }).await?;
    code("call", &failure(F::bidi_next(&mut call).await.transpose())?, Code::DeadlineExceeded)?;
    handler_was_cancelled(peer, &key).await
}

pub(super) async fn cancel_after_begin<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let (token, cancel) = F::cancel();
    let call = peer.test.streaming_input_call_with(limited().cancel_on(&token));
    cancel();
    code("call", &failure(F::finish(call).await)?, Code::Cancelled)
}

pub(super) async fn cancel_after_first_response<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let key = watch_key();
    let (token, cancel) = F::cancel();
    let mut call = peer.test.full_duplex_call_with(limited().with_metadata(WATCH, &key).cancel_on(&token));
    F::bidi_send(&mut call, StreamingOutputCallRequest { payload: payload(27_182), ..wish([31_415]) }).await?;
    let reply = F::bidi_next(&mut call).await.ok_or("no reply")??;
    zeros("reply", reply.payload.as_ref(), 31_415)?;
    F::bidi_send(&mut call, wish_late()).await?;
    cancel();
    code("call", &failure(F::bidi_next(&mut call).await.transpose())?, Code::Cancelled)?;
    handler_was_cancelled(peer, &key).await
}

/// Whoever waits in the call hears of it meanwhile.
pub(super) async fn cancel_from_elsewhere<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let key = watch_key();
    let options = limited().with_metadata(WATCH, &key).cancel_on(&F::cancel_after(Duration::from_millis(50)));
    let mut replies = peer.test.streaming_output_call(Request::with_options(wish_late(), options));
    code("call", &failure(F::next(&mut replies).await.transpose())?, Code::Cancelled)?;
    handler_was_cancelled(peer, &key).await
}

pub(super) async fn dropped_call_is_cancelled<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let key = watch_key();
    let mut call = peer.test.full_duplex_call_with(limited().with_metadata(WATCH, &key));
    F::bidi_send(&mut call, wish([1])).await?;
    zeros("reply", F::bidi_next(&mut call).await.ok_or("no reply")??.payload.as_ref(), 1)?;
    drop(call);
    handler_was_cancelled(peer, &key).await?;

    // Dropped before anything came back but its headers: then the handler runs. (A call that is cancelled before that may
    // never come to one.)
    let key = watch_key();
    let options = limited().with_metadata(WATCH, &key).with_metadata(ECHO_INITIAL, "begun");
    let mut replies = peer.test.streaming_output_call(Request::with_options(wish_late(), options));
    equal("initial", F::headers(&mut replies).await?.get(ECHO_INITIAL), Some("begun"))?;
    drop(replies);
    handler_was_cancelled(peer, &key).await
}
