//! Calls that leave at once and are waited for later.

use super::call::Call;
use super::call::scratch::Encoded;
use super::channel::Channel;
use super::unary::respond;
use proto_core::call::Kind;
use proto_core::rpc::method::DecodeFn;
use proto_core::rpc::{Method, Request, Response};
use proto_core::{MessageBuf, Status};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A channel whose unary calls return at once ([`Channel::later`]). Streaming calls are as ever: they never wait to start.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// let later = HelloServiceClient::new(channel.later());
/// let pending = later.say_hello(HelloRequest { greeting: "Ada".into() });
/// // ... other work ...
/// let reply = pending.wait()?; // or try_wait(), wait_timeout(d)
/// assert_eq!(reply.reply, "Hello, Ada!");
/// # } } }
/// ```
#[derive(Clone, Debug)]
pub struct Later {
    channel: Channel,
}

impl Later {
    pub(super) fn new(channel: Channel) -> Self {
        Later { channel }
    }

    /// The channel below.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn unary<Q, M>(&self, method: &Method<Q, M>, request: Request<Q>) -> Pending<M> {
        let (message, options) = request.into_parts();
        let bytes = Encoded::new(&message, method.encode_request).map(|encoded| Some(encoded.into_bytes()));
        let call = Call::start(&self.channel, method.path, Kind::UNARY, options, bytes);
        Pending { call, decode: method.decode_reply, reply: MessageBuf::new(), has_message: false, over: false }
    }
}

/// A reply that is on its way. The request has left, if there was a connection; otherwise it leaves as soon as there is one,
/// which nobody has to wait for (see [`Channel::later`]). Dropping it cancels the call.
///
/// A reply of more than a stream's window (64 KiB) that nobody waits for arrives in part, unless the connection has room to spare
/// (`Config::loan_pool`), and its call holds its stream. With as many of those as the server allows streams, further calls wait
/// until one of them is taken or dropped.
#[must_use = "the call is cancelled when this is dropped"]
pub struct Pending<M> {
    call: Arc<Call>,
    decode: DecodeFn<M>,
    reply: MessageBuf,
    has_message: bool,
    over: bool,
}

impl<M> Pending<M> {
    /// Waits for the reply.
    ///
    /// # Errors
    /// The call failed.
    pub fn wait(mut self) -> Result<Response<M>, Status> {
        loop {
            if let Some(result) = self.settle(None) {
                return result;
            }
        }
    }

    /// The reply, if it is here already. After it was given out: an error.
    pub fn try_wait(&mut self) -> Option<Result<Response<M>, Status>> {
        self.wait_timeout(Duration::ZERO)
    }

    /// The reply, if it comes within this time. After it was given out: an error.
    pub fn wait_timeout(&mut self, time: Duration) -> Option<Result<Response<M>, Status>> {
        self.settle(self.call.after(time))
    }

    /// Ends the call: its handler at the server hears of it.
    pub fn cancel(self) {}

    fn settle(&mut self, until: Option<proto_core::Instant>) -> Option<Result<Response<M>, Status>> {
        if self.over {
            return Some(Err(Status::failed_precondition("the reply was given out already")));
        }
        let result = self.call.pull_reply(&mut self.reply, &mut self.has_message, until)?;
        self.over = true;
        Some(result.and_then(|ended| respond(ended, &mut self.reply, self.decode)))
    }
}

impl<M> fmt::Debug for Pending<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("call", &self.call).field("over", &self.over).finish_non_exhaustive()
    }
}
