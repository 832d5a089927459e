//! A channel in memory: a call runs the service on the caller's thread, on the bytes that a wire would carry.
//!
//! The requests of a streaming call are kept until it is finished, and then handed to the handler all at once.

use proto_core::buf::MessageBuf;
use proto_core::rpc::{
    AnyFront, BlockingService, CallHandle, CancelToken, Context, Front, Method, OnCancel, Peer, Received, Request,
    RequestOptions, Response, Route, Router, SendError, ServerCall,
};
use proto_core::{Instant, Metadata, Payload, Status};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A channel to these services.
#[derive(Clone, Debug)]
pub struct Loopback {
    router: Arc<Router<Box<dyn BlockingService>>>,
}

impl Loopback {
    /// To one service.
    pub fn new(service: impl BlockingService) -> Self {
        let mut router = Router::<Box<dyn BlockingService>>::new();
        // The first service cannot be there already.
        let _ = router.add(service.info(), Box::new(service));
        Loopback { router: Arc::new(router) }
    }

    /// Runs a call on encoded requests.
    fn run(&self, path: &str, options: RequestOptions, requests: Vec<Vec<u8>>) -> Result<Outcome, Status> {
        options.check()?;
        let Route { service, number, method, .. } = self.router.find(path.as_bytes())?;
        let handle = Handle::default();
        let context =
            Context::new(method.path, options.metadata, Peer::Unknown, options.deadline, Arc::new(handle.clone()));
        let mut call = ServerCall { context, ..ServerCall::default() };
        service.on_call(&mut call.context)?;
        match method.kind.client_streams {
            true => handle.state().requests = requests.into(),
            false => requests.iter().for_each(|bytes| call.request.extend_from_slice(bytes)),
        }
        let status = service.call(number, &mut call).err();
        let mut state = handle.state();
        let mut replies = std::mem::take(&mut state.replies);
        if status.is_none() && !method.kind.server_streams {
            replies.push(call.reply.message);
        }
        state.trailers.extend(&call.reply.trailers);
        Ok(Outcome { headers: call.reply.headers, replies, trailers: state.trailers.clone(), status })
    }
}

struct Outcome {
    headers: Metadata,
    replies: Vec<Vec<u8>>,
    trailers: Metadata,
    status: Option<Status>,
}

impl Outcome {
    fn one<M>(mut self, decode: fn(&mut MessageBuf) -> Result<M, Status>) -> Result<Response<M>, Status> {
        if let Some(status) = self.status {
            return Err(status);
        }
        let message = self.replies.pop().ok_or_else(|| Status::internal("no reply"))?;
        Ok(Response::from_parts(decode(&mut buffer(&message))?, self.headers, self.trailers, true))
    }

    fn many<M>(self, decode: fn(&mut MessageBuf) -> Result<M, Status>) -> Vec<Result<M, Status>> {
        let messages = self.replies.iter().map(|bytes| decode(&mut buffer(bytes)));
        messages.chain(self.status.map(Err)).collect()
    }
}

fn buffer(bytes: &[u8]) -> MessageBuf {
    let mut buffer = MessageBuf::new();
    buffer.extend_from_slice(bytes);
    buffer
}

/// A call whose requests are being gathered.
#[derive(Debug)]
#[must_use]
pub struct Gathering<Q: 'static, M: 'static> {
    channel: Loopback,
    method: &'static Method<Q, M>,
    options: RequestOptions,
    requests: Vec<Vec<u8>>,
}

impl<Q, M> Gathering<Q, M> {
    /// Adds a request.
    pub fn send(&mut self, message: Q) -> Result<(), Status> {
        let mut bytes = Vec::new();
        (self.method.encode_request)(&message, &mut bytes)?;
        self.requests.push(bytes);
        Ok(())
    }

    /// Runs it: the one reply.
    pub fn finish(self) -> Result<Response<M>, Status> {
        self.channel.run(self.method.path, self.options, self.requests)?.one(self.method.decode_reply)
    }

    /// Runs it: all replies, and the status if it is an error.
    pub fn replies(self) -> Vec<Result<M, Status>> {
        match self.channel.run(self.method.path, self.options, self.requests) {
            Ok(outcome) => outcome.many(self.method.decode_reply),
            Err(status) => vec![Err(status)],
        }
    }
}

impl Front for Loopback {
    type Unary<M: 'static> = Result<Response<M>, Status>;
    type Streaming<M: 'static> = Vec<Result<M, Status>>;
    type ClientStreaming<Q: 'static, M: 'static> = Gathering<Q, M>;
    type Bidi<Q: 'static, M: 'static> = Gathering<Q, M>;

    fn unary<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        request: Request<Q>,
    ) -> Result<Response<M>, Status> {
        let (message, options) = request.into_parts();
        let mut call = self.client_streaming(method, options);
        call.send(message)?;
        call.finish()
    }

    fn streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        request: Request<Q>,
    ) -> Vec<Result<M, Status>> {
        let (message, options) = request.into_parts();
        let mut call = self.client_streaming(method, options);
        match call.send(message) {
            Ok(()) => call.replies(),
            Err(status) => vec![Err(status)],
        }
    }

    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> Gathering<Q, M> {
        Gathering { channel: self.clone(), method, options, requests: Vec::new() }
    }

    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> Gathering<Q, M> {
        self.client_streaming(method, options)
    }
}

impl AnyFront for Loopback {
    async fn settle<M: 'static>(call: Result<Response<M>, Status>) -> Result<Response<M>, Status> {
        call
    }

    async fn next<M: 'static>(call: &mut Vec<Result<M, Status>>) -> Option<Result<M, Status>> {
        (!call.is_empty()).then(|| call.remove(0))
    }

    async fn send<Q: 'static, M: 'static>(call: &mut Gathering<Q, M>, message: Q) -> Result<(), SendError> {
        call.send(message).map_err(SendError::Failed)
    }

    async fn finish<Q: 'static, M: 'static>(call: Gathering<Q, M>) -> Result<Response<M>, Status> {
        call.finish()
    }
}

/// The server's side of a call: requests from a queue, replies into a list.
#[derive(Clone, Debug, Default)]
struct Handle(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<Vec<u8>>,
    replies: Vec<Vec<u8>>,
    trailers: Metadata,
    ended: Option<Status>,
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
    fn send_headers(&self, _: &Metadata) -> Result<(), Status> {
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
        match self.state().requests.pop_front() {
            Some(bytes) => {
                into.extend_from_slice(&bytes);
                Received::Message
            }
            None => Received::End,
        }
    }
    fn send(&self, message: Payload<'_>, _: bool) -> Result<bool, Status> {
        self.state().replies.push(message.as_slice().to_vec());
        Ok(true)
    }
    fn wait_cancelled(&self, _: Option<Instant>) -> bool {
        self.state().ended.is_some()
    }
}
