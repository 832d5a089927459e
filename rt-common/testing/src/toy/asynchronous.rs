//! The handlers that are futures.

use super::{ALL, INFO, M, Toy, UNARY, as_number};
use bytes::Bytes;
use proto_core::grpc::Status;
use proto_core::rpc::{AsyncService, CallFuture, Context, Decode, Encode, Raw, Response, ServerCall, ServiceInfo};
use smol::Timer;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Counts its drop.
struct Dropped<'a>(&'a Toy);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

async fn sleep(micros: u64) {
    Timer::after(Duration::from_micros(micros)).await;
}

impl Toy {
    async fn enter_latch_async(&self) {
        self.latch.fetch_add(1, SeqCst);
        while self.latch.load(SeqCst) < self.wants {
            sleep(100).await;
        }
    }

    async fn unary_async(&self, method: M, call: &mut ServerCall) -> Result<(), Status> {
        let request = call.request(<Raw as Decode<Bytes>>::decode)?;
        let n = as_number(&request);
        match method {
            M::Sleep => sleep(n).await,
            M::Latch => self.enter_latch_async().await,
            M::Deaf => {
                self.waiting.fetch_add(1, SeqCst);
                while self.latch.load(SeqCst) < self.wants {
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
            M::Wait => {
                let _dropped = Dropped(self);
                self.waiting.fetch_add(1, SeqCst);
                std::future::pending::<()>().await;
            }
            M::Big => {
                return call.reply(Response::new(Bytes::from(vec![7; n as usize])), <Raw as Encode<Bytes>>::encode);
            }
            M::Panic => std::panic::resume_unwind(Box::new("the toy's own panic")),
            M::PanicLater => {
                sleep(1).await;
                std::panic::resume_unwind(Box::new("the toy's own panic"));
            }
            M::Cancel => {
                request.context().cancel(Status::aborted("by the handler"));
                sleep(1_000).await;
                self.went_on.fetch_add(1, SeqCst);
            }
            _ => {}
        }
        call.reply(Response::new(request.into_inner()), <Raw as Encode<Bytes>>::encode)
    }

    async fn stream_async(&self, method: M, call: &mut ServerCall) -> Result<(), Status> {
        let mut requests = call.async_receiver(<Raw as Decode<Bytes>>::decode);
        let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        match method {
            M::EchoStream => {
                while let Some(request) = requests.recv().await? {
                    replies.send(request).await?;
                }
            }
            M::Flood => replies.send_all((0..60).map(|_| Bytes::from_static(&[3; 400]))).await?,
            M::LatchStream => self.enter_latch_async().await,
            M::WaitStream => {
                let _dropped = Dropped(self);
                self.waiting.fetch_add(1, SeqCst);
                requests.recv().await?;
            }
            M::Early => return Err(Status::already_exists("whatever comes")),
            M::Endless => loop {
                replies.send(Bytes::from_static(&[5; 10_000])).await?;
                self.sent.fetch_add(1, SeqCst);
            },
            M::Reply => {
                let request = call.request(<Raw as Decode<Bytes>>::decode)?;
                replies.send(Bytes::from(vec![9; as_number(&request) as usize])).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The service that is served.
pub struct Asynchronous(pub Arc<Toy>);

impl AsyncService for Asynchronous {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        self.0.on_call.fetch_add(1, SeqCst);
        match context.metadata().get("x-refuse") {
            Some(_) => Err(Status::permission_denied("refused at the headers")),
            None => Ok(()),
        }
    }

    fn call(&self, method: u16, mut call: ServerCall) -> CallFuture {
        let (toy, method) = (self.0.clone(), ALL[usize::from(method)]);
        Box::pin(async move {
            let unary = method.info().kind == UNARY;
            let result = if unary {
                toy.unary_async(method, &mut call).await
            } else {
                toy.stream_async(method, &mut call).await
            };
            (call, result)
        })
    }
}
