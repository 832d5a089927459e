//! Metadata both ways, in all shapes, and beside an error.

use super::check::{equal, failure, zeros};
use super::{Outcome, Peer, echo, limited, simple, wish};
use crate::service::{ECHO_INITIAL, ECHO_TRAILING};
use crate::testing::SimpleRequest;
use rt_std::{Metadata, Request, RequestOptions};

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

pub(super) fn metadata(peer: &Peer) -> Outcome {
    let reply = peer.test.unary_call(Request::with_options(simple(0, 1), asking()))?;
    initial("unary", reply.metadata())?;
    trailing("unary", reply.trailers())?;

    let reply = peer.test.streaming_input_call_with(asking()).finish()?;
    initial("client streaming", reply.metadata())?;
    trailing("client streaming", reply.trailers())?;

    let mut replies = peer.test.streaming_output_call(Request::with_options(wish([1]), asking()));
    initial("server streaming", replies.headers()?)?;
    let reply = replies.recv()?.ok_or("server streaming: no reply")?;
    zeros("server streaming", reply.payload.as_ref(), 1)?;
    equal("server streaming: after the last", replies.recv()?, None)?;
    trailing("server streaming", replies.trailers())?;

    // Its headers come before any request has left.
    let mut call = peer.test.full_duplex_call_with(asking());
    initial("bidi", call.headers()?)?;
    call.send(wish([1]))?;
    call.finish()?;
    let reply = call.recv()?.ok_or("bidi: no reply")?;
    zeros("bidi", reply.payload.as_ref(), 1)?;
    equal("bidi: after the last", call.recv()?, None)?;
    trailing("bidi", call.trailers())?;

    let message = SimpleRequest { response_status: echo(9, "with metadata"), ..SimpleRequest::default() };
    let error = failure(peer.test.unary_call(Request::with_options(message, asking())))?;
    trailing("error", error.metadata())
}
