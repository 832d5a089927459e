//! What a handler on a loop can do with its call: [`CallHandle`] over a lent connection. It never blocks.

use super::{Driven, Lend};
use crate::buf::{MessageBuf, Payload};
use crate::call::{CallId, CallMut, Recv, SendError};
use crate::connection::Server;
use crate::grpc::{Metadata, Status};
use crate::rpc::call_handle::{CallEvent, CallHandle, Received, Wait};
use crate::rpc::cancel::{CancelToken, OnCancel};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
use bytes::Bytes;
use core::future::poll_fn;
use core::task::Poll;

/// One call, from a handler's side. It may outlive the call: then everything says that the call is over.
#[derive(Clone)]
pub(super) struct Handle<L> {
    pub(super) on: L,
    pub(super) id: CallId,
    pub(super) certificates: Arc<[Bytes]>,
}

/// The call went back to its connection when its handler had returned.
pub(super) fn returned() -> Status {
    Status::cancelled("the call has ended")
}

impl<L: Lend<Driven<Server>>> Handle<L> {
    /// Lets `act` at the call, unless it is over.
    fn with<T>(&self, act: impl FnOnce(&mut CallMut<'_, Server>, Instant) -> T) -> Result<T, Status> {
        self.on.lend(|driven| {
            let now = driven.now;
            let mut call = live(driven, self.id)?;
            Ok(act(&mut call, now))
        })
    }
}

/// The call, unless it is over; then how.
pub(super) fn live(driven: &mut Driven<Server>, id: CallId) -> Result<CallMut<'_, Server>, Status> {
    let Ok(call) = driven.connection.call(id) else { return Err(returned()) };
    match call.outcome() {
        Some(status) if status.is_ok() => Err(returned()),
        Some(status) => Err(status.clone()),
        None => Ok(call),
    }
}

impl<L: Lend<Driven<Server>> + Send + Sync + 'static> CallHandle for Handle<L> {
    fn now(&self) -> Instant {
        self.on.lend(|driven| driven.now)
    }

    fn draining(&self) -> bool {
        self.on.lend(|driven| driven.connection.is_draining())
    }

    fn certificates(&self) -> &[Bytes] {
        &self.certificates
    }

    fn send_headers(&self, metadata: &Metadata) -> Result<(), Status> {
        match self.with(|call, now| call.send_headers(now, metadata))? {
            true => Ok(()),
            false => Err(Status::failed_precondition("initial metadata was sent already, by itself or with a message")),
        }
    }

    fn add_trailers(&self, metadata: Metadata) {
        self.on.lend(|driven| {
            if live(driven, self.id).is_ok() {
                driven.note(self.id).trailers.extend(&metadata);
            }
        });
    }

    fn cancel(&self, status: Status) {
        // A handler cannot end a call "by force" with OK: it returns for that.
        let status = if status.is_ok() { Status::cancelled("cancelled by the handler") } else { status };
        let told = self.on.lend(|driven| {
            let now = driven.now;
            let trailers = core::mem::take(&mut driven.note(self.id).trailers);
            let over = driven.connection.call(self.id).is_ok_and(|mut call| call.finish(now, &status, &trailers));
            let note = driven.note(self.id);
            note.stopped |= over;
            over.then(|| note.subscribers.cancel(&status))
        });
        tell(told.into_iter().flatten(), &status);
    }

    /// Whether there is time to wait or not, it does not: what can be awaited is awaited with `wait`.
    fn recv(&self, into: &mut MessageBuf, _until: Option<Instant>) -> Received {
        match self.with(|call, now| call.recv(now, into)) {
            Ok(Recv::Message) => Received::Message,
            Ok(Recv::End) => Received::End,
            Ok(Recv::Pending) => Received::TimedOut,
            Ok(Recv::Failed(status)) | Err(status) => Received::Failed(status),
        }
    }

    fn send(&self, message: Payload<'_>, wait: bool) -> Result<bool, Status> {
        match self.with(|call, now| call.send(now, message))? {
            Ok(()) => Ok(true),
            Err(SendError::Blocked) if wait => Err(Status::internal("handlers on this loop await; they cannot block")),
            Err(SendError::Blocked) => Ok(false),
            Err(SendError::TooLarge(status)) => Err(status),
            Err(SendError::Ended) => Err(returned()),
        }
    }

    fn wait_cancelled(&self, _until: Option<Instant>) -> bool {
        self.cancelled().is_some()
    }

    /// Ready at the second poll: the loop polls handlers in every turn, and whoever has waited looks again.
    fn wait(&self, _event: CallEvent, until: Option<Instant>) -> Wait<'_> {
        let mut polled = false;
        Box::pin(poll_fn(move |cx| {
            if core::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            if let Some(until) = until {
                self.on.lend(|driven| driven.alarm(self.id, until));
            }
            self.on.waiting(cx);
            Poll::Pending
        }))
    }
}

impl<L: Lend<Driven<Server>> + Send + Sync + 'static> CancelToken for Handle<L> {
    fn cancelled(&self) -> Option<Status> {
        self.with(|_, _| ()).err()
    }

    fn subscribe(&self, on_cancel: Arc<dyn OnCancel>) -> u64 {
        let kept = self.on.lend(|driven| {
            live(driven, self.id)?;
            Ok(driven.note(self.id).subscribers.subscribe(&on_cancel).0)
        });
        kept.unwrap_or_else(|status| {
            on_cancel.cancelled(status);
            0
        })
    }

    fn unsubscribe(&self, key: u64) {
        let gone = self.on.lend(|driven| {
            driven.connection.call(self.id).ok()?;
            driven.note(self.id).subscribers.unsubscribe(key)
        });
        // Its destructor is the application's: not while the connection is lent.
        drop(gone);
    }
}

/// Tells those who wait for a call's end that it has come.
pub(super) fn tell(told: impl Iterator<Item = Arc<dyn OnCancel>>, status: &Status) {
    told.for_each(|subscriber| subscriber.cancelled(status.clone()));
}
