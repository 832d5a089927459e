//! [`Replies`]: the receiving half of a client's call.

use super::start::Begun;
use super::{Driven, Lend};
use crate::buf::MessageBuf;
use crate::call::{CallId, SendError};
use crate::connection::{Client, Connection, Ended, Pulled};
use crate::grpc::status::local;
use crate::grpc::{Code, Local, Metadata, Seen, Status};
use crate::rpc::cancel::Subscribers;
use crate::rpc::method::DecodeFn;
use crate::rpc::response::Response;
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

/// The replies of a call, one or many. Dropping it before the end cancels the call.
///
/// `poll_*` asks without waiting, for a loop that looks in every turn; the futures of [`reply`](Self::reply) and
/// [`next`](Self::next) are the same for callers that await. A poll also looks whether the call
/// [was cancelled](crate::rpc::Request::cancel_on) from outside.
#[must_use = "the call is cancelled when its replies are dropped"]
pub struct Replies<L: Lend<Driven<Client>>, M> {
    on: L,
    state: State,
    decode: DecodeFn<M>,
    buffer: MessageBuf,
    /// The one reply of a call whose server does not stream, until its end has come too.
    reply: Option<MessageBuf>,
    headers: Option<Metadata>,
    trailers: Metadata,
    all_sent: bool,
}

enum State {
    Running(Begun),
    /// Over before it began; told at the first poll.
    Failed(Status),
    Over,
}

impl<L: Lend<Driven<Client>>, M> Replies<L, M> {
    pub(super) fn new(on: L, begun: Result<Begun, Status>, decode: DecodeFn<M>) -> Self {
        let state = begun.map_or_else(State::Failed, State::Running);
        let (buffer, trailers) = (MessageBuf::new(), Metadata::new());
        Replies { on, state, decode, buffer, reply: None, headers: None, trailers, all_sent: false }
    }

    /// The call on its connection, to know its events by. `None`: it is over.
    pub fn id(&self) -> Option<CallId> {
        match &self.state {
            State::Running(begun) => Some(begun.id),
            State::Failed(_) | State::Over => None,
        }
    }

    /// The next reply of a call whose server streams; `None` after the last. After an `Err` there is nothing more.
    pub fn poll_next(&mut self) -> Poll<Option<Result<M, Status>>> {
        match self.pull() {
            Pulled::Nothing => Poll::Pending,
            Pulled::End(_) => Poll::Ready(None),
            Pulled::Failed(status, _) => Poll::Ready(Some(Err(status))),
            Pulled::Message => {
                let message = (self.decode)(&mut self.buffer);
                if message.is_err() {
                    // Nothing good can follow.
                    self.end();
                }
                Poll::Ready(Some(message))
            }
        }
    }

    /// The outcome of a call whose server sends one reply. Once it was ready there is nothing more to ask.
    pub fn poll_reply(&mut self) -> Poll<Result<Response<M>, Status>> {
        loop {
            match self.pull() {
                Pulled::Nothing => return Poll::Pending,
                Pulled::Message => self.reply = Some(core::mem::take(&mut self.buffer)),
                Pulled::Failed(status, _) => return Poll::Ready(Err(status)),
                Pulled::End(_) => return Poll::Ready(self.response()),
            }
        }
    }

    /// [`poll_reply`](Self::poll_reply), awaited.
    pub async fn reply(mut self) -> Result<Response<M>, Status> {
        poll_fn(|cx| self.or_wait(cx, Self::poll_reply)).await
    }

    /// [`poll_next`](Self::poll_next), awaited. A future that is dropped has taken nothing.
    #[allow(clippy::should_implement_trait, reason = "a stream's `next` is called so")]
    pub async fn next(&mut self) -> Option<Result<M, Status>> {
        poll_fn(|cx| self.or_wait(cx, Self::poll_next)).await
    }

    /// The server's initial metadata, once it is there; empty if the call ended without any. An error if it failed
    /// before.
    pub fn poll_headers(&mut self) -> Poll<Result<&Metadata, Status>> {
        if self.headers.is_none() {
            match &mut self.state {
                State::Over => {}
                State::Failed(status) => return Poll::Ready(Err(status.clone())),
                State::Running(begun) => {
                    let cancelled = begun.cancelled();
                    match self.on.lend(|driven| begun.tend(driven, cancelled).pull_headers(begun.id)) {
                        None => return Poll::Pending,
                        Some(headers) => self.headers = Some(headers?),
                    }
                }
            }
        }
        Poll::Ready(Ok(self.headers.get_or_insert_default()))
    }

