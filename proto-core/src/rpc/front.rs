//! The front of a client: what a generated client calls, and a runtime's channel implements.

use super::method::Method;
use super::request::{Request, RequestOptions};
use super::response::Response;
use super::stream::SendError;
use crate::grpc::{Metadata, Status};
use core::future::Future;

/// A channel of some runtime. The types say how that runtime gives results: a value, a future, a stream.
///
/// A type around another channel is one too: for what every call is to pass, a token that is added, a count (the example
/// `auth`).
///
/// No `Send` bounds here. An implementation encodes the request *before* it returns, so that what it returns holds bytes only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a channel",
    label = "a generated client needs a channel here",
    note = "pass `rt_std::Channel`, `rt_smol::Channel`, or another type that implements `proto_core::rpc::Front`"
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
/// (Bidirectional calls and the metadata of streams: [`AnyStreams`].)
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
    ) -> impl Future<Output = Result<(), SendError>>;
    /// Ends a client-streaming call.
    fn finish<Q: 'static, M: 'static>(
        call: Self::ClientStreaming<Q, M>,
    ) -> impl Future<Output = Result<Response<M>, Status>>;
}

/// [`AnyFront`], and what is left: bidirectional calls, and the metadata of calls whose server streams.
///
/// A trait of its own, so that a front for a special purpose need not have it.
///
/// A library that waits for a reply before it has sent everything must know that the server does not wait for more:
/// over a blocking channel one thing is done at a time.
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::{AnyStreams, Front, Method, Raw, RequestOptions, Kind, SendError};
/// # use bytes::Bytes;
/// # static CHAT: Method<Bytes, Bytes> = Method::new::<Raw>("/a.B/Chat", Kind::BIDI);
/// # struct Client<F>(F);
/// # impl<F: Front> Client<F> { fn chat(&self) -> F::Bidi<Bytes, Bytes> { self.0.bidi(&CHAT, RequestOptions::new()) } }
/// // A library of this function needs no runtime; `Client` stands for a generated client.
/// async fn ask<F: AnyStreams>(client: &Client<F>, questions: Vec<Bytes>) -> Result<(Vec<Bytes>, String), Status> {
///     let mut call = client.chat();
///     let mut answers = Vec::new();
///     for question in questions {
///         match F::bidi_send(&mut call, question).await {
///             Err(SendError::Ended) => break, // `bidi_next` tells how
///             other => other?,
///         }
///         answers.extend(F::bidi_next(&mut call).await.transpose()?);
///     }
///     F::bidi_finish(&mut call).await?;
///     while let Some(answer) = F::bidi_next(&mut call).await {
///         answers.push(answer?);
///     }
///     let cost = F::bidi_trailers(&call).get("x-cost").unwrap_or("nothing");
///     Ok((answers, cost.to_owned()))
/// }
/// ```
pub trait AnyStreams: AnyFront {
    /// The server's initial metadata, once it is there; empty if the call ended without any. An error if it failed before.
    fn headers<M: 'static>(call: &mut Self::Streaming<M>) -> impl Future<Output = Result<&Metadata, Status>>;
    /// The server's trailing metadata, once the call has ended well; empty before. (That of a call that failed is in its
    /// status.)
    fn trailers<M: 'static>(call: &Self::Streaming<M>) -> &Metadata;
    /// Sends on a bidirectional call.
    fn bidi_send<Q: 'static, M: 'static>(
        call: &mut Self::Bidi<Q, M>,
        message: Q,
    ) -> impl Future<Output = Result<(), SendError>>;
    /// No more requests; replies still come.
    fn bidi_finish<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> impl Future<Output = Result<(), SendError>>;
    /// The next reply of a bidirectional call.
    fn bidi_next<Q: 'static, M: 'static>(
        call: &mut Self::Bidi<Q, M>,
    ) -> impl Future<Output = Option<Result<M, Status>>>;
    /// As [`headers`](Self::headers).
    fn bidi_headers<Q: 'static, M: 'static>(
        call: &mut Self::Bidi<Q, M>,
    ) -> impl Future<Output = Result<&Metadata, Status>>;
    /// As [`trailers`](Self::trailers).
    fn bidi_trailers<Q: 'static, M: 'static>(call: &Self::Bidi<Q, M>) -> &Metadata;
}
