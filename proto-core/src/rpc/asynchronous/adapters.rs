//! The streams of handlers that are futures, as the traits of the `futures` crates: [`Receiver::stream`], [`Sender::sink`],
//! and [`Sender::send_stream`], which pours a stream into a call. With feature `futures` only; runtimes turn it on.

use super::{Receiver, Sender};
use crate::grpc::Status;
use crate::rpc::call_handle::{CallEvent, Wait};
use crate::rpc::context::Context;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Poll, ready};
use futures_core::Stream;
use futures_sink::Sink;

/// The requests of a call as a [`Stream`]; made by [`Receiver::stream`]. Dropped, it loses none.
#[must_use = "a stream does nothing unless it is polled"]
pub struct RequestStream<'a, M> {
    receiver: &'a mut Receiver<M>,
    wait: Option<Wait<'static>>,
}

/// The replies of a call as a [`Sink`]; made by [`Sender::sink`].
#[must_use = "a sink does nothing unless it is polled"]
pub struct ReplySink<'a, M> {
    sender: &'a mut Sender<M>,
    wait: Option<Wait<'static>>,
}

impl<M> Receiver<M> {
    /// The requests as a [`Stream`], for those who have combinators for streams:
    ///
    /// ```
    /// # use proto_core::Status;
    /// # use proto_core::rpc::{Response, asynchronous::Receiver};
    /// use futures_lite::StreamExt;
    ///
    /// async fn join(requests: &mut Receiver<String>) -> Result<Response<String>, Status> {
    ///     let names: Vec<_> = requests.stream().try_collect().await?;
    ///     Ok(names.join(", ").into())
    /// }
    /// # let mut requests = Receiver::from_iter(["Ada".to_owned(), "Bob".to_owned()]);
    /// # assert_eq!(*futures_lite::future::block_on(join(&mut requests))?, "Ada, Bob");
    /// # Ok::<(), Status>(())
    /// ```
    pub fn stream(&mut self) -> RequestStream<'_, M> {
        RequestStream { receiver: self, wait: None }
    }
}

impl<M> Sender<M> {
    /// The replies as a [`Sink`]. A message that it has accepted leaves at once, or when the sink is polled again: flush it, or send
    /// on; what is still kept when the handler returns is not sent.
    pub fn sink(&mut self) -> ReplySink<'_, M> {
        ReplySink { sender: self, wait: None }
    }

    /// Sends all that this stream yields, in order; as [`send_all`](Self::send_all), when it is dropped too.
    ///
    /// ```
    /// # use proto_core::Status;
    /// # use proto_core::rpc::{Request, asynchronous::Sender};
    /// use futures_lite::stream;
    ///
    /// async fn count(request: Request<u32>, replies: &mut Sender<u32>) -> Result<(), Status> {
    ///     replies.send_stream(stream::iter(0..*request)).await
    /// }
    /// # let mut replies = Sender::for_test();
    /// # futures_lite::future::block_on(count(Request::new(3), &mut replies))?;
    /// # assert_eq!(replies.sent(), [0, 1, 2]);
    /// # Ok::<(), Status>(())
    /// ```
    pub async fn send_stream(&mut self, messages: impl Stream<Item = M>) -> Result<(), Status> {
        let mut messages = pin!(messages);
        loop {
            self.settle().await?;
            match poll_fn(|cx| messages.as_mut().poll_next(cx)).await {
                Some(message) => self.accept(message)?,
                None => return Ok(()),
            }
        }
    }
}

impl<M> Stream for RequestStream<'_, M> {
    type Item = Result<M, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut core::task::Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.receiver.pull() {
                return Poll::Ready(item);
            }
            ready!(poll_event(&mut this.wait, this.receiver.context(), CallEvent::Readable, cx));
        }
    }
}

impl<M> ReplySink<'_, M> {
    fn poll_settle(&mut self, cx: &mut core::task::Context<'_>) -> Poll<Result<(), Status>> {
        while !self.sender.offer_queued()? {
            ready!(poll_event(&mut self.wait, self.sender.context(), CallEvent::Writable, cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl<M> Sink<M> for ReplySink<'_, M> {
    type Error = Status;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut core::task::Context<'_>) -> Poll<Result<(), Status>> {
        self.get_mut().poll_settle(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), Status> {
        let sender = &mut *self.get_mut().sender;
        if !sender.offer_queued()? {
            return Err(Status::internal("start_send without poll_ready"));
        }
        sender.accept(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut core::task::Context<'_>) -> Poll<Result<(), Status>> {
        self.get_mut().poll_settle(cx)
    }

    /// Flushes. The call ends when its handler returns.
    fn poll_close(self: Pin<&mut Self>, cx: &mut core::task::Context<'_>) -> Poll<Result<(), Status>> {
        self.get_mut().poll_settle(cx)
    }
}

/// Waits, by a future that is kept from poll to poll: dropped in between, it would not wake anybody.
fn poll_event(
    wait: &mut Option<Wait<'static>>,
    context: &Context,
    event: CallEvent,
    cx: &mut core::task::Context<'_>,
) -> Poll<()> {
    // Without a call there is nothing to wait for.
    let Some(handle) = context.handle() else { return Poll::Ready(()) };
    let waiting = wait.get_or_insert_with(|| {
        let handle = Arc::clone(handle);
        Box::pin(async move { handle.wait(event, None).await })
    });
    ready!(waiting.as_mut().poll(cx));
    *wait = None;
    Poll::Ready(())
}

impl<M> fmt::Debug for RequestStream<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestStream").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for ReplySink<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplySink").field("sender", &self.sender).finish_non_exhaustive()
    }
}
