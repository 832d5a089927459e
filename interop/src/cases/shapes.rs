//! The four shapes of a call.

use super::check::{equal, zeros};
use super::{Outcome, Peer, limited, payload, request, simple, wish};
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};

pub(super) fn empty_unary(peer: &Peer) -> Outcome {
    equal("reply", peer.test.empty_call(request(Empty {}))?.into_inner(), Empty {})
}

pub(super) fn large_unary(peer: &Peer) -> Outcome {
    let reply = peer.test.unary_call(request(simple(271_828, 314_159)))?;
    zeros("reply", reply.payload.as_ref(), 314_159)
}

pub(super) fn server_streaming(peer: &Peer) -> Outcome {
    let sizes = [31_415, 9, 2_653, 58_979];
    let mut replies = peer.test.streaming_output_call(request(wish(sizes)));
    for size in sizes {
        let reply = replies.recv()?.ok_or("too few replies")?;
        zeros("reply", reply.payload.as_ref(), size as usize)?;
    }
    equal("after the last", replies.recv()?, None)
}

pub(super) fn client_streaming(peer: &Peer) -> Outcome {
    let mut call = peer.test.streaming_input_call_with(limited());
    for size in [27_182, 8, 1_828, 45_904] {
        call.send(StreamingInputCallRequest { payload: payload(size) })?;
    }
    let reply = call.finish()?;
    equal("sum", reply.aggregated_payload_size, 74_922)?;
    equal("all sent", reply.all_sent(), true)
}

pub(super) fn ping_pong(peer: &Peer) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    for (size, body) in [(31_415, 27_182), (9, 8), (2_653, 1_828), (58_979, 45_904)] {
        call.send(StreamingOutputCallRequest { payload: payload(body), ..wish([size]) })?;
        let reply = call.recv()?.ok_or("too few replies")?;
        zeros("reply", reply.payload.as_ref(), size as usize)?;
    }
    call.finish()?;
    equal("after the last", call.recv()?, None)
}

pub(super) fn empty_stream(peer: &Peer) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    call.finish()?;
    equal("replies", call.recv()?, None)
}

pub(super) fn many_small_messages(peer: &Peer) -> Outcome {
    let sizes: Vec<i32> = (0..5_000).map(|i| i % 7).collect();
    let mut call = peer.test.full_duplex_call_with(limited());
    for part in sizes.chunks(2_500) {
        call.send(wish(part.iter().copied()))?;
    }
    call.finish()?;
    let got = call.map(|reply| reply.map(|reply| reply.payload.map_or(0, |p| p.body.len() as i32)));
    equal("sizes", got.collect::<Result<Vec<_>, _>>()?, sizes)
}
