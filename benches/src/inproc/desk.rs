//! The client's front: what a channel does to start a call and to take its replies, without threads.

use bytes::Bytes;
use proto_core::call::{CallId, Head, Recv, SendError};
use proto_core::connection::{Client, Connection, StartError};
use proto_core::rpc::method::{DecodeFn, EncodeFn};
use proto_core::rpc::{Front, Kind, Method, Request, RequestOptions, Response};
use proto_core::{Instant, MessageBuf, Payload, Status};
use std::cell::RefCell;

/// Messages above this are passed on as they are, below it they are copied into the connection's output.
const SHARE: usize = 16 * 1024;

/// A connection, and the buffers of the thread that uses it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) connection: Connection<Client>,
    pub(super) now: Instant,
    /// Where requests are encoded.
    scratch: Vec<u8>,
    /// Where replies stand while they are decoded.
    message: MessageBuf,
    /// Requests that were not accepted yet.
    blocked: Vec<(CallId, Bytes)>,
}

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Started<M> {
    pub(super) id: CallId,
    decode: DecodeFn<M>,
    /// Unary: the reply, until the end has come too.
    reply: Option<M>,
}

/// What there is of a call.
#[derive(Debug)]
pub(super) enum Pulled<M> {
    Nothing,
    Message(M),
    /// The end, with the one reply of a unary call.
    End(Option<Response<M>>),
}

impl Desk {
    pub(super) fn new(connection: Connection<Client>, now: Instant) -> Self {
        Desk { connection, now, scratch: Vec::new(), message: MessageBuf::new(), blocked: Vec::new() }
    }

    fn start<Q>(
        &mut self,
        path: &'static str,
        kind: Kind,
        request: Request<Q>,
        encode: EncodeFn<Q>,
    ) -> Result<CallId, Status> {
        let (message, options) = request.into_parts();
        options.check()?;
        self.scratch.clear();
        encode(&message, &mut self.scratch)?;
        drop(message);
        let (options, _) = options.into_call_options(kind, self.now);
        let id = match self.connection.start(self.now, Head::new(path), &options) {
            Ok(id) => id,
            Err(StartError::Closed) => return Err(Status::unavailable("the connection is closed")),
            Err(StartError::Bad(status) | StartError::TooManyPending(status)) => return Err(status),
        };
        let call = self.connection.call(id);
        let mut call = call.map_err(|_| Status::internal("the call is gone at its start"))?;
        if self.scratch.len() <= SHARE {
            if let Err(SendError::Blocked) = call.send_last(self.now, Payload::Slice(&self.scratch)) {
                self.blocked.push((id, Bytes::copy_from_slice(&self.scratch)));
            }
        } else {
            let message = Bytes::from(std::mem::take(&mut self.scratch));
            if let Err(SendError::Blocked) = call.send_last(self.now, &message) {
                self.blocked.push((id, message));
            }
        }
        Ok(id)
    }

    /// A blocked request may be sent.
    pub(super) fn writable(&mut self, id: CallId) {
        let Some(at) = self.blocked.iter().position(|(blocked, _)| *blocked == id) else { return };
        let (_, message) = &self.blocked[at];
        let sent = self.connection.call(id).map(|mut call| call.send_last(self.now, message));
        if !matches!(sent, Ok(Err(SendError::Blocked))) {
            self.blocked.swap_remove(at);
        }
    }

    /// Takes what there is of a call. At its end the call is released.
    pub(super) fn pull<M>(&mut self, started: &mut Started<M>, unary: bool) -> Result<Pulled<M>, Status> {
        loop {
            let call = self.connection.call(started.id);
            let mut call = call.map_err(|_| Status::internal("the call is gone before its end"))?;
            match call.recv(self.now, &mut self.message) {
                Recv::Pending => return Ok(Pulled::Nothing),
                Recv::Message => {
                    let message = (started.decode)(&mut self.message)?;
                    if !unary {
                        return Ok(Pulled::Message(message));
                    }
                    started.reply = Some(message);
                }
                Recv::End => {
                    let headers = call.take_headers().unwrap_or_default();
                    let trailers = call.take_trailers().unwrap_or_default();
                    let all_sent = call.all_sent();
                    call.release(self.now);
                    let reply = started.reply.take();
                    return Ok(Pulled::End(
                        reply.map(|message| Response::from_parts(message, headers, trailers, all_sent)),
                    ));
                }
                Recv::Failed(status) => {
                    call.release(self.now);
                    return Err(status);
                }
            }
        }
    }
}

/// A desk as generated clients use it. The shapes that the load does not use do nothing.
#[derive(Debug)]
pub(super) struct At<'a>(pub(super) &'a RefCell<Desk>);

impl Front for At<'_> {
    type Unary<M: 'static> = Result<Started<M>, Status>;
    type Streaming<M: 'static> = Result<Started<M>, Status>;
    type ClientStreaming<Q: 'static, M: 'static> = ();
    type Bidi<Q: 'static, M: 'static> = ();

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        let id = self.0.borrow_mut().start(method.path, method.kind, request, method.encode_request)?;
        Ok(Started { id, decode: method.decode_reply, reply: None })
    }

    fn streaming<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        self.unary(method, request)
    }

    fn client_streaming<Q: 'static, M: 'static>(&self, _method: &'static Method<Q, M>, _options: RequestOptions) {}

    fn bidi<Q: 'static, M: 'static>(&self, _method: &'static Method<Q, M>, _options: RequestOptions) {}
}
