//! [`Caller`]: the front of a driven connection.

use super::{Driven, Lend, Replies, Requests, open, start};
use crate::connection::Client;
use crate::grpc::{Metadata, Status};
use crate::rpc::front::{AnyFront, AnyStreams, Front};
use crate::rpc::method::Method;
use crate::rpc::request::{Request, RequestOptions};
use crate::rpc::response::Response;
use crate::rpc::stream::SendError;

/// What a generated client makes its calls with, on a connection of one's own:
/// `HelloServiceClient::new(Caller(shared))`.
///
/// Calls are [`Replies`] and [`Requests`] as they are: polled in the loop's turns, or awaited. Libraries that are written
/// for every runtime take it too.
#[derive(Clone, Copy, Debug)]
pub struct Caller<L>(pub L);

impl<L: Lend<Driven<Client>>> Front for Caller<L> {
    type Unary<M: 'static> = Replies<L, M>;
    type Streaming<M: 'static> = Replies<L, M>;
    type ClientStreaming<Q: 'static, M: 'static> = (Requests<L, Q>, Replies<L, M>);
    type Bidi<Q: 'static, M: 'static> = (Requests<L, Q>, Replies<L, M>);

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Replies<L, M> {
        start(&self.0, method, request)
    }

    fn streaming<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Replies<L, M> {
        start(&self.0, method, request)
    }

    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> Self::ClientStreaming<Q, M> {
        open(&self.0, method, options)
    }

    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> Self::Bidi<Q, M> {
        open(&self.0, method, options)
    }
}

impl<L: Lend<Driven<Client>>> AnyFront for Caller<L> {
    async fn settle<M: 'static>(call: Self::Unary<M>) -> Result<Response<M>, Status> {
        call.reply().await
    }

    async fn next<M: 'static>(call: &mut Self::Streaming<M>) -> Option<Result<M, Status>> {
        call.next().await
    }

    async fn send<Q: 'static, M: 'static>(call: &mut Self::ClientStreaming<Q, M>, message: Q) -> Result<(), SendError> {
        call.0.send(message).await
    }

    async fn finish<Q: 'static, M: 'static>(
        (mut requests, reply): Self::ClientStreaming<Q, M>,
    ) -> Result<Response<M>, Status> {
        requests.finish();
        reply.reply().await
    }
}

impl<L: Lend<Driven<Client>>> AnyStreams for Caller<L> {
    async fn headers<M: 'static>(call: &mut Self::Streaming<M>) -> Result<&Metadata, Status> {
        call.headers().await
    }

    fn trailers<M: 'static>(call: &Self::Streaming<M>) -> &Metadata {
        call.trailers()
    }

    async fn bidi_send<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>, message: Q) -> Result<(), SendError> {
        call.0.send(message).await
    }

    async fn bidi_finish<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Result<(), SendError> {
        call.0.finish();
        Ok(())
    }

    async fn bidi_next<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Option<Result<M, Status>> {
        call.1.next().await
    }

    async fn bidi_headers<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Result<&Metadata, Status> {
        call.1.headers().await
    }

    fn bidi_trailers<Q: 'static, M: 'static>(call: &Self::Bidi<Q, M>) -> &Metadata {
        call.1.trailers()
    }
}
