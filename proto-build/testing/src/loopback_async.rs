//! The channel in memory of [`loopback`](crate::loopback) for services whose handlers are futures: no executor, no
//! waker; whoever waits for a call polls its handler too, and [`run`] polls until it is done.
//!
//! [`ROOM`] messages fit each way, then the sender waits.

use proto_core::buf::MessageBuf;
use proto_core::rpc::method::{DecodeFn, EncodeFn};
use proto_core::rpc::{
    AnyFront, AnyStreams, AsyncService, CallEvent, CallFuture, CallHandle, CancelToken, Context, Front, Method,
    OnCancel, Peer, Received, Request, RequestOptions, Response, Route, Router, SendError, ServerCall, Wait,
};
use proto_core::{Instant, Metadata, Payload, Status};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

/// How many messages fit each way.
pub const ROOM: usize = 2;

/// Polls to the end. `None`: it waits for what does not come (all that could make it go on is in the future itself, so
/// that few polls show it).
pub fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    (0..4).find_map(|_| match future.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

/// A channel to a service.
#[derive(Clone, Debug)]
pub struct AsyncLoopback {
    router: Arc<Router<Box<dyn AsyncService>>>,
}

impl AsyncLoopback {
    /// To one service.
    pub fn new(service: impl AsyncService) -> Self {
        let mut router = Router::<Box<dyn AsyncService>>::new();
        // The first service cannot be there already.
        let _ = router.add(service.info(), Box::new(service));
        AsyncLoopback { router: Arc::new(router) }
    }

    /// A call, with its only request where there is one.
    fn start<Q, M>(&self, method: &'static Method<Q, M>, options: RequestOptions, request: Option<Q>) -> Call<Q, M> {
        let handle = Handle::default();
        let handler = self.handler(method, options, request, &handle).unwrap_or_else(|status| {
            handle.state().verdict = Some(Err(status));
            Box::pin(std::future::pending())
        });
        let (headers, trailers) = (Metadata::new(), Metadata::new());
        Call { handle, handler, encode: method.encode_request, decode: method.decode_reply, headers, trailers }
    }

    fn handler<Q, M>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
        request: Option<Q>,
        handle: &Handle,
    ) -> Result<CallFuture, Status> {
        options.check()?;
        let Route { service, number, method: info, .. } = self.router.find(method.path.as_bytes())?;
        let shared = Arc::new(handle.clone());
        let context = Context::new(info.path, options.metadata, Peer::Unknown, options.deadline, shared);
        let mut call = ServerCall { context, ..ServerCall::default() };
        service.on_call(&mut call.context)?;
        if let Some(request) = request {
            let mut bytes = Vec::new();
            (method.encode_request)(&request, &mut bytes)?;
            call.request.extend_from_slice(&bytes);
        }
        handle.state().one_reply = !info.kind.server_streams;
        Ok(service.call(number, call))
    }
}

/// A call from its client's side. Dropping it drops its handler.
#[must_use]
pub struct Call<Q, M> {
    handle: Handle,
    handler: CallFuture,
    encode: EncodeFn<Q>,
    decode: DecodeFn<M>,
    headers: Metadata,
    trailers: Metadata,
}

impl<Q, M> Call<Q, M> {
    /// Sends a request, when there is room.
    pub async fn send(&mut self, message: Q) -> Result<(), SendError> {
        let mut bytes = Vec::new();
        (self.encode)(&message, &mut bytes)?;
        poll_fn(move |cx| {
            self.poll_until(cx, |state| state.verdict.is_some() || state.requests.len() < ROOM).map(|mut state| {
                match state.verdict {
                    Some(_) => Err(SendError::Ended),
                    None => {
                        state.requests.push_back(std::mem::take(&mut bytes));
                        Ok(())
                    }
                }
            })
        })
        .await
    }

    /// No more requests.
    pub fn close(&mut self) {
        self.handle.state().closed = true;
    }

