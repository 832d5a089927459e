//! What a client does with a server that misbehaves (gRPC's negative HTTP/2 tests). The server judges too: each case
//! wants one that runs the case of the same name (`interop/negative/server.py`).

use super::check::{equal, failure};
use super::{Outcome, Peer, request, simple};
use crate::runtime::Runtime;
use proto_core::Code;
use std::time::Duration;

const UP: usize = 271_828;
const DOWN: i32 = 314_159;

/// The server says GOAWAY behind its first reply: the second call goes elsewhere, and nobody notices.
pub(super) async fn goaway<F: Runtime>(peer: &Peer<F>) -> Outcome {
    peer.large(UP, DOWN).await?;
    F::sleep(Duration::from_secs(1)).await;
    peer.large(UP, DOWN).await
}

/// RST_STREAM(NO_ERROR) before the trailers: INTERNAL.
async fn reset<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let error = failure(F::settle(peer.test.unary_call(request(simple(UP, DOWN)))).await)?;
    equal("code", error.code(), Code::Internal)
}

pub(super) async fn rst_after_header<F: Runtime>(peer: &Peer<F>) -> Outcome {
    reset(peer).await
}

pub(super) async fn rst_during_data<F: Runtime>(peer: &Peer<F>) -> Outcome {
    reset(peer).await
}

pub(super) async fn rst_after_data<F: Runtime>(peer: &Peer<F>) -> Outcome {
    reset(peer).await
}

/// The server counts the acks.
pub(super) async fn ping<F: Runtime>(peer: &Peer<F>) -> Outcome {
    peer.large(UP, DOWN).await
}

/// The server allows one stream at a time.
pub(super) async fn max_streams<F: Runtime>(peer: &Peer<F>) -> Outcome {
    peer.large(UP, DOWN).await?;
    F::together(15, async |_| peer.large(UP, DOWN).await).await
}
