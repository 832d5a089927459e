//! Many calls at once on one connection.

use super::check::{equal, zeros};
use super::{Outcome, Peer, limited, request, simple, wish};
use crate::runtime::Runtime;
use crate::testing::TestServiceClient;

pub(super) async fn concurrent_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    F::together(1_000, async |i| {
        let reply = F::settle(peer.test.unary_call(request(simple(1_000 - i, i as i32)))).await?;
        zeros("reply", reply.payload.as_ref(), i)
    })
    .await
}

pub(super) async fn concurrent_large_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    F::together(64, async |_| {
        let reply = F::settle(peer.test.unary_call(request(simple(271_828, 314_159)))).await?;
        zeros("reply", reply.payload.as_ref(), 314_159)
    })
    .await
}

pub(super) async fn concurrent_streams<F: Runtime>(peer: &Peer<F>) -> Outcome {
    F::together(64, async |i| {
        let sizes = [i as i32, 70_000, 1];
        let mut call = peer.test.full_duplex_call_with(limited());
        F::bidi_send(&mut call, wish(sizes)).await?;
        F::bidi_send(&mut call, wish(sizes)).await?;
        F::bidi_finish(&mut call).await?;
        for size in sizes.iter().chain(&sizes) {
            let reply = F::bidi_next(&mut call).await.ok_or("too few replies")??;
            zeros("reply", reply.payload.as_ref(), *size as usize)?;
        }
        equal("after the last", F::bidi_next(&mut call).await.transpose()?, None)
    })
    .await
}

/// More calls than a connection may usually have open, started before any is waited for.
pub(super) async fn pending_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let later = TestServiceClient::new(peer.channel.later());
    let pending: Vec<_> = (0..300).map(|i| later.unary_call(request(simple(100, i)))).collect();
    for (i, call) in pending.into_iter().enumerate() {
        zeros("reply", <F::Later as proto_core::rpc::AnyFront>::settle(call).await?.payload.as_ref(), i)?;
    }
    Ok(())
}

/// A hundred calls, all answered by the same server.
pub(super) async fn pick_first_unary<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let mut first = None;
    for _ in 0..100 {
        let mut wanted = simple(1, 1);
        wanted.fill_server_id = true;
        let id = F::settle(peer.test.unary_call(request(wanted))).await?.into_inner().server_id;
        equal("a name of the server", id.is_empty(), false)?;
        equal("the server", &id, first.get_or_insert_with(|| id.clone()))?;
    }
    Ok(())
}
