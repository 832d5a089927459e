//! A client's runtime, as the cases use it. What a call can do is in `proto_core` ([`AnyFront`], [`AnyStreams`]); what is
//! here is what a program does around calls, with threads on one runtime and with tasks on the other.

mod asynchronous;
mod blocking;

use crate::cases::Outcome;
use proto_core::Status;
use proto_core::rpc::{AnyFront, AnyStreams, CancelToken};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A channel of a runtime under test.
pub trait Runtime: AnyStreams + Clone + Send + Sync + 'static {
    /// The same channel, for unary calls that leave at once and are settled later.
    type Later: AnyFront + 'static;

    /// See [`Self::Later`].
    fn later(&self) -> Self::Later;

    /// Waits.
    fn sleep(time: Duration) -> impl Future<Output = ()>;

    /// Runs `work` on all numbers below `count`, many at a time; the first error counts.
    fn together(count: usize, work: impl AsyncFn(usize) -> Outcome + Sync) -> impl Future<Output = Outcome>;

    /// Sends all requests and half-closes, and receives all replies meanwhile.
    fn exchange<Q: Send + 'static, M: Send + 'static>(
        call: Self::Bidi<Q, M>,
        requests: Vec<Q>,
    ) -> impl Future<Output = Result<Vec<M>, Status>>;

    /// A token, and what uses it.
    fn cancel() -> (Arc<dyn CancelToken>, Box<dyn FnOnce() + Send>);

    /// A token that is used after a while, whatever goes on.
    fn cancel_after(time: Duration) -> Arc<dyn CancelToken>;
}

/// How many threads or tasks work together.
pub const WORKERS: usize = 16;