    /// The next reply, and last the status if it is an error.
    pub async fn next(&mut self) -> Option<Result<M, Status>> {
        let ready = |state: &State| state.verdict.is_some() || !state.replies.is_empty();
        let reply = poll_fn(|cx| {
            self.poll_until(cx, ready).map(|mut state| match state.replies.pop_front() {
                Some(bytes) => Some(Ok(bytes)),
                None => state.verdict.replace(Ok(())).and_then(Result::err).map(Err),
            })
        });
        let Some(reply) = reply.await else {
            self.trailers = self.handle.state().trailers.clone();
            return None;
        };
        Some(reply.and_then(|bytes| {
            let mut buffer = MessageBuf::new();
            buffer.extend_from_slice(&bytes);
            (self.decode)(&mut buffer)
        }))
    }

    /// The one reply.
    pub async fn finish(mut self) -> Result<Response<M>, Status> {
        self.close();
        let message = self.next().await.unwrap_or_else(|| Err(Status::internal("no reply")))?;
        let mut state = self.handle.state();
        let (headers, trailers) = (std::mem::take(&mut state.headers), std::mem::take(&mut state.trailers));
        Ok(Response::from_parts(message, headers.unwrap_or_default(), trailers, true))
    }

    /// Initial metadata, when it is there.
    pub async fn headers(&mut self) -> Result<&Metadata, Status> {
        let ready = |state: &State| state.verdict.is_some() || state.headers.is_some();
        let headers = poll_fn(|cx| {
            self.poll_until(cx, ready).map(|state| match (&state.headers, &state.verdict) {
                (None, Some(Err(status))) => Err(status.clone()),
                (headers, _) => Ok(headers.clone().unwrap_or_default()),
            })
        });
        self.headers = headers.await?;
        Ok(&self.headers)
    }

    /// Trailing metadata, after the last reply.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Runs the handler as far as it goes, until this holds.
    fn poll_until(&mut self, cx: &mut task::Context<'_>, done: impl Fn(&State) -> bool) -> Poll<MutexGuard<'_, State>> {
        // Not under the lock: handlers take it.
        let waits = !done(&self.handle.state());
        if waits && let Poll::Ready((call, result)) = self.handler.as_mut().poll(cx) {
            self.handle.state().returned(call, result);
            self.handler = Box::pin(std::future::pending());
        }
        let state = self.handle.state();
        if done(&state) { Poll::Ready(state) } else { Poll::Pending }
    }
}

impl<Q, M> fmt::Debug for Call<Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl Front for AsyncLoopback {
    type Unary<M: 'static> = Pin<Box<dyn Future<Output = Result<Response<M>, Status>>>>;
    type Streaming<M: 'static> = Call<(), M>;
    type ClientStreaming<Q: 'static, M: 'static> = Call<Q, M>;
    type Bidi<Q: 'static, M: 'static> = Call<Q, M>;

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        let (message, options) = request.into_parts();
        Box::pin(self.start(method, options, Some(message)).finish())
    }

    fn streaming<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Call<(), M> {
        let (message, options) = request.into_parts();
        let Call { handle, handler, decode, headers, trailers, .. } = self.start(method, options, Some(message));
        Call { handle, handler, encode: |_, _| Ok(()), decode, headers, trailers }
    }

    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> Call<Q, M> {
        self.start(method, options, None)
    }

    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> Call<Q, M> {
        self.start(method, options, None)
    }
}

impl AnyFront for AsyncLoopback {
    async fn settle<M: 'static>(call: Self::Unary<M>) -> Result<Response<M>, Status> {
        call.await
    }

    async fn next<M: 'static>(call: &mut Call<(), M>) -> Option<Result<M, Status>> {
        call.next().await
    }

    async fn send<Q: 'static, M: 'static>(call: &mut Call<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message).await
    }

    async fn finish<Q: 'static, M: 'static>(call: Call<Q, M>) -> Result<Response<M>, Status> {
        call.finish().await
    }
}

