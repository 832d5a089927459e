//! What generated clients call: [`Front`] and [`AnyFront`] for [`Channel`].

use super::call::Call;
use super::channel::Channel;
use super::requests::{Bidi, ClientStreaming};
use super::streaming::Streaming;
use super::unary::Unary;
use bytes::Bytes;
use proto_core::call::Kind;
use proto_core::rpc::{AnyFront, AnyStreams, Front, Method, Request, RequestOptions, Response, SendError};
use proto_core::{Metadata, Status};
use std::sync::Arc;

/// Starts a call with one request, encoded before anything else happens.
fn start<Q, M>(channel: &Channel, method: &Method<Q, M>, kind: Kind, request: Request<Q>) -> Arc<Call> {
    let (message, options) = request.into_parts();
    let mut bytes = Vec::new();
    let encoded = (method.encode_request)(&message, &mut bytes).map(|()| Some(Bytes::from(bytes)));
    drop(message);
    Call::start(channel, method.path, kind, options, encoded)
}

impl Front for Channel {
    type Unary<M: 'static> = Unary<M>;
    type Streaming<M: 'static> = Streaming<M>;
    type ClientStreaming<Q: 'static, M: 'static> = ClientStreaming<Q, M>;
    type Bidi<Q: 'static, M: 'static> = Bidi<Q, M>;

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        Unary::new(start(self, method, Kind::UNARY, request), method.decode_reply)
    }

    fn streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        request: Request<Q>,
    ) -> Self::Streaming<M> {
        Streaming::new(start(self, method, Kind::SERVER_STREAMING, request), method.decode_reply)
    }

    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> Self::ClientStreaming<Q, M> {
        let call = Call::start(self, method.path, Kind::CLIENT_STREAMING, options, Ok(None));
        ClientStreaming::new(call, method.encode_request, method.decode_reply)
    }

    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> Self::Bidi<Q, M> {
        let call = Call::start(self, method.path, Kind::BIDI, options, Ok(None));
        Bidi::new(call, method.encode_request, method.decode_reply)
    }
}

/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// use proto_core::rpc::AnyFront;
///
/// async fn greet<F: AnyFront>(client: &HelloServiceClient<F>) -> Result<String, Status> {
///     let reply = F::settle(client.say_hello(HelloRequest { greeting: "Ada".into() })).await?;
///     Ok(reply.into_inner().reply)
/// }
///
/// assert_eq!(greet(&hello).await?, "Hello, Ada!");
/// # } } }
/// ```
impl AnyFront for Channel {
    async fn settle<M: 'static>(call: Self::Unary<M>) -> Result<Response<M>, Status> {
        call.await
    }

    async fn next<M: 'static>(call: &mut Self::Streaming<M>) -> Option<Result<M, Status>> {
        call.next().await
    }

    async fn send<Q: 'static, M: 'static>(call: &mut Self::ClientStreaming<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message).await
    }

    async fn finish<Q: 'static, M: 'static>(call: Self::ClientStreaming<Q, M>) -> Result<Response<M>, Status> {
        call.finish().await
    }
}

impl AnyStreams for Channel {
    async fn headers<M: 'static>(call: &mut Self::Streaming<M>) -> Result<&Metadata, Status> {
        Streaming::headers(call).await
    }

    fn trailers<M: 'static>(call: &Self::Streaming<M>) -> &Metadata {
        Streaming::trailers(call)
    }

    async fn bidi_send<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message).await
    }

    async fn bidi_finish<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Result<(), SendError> {
        call.finish().await
    }

    async fn bidi_next<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Option<Result<M, Status>> {
        call.next().await
    }

    async fn bidi_headers<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Result<&Metadata, Status> {
        Bidi::headers(call).await
    }

    fn bidi_trailers<Q: 'static, M: 'static>(call: &Self::Bidi<Q, M>) -> &Metadata {
        Bidi::trailers(call)
    }
}
