//! Messages at the limit and beyond it.

use super::check::{code, equal, failure, zeros};
use super::{Outcome, Peer, limited, payload, request, simple, wish};
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};
use rt_std::Code;

/// gRPC's default limit on a received message, bytes, inclusive.
const MESSAGE_LIMIT: usize = 4 * 1024 * 1024;

/// What goes around the body of a message that holds nothing else, bytes: two tags and two lengths of four bytes.
const AROUND: usize = 10;

/// Exactly the limit, in each direction of each shape.
pub(super) fn four_megabytes(peer: &Peer) -> Outcome {
    let body = MESSAGE_LIMIT - AROUND;
    let reply = peer.test.unary_call(request(simple(0, body as i32)))?;
    zeros("down", reply.payload.as_ref(), body)?;
    let reply = peer.test.unary_call(request(simple(body, 0)))?;
    zeros("reply to a large request", reply.payload.as_ref(), 0)?;

    let mut call = peer.test.streaming_input_call_with(limited());
    for _ in 0..3 {
        call.send(StreamingInputCallRequest { payload: payload(body) })?;
    }
    equal("sum", call.finish()?.aggregated_payload_size, 3 * body as i32)?;

    let replies = peer.test.streaming_output_call(request(wish([body as i32; 3])));
    let replies = replies.collect::<Result<Vec<_>, _>>()?;
    equal("replies", replies.len(), 3)?;
    replies.iter().try_for_each(|reply| zeros("streamed down", reply.payload.as_ref(), body))?;

    // Both directions full at once: one thread sends, the other one reads.
    let (mut requests, replies) = peer.test.full_duplex_call_with(limited()).split();
    let replies = std::thread::scope(|scope| {
        let sender = scope.spawn(move || {
            for _ in 0..2 {
                requests.send(StreamingOutputCallRequest { payload: payload(4_000_000), ..wish([4_000_000]) })?;
            }
            requests.finish()
        });
        let replies = replies.collect::<Result<Vec<_>, _>>();
        sender.join().map_err(|_| "the sender panicked".to_owned())?.map_err(|error| error.to_string())?;
        replies.map_err(|status| status.to_string())
    })?;
    equal("replies", replies.len(), 2)?;
    replies.iter().try_for_each(|reply| zeros("both ways", reply.payload.as_ref(), 4_000_000))
}

pub(super) fn message_over_the_limit(peer: &Peer) -> Outcome {
    let body = MESSAGE_LIMIT - AROUND + 1;
    let error = failure(peer.test.unary_call(request(simple(0, body as i32))))?;
    code("down", &error, Code::ResourceExhausted)?;
    let error = failure(peer.test.unary_call(request(simple(body, 0))))?;
    code("up", &error, Code::ResourceExhausted)?;
    // The connection is still of use.
    equal("reply", peer.test.empty_call(request(Empty {}))?.into_inner(), Empty {})
}
