//! [`Receiver`]: the requests of a streaming call, as its handler pulls them.

use super::TryRecvError;
use crate::buf::MessageBuf;
use crate::grpc::Status;
use crate::rpc::context::{Context, Received};
use crate::rpc::method::DecodeFn;
use crate::time::Instant;
use alloc::collections::VecDeque;
use core::fmt;
use core::iter::FusedIterator;
use core::time::Duration;

/// Requests of a streaming call, in order: an `Iterator` of `Result<M, Status>` that ends when the client has sent
/// everything. After an `Err` it yields nothing more.
///
/// For tests of a user's own handlers it is made from messages:
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::{Receiver, Response};
/// fn join(requests: &mut Receiver<&'static str>) -> Result<Response<String>, Status> {
///     let names = requests.collect::<Result<Vec<_>, _>>()?;
///     Ok(names.join(", ").into())
/// }
/// let reply = join(&mut Receiver::from_iter(["Ada", "Bob"]))?;
/// assert_eq!(*reply, "Ada, Bob");
/// # Ok::<(), Status>(())
/// ```
#[must_use]
pub struct Receiver<M> {
    context: Context,
    source: Source<M>,
    over: bool,
}

enum Source<M> {
    /// The call of `context`.
    Call { decode: DecodeFn<M>, buffer: MessageBuf },
    /// A test's.
    Test(VecDeque<Result<M, Status>>),
}

/// One pull.
enum Pull<M> {
    Message(M),
    Nothing,
    End,
    Failed(Status),
}

impl<M> Receiver<M> {
    /// Of a call.
    pub fn new(context: Context, decode: DecodeFn<M>) -> Self {
        Receiver { context, source: Source::Call { decode, buffer: MessageBuf::new() }, over: false }
    }

    /// For tests: these requests, and the failure of the call where an `Err` stands.
    pub fn from_results(requests: impl IntoIterator<Item = Result<M, Status>>) -> Self {
        let source = Source::Test(requests.into_iter().collect());
        Receiver { context: Context::detached(), source, over: false }
    }

    /// For tests: with this context.
    pub fn with_context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    /// The call's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The next request, `None` after the last: `while let Some(request) = requests.recv()? { .. }`. Blocks until it comes.
    pub fn recv(&mut self) -> Result<Option<M>, Status> {
        self.next().transpose()
    }

    /// The next request if it is here already.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        self.recv_until(Some(Instant::ZERO))
    }

    /// The next request if it comes within this time.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<M, TryRecvError> {
        let until = self.context.handle().map(|h| h.now() + time);
        self.recv_until(until)
    }

    fn recv_until(&mut self, until: Option<Instant>) -> Result<M, TryRecvError> {
        match self.pull(until) {
            Pull::Message(message) => Ok(message),
            Pull::Nothing => Err(TryRecvError::Empty),
            Pull::End => Err(TryRecvError::Ended),
            Pull::Failed(status) => Err(TryRecvError::Failed(status)),
        }
    }

    fn pull(&mut self, until: Option<Instant>) -> Pull<M> {
        if self.over {
            return Pull::End;
        }
        let pulled = match &mut self.source {
            Source::Test(requests) => match requests.pop_front() {
                Some(Ok(message)) => Pull::Message(message),
                Some(Err(status)) => Pull::Failed(status),
                None => Pull::End,
            },
            Source::Call { decode, buffer } => pull(&self.context, *decode, buffer, until),
        };
        self.over = matches!(pulled, Pull::End | Pull::Failed(_));
        pulled
    }
}

fn pull<M>(context: &Context, decode: DecodeFn<M>, buffer: &mut MessageBuf, until: Option<Instant>) -> Pull<M> {
    let Some(handle) = context.handle() else { return Pull::End };
    match handle.recv(buffer, until) {
        Received::Message => match decode(buffer) {
            Ok(message) => Pull::Message(message),
            Err(status) => Pull::Failed(status),
        },
        Received::TimedOut => Pull::Nothing,
        Received::End => Pull::End,
        Received::Failed(status) => Pull::Failed(status),
    }
}

impl<M> Iterator for Receiver<M> {
    type Item = Result<M, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.pull(None) {
                Pull::Message(message) => return Some(Ok(message)),
                Pull::Failed(status) => return Some(Err(status)),
                Pull::End => return None,
                // A handle that gives up early without having been told to: wait again.
                Pull::Nothing => {}
            }
        }
    }
}

impl<M> FusedIterator for Receiver<M> {}

impl<M> FromIterator<M> for Receiver<M> {
    fn from_iter<I: IntoIterator<Item = M>>(requests: I) -> Self {
        Receiver::from_results(requests.into_iter().map(Ok))
    }
}

impl<M> fmt::Debug for Receiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("context", &self.context).field("over", &self.over).finish_non_exhaustive()
    }
}