    /// [`poll_headers`](Self::poll_headers), awaited.
    pub async fn headers(&mut self) -> Result<&Metadata, Status> {
        poll_fn(|cx| self.or_wait(cx, |replies| replies.poll_headers().map_ok(|_| ()))).await?;
        Ok(self.headers.get_or_insert_default())
    }

    /// Trailing metadata, once the call has ended well; empty before. (That of a call that failed is in its status.)
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Ends the call: its handler at the server hears of it. What comes after is CANCELLED.
    pub fn cancel(&mut self) {
        if self.id().is_some() {
            self.end();
            self.state = State::Failed(Subscribers::by_the_application());
        }
    }

    fn or_wait<T>(&mut self, cx: &mut core::task::Context<'_>, poll: fn(&mut Self) -> Poll<T>) -> Poll<T> {
        let ready = poll(self);
        if ready.is_ready() {
            return ready;
        }
        // And once more: another thread may have driven the connection meanwhile, and woken all but us.
        self.on.waiting(cx);
        poll(self)
    }

    fn response(&mut self) -> Result<Response<M>, Status> {
        let Some(mut reply) = self.reply.take() else {
            // Only somebody who asks again comes here: the core ends no such call well without its reply.
            let what = "the reply was taken already".into();
            return Err(local::status(Code::Internal, what, Local::Application, "receiving the response", Seen::Yes));
        };
        let message = (self.decode)(&mut reply)?;
        let headers = self.headers.take().unwrap_or_default();
        Ok(Response::from_parts(message, headers, core::mem::take(&mut self.trailers), self.all_sent))
    }

    /// One look. At the call's end it is released.
    fn pull(&mut self) -> Pulled {
        let begun = match &mut self.state {
            State::Running(begun) => begun,
            State::Over => return Pulled::End(Ended::default()),
            State::Failed(status) => {
                let status = status.clone();
                self.state = State::Over;
                return Pulled::Failed(status, None);
            }
        };
        let (cancelled, buffer) = (begun.cancelled(), &mut self.buffer);
        let pulled = self.on.lend(|driven| {
            let now = driven.now;
            begun.tend(driven, cancelled).pull(now, begun.id, buffer)
        });
        match &pulled {
            Pulled::End(ended) => {
                self.state = State::Over;
                self.headers = self.headers.take().or(ended.headers.clone());
                (self.trailers, self.all_sent) = (ended.trailers.clone(), ended.all_sent);
            }
            Pulled::Failed(_, headers) => {
                self.state = State::Over;
                self.headers = self.headers.take().or(headers.clone());
            }
            Pulled::Message | Pulled::Nothing => {}
        }
        pulled
    }

    /// Releases the call, which cancels it where it is not over.
    fn end(&mut self) {
        if let State::Running(Begun { id, .. }) = core::mem::replace(&mut self.state, State::Over) {
            self.on.lend(|driven| {
                let now = driven.now;
                if let Ok(call) = driven.connection.call(id) {
                    call.release(now);
                }
            });
        }
    }
}

impl Begun {
    /// Was it cancelled from outside? Asked before the connection is lent: the token may be a call of the same loop.
    fn cancelled(&self) -> Option<Status> {
        self.cancel.iter().find_map(|token| token.cancelled())
    }

    /// What a look at a call does first: ends it if it was cancelled, sends its request if there is room now.
    fn tend<'a>(&mut self, driven: &'a mut Driven<Client>, cancelled: Option<Status>) -> &'a mut Connection<Client> {
        let now = driven.now;
        if let Ok(mut call) = driven.connection.call(self.id) {
            if let Some(status) = cancelled {
                call.cancel(now, status);
            }
            if let Some(message) = &self.unsent
                && !matches!(call.send_last(now, message), Err(SendError::Blocked))
            {
                self.unsent = None;
            }
        }
        &mut driven.connection
    }
}

impl<L: Lend<Driven<Client>>, M> Drop for Replies<L, M> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<L: Lend<Driven<Client>>, M> fmt::Debug for Replies<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("id", &self.id()).finish_non_exhaustive()
    }
}
