//! Starting calls: from a method and a request to what its caller holds.

use super::replies::Replies;
use super::requests::Requests;
use super::{Driven, Lend};
use crate::call::{CallId, Head, SendError};
use crate::connection::{Client, StartError};
use crate::grpc::status::local;
use crate::grpc::{Code, Local, Seen, Status};
use crate::rpc::cancel::CancelToken;
use crate::rpc::method::Method;
use crate::rpc::request::{Request, RequestOptions};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

/// What a started call leaves with its caller.
pub(super) struct Begun {
    pub(super) id: CallId,
    pub(super) cancel: Vec<Arc<dyn CancelToken>>,
    /// The one request message, where there was no room for it yet.
    pub(super) unsent: Option<Bytes>,
}

/// Starts a call whose client sends one message: unary, or server streaming. It is on its way; whatever is wrong with it
/// is told by the first poll.
///
/// For [`Front::unary`](crate::rpc::Front::unary) and [`Front::streaming`](crate::rpc::Front::streaming).
///
/// ```
/// use bytes::Bytes;
/// use proto_core::rpc::{Kind, Method, Raw, Request, driven::{Driven, start}};
/// use proto_core::{Config, Connection, Instant};
/// use std::{cell::RefCell, rc::Rc, time::Duration};
///
/// static SAY: Method<Bytes, Bytes> = Method::new::<Raw>("/hello.v1.HelloService/SayHello", Kind::UNARY);   // generated
///
/// let now = Instant::from_nanos(1);
/// let driven = Rc::new(RefCell::new(Driven::new(Connection::client(Config::default(), now), now)));
/// let mut reply = start(&driven, &SAY, Request::new(Bytes::from("Ada")).with_timeout(Duration::from_secs(1)));
/// assert!(reply.poll_reply().is_pending());                       // the loop has not turned yet
///
/// driven.borrow_mut().handle_timeout(now + Duration::from_secs(2));
/// let std::task::Poll::Ready(Err(status)) = reply.poll_reply() else { panic!("the deadline has passed") };
/// assert_eq!(status.code(), proto_core::Code::DeadlineExceeded);
/// ```
pub fn start<L, Q, M>(on: &L, method: &'static Method<Q, M>, request: Request<Q>) -> Replies<L, M>
where
    L: Lend<Driven<Client>>,
{
    let (message, options) = request.into_parts();
    let mut encoded = Vec::new();
    let begun = check(&options).and_then(|()| (method.encode_request)(&message, &mut encoded)).and_then(|()| {
        let message = Bytes::from(encoded);
        on.lend(|driven| {
            let mut begun = begin(driven, method, options)?;
            let now = driven.now;
            if let Ok(mut call) = driven.connection.call(begun.id)
                && let Err(SendError::Blocked) = call.send_last(now, &message)
            {
                begun.unsent = Some(message);
            }
            // Whatever else came of it, the call's verdict tells.
            Ok(begun)
        })
    });
    Replies::new(on.clone(), begun, method.decode_reply)
}

/// Starts a call whose client sends any number of messages: client streaming, or bidirectional.
///
/// For [`Front::client_streaming`](crate::rpc::Front::client_streaming) and [`Front::bidi`](crate::rpc::Front::bidi).
pub fn open<L, Q, M>(on: &L, method: &'static Method<Q, M>, options: RequestOptions) -> (Requests<L, Q>, Replies<L, M>)
where
    L: Lend<Driven<Client>>,
{
    let begun = check(&options).and_then(|()| on.lend(|driven| begin(driven, method, options)));
    let requests = Requests::new(on.clone(), begun.as_ref().ok().map(|begun| begun.id), method.encode_request);
    (requests, Replies::new(on.clone(), begun, method.decode_reply))
}

/// What is wrong with a call before it begins: its options, or that it was cancelled already.
fn check(options: &RequestOptions) -> Result<(), Status> {
    options.check()?;
    options.cancel.iter().find_map(|token| token.cancelled()).map_or(Ok(()), Err)
}

fn begin<Q, M>(
    driven: &mut Driven<Client>,
    method: &'static Method<Q, M>,
    options: RequestOptions,
) -> Result<Begun, Status> {
    let now = driven.now;
    let (options, cancel) = options.into_call_options(method.kind, now);
    match driven.connection.start(now, Head::new(method.path), &options) {
        Ok(id) => Ok(Begun { id, cancel, unsent: None }),
        Err(StartError::Bad(status) | StartError::TooManyPending(status)) => Err(status),
        Err(StartError::Closed) => Err(closed(driven)),
    }
}

/// The connection takes no calls, and there is no other one.
fn closed(driven: &Driven<Client>) -> Status {
    let message = match driven.connection.close_reason() {
        Some(reason) => format!("the connection is closed: {reason}"),
        None => "the connection drains and takes no new calls".into(),
    };
    local::status(Code::Unavailable, message, Local::ConnectionLost, "starting the call", Seen::No)
}
