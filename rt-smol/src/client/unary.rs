//! [`Unary`]: the one reply of a call with one request.

use super::call::Call;
use proto_core::connection::Ended;
use proto_core::rpc::Response;
use proto_core::rpc::method::DecodeFn;
use proto_core::{MessageBuf, Status};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The reply of a unary call, to be awaited. The call is on its way already; dropping this cancels it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// let pending = hello.say_hello(HelloRequest { greeting: "Ada".into() });
/// // ... other work ...
/// let reply = pending.await?;
/// assert_eq!(reply.reply, "Hello, Ada!");
/// # } } }
/// ```
#[must_use = "the call is cancelled when this is dropped"]
pub struct Unary<M> {
    call: Arc<Call>,
    decode: DecodeFn<M>,
    reply: MessageBuf,
    has_message: bool,
    over: bool,
}

impl<M> Unary<M> {
    pub(super) fn new(call: Arc<Call>, decode: DecodeFn<M>) -> Self {
        Unary { call, decode, reply: MessageBuf::new(), has_message: false, over: false }
    }

    /// Ends the call: its handler at the server hears of it.
    pub fn cancel(self) {}
}

impl<M> Future for Unary<M> {
    type Output = Result<Response<M>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(Err(Status::failed_precondition("the reply was given out already")));
        }
        let ended = ready!(this.call.pull_reply(cx, &mut this.reply, &mut this.has_message));
        this.over = true;
        Poll::Ready(ended.and_then(|ended| respond(ended, &mut this.reply, this.decode)))
    }
}

/// The response that a reply's bytes make.
pub(super) fn respond<M>(ended: Ended, reply: &mut MessageBuf, decode: DecodeFn<M>) -> Result<Response<M>, Status> {
    let message = decode(reply)?;
    Ok(Response::from_parts(message, ended.headers.unwrap_or_default(), ended.trailers, ended.all_sent))
}

impl<M> fmt::Debug for Unary<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unary").field("call", &self.call).field("over", &self.over).finish_non_exhaustive()
    }
}
