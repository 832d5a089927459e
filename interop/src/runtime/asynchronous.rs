//! Tasks, on one thread where they work together.

use super::{Runtime, WORKERS};
use crate::cases::Outcome;
use proto_core::Status;
use proto_core::rpc::{CancelToken, Front, ToCancelToken};
use rt_smol::{Cancel, Channel};
use smol::{LocalExecutor, Timer};
use std::sync::Arc;
use std::time::Duration;

impl Runtime for Channel {
    type Later = Channel;

    fn later(&self) -> Channel {
        self.clone()
    }

    async fn sleep(time: Duration) {
        Timer::after(time).await;
    }

    async fn together(count: usize, work: impl AsyncFn(usize) -> Outcome + Sync) -> Outcome {
        let work = &work;
        let executor = LocalExecutor::new();
        let tasks = (0..WORKERS).map(|worker| {
            executor.spawn(async move {
                for i in (worker..count).step_by(WORKERS) {
                    work(i).await?;
                }
                Outcome::Ok(())
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let all = async {
            for task in tasks {
                task.await?;
            }
            Ok(())
        };
        executor.run(all).await
    }

    async fn exchange<Q: Send + 'static, M: Send + 'static>(
        call: <Self as Front>::Bidi<Q, M>,
        requests: Vec<Q>,
    ) -> Result<Vec<M>, Status> {
        let (mut sending, mut replies) = call.split();
        let send = async {
            sending.send_all(requests).await?;
            Ok::<(), Status>(sending.finish().await?)
        };
        let receive = async {
            let mut all = Vec::new();
            while let Some(reply) = replies.next().await {
                all.push(reply?);
            }
            Ok(all)
        };
        Ok(smol::future::try_zip(send, receive).await?.1)
    }

    fn cancel() -> (Arc<dyn CancelToken>, Box<dyn FnOnce() + Send>) {
        let cancel = Cancel::new();
        // A handle that was just made can be used.
        let token = cancel.to_cancel_token().expect("it can cancel");
        (token, Box::new(move || cancel.cancel()))
    }

    fn cancel_after(time: Duration) -> Arc<dyn CancelToken> {
        let (token, cancel) = Self::cancel();
        smol::spawn(async move {
            Timer::after(time).await;
            cancel();
        })
        .detach();
        token
    }
}
