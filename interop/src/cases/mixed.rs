//! Calls of every shape and end at once, chosen by a seed, from many threads on one connection.

use super::check::{code, equal, failure, zeros};
use super::load::{THREADS, on_threads};
use super::{Outcome, Peer, echo, limited, payload, request, simple, wish};
use crate::testing::{Empty, StreamingInputCallRequest, StreamingOutputCallRequest};
use proto_core::testkit::Random;
use rt_std::{Cancel, Code, Request, RequestOptions, SendError};
use std::time::Duration;

/// Around what is copied or handed over, what fits into one frame, one stream's window, and what does not.
const SIZES: [i32; 10] = [0, 1, 100, 1_000, 16_000, 17_000, 65_536, 70_000, 300_000, 1_000_000];

const CALLS_OF_A_THREAD: usize = 25;

pub(super) fn mixed_calls(peer: &Peer) -> Outcome {
    on_threads(THREADS, |thread| {
        let mut random = Random::seed(thread as u64);
        for _ in 0..CALLS_OF_A_THREAD {
            let call = *random.pick(&CALLS);
            call(peer, &mut random)?;
        }
        Ok(())
    })?;
    equal("afterwards", peer.test.empty_call(request(Empty {}))?.into_inner(), Empty {})
}

const CALLS: [fn(&Peer, &mut Random) -> Outcome; 9] = [
    unary,
    server_streaming,
    client_streaming,
    bidi,
    unary_out_of_time,
    stream_out_of_time,
    cancelled_while_receiving,
    cancelled_while_sending,
    answered_early,
];

fn size(random: &mut Random) -> i32 {
    *random.pick(&SIZES)
}

fn sizes(random: &mut Random) -> Vec<i32> {
    (0..random.below(8)).map(|_| size(random)).collect()
}

fn unary(peer: &Peer, random: &mut Random) -> Outcome {
    let (up, down) = (size(random), size(random));
    let reply = peer.test.unary_call(request(simple(up as usize, down)))?;
    zeros("unary", reply.payload.as_ref(), down as usize)
}

fn server_streaming(peer: &Peer, random: &mut Random) -> Outcome {
    let sizes = sizes(random);
    let mut replies = peer.test.streaming_output_call(request(wish(sizes.clone())));
    for size in sizes {
        zeros("server streaming", replies.recv()?.ok_or("too few replies")?.payload.as_ref(), size as usize)?;
    }
    equal("after the last", replies.recv()?, None)
}

fn client_streaming(peer: &Peer, random: &mut Random) -> Outcome {
    let sizes = sizes(random);
    let mut call = peer.test.streaming_input_call_with(limited());
    for &size in &sizes {
        call.send(StreamingInputCallRequest { payload: payload(size as usize) })?;
    }
    equal("client streaming", call.finish()?.aggregated_payload_size, sizes.iter().sum::<i32>())
}

fn bidi(peer: &Peer, random: &mut Random) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    for size in sizes(random) {
        call.send(wish([size, size]))?;
        for _ in 0..2 {
            zeros("bidi", call.recv()?.ok_or("too few replies")?.payload.as_ref(), size as usize)?;
        }
    }
    call.finish()?;
    equal("after the last", call.recv()?, None)
}

/// Either in time or not, never anything else.
fn unary_out_of_time(peer: &Peer, random: &mut Random) -> Outcome {
    let request =
        Request::new(simple(300_000, 100_000)).with_timeout(Duration::from_micros(random.below(10_000) as u64));
    match peer.test.unary_call(request) {
        Ok(reply) => zeros("in time", reply.payload.as_ref(), 100_000),
        Err(status) => code("out of time", &status, Code::DeadlineExceeded),
    }
}

fn stream_out_of_time(peer: &Peer, random: &mut Random) -> Outcome {
    let mut wish = wish([100_000; 50]);
    wish.response_parameters.iter_mut().for_each(|reply| reply.interval_us = 2_000);
    let options = RequestOptions::new().with_timeout(Duration::from_micros(random.below(50_000) as u64));
    let replies = peer.test.streaming_output_call(Request::with_options(wish, options));
    code(
        "stream out of time",
        &failure(replies.collect::<Result<Vec<_>, _>>().map(|all| all.len()))?,
        Code::DeadlineExceeded,
    )
}

fn cancelled_while_receiving(peer: &Peer, random: &mut Random) -> Outcome {
    let mut replies = peer.test.streaming_output_call(request(wish([200_000; 50])));
    for _ in 0..random.below(5) {
        zeros("before the cancel", replies.recv()?.ok_or("too few replies")?.payload.as_ref(), 200_000)?;
    }
    replies.cancel();
    code("cancelled while receiving", &failure(replies.recv().map(|reply| reply.is_some()))?, Code::Cancelled)
}

fn cancelled_while_sending(peer: &Peer, random: &mut Random) -> Outcome {
    let cancel = Cancel::new();
    let delay = Duration::from_micros(random.below(10_000) as u64);
    let mut call = peer.test.streaming_input_call_with(limited().cancel_on(&cancel));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(delay);
            cancel.cancel();
        });
        while call.send(StreamingInputCallRequest { payload: payload(100_000) }).is_ok() {}
        call.finish()
    });
    code("cancelled while sending", &failure(result)?, Code::Cancelled)
}

/// The server answers with an error while the client still sends.
fn answered_early(peer: &Peer, _: &mut Random) -> Outcome {
    let mut call = peer.test.full_duplex_call_with(limited());
    for i in 0..50 {
        let response_status = if i == 3 { echo(7, "enough") } else { None };
        match call.send(StreamingOutputCallRequest { payload: payload(100_000), response_status, ..wish([]) }) {
            Err(SendError::Ended) => break,
            other => other?,
        }
    }
    super::check::status("answered early", &failure(call.recv())?, Code::PermissionDenied, "enough")
}
