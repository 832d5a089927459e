//! Metadata both ways, in all shapes, and beside an error.

use super::check::{equal, failure, zeros};
use super::{Outcome, Peer, echo, limited, simple, wish};
use crate::runtime::Runtime;
use crate::service::{ECHO_INITIAL, ECHO_TRAILING};
use crate::testing::SimpleRequest;
use proto_core::Metadata;
use proto_core::rpc::{Request, RequestOptions};

const INITIAL: [&str; 2] = ["test_initial_metadata_value", "a second, with a comma"];

/// Every length modulo 3, hence every padding of base64, and every byte.
fn binary() -> [Vec<u8>; 4] {
    [(0..=255).collect(), vec![0xab; 3], vec![0], vec![0xff, 0xfe]]
}

/// A call that asks for its metadata back.
fn asking() -> RequestOptions {
    let options = INITIAL.iter().fold(limited(), |options, value| options.with_metadata(ECHO_INITIAL, value));
    binary().iter().fold(options, |options, value| options.with_metadata_bin(ECHO_TRAILING, value))
}

fn initial(shape: &str, got: &Metadata) -> Outcome {
    equal(&format!("{shape}: initial"), got.get_all(ECHO_INITIAL).collect::<Vec<_>>(), INITIAL)
}

fn trailing(shape: &str, got: &Metadata) -> Outcome {
    equal(&format!("{shape}: trailing"), got.get_all_bin(ECHO_TRAILING).collect::<Vec<_>>(), binary())
}

/// One value each way, as the official client has them.
pub(super) async fn custom_metadata<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let asking =
        || limited().with_metadata(ECHO_INITIAL, INITIAL[0]).with_metadata_bin(ECHO_TRAILING, [0xab, 0xab, 0xab]);
    let echoed = |shape: &str, headers: &Metadata, trailers: &Metadata| {
        equal(&format!("{shape}: initial"), headers.get(ECHO_INITIAL), Some(INITIAL[0]))?;
        equal(&format!("{shape}: trailing"), trailers.get_bin(ECHO_TRAILING), Some(&[0xab, 0xab, 0xab][..]))
    };
    let reply = F::settle(peer.test.unary_call(Request::with_options(simple(1, 1), asking()))).await?;
    echoed("unary", reply.metadata(), reply.trailers())?;

    let mut call = peer.test.full_duplex_call_with(asking());
    F::bidi_send(&mut call, wish([1])).await?;
    let headers = F::bidi_headers(&mut call).await?.clone();
    F::bidi_next(&mut call).await.ok_or("no reply")??;
    F::bidi_finish(&mut call).await?;
    equal("after the last", F::bidi_next(&mut call).await.transpose()?, None)?;
    echoed("bidi", &headers, F::bidi_trailers(&call))
}

pub(super) async fn metadata<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let reply = F::settle(peer.test.unary_call(Request::with_options(simple(0, 1), asking()))).await?;
    initial("unary", reply.metadata())?;
    trailing("unary", reply.trailers())?;

    let reply = F::finish(peer.test.streaming_input_call_with(asking())).await?;
    initial("client streaming", reply.metadata())?;
    trailing("client streaming", reply.trailers())?;

    let mut replies = peer.test.streaming_output_call(Request::with_options(wish([1]), asking()));
    initial("server streaming", F::headers(&mut replies).await?)?;
    let reply = F::next(&mut replies).await.ok_or("server streaming: no reply")??;
    zeros("server streaming", reply.payload.as_ref(), 1)?;
    equal("server streaming: after the last", F::next(&mut replies).await.transpose()?, None)?;
    trailing("server streaming", F::trailers(&replies))?;

    // Its headers come before any request has left.
    let mut call = peer.test.full_duplex_call_with(asking());
    initial("bidi", F::bidi_headers(&mut call).await?)?;
    F::bidi_send(&mut call, wish([1])).await?;
    F::bidi_finish(&mut call).await?;
    let reply = F::bidi_next(&mut call).await.ok_or("bidi: no reply")??;
    zeros("bidi", reply.payload.as_ref(), 1)?;
    equal("bidi: after the last", F::bidi_next(&mut call).await.transpose()?, None)?;
    trailing("bidi", F::bidi_trailers(&call))?;

    let message = SimpleRequest { response_status: echo(9, "with metadata"), ..SimpleRequest::default() };
    let error = failure(F::settle(peer.test.unary_call(Request::with_options(message, asking()))).await)?;
    trailing("error", error.metadata())
}
