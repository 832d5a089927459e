//! A call handle that answers from a script and keeps what it was told.

use crate::buf::{MessageBuf, Payload};
use crate::grpc::{Metadata, Status};
use crate::rpc::{CallEvent, CallHandle, CancelToken, Context, OnCancel, Peer, Received, Wait};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Poll;
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) now: Instant,
    pub(crate) incoming: VecDeque<Received>,
    /// More may come: nothing comes yet when `incoming` is empty, instead of the end.
    pub(crate) open: bool,
    /// What a `Received::Message` puts into the buffer, in turn.
    pub(crate) messages: VecDeque<Vec<u8>>,
    pub(crate) recv_until: Vec<Option<Instant>>,
    /// Messages sent, and whether they came as shared bytes.
    pub(crate) sent: Vec<(Vec<u8>, bool)>,
    /// How many messages still fit without blocking.
    pub(crate) room: usize,
    pub(crate) headers: Vec<Metadata>,
    pub(crate) trailers: Metadata,
    pub(crate) ended: Option<Status>,
    pub(crate) returned: bool,
    /// What was waited for, and until when.
    pub(crate) waits: Vec<(CallEvent, Option<Instant>)>,
}

impl State {
    fn is_ready(&self, event: CallEvent, until: Option<Instant>) -> bool {
        let happened = match event {
            CallEvent::Readable => !self.incoming.is_empty() || !self.open,
            CallEvent::Writable => self.room > 0,
            CallEvent::End => false,
        };
        happened || self.ended.is_some() || self.returned || until.is_some_and(|until| self.now >= until)
    }
}

#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub(crate) fn new() -> Self {
        Fake(Arc::new(Mutex::new(State { room: usize::MAX, ..State::default() })))
    }
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
    /// The context of a call that this handles.
    pub(crate) fn context(&self) -> Context {
        let deadline = Some(Instant::from_nanos(1_000));
        Context::new("/a.B/C", Metadata::new(), Peer::Unknown, deadline, Arc::new(self.clone()))
    }
    pub(crate) fn push(&self, message: &str) {
        let mut state = self.state();
        state.incoming.push_back(Received::Message);
        state.messages.push_back(message.into());
    }
}

impl CancelToken for Fake {
    fn cancelled(&self) -> Option<Status> {
        self.state().ended.clone()
    }
    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        if let Some(status) = self.cancelled() {
            on_cancel.cancelled(status);
        }
        7
    }
    fn unsubscribe(&self, key: u64) {
        assert_eq!(key, 7);
    }
}

impl CallHandle for Fake {
    fn now(&self) -> Instant {
        self.state().now
    }
    fn draining(&self) -> bool {
        false
    }
    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        self.state().headers.push(metadata.clone());
        Ok(())
    }
    fn add_trailers(&self, metadata: Metadata) {
        self.state().trailers.extend(&metadata);
    }
    fn cancel(&self, status: Status) {
        self.state().ended = Some(status);
    }
    fn recv(&self, into: &mut MessageBuf, until: Option<Instant>) -> Received {
        let mut state = self.state();
        state.recv_until.push(until);
        into.clear();
        let none = if state.open { Received::TimedOut } else { Received::End };
        let next = match &state.ended {
            Some(status) => Received::Failed(status.clone()),
            None => state.incoming.pop_front().unwrap_or(none),
        };
        if let Received::Message = next {
            let bytes = state.messages.pop_front().unwrap_or_default();
            into.extend_from_slice(&bytes);
        }
        next
    }
    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status> {
        let mut state = self.state();
        if let Some(status) = &state.ended {
            return Err(status.clone());
        }
        if state.room == 0 && !wait {
            return Ok(false);
        }
        state.room = state.room.saturating_sub(1);
        state.sent.push((message.as_slice().to_vec(), matches!(message, Payload::Shared(_))));
        Ok(true)
    }
    fn is_over(&self) -> bool {
        let state = self.state();
        state.returned || state.ended.is_some()
    }
    fn wait_cancelled(&self, until: Option<Instant>) -> bool {
        let mut state = self.state();
        if let (None, Some(until)) = (&state.ended, until) {
            state.now = state.now.max(until);
        }
        state.ended.is_some()
    }
    /// Without wakers: the tests poll when they have changed something.
    fn wait(&self, event: CallEvent, until: Option<Instant>) -> Wait<'_> {
        self.state().waits.push((event, until));
        Box::pin(core::future::poll_fn(move |_| match self.state().is_ready(event, until) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }))
    }
}
