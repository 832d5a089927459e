//! Threads: every future of a case is ready at the first poll.

use super::{Runtime, WORKERS};
use crate::cases::Outcome;
use proto_core::Status;
use proto_core::rpc::{CancelToken, Front, ToCancelToken};
use rt_std::{Cancel, Channel, Later, settled};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

impl Runtime for Channel {
    type Later = Later;

    fn later(&self) -> Later {
        Channel::later(self)
    }

    async fn sleep(time: Duration) {
        thread::sleep(time);
    }

    async fn together(count: usize, work: impl AsyncFn(usize) -> Outcome + Sync) -> Outcome {
        let work = &work;
        let one = |thread| {
            let mut numbers = (thread..count).step_by(WORKERS);
            numbers.try_for_each(|i| settled(work(i))).map_err(|error| error.to_string())
        };
        let results: Vec<Result<(), String>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..WORKERS).map(|thread| scope.spawn(move || one(thread))).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
        });
        results.into_iter().collect::<Result<(), _>>().map_err(Into::into)
    }

    async fn exchange<Q: Send + 'static, M: Send + 'static>(
        call: <Self as Front>::Bidi<Q, M>,
        requests: Vec<Q>,
    ) -> Result<Vec<M>, Status> {
        let (mut sending, replies) = call.split();
        thread::scope(|scope| {
            let sender = scope.spawn(move || {
                sending.send_all(requests)?;
                sending.finish()
            });
            let replies = replies.collect::<Result<Vec<_>, _>>();
            sender.join().map_err(|_| Status::internal("the sender panicked"))??;
            replies
        })
    }

    fn cancel() -> (Arc<dyn CancelToken>, Box<dyn FnOnce() + Send>) {
        let cancel = Cancel::new();
        // A handle that was just made can be used.
        let token = cancel.to_cancel_token().expect("it can cancel");
        (token, Box::new(move || cancel.cancel()))
    }

    fn cancel_after(time: Duration) -> Arc<dyn CancelToken> {
        let (token, cancel) = Self::cancel();
        thread::spawn(move || {
            thread::sleep(time);
            cancel();
        });
        token
    }
}
