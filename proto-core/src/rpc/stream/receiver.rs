//! [`Receiver`]: the requests of a streaming call, as its handler pulls them.

use super::TryRecvError;
use super::in_common::receiver_in_common;
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
    /// The next request, `None` after the last: `while let Some(request) = requests.recv()? { .. }`. Blocks until it comes.
    #[doc(alias = "message")]
    pub fn recv(&mut self) -> Result<Option<M>, Status> {
        self.next().transpose()
    }

    /// The next request if it comes within this time.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<M, TryRecvError> {
        let until = self.source.after(time);
        self.source.pull(until).now()
    }
}

receiver_in_common!();

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
