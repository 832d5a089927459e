//! Many calls at once on one connection, from many threads and from one.

use super::check::{equal, zeros};
use super::{Outcome, Peer, limited, request, simple, wish};
use crate::testing::TestServiceClient;

pub(super) const THREADS: usize = 16;

/// Runs `work` on many threads, with numbers below `count` dealt out among them; the first error counts.
pub(super) fn on_threads(count: usize, work: impl Fn(usize) -> Outcome + Sync) -> Outcome {
    let work = &work;
    let one = |thread| (thread..count).step_by(THREADS).try_for_each(work).map_err(|error| error.to_string());
    let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || one(thread))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    results.into_iter().collect::<Result<(), _>>().map_err(Into::into)
}

pub(super) fn concurrent_unary(peer: &Peer) -> Outcome {
    on_threads(1_000, |i| {
        let reply = peer.test.unary_call(request(simple(1_000 - i, i as i32)))?;
        zeros("reply", reply.payload.as_ref(), i)
    })
}

pub(super) fn concurrent_large_unary(peer: &Peer) -> Outcome {
    on_threads(64, |_| {
        let reply = peer.test.unary_call(request(simple(271_828, 314_159)))?;
        zeros("reply", reply.payload.as_ref(), 314_159)
    })
}

pub(super) fn concurrent_streams(peer: &Peer) -> Outcome {
    on_threads(64, |i| {
        let sizes = [i as i32, 70_000, 1];
        let mut call = peer.test.full_duplex_call_with(limited());
        call.send(wish(sizes))?;
        call.send(wish(sizes))?;
        call.finish()?;
        for size in sizes.iter().chain(&sizes) {
            zeros("reply", call.recv()?.ok_or("too few replies")?.payload.as_ref(), *size as usize)?;
        }
        equal("after the last", call.recv()?, None)
    })
}

/// More calls than a connection may usually have open, started before any is waited for.
pub(super) fn pending_unary(peer: &Peer) -> Outcome {
    let later = TestServiceClient::new(peer.channel.later());
    let pending: Vec<_> = (0..300).map(|i| later.unary_call(request(simple(100, i)))).collect();
    for (i, call) in pending.into_iter().enumerate() {
        zeros("reply", call.wait()?.payload.as_ref(), i)?;
    }
    Ok(())
}
