//! The erased service: a method table with a static match on the name, and calls by number.
//!
//! Generated servers implement it, runtimes call it; the messages of a call pass through [`ServerCall`] as bytes.

use super::asynchronous;
use super::context::Context;
use super::method::{DecodeFn, EncodeFn};
use super::request::Request;
use super::response::Response;
use super::stream::{Receiver, Sender};
use crate::buf::MessageBuf;
use crate::call::Kind;
use crate::grpc::{Metadata, Status};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::Pin;

/// One method, as a server's table has it.
#[derive(Clone, Copy, Debug)]
pub struct MethodInfo {
    /// "Method".
    pub name: &'static str,
    /// "/package.Service/Method".
    pub path: &'static str,
    /// How many messages go each way.
    pub kind: Kind,
}

/// A service's table; generated.
#[derive(Debug)]
pub struct ServiceInfo {
    /// "package.Service".
    pub name: &'static str,
    /// By number.
    pub methods: &'static [MethodInfo],
    /// The number of a method (its place in `methods`), by the bytes behind the last slash.
    pub find: fn(&[u8]) -> Option<u16>,
}

/// A reply of a unary or client-streaming handler, encoded.
#[derive(Debug, Default)]
pub struct Reply {
    /// Initial metadata.
    pub headers: Metadata,
    /// The message.
    pub message: Vec<u8>,
    /// Trailing metadata.
    pub trailers: Metadata,
}

/// A call on its way through generated code: request bytes in, reply bytes out, the context for handlers.
/// A worker keeps one and reuses its buffers.
#[derive(Debug, Default)]
pub struct ServerCall {
    /// What handlers get.
    pub context: Context,
    /// Unary and server streaming: the one request message, put here by the runtime.
    pub request: MessageBuf,
    /// Unary and client streaming: the reply, put here by `reply`.
    pub reply: Reply,
}

impl ServerCall {
    /// Decodes the one request message.
    pub fn request<M>(&mut self, decode: DecodeFn<M>) -> Result<Request<M>, Status> {
        Ok(Request::with_context(decode(&mut self.request)?, self.context.clone()))
    }
    /// The stream of requests.
    pub fn receiver<M>(&mut self, decode: DecodeFn<M>) -> Receiver<M> {
        Receiver::new(self.context.clone(), decode)
    }
    /// The way to send replies.
    pub fn sender<M>(&mut self, encode: EncodeFn<M>) -> Sender<M> {
        Sender::new(self.context.clone(), encode)
    }
    /// The stream of requests, for a handler that is a future.
    pub fn async_receiver<M>(&mut self, decode: DecodeFn<M>) -> asynchronous::Receiver<M> {
        asynchronous::Receiver::new(self.context.clone(), decode)
    }
    /// The way to send replies, for a handler that is a future.
    pub fn async_sender<M>(&mut self, encode: EncodeFn<M>) -> asynchronous::Sender<M> {
        asynchronous::Sender::new(self.context.clone(), encode)
    }
    /// Encodes the one reply. `Err` is INTERNAL: the reply or its metadata cannot be sent.
    pub fn reply<M>(&mut self, response: Response<M>, encode: EncodeFn<M>) -> Result<(), Status> {
        response.check()?;
        let (message, headers, trailers) = response.into_parts();
        self.reply.message.clear();
        self.reply.headers = headers;
        self.reply.trailers = trailers;
        encode(&message, &mut self.reply.message)
    }
    /// What an async handler's one reply makes of the call.
    pub fn answered<M>(
        mut self,
        response: Result<Response<M>, Status>,
        encode: EncodeFn<M>,
    ) -> (Self, Result<(), Status>) {
        let result = response.and_then(|response| self.reply(response, encode));
        (self, result)
    }
    /// A future of [`no_such_method`](Self::no_such_method).
    #[cold]
    pub fn no_such_method_async(self, method: u16) -> CallFuture {
        let status = self.no_such_method(method);
        Box::pin(core::future::ready((self, Err(status))))
    }
    /// What a service answers to a method number that is not in its table.
    #[cold]
    pub fn no_such_method(&self, method: u16) -> Status {
        Status::unimplemented(alloc::format!("the service has no method of number {method}"))
    }
}

/// A service whose handlers block; generated servers implement it (`FooServer::blocking(..)`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a blocking service",
    label = "a blocking server cannot serve this",
    note = "implement the generated trait `blocking::YourService`, and pass `YourServiceServer::blocking(your_type)`",
    note = "services whose handlers are `async fn` (`YourServiceServer::new(..)`) need the server of an async runtime, e.g. `rt_smol::Server`"
)]
pub trait BlockingService: Send + Sync + 'static {
    /// Its table.
    fn info(&self) -> &'static ServiceInfo;
    /// At the headers, before any message. Must be quick.
    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        let _ = context;
        Ok(())
    }
    /// Runs the handler of method number `method`.
    fn call(&self, method: u16, call: &mut ServerCall) -> Result<(), Status>;
}

/// The form of a generated server whose handlers block: `HelloServiceServer<Blocking<T>>`, made by
/// `HelloServiceServer::blocking(t)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocking<T>(pub T);

/// A service whose handlers are futures; generated servers implement it (`FooServer::new(..)`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async service",
    label = "an async server cannot serve this",
    note = "implement the generated trait `YourService`, with handlers that are `async fn`s, and pass `YourServiceServer::new(your_type)`",
    note = "services whose handlers block (`YourServiceServer::blocking(..)`) need a blocking server, e.g. `rt_std::Server`"
)]
pub trait AsyncService: Send + Sync + 'static {
    /// Its table.
    fn info(&self) -> &'static ServiceInfo;
    /// At the headers, before any message. Must be quick.
    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        let _ = context;
        Ok(())
    }
    /// The handler of method number `method`, not yet begun. Dropping the future cancels it at its last await.
    fn call(&self, method: u16, call: ServerCall) -> CallFuture;
}

/// A handler under way. It gives its call back, with the reply in it, so that a runtime can use its buffers again.
pub type CallFuture = Pin<Box<dyn Future<Output = (ServerCall, Result<(), Status>)> + Send + 'static>>;

/// The form of a generated server whose handlers are futures: `HelloServiceServer<Async<T>>`, made by
/// `HelloServiceServer::new(t)`. Shared, since a future that a runtime may spawn borrows nothing.
#[derive(Debug, Default)]
pub struct Async<T>(pub Arc<T>);

impl<T> Clone for Async<T> {
    fn clone(&self) -> Self {
        Async(self.0.clone())
    }
}

macro_rules! forward {
    ($($pointer:path),*) => {$(
        impl<S: BlockingService + ?Sized> BlockingService for $pointer {
            fn info(&self) -> &'static ServiceInfo {
                (**self).info()
            }
            fn on_call(&self, context: &mut Context) -> Result<(), Status> {
                (**self).on_call(context)
            }
            fn call(&self, method: u16, call: &mut ServerCall) -> Result<(), Status> {
                (**self).call(method, call)
            }
        }
    )*};
}

forward!(Arc<S>, Box<S>);

macro_rules! forward_async {
    ($($pointer:path),*) => {$(
        impl<S: AsyncService + ?Sized> AsyncService for $pointer {
            fn info(&self) -> &'static ServiceInfo {
                (**self).info()
            }
            fn on_call(&self, context: &mut Context) -> Result<(), Status> {
                (**self).on_call(context)
            }
            fn call(&self, method: u16, call: ServerCall) -> CallFuture {
                (**self).call(method, call)
            }
        }
    )*};
}

forward_async!(Arc<S>, Box<S>);
