//! Messages at the limit and beyond it.

use super::check::{code, equal, failure, zeros};
use super::{Outcome, Peer, limited, payload, request, simple, wish};
use crate::runtime::Runtime;
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};
use proto_core::Code;

/// gRPC's default limit on a received message, bytes, inclusive.
const MESSAGE_LIMIT: usize = 4 * 1024 * 1024;

/// What goes around the body of a message that holds nothing else, bytes: two tags and two lengths of four bytes.
const AROUND: usize = 10;

/// Exactly the limit, in each direction of each shape.
pub(super) async fn four_megabytes<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let body = MESSAGE_LIMIT - AROUND;
    let reply = F::settle(peer.test.unary_call(request(simple(0, body as i32)))).await?;
    zeros("down", reply.payload.as_ref(), body)?;
    let reply = F::settle(peer.test.unary_call(request(simple(body, 0)))).await?;
    zeros("reply to a large request", reply.payload.as_ref(), 0)?;

    let mut call = peer.test.streaming_input_call_with(limited());
    for _ in 0..3 {
        F::send(&mut call, StreamingInputCallRequest { payload: payload(body) }).await?;
    }
    equal("sum", F::finish(call).await?.aggregated_payload_size, 3 * body as i32)?;

    let mut replies = peer.test.streaming_output_call(request(wish([body as i32; 3])));
    for _ in 0..3 {
        let reply = F::next(&mut replies).await.ok_or("too few replies")??;
        zeros("streamed down", reply.payload.as_ref(), body)?;
    }
    equal("after the last", F::next(&mut replies).await.transpose()?, None)?;

    // Both directions full at once.
    let request = StreamingOutputCallRequest { payload: payload(4_000_000), ..wish([4_000_000]) };
    let call = peer.test.full_duplex_call_with(limited());
    let replies = F::exchange(call, vec![request; 2]).await?;
    equal("replies", replies.len(), 2)?;
    replies.iter().try_for_each(|reply| zeros("both ways", reply.payload.as_ref(), 4_000_000))
}

pub(super) async fn message_over_the_limit<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let body = MESSAGE_LIMIT - AROUND + 1;
    let error = failure(F::settle(peer.test.unary_call(request(simple(0, body as i32)))).await)?;
    code("down", &error, Code::ResourceExhausted)?;
    let error = failure(F::settle(peer.test.unary_call(request(simple(body, 0)))).await)?;
    code("up", &error, Code::ResourceExhausted)?;
    // The connection is still of use.
    equal("reply", F::settle(peer.test.empty_call(request(Empty {}))).await?.into_inner(), Empty {})
}
