//! The operations of calls on a connection: start, send, pull, end. None of them waits; what has to be waited for
//! registers the task.

use super::{Driver, Restart};
use crate::client::wakers::{Interest, Wakers};
use crate::rules::{Rule, Rules};
use bytes::Bytes;
use proto_core::call::{CallId, CallOptions, Head, SendError};
use proto_core::channel::Script;
use proto_core::connection::{Pulled, StartError};
use proto_core::{MessageBuf, Metadata, Payload, Status};
use std::sync::Weak;
use std::task::{Context, Poll, Waker};

/// What a call starts with, in the same write as its headers.
#[derive(Debug)]
pub(crate) enum Opening<'a> {
    /// The one message of its request. It follows as soon as there is room for it.
    Message(&'a Bytes),
    /// What another attempt at it has sent.
    Script(&'a Script),
}

impl Driver {
    /// Starts a call and sends its opening.
    pub(crate) fn start_call(
        &self,
        head: Head<'_>,
        options: &CallOptions,
        opening: Opening<'_>,
        owner: Weak<dyn Restart>,
    ) -> Result<CallId, StartError> {
        self.with(|state, now| {
            let id = state.conn.start(now, head, options)?;
            let mut held = None;
            if let Ok(mut call) = state.conn.call(id) {
                match opening {
                    Opening::Message(message) => {
                        if let Err(SendError::Blocked) = call.send_last(now, message) {
                            held = Some(message.clone());
                        }
                    }
                    Opening::Script(script) => script.play(now, &mut call),
                }
            }
            state.slots.enter(id, owner, held);
            Ok(id)
        })
    }

    /// Pulls the next message of a call; its good end releases it. One that has failed is kept until it was judged, so that
    /// its other half learns of what: whoever judges it releases it. `Nothing`: the task, if there is one, is woken when
    /// there is something.
    pub(crate) fn pull(&self, cx: Option<&Context<'_>>, id: CallId, into: &mut MessageBuf) -> Pulled {
        let late = Rules::of(&*self.os).broken(Rule::ClientWaitLooks);
        let pulled = self.with(|state, now| {
            let pulled = state.conn.pull_keeping(now, id, into);
            match pulled {
                Pulled::Nothing if late => {}
                Pulled::Nothing => state.register(id, Interest::Recv, cx),
                Pulled::Message | Pulled::Failed(..) => {}
                Pulled::End(_) => state.slots.leave(id, &mut state.exit.woken),
            }
            pulled
        });
        if late && matches!(pulled, Pulled::Nothing) {
            self.with(|state, _| state.register(id, Interest::Recv, cx));
        }
        pulled
    }

    /// Initial metadata, once it is there, or how the call failed before.
    pub(crate) fn headers(&self, cx: &Context<'_>, id: CallId) -> Poll<Result<Metadata, Status>> {
        self.with(|state, _| match state.conn.pull_headers(id) {
            Some(headers) => Poll::Ready(headers),
            None => {
                state.register(id, Interest::Headers, Some(cx));
                Poll::Pending
            }
        })
    }

    /// Sends a message, all of it or nothing.
    pub(crate) fn send(
        &self,
        cx: Option<&Context<'_>>,
        id: CallId,
        message: Payload<'_>,
    ) -> Poll<Result<(), SendError>> {
        self.with(|state, now| {
            let Ok(mut call) = state.conn.call(id) else { return Poll::Ready(Err(SendError::Ended)) };
            match call.send(now, message) {
                Err(SendError::Blocked) => {
                    state.register(id, Interest::Send, cx);
                    Poll::Pending
                }
                done => Poll::Ready(done),
            }
        })
    }

    /// Half-closes.
    pub(crate) fn finish(&self, id: CallId) {
        self.with(|state, now| {
            if let Ok(mut call) = state.conn.call(id) {
                // Over already: the receiving side tells how.
                let _ = call.finish(now);
            }
        });
    }

    /// Ends a call with this status, and wakes who waits for it.
    pub(crate) fn cancel(&self, id: CallId, status: Status) {
        self.with(|state, now| {
            if let Ok(mut call) = state.conn.call(id) {
                call.cancel(now, status);
            }
        });
    }

    /// The application is done with a call; one that is not over is cancelled. Nobody is woken: who waited for a call that
    /// ended before its time was woken then.
    pub(crate) fn release(&self, id: CallId) {
        self.with(|state, now| {
            state.slots.leave(id, &mut state.exit.woken);
            if let Ok(call) = state.conn.call(id) {
                call.release(now);
            }
        });
    }

    /// This side's verdict on a call, once it stands.
    pub(crate) fn outcome(&self, id: CallId) -> Option<Status> {
        self.lock().conn.call(id).ok()?.outcome().cloned()
    }

    /// A task does not wait for the headers of a call any more.
    pub(crate) fn forget_headers(&self, id: CallId, waker: &Waker) {
        let mut state = self.lock();
        let inner = &mut *state;
        if let Some(slot) = inner.slots.find(id) {
            Wakers::forget_headers(&mut slot.wakers, waker, &mut inner.exit.woken);
        }
        self.unlock(state);
    }
}

impl super::State {
    fn register(&mut self, id: CallId, interest: Interest, cx: Option<&Context<'_>>) {
        if let (Some(cx), Some(slot)) = (cx, self.slots.find(id)) {
            slot.wakers.register(interest, cx, &mut self.exit.woken);
        }
    }
}
