//! What generated clients call: [`Front`], [`AnyFront`] and [`AnyStreams`] for [`Channel`] and [`Later`].

use super::call::Call;
use super::call::scratch::Encoded;
use super::channel::Channel;
use super::later::{Later, Pending};
use super::requests::{Bidi, ClientStreaming};
use super::streaming::Streaming;
use super::unary;
use proto_core::call::Kind;
use proto_core::rpc::{AnyFront, AnyStreams, Front, Method, Request, RequestOptions, Response, SendError};
use proto_core::{Metadata, Status};
use std::future::Future;
use std::task::{Context, Poll, Waker};

impl Front for Channel {
    type Unary<M: 'static> = Result<Response<M>, Status>;
    type Streaming<M: 'static> = Streaming<M>;
    type ClientStreaming<Q: 'static, M: 'static> = ClientStreaming<Q, M>;
    type Bidi<Q: 'static, M: 'static> = Bidi<Q, M>;

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        unary::call(self, method, request)
    }

    fn streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        request: Request<Q>,
    ) -> Self::Streaming<M> {
        let (message, options) = request.into_parts();
        let bytes = Encoded::new(&message, method.encode_request).map(|encoded| Some(encoded.into_bytes()));
        Streaming::new(Call::start(self, method.path, Kind::SERVER_STREAMING, options, bytes), method.decode_reply)
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

impl AnyFront for Channel {
    async fn settle<M: 'static>(call: Self::Unary<M>) -> Result<Response<M>, Status> {
        call
    }

    async fn next<M: 'static>(call: &mut Self::Streaming<M>) -> Option<Result<M, Status>> {
        call.next()
    }

    async fn send<Q: 'static, M: 'static>(call: &mut Self::ClientStreaming<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message)
    }

    async fn finish<Q: 'static, M: 'static>(call: Self::ClientStreaming<Q, M>) -> Result<Response<M>, Status> {
        call.finish()
    }
}

impl AnyStreams for Channel {
    async fn headers<M: 'static>(call: &mut Self::Streaming<M>) -> Result<&Metadata, Status> {
        call.headers()
    }

    fn trailers<M: 'static>(call: &Self::Streaming<M>) -> &Metadata {
        call.trailers()
    }

    async fn bidi_send<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message)
    }

    async fn bidi_finish<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Result<(), SendError> {
        call.finish()
    }

    async fn bidi_next<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Option<Result<M, Status>> {
        call.next()
    }

    async fn bidi_headers<Q: 'static, M: 'static>(call: &mut Self::Bidi<Q, M>) -> Result<&Metadata, Status> {
        call.headers()
    }

    fn bidi_trailers<Q: 'static, M: 'static>(call: &Self::Bidi<Q, M>) -> &Metadata {
        call.trailers()
    }
}

impl Front for Later {
    type Unary<M: 'static> = Pending<M>;
    type Streaming<M: 'static> = Streaming<M>;
    type ClientStreaming<Q: 'static, M: 'static> = ClientStreaming<Q, M>;
    type Bidi<Q: 'static, M: 'static> = Bidi<Q, M>;

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        Later::unary(self, method, request)
    }

    fn streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        request: Request<Q>,
    ) -> Self::Streaming<M> {
        self.channel().streaming(method, request)
    }

    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> Self::ClientStreaming<Q, M> {
        self.channel().client_streaming(method, options)
    }

    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> Self::Bidi<Q, M> {
        self.channel().bidi(method, options)
    }
}

/// Settling waits; everything else is as with the channel.
impl AnyFront for Later {
    async fn settle<M: 'static>(call: Self::Unary<M>) -> Result<Response<M>, Status> {
        call.wait()
    }

    async fn next<M: 'static>(call: &mut Self::Streaming<M>) -> Option<Result<M, Status>> {
        call.next()
    }

    async fn send<Q: 'static, M: 'static>(call: &mut Self::ClientStreaming<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message)
    }

    async fn finish<Q: 'static, M: 'static>(call: Self::ClientStreaming<Q, M>) -> Result<Response<M>, Status> {
        call.finish()
    }
}

/// Runs a future of a library that is written for every runtime, over a blocking channel: everything in it is ready at
/// the first poll.
///
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
/// let hello = HelloServiceClient::new(channel);
/// assert_eq!(rt_std::settled(greet(&hello))?, "Hello, Ada!");
/// # } } }
/// ```
///
/// # Panics
/// When the future waits for something that is not of a blocking channel.
pub fn settled<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("`settled` runs futures over blocking channels; this one waits for something else"),
    }
}
