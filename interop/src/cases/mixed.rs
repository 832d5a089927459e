//! Calls of every shape and end at once, chosen by a seed, on one connection.

use super::check::{code, equal, failure, zeros};
use super::{Outcome, Peer, echo, limited, payload, request, simple, wish};
use crate::runtime::{Runtime, WORKERS};
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};
use proto_core::Code;
use proto_core::rpc::{Request, RequestOptions, SendError};
use proto_core::testkit::Random;
use std::time::Duration;

/// Around what is copied or handed over, what fits into one frame, one stream's window, and what does not.
const SIZES: [i32; 10] = [0, 1, 100, 1_000, 16_000, 17_000, 65_536, 70_000, 300_000, 1_000_000];

const CALLS_OF_A_WORKER: usize = 25;

pub(super) async fn mixed_calls<F: Runtime>(peer: &Peer<F>) -> Outcome {
    F::together(WORKERS, async |worker| {
        let mut random = Random::seed(worker as u64);
        for _ in 0..CALLS_OF_A_WORKER {
            one(peer, &mut random).await?;
        }
        Ok(())
    })
    .await?;
    equal("afterwards", F::settle(peer.test.empty_call(request(Empty {}))).await?.into_inner(), Empty {})
}

async fn one<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    match random.below(9) {
        0 => unary(peer, random).await,
        1 => server_streaming(peer, random).await,
        2 => client_streaming(peer, random).await,
        3 => bidi(peer, random).await,
        4 => unary_out_of_time(peer, random).await,
        5 => stream_out_of_time(peer, random).await,
        6 => cancelled_while_receiving(peer, random).await,
        7 => cancelled_while_sending(peer, random).await,
        _ => answered_early(peer).await,
    }
}

fn size(random: &mut Random) -> i32 {
    *random.pick(&SIZES)
}

fn sizes(random: &mut Random) -> Vec<i32> {
    (0..random.below(8)).map(|_| size(random)).collect()
}

async fn unary<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let (up, down) = (size(random), size(random));
    let reply = F::settle(peer.test.unary_call(request(simple(up as usize, down)))).await?;
    zeros("unary", reply.payload.as_ref(), down as usize)
}

async fn server_streaming<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let sizes = sizes(random);
    let mut replies = peer.test.streaming_output_call(request(wish(sizes.clone())));
    for size in sizes {
        let reply = F::next(&mut replies).await.ok_or("too few replies")??;
        zeros("server streaming", reply.payload.as_ref(), size as usize)?;
    }
    equal("after the last", F::next(&mut replies).await.transpose()?, None)
}

async fn client_streaming<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let sizes = sizes(random);
    let mut call = peer.test.streaming_input_call_with(limited());
    for &size in &sizes {
        F::send(&mut call, StreamingInputCallRequest { payload: payload(size as usize) }).await?;
    }
    equal("client streaming", F::finish(call).await?.aggregated_payload_size, sizes.iter().sum::<i32>())
}

async fn bidi<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    for size in sizes(random) {
        F::bidi_send(&mut call, wish([size, size])).await?;
        for _ in 0..2 {
            let reply = F::bidi_next(&mut call).await.ok_or("too few replies")??;
            zeros("bidi", reply.payload.as_ref(), size as usize)?;
        }
    }
    F::bidi_finish(&mut call).await?;
    equal("after the last", F::bidi_next(&mut call).await.transpose()?, None)
}

/// Either in time or not, never anything else.
async fn unary_out_of_time<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let request =
        Request::new(simple(300_000, 100_000)).with_timeout(Duration::from_micros(random.below(10_000) as u64));
    match F::settle(peer.test.unary_call(request)).await {
        Ok(reply) => zeros("in time", reply.payload.as_ref(), 100_000),
        Err(status) => code("out of time", &status, Code::DeadlineExceeded),
    }
}

async fn stream_out_of_time<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let mut wish = wish([100_000; 50]);
    wish.response_parameters.iter_mut().for_each(|reply| reply.interval_us = 2_000);
    let options = RequestOptions::new().with_timeout(Duration::from_micros(random.below(50_000) as u64));
    let mut replies = peer.test.streaming_output_call(Request::with_options(wish, options));
    let mut all = 0;
    let result = loop {
        match F::next(&mut replies).await {
            Some(Ok(_)) => all += 1,
            Some(Err(status)) => break Err(status),
            None => break Ok(all),
        }
    };
    code("stream out of time", &failure(result)?, Code::DeadlineExceeded)
}

/// Cancelled after some replies: what comes then is a reply or that verdict.
async fn cancelled_while_receiving<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let cancel = F::cancel_after(Duration::from_micros(random.below(10_000) as u64));
    let mut wish = wish([200_000; 50]);
    wish.response_parameters.iter_mut().for_each(|reply| reply.interval_us = 1_000);
    let options = limited().cancel_on(&cancel);
    let mut replies = peer.test.streaming_output_call(Request::with_options(wish, options));
    let result = loop {
        match F::next(&mut replies).await {
            Some(Ok(reply)) => zeros("before the cancel", reply.payload.as_ref(), 200_000)?,
            Some(Err(status)) => break Err(status),
            None => break Ok(()),
        }
    };
    code("cancelled while receiving", &failure(result)?, Code::Cancelled)
}

async fn cancelled_while_sending<F: Runtime>(peer: &Peer<F>, random: &mut Random) -> Outcome {
    let cancel = F::cancel_after(Duration::from_micros(random.below(10_000) as u64));
    let mut call = peer.test.streaming_input_call_with(limited().cancel_on(&cancel));
    while F::send(&mut call, StreamingInputCallRequest { payload: payload(100_000) }).await.is_ok() {}
    code("cancelled while sending", &failure(F::finish(call).await)?, Code::Cancelled)
}

/// The server answers with an error while the client still sends.
async fn answered_early<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    for i in 0..50 {
        let response_status = if i == 3 { echo(7, "enough") } else { None };
        let request = StreamingOutputCallRequest { payload: payload(100_000), response_status, ..wish([]) };
        match F::bidi_send(&mut call, request).await {
            Err(SendError::Ended) => break,
            other => other?,
        }
    }
    let error = failure(F::bidi_next(&mut call).await.transpose())?;
    super::check::status("answered early", &error, Code::PermissionDenied, "enough")
}
