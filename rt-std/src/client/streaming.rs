//! Replies of a call whose server streams.

use super::call::Call;
use proto_core::rpc::method::DecodeFn;
use proto_core::rpc::{Subscribers, TryRecvError};
use proto_core::time::Instant;
use proto_core::{Metadata, Status};
use rt_common::replies::{Replies, Taken, received};
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The replies of a call, in order: an `Iterator` of `Result<M, Status>`, whose last item is the error if the call failed.
///
/// Dropping it before the end cancels the call.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// let mut replies = hello.lots_of_replies(HelloRequest { greeting: "Ada".into() });
/// for reply in &mut replies {
///     println!("{}", reply?.reply);
/// }
/// println!("{:?} {:?}", replies.headers()?, replies.trailers());
/// # } } }
/// ```
#[must_use = "the call is cancelled when its replies are dropped"]
pub struct Streaming<M> {
    call: Arc<Call>,
    replies: Replies<M>,
    headers: OnceCell<Metadata>,
}

impl<M> Streaming<M> {
    pub(super) fn new(call: Arc<Call>, decode: DecodeFn<M>) -> Self {
        Streaming { call, replies: Replies::new(decode), headers: OnceCell::new() }
    }

    /// The server's initial metadata; waits until it is there. Empty if the call ended without any.
    ///
    /// # Errors
    /// The call failed before it came.
    pub fn headers(&self) -> Result<&Metadata, Status> {
        match self.headers.get() {
            Some(headers) => Ok(headers),
            None => {
                let headers = self.call.headers()?;
                Ok(self.headers.get_or_init(|| headers))
            }
        }
    }

    /// The server's trailing metadata, once the call has ended well; empty before. (That of a call that failed is in
    /// its status.)
    pub fn trailers(&self) -> &Metadata {
        self.replies.trailers()
    }

    /// The next reply, `None` after the last: `while let Some(reply) = replies.recv()? { .. }`.
    ///
    /// # Errors
    /// The call failed.
    #[doc(alias = "message")]
    pub fn recv(&mut self) -> Result<Option<M>, Status> {
        self.next().transpose()
    }

    /// The next reply if it is here already.
    ///
    /// # Errors
    /// It is not, or there will be none.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        self.recv_timeout(Duration::ZERO)
    }

    /// The next reply if it comes within this time.
    ///
    /// # Errors
    /// It did not, or there will be none.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<M, TryRecvError> {
        received(self.recv_until(self.call.after(time)))
    }

    /// Ends the call: its handler at the server hears of it. What comes after is CANCELLED.
    pub fn cancel(&mut self) {
        cancel(&self.call);
    }

    /// `None`: nothing in time.
    fn recv_until(&mut self, until: Option<Instant>) -> Option<Result<Option<M>, Status>> {
        let Taken { reply, headers, stop } = self.replies.take(|buffer| self.call.pull(buffer, until))?;
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

impl<M> Iterator for Streaming<M> {
    type Item = Result<M, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Without a time limit there is always an answer.
            if let Some(result) = self.recv_until(None) {
                return result.transpose();
            }
        }
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