impl AnyStreams for AsyncLoopback {
    async fn headers<M: 'static>(call: &mut Call<(), M>) -> Result<&Metadata, Status> {
        call.headers().await
    }

    fn trailers<M: 'static>(call: &Call<(), M>) -> &Metadata {
        call.trailers()
    }

    async fn bidi_send<Q: 'static, M: 'static>(call: &mut Call<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message).await
    }

    async fn bidi_finish<Q: 'static, M: 'static>(call: &mut Call<Q, M>) -> Result<(), SendError> {
        call.close();
        Ok(())
    }

    async fn bidi_next<Q: 'static, M: 'static>(call: &mut Call<Q, M>) -> Option<Result<M, Status>> {
        call.next().await
    }

    async fn bidi_headers<Q: 'static, M: 'static>(call: &mut Call<Q, M>) -> Result<&Metadata, Status> {
        call.headers().await
    }

    fn bidi_trailers<Q: 'static, M: 'static>(call: &Call<Q, M>) -> &Metadata {
        call.trailers()
    }
}

/// The server's side of a call.
#[derive(Clone, Debug, Default)]
struct Handle(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<Vec<u8>>,
    closed: bool,
    replies: VecDeque<Vec<u8>>,
    one_reply: bool,
    headers: Option<Metadata>,
    trailers: Metadata,
    ended: Option<Status>,
    /// What the client learns.
    verdict: Option<Result<(), Status>>,
}

impl State {
    fn returned(&mut self, call: ServerCall, result: Result<(), Status>) {
        if result.is_ok() && self.one_reply {
            self.replies.push_back(call.reply.message);
            self.headers.get_or_insert_default().extend(&call.reply.headers);
        }
        self.trailers.extend(&call.reply.trailers);
        self.verdict = Some(self.ended.clone().map_or(result, Err));
    }

    fn is_ready(&self, event: CallEvent) -> bool {
        let happened = match event {
            CallEvent::Readable => self.closed || !self.requests.is_empty(),
            CallEvent::Writable => self.replies.len() < ROOM,
            CallEvent::End => false,
        };
        happened || self.ended.is_some() || self.verdict.is_some()
    }
}

impl Handle {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancelToken for Handle {
    fn cancelled(&self) -> Option<Status> {
        self.state().ended.clone()
    }
    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        if let Some(status) = self.cancelled() {
            on_cancel.cancelled(status);
        }
        0
    }
    fn unsubscribe(&self, _: u64) {}
}

impl CallHandle for Handle {
    fn now(&self) -> Instant {
        Instant::ZERO
    }
    fn draining(&self) -> bool {
        false
    }
    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        self.state().headers = Some(metadata.clone());
        Ok(())
    }
    fn add_trailers(&self, metadata: Metadata) {
        self.state().trailers.extend(&metadata);
    }
    fn cancel(&self, status: Status) {
        self.state().ended = Some(status);
    }
    fn recv(&self, into: &mut MessageBuf, _: Option<Instant>) -> Received {
        into.clear();
        let mut state = self.state();
        if let Some(status) = &state.ended {
            return Received::Failed(status.clone());
        }
        match state.requests.pop_front() {
            Some(bytes) => {
                into.extend_from_slice(&bytes);
                Received::Message
            }
            None if state.closed => Received::End,
            None => Received::TimedOut,
        }
    }
    fn send(&self, message: Payload<'_>, _: bool) -> Result<bool, Status> {
        let mut state = self.state();
        match &state.ended {
            Some(status) => Err(status.clone()),
            None if state.replies.len() >= ROOM => Ok(false),
            None => {
                state.replies.push_back(message.as_slice().to_vec());
                Ok(true)
            }
        }
    }
    fn is_over(&self) -> bool {
        let state = self.state();
        state.ended.is_some() || state.verdict.is_some()
    }
    fn wait_cancelled(&self, _: Option<Instant>) -> bool {
        self.state().ended.is_some()
    }
    fn wait(&self, event: CallEvent, _: Option<Instant>) -> Wait<'_> {
        Box::pin(poll_fn(move |_| match self.state().is_ready(event) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }))
    }
}
