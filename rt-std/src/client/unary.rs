//! A unary call, waited for by the thread that makes it.

use super::call::Call;
use super::call::scratch::{Encoded, with_message};
use super::channel::Channel;
use proto_core::call::{Head, Kind};
use proto_core::channel::{Decision, Retry, Waiter};
use proto_core::connection::{Ended, StartError};
use proto_core::rpc::method::DecodeFn;
use proto_core::rpc::{Method, Request, RequestOptions, Response};
use proto_core::{MessageBuf, Status};

/// Encodes before any lock is taken, decodes after all are given back.
pub(super) fn call<Q, M>(channel: &Channel, method: &Method<Q, M>, request: Request<Q>) -> Result<Response<M>, Status> {
    let (message, options) = request.into_parts();
    let encoded = Encoded::new(&message, method.encode_request)?;
    drop(message);
    with_message(|reply| {
        let ended = if options.cancel.is_empty() {
            exchange(channel, method.path, options, &encoded, reply)?
        } else {
            // Somebody else may end it: it needs a place of its own.
            let call = Call::prepare(channel, method.path, Kind::UNARY, options, Ok(Some(encoded.into_bytes())));
            settle(&call, reply)?
        };
        respond(ended, reply, method.decode_reply)
    })
}

/// Waits for the one reply of a call.
pub(super) fn settle(call: &Call, reply: &mut MessageBuf) -> Result<Ended, Status> {
    let mut has_message = false;
    loop {
        if let Some(result) = call.pull_reply(reply, &mut has_message, None) {
            return result;
        }
    }
}

/// The response that a reply's bytes make.
pub(super) fn respond<M>(ended: Ended, reply: &mut MessageBuf, decode: DecodeFn<M>) -> Result<Response<M>, Status> {
    let message = decode(reply)?;
    Ok(Response::from_parts(message, ended.headers.unwrap_or_default(), ended.trailers, ended.all_sent))
}

/// One connection after the other, as long as the server cannot have seen the call.
fn exchange(
    channel: &Channel,
    path: &'static str,
    options: RequestOptions,
    request: &Encoded,
    reply: &mut MessageBuf,
) -> Result<Ended, Status> {
    let shared = channel.shared();
    let options = shared.settings.calls.complete(options)?;
    let (mut waiter, mut retry) = (Waiter::new(options.wait_for_ready), Retry::new());
    let (options, _) = options.into_call_options(Kind::UNARY, shared.os.now());
    let deadline = options.deadline;
    loop {
        let Some(driver) = shared.acquire(&mut waiter, deadline, None, &|| false)? else { continue };
        match driver.exchange(Head::new(path), &options, request.payload(), reply) {
            Ok(Ok(ended)) => return Ok(ended),
            Ok(Err(status)) => match retry.decide(shared.os.now(), deadline, &status) {
                Decision::Again => reply.clear(),
                Decision::GiveUp => return Err(status),
            },
            Err(StartError::Closed) => shared.refused(&driver),
            Err(StartError::Bad(status) | StartError::TooManyPending(status)) => return Err(status),
        }
    }
}
