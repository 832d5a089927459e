//! The four shapes of a call.

use super::check::{equal, zeros};
use super::{Outcome, Peer, limited, payload, request, simple, wish};
use crate::runtime::Runtime;
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};

pub(super) async fn empty_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    equal("reply", F::settle(peer.test.empty_call(request(Empty {}))).await?.into_inner(), Empty {})
}

pub(super) async fn large_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let reply = F::settle(peer.test.unary_call(request(simple(271_828, 314_159)))).await?;
    zeros("reply", reply.payload.as_ref(), 314_159)
}

/// With the metadata that lets a proxy answer the second call. None is needed: a server answers both.
pub(super) async fn cacheable_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    for _ in 0..2 {
        let request = request(simple(8, 8)).with_metadata("x-user-ip", "1.2.3.4");
        let reply = F::settle(peer.test.cacheable_unary_call(request)).await?;
        zeros("reply", reply.payload.as_ref(), 8)?;
    }
    Ok(())
}

pub(super) async fn server_streaming<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let sizes = [31_415, 9, 2_653, 58_979];
    let mut replies = peer.test.streaming_output_call(request(wish(sizes)));
    for size in sizes {
        let reply = F::next(&mut replies).await.ok_or("too few replies")??;
        zeros("reply", reply.payload.as_ref(), size as usize)?;
    }
    equal("after the last", F::next(&mut replies).await.transpose()?, None)
}

pub(super) async fn client_streaming<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let mut call = peer.test.streaming_input_call_with(limited());
    for size in [27_182, 8, 1_828, 45_904] {
        F::send(&mut call, StreamingInputCallRequest { payload: payload(size) }).await?;
    }
    let reply = F::finish(call).await?;
    equal("sum", reply.aggregated_payload_size, 74_922)?;
    equal("all sent", reply.all_sent(), true)
}

pub(super) async fn ping_pong<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    for (size, body) in [(31_415, 27_182), (9, 8), (2_653, 1_828), (58_979, 45_904)] {
        F::bidi_send(&mut call, StreamingOutputCallRequest { payload: payload(body), ..wish([size]) }).await?;
        let reply = F::bidi_next(&mut call).await.ok_or("too few replies")??;
        zeros("reply", reply.payload.as_ref(), size as usize)?;
    }
    F::bidi_finish(&mut call).await?;
    equal("after the last", F::bidi_next(&mut call).await.transpose()?, None)
}

pub(super) async fn half_duplex<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let mut call = peer.test.half_duplex_call_with(limited());
    for size in [1, 70_000, 3] {
        F::bidi_send(&mut call, wish([size])).await?;
    }
    F::bidi_finish(&mut call).await?;
    for size in [1, 70_000, 3] {
        let reply = F::bidi_next(&mut call).await.ok_or("too few replies")??;
        zeros("reply", reply.payload.as_ref(), size)?;
    }
    equal("after the last", F::bidi_next(&mut call).await.transpose()?, None)
}

pub(super) async fn empty_stream<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    F::bidi_finish(&mut call).await?;
    equal("replies", F::bidi_next(&mut call).await.transpose()?, None)
}

pub(super) async fn many_small_messages<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let sizes: Vec<i32> = (0..5_000).map(|i| i % 7).collect();
    let mut call = peer.test.full_duplex_call_with(limited());
    for part in sizes.chunks(2_500) {
        F::bidi_send(&mut call, wish(part.iter().copied())).await?;
    }
    F::bidi_finish(&mut call).await?;
    let mut got = Vec::new();
    while let Some(reply) = F::bidi_next(&mut call).await {
        got.push(reply?.payload.map_or(0, |payload| payload.body.len() as i32));
    }
    equal("sizes", got, sizes)
}
