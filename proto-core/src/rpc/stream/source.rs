//! Where requests come from, for receivers that block and for those that are awaited: the call's bytes, decoded, or
//! what a test gave. It pulls; how to wait is the receivers' own affair.

use super::TryRecvError;
use crate::buf::MessageBuf;
use crate::grpc::Status;
use crate::rpc::call_handle::Received;
use crate::rpc::context::Context;
use crate::rpc::method::DecodeFn;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// The requests of a call, in order.
pub(crate) struct Source<M> {
    pub(crate) context: Context,
    from: From<M>,
    over: bool,
}

enum From<M> {
    /// The call of `context`.
    Call { decode: DecodeFn<M>, buffer: MessageBuf },
    /// A test's. `Send + Sync` by its type, so that a receiver is, whatever its messages are.
    Test(Box<dyn Iterator<Item = Result<M, Status>> + Send + Sync>),
}

/// One pull.
pub(crate) enum Pull<M> {
    Message(M),
    /// Not yet.
    Nothing,
    End,
    Failed(Status),
}

impl<M> Source<M> {
    pub(crate) fn call(context: Context, decode: DecodeFn<M>) -> Self {
        Source { context, from: From::Call { decode, buffer: MessageBuf::new() }, over: false }
    }

    pub(crate) fn test(requests: impl IntoIterator<Item = Result<M, Status>>) -> Self
    where
        M: Send + Sync + 'static,
    {
        let requests: Vec<_> = requests.into_iter().collect();
        Source { context: Context::detached(), from: From::Test(Box::new(requests.into_iter())), over: false }
    }

    /// The next request; after the end, or a failure, always the end.
    pub(crate) fn pull(&mut self, until: Option<Instant>) -> Pull<M> {
        if self.over {
            return Pull::End;
        }
        let pulled = match &mut self.from {
            From::Test(requests) => match requests.next() {
                Some(Ok(message)) => Pull::Message(message),
                Some(Err(status)) => Pull::Failed(status),
                None => Pull::End,
            },
            From::Call { decode, buffer } => pull(&self.context, *decode, buffer, until),
        };
        self.over = matches!(pulled, Pull::End | Pull::Failed(_));
        pulled
    }

    /// This much later, on the call's clock. Without a call nothing is waited for.
    pub(crate) fn after(&self, time: Duration) -> Option<Instant> {
        self.context.handle().map(|handle| handle.now() + time)
    }

    pub(crate) fn debug(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("context", &self.context).field("over", &self.over).finish_non_exhaustive()
    }
}

fn pull<M>(context: &Context, decode: DecodeFn<M>, buffer: &mut MessageBuf, until: Option<Instant>) -> Pull<M> {
    let Some(handle) = context.handle() else { return Pull::End };
    match handle.recv(buffer, until) {
        Received::Message => match decode(buffer) {
            Ok(message) => Pull::Message(message),
            Err(status) => Pull::Failed(status),
        },
        Received::TimedOut => Pull::Nothing,
        Received::End => Pull::End,
        Received::Failed(status) => Pull::Failed(status),
    }
}

impl<M> Pull<M> {
    /// As an iterator has it; the outer `None`: not yet.
    pub(crate) fn item(self) -> Option<Option<Result<M, Status>>> {
        match self {
            Pull::Message(message) => Some(Some(Ok(message))),
            Pull::Nothing => None,
            Pull::End => Some(None),
            Pull::Failed(status) => Some(Some(Err(status))),
        }
    }

    /// As `try_recv` has it.
    pub(crate) fn now(self) -> Result<M, TryRecvError> {
        match self {
            Pull::Message(message) => Ok(message),
            Pull::Nothing => Err(TryRecvError::Empty),
            Pull::End => Err(TryRecvError::Ended),
            Pull::Failed(status) => Err(TryRecvError::Failed(status)),
        }
    }
}
