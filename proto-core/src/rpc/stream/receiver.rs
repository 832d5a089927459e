//! [`Receiver`]: the requests of a streaming call, as its handler pulls them.

use super::TryRecvError;
use super::source::Source;
use crate::grpc::Status;
use crate::rpc::context::Context;
use crate::rpc::method::DecodeFn;
use crate::time::Instant;
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
///
/// Handlers that are futures have [one of their own](crate::rpc::asynchronous::Receiver).
#[must_use]
pub struct Receiver<M> {
    source: Source<M>,
}

impl<M> Receiver<M> {
    /// Of a call.
    pub fn new(context: Context, decode: DecodeFn<M>) -> Self {
        Receiver { source: Source::call(context, decode) }
    }

    /// For tests: these requests, and the failure of the call where an `Err` stands.
    pub fn from_results(requests: impl IntoIterator<Item = Result<M, Status>>) -> Self
    where
        M: Send + Sync + 'static,
    {
        Receiver { source: Source::test(requests) }
    }

    /// For tests: with this context.
    pub fn with_context(mut self, context: Context) -> Self {
        self.source.context = context;
        self
    }

    /// The call's context.
    pub fn context(&self) -> &Context {
        &self.source.context
    }

    /// The next request, `None` after the last: `while let Some(request) = requests.recv()? { .. }`. Blocks until it comes.
    #[doc(alias = "message")]
    pub fn recv(&mut self) -> Result<Option<M>, Status> {
        self.next().transpose()
    }

    /// The next request if it is here already.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        self.source.pull(Some(Instant::ZERO)).now()
    }

    /// The next request if it comes within this time.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<M, TryRecvError> {
        let until = self.source.after(time);
        self.source.pull(until).now()
    }
}

impl<M> Iterator for Receiver<M> {
    type Item = Result<M, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // A handle may give up early without having been told to: wait again.
            if let Some(item) = self.source.pull(None).item() {
                return item;
            }
        }
    }
}

impl<M> FusedIterator for Receiver<M> {}

impl<M: Send + Sync + 'static> FromIterator<M> for Receiver<M> {
    fn from_iter<I: IntoIterator<Item = M>>(requests: I) -> Self {
        Receiver::from_results(requests.into_iter().map(Ok))
    }
}

impl<M> fmt::Debug for Receiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.debug(f)
    }
}
