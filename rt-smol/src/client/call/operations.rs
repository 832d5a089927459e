//! What handles do with a call: pull, send, finish. Each follows the call when it is sent again elsewhere.

use super::{Call, Phase};
use crate::client::wakers::{Interest, Woken};
use proto_core::call::{CallId, SendError as CoreSendError};
use proto_core::channel::Next;
use proto_core::connection::{Ended, Pulled};
use proto_core::rpc::SendError;
use proto_core::{MessageBuf, Metadata, Payload, Status};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::client::driver::Driver;

impl Call {
    /// Pulls the next message. `Nothing`: the task, if there is one, is woken when there is something.
    pub(crate) fn pull(&self, cx: Option<&Context<'_>>, into: &mut MessageBuf) -> Pulled {
        loop {
            let (driver, id) = match self.running(cx, Interest::Recv) {
                Poll::Ready(Ok((driver, id, _))) => (driver, id),
                Poll::Ready(Err(status)) => return Pulled::Failed(status, None),
                Poll::Pending => return Pulled::Nothing,
            };
            let pulled = driver.pull(cx, id, into);
            match &pulled {
                Pulled::Failed(status, _) => {
                    if self.goes_on(&driver, id, status) {
                        continue;
                    }
                    self.over(status.clone());
                    driver.release(id);
                }
                Pulled::Message => self.delivered(),
                Pulled::End(_) => self.over(Status::OK),
                Pulled::Nothing => {}
            }
            return pulled;
        }
    }

    /// Pulls the one reply of a unary or client-streaming call; what came so far stays in `into`.
    pub(crate) fn pull_reply(
        &self,
        cx: &Context<'_>,
        into: &mut MessageBuf,
        has_message: &mut bool,
    ) -> Poll<Result<Ended, Status>> {
        // Cardinality is the core's to judge: what comes after the one message is the end.
        let mut second = MessageBuf::new();
        loop {
            let place = if *has_message { &mut second } else { &mut *into };
            match self.pull(Some(cx), place) {
                Pulled::Message => *has_message = true,
                Pulled::End(ended) => return Poll::Ready(Ok(ended)),
                Pulled::Failed(status, _) => return Poll::Ready(Err(status)),
                Pulled::Nothing => return Poll::Pending,
            }
        }
    }

    /// Initial metadata, once it is there.
    pub(crate) fn poll_headers(&self, cx: &Context<'_>) -> Poll<Result<Metadata, Status>> {
        loop {
            let (driver, id) = match ready!(self.running(Some(cx), Interest::Headers)) {
                Ok((driver, id, _)) => (driver, id),
                Err(status) if status.is_ok() => return Poll::Ready(Ok(Metadata::new())),
                Err(status) => return Poll::Ready(Err(status)),
            };
            match ready!(driver.headers(cx, id)) {
                Err(status) if self.goes_on(&driver, id, &status) => {}
                result => {
                    self.delivered();
                    return Poll::Ready(result);
                }
            }
        }
    }

    /// A task does not wait for the headers any more.
    pub(crate) fn forget_headers(&self, waker: &Waker) {
        let mut woken = Woken::default();
        let mut state = self.lock();
        state.wakers.forget_headers(waker, &mut woken);
        let phase = state.phase.clone();
        drop(state);
        woken.deliver();
        if let Phase::Running(driver, id) = phase {
            driver.forget_headers(id, waker);
        }
    }

    /// Sends a message of a streaming client, all of it or nothing.
    pub(crate) fn send(&self, cx: Option<&Context<'_>>, message: Payload<'_>) -> Poll<Result<(), SendError>> {
        loop {
            let (driver, id, attempt) = match ready!(self.running(cx, Interest::Send)) {
                Ok(running) => running,
                Err(status) if status.is_ok() => return Poll::Ready(Err(SendError::Ended)),
                Err(status) => return Poll::Ready(Err(SendError::Failed(status))),
            };
            match ready!(driver.send(cx, id, message)) {
                Ok(()) if self.lock().sent.sent(attempt, message) => return Poll::Ready(Ok(())),
                // That attempt is over, and what it took went with it.
                Ok(()) => {}
                Err(CoreSendError::Ended) => {
                    let again = driver.outcome(id).is_some_and(|status| self.goes_on(&driver, id, &status));
                    if !again && self.lock().phase.is_at(&driver, id) {
                        return Poll::Ready(Err(SendError::Ended));
                    }
                }
                Err(CoreSendError::TooLarge(status)) => return Poll::Ready(Err(SendError::Failed(status))),
                Err(CoreSendError::Blocked) => return Poll::Pending,
            }
        }
    }

    /// Half-closes: now, or as soon as it runs.
    pub(crate) fn finish(&self) -> Result<(), SendError> {
        let phase = {
            let mut state = self.lock();
            // Whoever starts it, again too, sees.
            state.sent.end();
            state.phase.clone()
        };
        match (phase, self.stopped.get()) {
            (Phase::Running(driver, id), _) => driver.finish(id),
            (Phase::Over(status), _) if !status.is_ok() => return Err(SendError::Failed(status)),
            (_, Some(status)) => return Err(SendError::Failed(status.clone())),
            _ => {}
        }
        Ok(())
    }

    /// After a failure: does the call go on elsewhere?
    fn goes_on(&self, driver: &Arc<Driver>, id: CallId, status: &Status) -> bool {
        match self.after(driver, id, status) {
            Next::Again => {
                self.try_start();
                true
            }
            Next::Moved => true,
            Next::GiveUp => false,
        }
    }
}
