//! The front of a client: what a generated client calls, and a runtime's channel implements.

use super::method::Method;
use super::request::{Request, RequestOptions};
use super::response::Response;
use crate::grpc::Status;
use core::future::Future;

/// A channel of some runtime. The types say how that runtime gives results: a value, a future, a stream.
///
/// No `Send` bounds here. An implementation encodes the request *before* it returns, so that what it returns holds bytes only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a channel",
    label = "a generated client needs a channel here",
    note = "pass `rt_std::Channel`, or another type that implements `proto_core::rpc::Front`"
)]
pub trait Front {
    /// A unary call.
    type Unary<M: 'static>;
    /// A server-streaming call.
    type Streaming<M: 'static>;
    /// A client-streaming call.
    type ClientStreaming<Q: 'static, M: 'static>;
    /// A bidirectional call.
    type Bidi<Q: 'static, M: 'static>;
    /// Starts a unary call.
    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M>;
    /// Starts a server-streaming call.
    fn streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        request: Request<Q>,
    ) -> Self::Streaming<M>;
    /// Starts a client-streaming call.
    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> Self::ClientStreaming<Q, M>;
    /// Starts a bidirectional call.
    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> Self::Bidi<Q, M>;
}

/// For libraries that are written once for every runtime: everything as futures; a blocking front's futures are ready at the first poll.
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::{AnyFront, Front, IntoRequest, Method, Raw, Kind};
/// # use bytes::Bytes;
/// # static SAY: Method<Bytes, Bytes> = Method::new::<Raw>("/a.B/Say", Kind::UNARY);
/// # struct Client<F>(F);
/// # impl<F: Front> Client<F> { fn say(&self, m: impl IntoRequest<Bytes>) -> F::Unary<Bytes> { self.0.unary(&SAY, m.into_request()) } }
/// // A library of this function needs no runtime; `Client` stands for a generated client.
/// async fn twice<F: AnyFront>(client: &Client<F>, message: Bytes) -> Result<usize, Status> {
///     let first = F::settle(client.say(message.clone())).await?;
///     let second = F::settle(client.say(message)).await?;
///     Ok(first.len() + second.len())
/// }
/// ```
pub trait AnyFront: Front {
    /// The outcome of a unary call.
    fn settle<M: 'static>(call: Self::Unary<M>) -> impl Future<Output = Result<Response<M>, Status>>;
    /// The next message of a server-streaming call.
    fn next<M: 'static>(call: &mut Self::Streaming<M>) -> impl Future<Output = Option<Result<M, Status>>>;
    /// Sends on a client-streaming call.
    fn send<Q: 'static, M: 'static>(
        call: &mut Self::ClientStreaming<Q, M>,
        message: Q,
    ) -> impl Future<Output = Result<(), super::SendError>>;
    /// Ends a client-streaming call.
    fn finish<Q: 'static, M: 'static>(
        call: Self::ClientStreaming<Q, M>,
    ) -> impl Future<Output = Result<Response<M>, Status>>;
}
