//! [`Receiver`]: the requests of a streaming call, as a handler that is a future awaits them.

use crate::grpc::Status;
use crate::rpc::call_handle::CallEvent;
use crate::rpc::context::Context;
use crate::rpc::method::DecodeFn;
use crate::rpc::stream::TryRecvError;
use crate::rpc::stream::in_common::receiver_in_common;
use crate::rpc::stream::source::{Pull, Source};
use crate::time::Instant;
use core::fmt;
use core::time::Duration;

/// Requests of a streaming call, in order, for handlers that are futures. After the last one, and after an `Err`, there
/// is nothing more.
///
/// Every future here is `Send`, and a message is taken only when it is handed out: dropping a future loses nothing.
///
/// For tests of a user's own handlers it is made from messages; then no runtime is needed, since nothing waits:
///
/// ```
/// # use proto_core::Status;
/// # use proto_core::rpc::{Response, asynchronous::Receiver};
/// async fn join(requests: &mut Receiver<&'static str>) -> Result<Response<String>, Status> {
///     let mut names = Vec::new();
///     while let Some(name) = requests.recv().await? {
///         names.push(name);
///     }
///     Ok(names.join(", ").into())
/// }
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// let mut requests = Receiver::from_iter(["Ada", "Bob"]);
/// let handler = pin!(join(&mut requests));
/// let Poll::Ready(reply) = handler.poll(&mut Context::from_waker(Waker::noop())) else { unreachable!() };
/// assert_eq!(*reply?, "Ada, Bob");
/// # Ok::<(), Status>(())
/// ```
#[must_use]
pub struct Receiver<M> {
    source: Source<M>,
}

impl<M> Receiver<M> {
    /// The next request, `None` after the last: `while let Some(request) = requests.recv().await? { .. }`.
    #[doc(alias = "message")]
    pub async fn recv(&mut self) -> Result<Option<M>, Status> {
        self.next().await.transpose()
    }

    /// The next request as an iterator has it: `while let Some(request) = requests.next().await { .. request? .. }`.
    pub async fn next(&mut self) -> Option<Result<M, Status>> {
        loop {
            if let Some(item) = self.pull() {
                return item;
            }
            self.wait(None).await;
        }
    }

    /// The next request, or the end, if it is here already.
    pub(super) fn pull(&mut self) -> Option<Option<Result<M, Status>>> {
        self.source.pull(Some(Instant::ZERO)).item()
    }

    /// The next request if it comes within this time, on the call's clock, counted from the first poll.
    pub async fn recv_timeout(&mut self, time: Duration) -> Result<M, TryRecvError> {
        let until = self.source.after(time);
        loop {
            // The clock first: what came in time is handed out even when this task is late.
            let late = self.source.after(Duration::ZERO) >= until;
            if let Some(received) = arrived(self.source.pull(Some(Instant::ZERO)), late) {
                return received;
            }
            self.wait(until).await;
        }
    }

    /// Until something may have come; without a call not at all, since then there is nothing to come.
    async fn wait(&self, until: Option<Instant>) {
        if let Some(handle) = self.context().handle() {
            handle.wait(CallEvent::Readable, until).await;
        }
    }
}

receiver_in_common!();

/// What to hand out; `None`: wait.
fn arrived<M>(pulled: Pull<M>, late: bool) -> Option<Result<M, TryRecvError>> {
    match pulled {
        Pull::Nothing if !late => None,
        pulled => Some(pulled.now()),
    }
}
