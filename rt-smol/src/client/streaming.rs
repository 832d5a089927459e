//! Replies of a call whose server streams.

use super::call::Call;
use futures_lite::Stream;
use proto_core::rpc::method::DecodeFn;
use proto_core::rpc::{Subscribers, TryRecvError};
use proto_core::{Metadata, Status};
use rt_common::replies::{Replies, Taken, received};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

/// The replies of a call, in order: a [`Stream`] of `Result<M, Status>`, whose last item is the error if the call failed.
///
/// Dropping it before the end cancels the call; dropping a future of it loses nothing.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// let mut replies = hello.lots_of_replies(HelloRequest { greeting: "Ada".into() });
/// while let Some(reply) = replies.next().await {
///     println!("{}", reply?.reply);
/// }
/// println!("{:?} {:?}", replies.headers().await?, replies.trailers());
/// # } } }
/// ```
#[must_use = "the call is cancelled when its replies are dropped"]
pub struct Streaming<M> {
    call: Arc<Call>,
    replies: Replies<M>,
    headers: OnceLock<Metadata>,
}

impl<M> Streaming<M> {
    pub(super) fn new(call: Arc<Call>, decode: DecodeFn<M>) -> Self {
        Streaming { call, replies: Replies::new(decode), headers: OnceLock::new() }
    }

    /// The server's initial metadata, once it is there. Empty if the call ended without any.
    ///
    /// # Errors
    /// The call failed before it came.
    pub async fn headers(&self) -> Result<&Metadata, Status> {
        headers(&self.call, &self.headers).await
    }

    /// The server's trailing metadata, once the call has ended well; empty before. (That of a call that failed is in
    /// its status.)
    pub fn trailers(&self) -> &Metadata {
        self.replies.trailers()
    }

    /// The next reply: `while let Some(reply) = replies.next().await { .. }`.
    #[allow(clippy::should_implement_trait, reason = "a stream's `next` is called so")]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<M, Status>>> + Send {
        poll_fn(|cx| self.poll_recv(Some(cx)).map(Result::transpose))
    }

    /// The next reply, `None` after the last: `while let Some(reply) = replies.recv().await? { .. }`.
    ///
    /// # Errors
    /// The call failed.
    pub fn recv(&mut self) -> impl Future<Output = Result<Option<M>, Status>> + Send {
        poll_fn(|cx| self.poll_recv(Some(cx)))
    }

    /// The next reply if it is here already.
    ///
    /// # Errors
    /// It is not, or there will be none.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        received(self.pull(None))
    }

    /// The next reply if it comes within this time.
    ///
    /// # Errors
    /// It did not, or there will be none.
    pub fn recv_timeout(&mut self, time: Duration) -> impl Future<Output = Result<M, TryRecvError>> + Send {
        let mut timer = self.call.channel().timer(time);
        poll_fn(move |cx| match self.pull(Some(cx)) {
            None if timer.poll(cx).is_pending() => Poll::Pending,
            reply => Poll::Ready(received(reply)),
        })
    }

    /// Ends the call: its handler at the server hears of it. What comes after is CANCELLED.
    pub fn cancel(&mut self) {
        cancel(&self.call);
    }

    pub(super) fn poll_recv(&mut self, cx: Option<&Context<'_>>) -> Poll<Result<Option<M>, Status>> {
        match self.pull(cx) {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        }
    }

    /// The next reply, or the end, if it is here already; a context that is given is woken when it may be.
    fn pull(&mut self, cx: Option<&Context<'_>>) -> Option<Result<Option<M>, Status>> {
        let Taken { reply, headers, stop } = self.replies.take(|buffer| self.call.pull(cx, buffer))?;
        self.keep_headers(headers);
        if let Some(status) = stop {
            self.call.stop(status);
        }
        Some(reply)
    }

    fn keep_headers(&mut self, headers: Option<Metadata>) {
        if let Some(headers) = headers {
            // Those that were given out stand.
            let _ = self.headers.set(headers);
        }
    }
}

/// Cancelled by this side's application.
pub(super) fn cancel(call: &Call) {
    call.stop(Subscribers::by_the_application());
}

/// Waits for initial metadata, which stays in `place`.
pub(super) async fn headers<'a>(call: &Call, place: &'a OnceLock<Metadata>) -> Result<&'a Metadata, Status> {
    let mut waiting = Waiting::new(call);
    poll_fn(|cx| {
        // Another task may have got them.
        if let Some(headers) = place.get() {
            return Poll::Ready(Ok(headers));
        }
        if let Poll::Ready(headers) = call.poll_headers(cx) {
            return Poll::Ready(headers.map(|headers| place.get_or_init(|| headers)));
        }
        waiting.keep(cx);
        Poll::Pending
    })
    .await
}

/// A task that waits for headers; dropped, it does not any more.
struct Waiting<'a> {
    call: &'a Call,
    waker: Option<Waker>,
}

impl<'a> Waiting<'a> {
    fn new(call: &'a Call) -> Self {
        call.headers_awaited().fetch_add(1, SeqCst);
        Waiting { call, waker: None }
    }

    /// It waits as this task, and no more as another one.
    fn keep(&mut self, cx: &Context<'_>) {
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return;
        }
        if let Some(old) = self.waker.replace(cx.waker().clone()) {
            self.call.forget_headers(&old);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let alone = self.call.headers_awaited().fetch_sub(1, SeqCst) == 1;
        let Some(waker) = self.waker.take() else { return };
        self.call.forget_headers(&waker);
        if !alone {
            // The same task may wait by another future too: it looks again.
            waker.wake();
        }
    }
}

impl<M> Stream for Streaming<M> {
    type Item = Result<M, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.get_mut().poll_recv(Some(cx))).transpose())
    }
}

impl<M> Drop for Streaming<M> {
    fn drop(&mut self) {
        if !self.replies.is_over() {
            // The requests' half may still hold the call.
            cancel(&self.call);
        }
    }
}

impl<M> fmt::Debug for Streaming<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("call", &self.call)
            .field("over", &self.replies.is_over())
            .finish_non_exhaustive()
    }
}
