//! Where replies go, for senders that block and for those that are awaited: encoded, to the call, or kept for a test.
//! It prepares; how to wait for room is the senders' own affair.

use super::{SendError, TrySendError};
use crate::buf::Payload;
use crate::grpc::Status;
use crate::rpc::call_handle::CallHandle;
use crate::rpc::context::Context;
use crate::rpc::method::EncodeFn;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

/// Encoded messages up to here are copied into the connection's output (a copy costs less than an allocation and a
/// longer `writev`), and the buffer is kept for the next one; larger ones are handed over and go out as they are.
const COPIED_UP_TO: usize = 16 * 1024;

/// The replies of a call.
pub(crate) struct Sink<M> {
    pub(crate) context: Context,
    to: To<M>,
}

enum To<M> {
    /// The call of `context`, and a buffer that is reused from message to message.
    Call { encode: EncodeFn<M>, scratch: Vec<u8> },
    /// A test's. `Send + Sync` by its type, so that a sender is, whatever its messages are.
    Test(Box<dyn Kept<M> + Send + Sync>),
}

impl<M> Sink<M> {
    pub(crate) fn call(context: Context, encode: EncodeFn<M>) -> Self {
        Sink { context, to: To::Call { encode, scratch: Vec::new() } }
    }

    pub(crate) fn test() -> Self
    where
        M: Send + Sync + 'static,
    {
        Sink { context: Context::detached(), to: To::Test(Box::new(Test { sent: Vec::new(), end: None })) }
    }

    /// Sends a message; blocks until there is room.
    pub(crate) fn send(&mut self, message: M) -> Result<(), Status> {
        match &mut self.to {
            To::Test(test) => test.keep(message),
            To::Call { encode, scratch } => {
                put(self.context.handle(), *encode, &message, scratch, true)?;
                Ok(())
            }
        }
    }

    /// Encodes a message, to be sent when there is room. `None`: a test has taken it.
    pub(crate) fn prepare(&mut self, message: M) -> Result<Option<Prepared<'_>>, Status> {
        match &mut self.to {
            To::Test(test) => test.keep(message).map(|()| None),
            To::Call { encode, scratch } => {
                let handle = self.context.handle().ok_or_else(no_call)?;
                Ok(Some(Prepared { handle, wire: Wire::of(*encode, &message, scratch)? }))
            }
        }
    }

    /// Sends a message if there is room now.
    pub(crate) fn offer(&mut self, message: M) -> Result<(), TrySendError<M>> {
        let sent = match &mut self.to {
            To::Test(test) => return test.keep(message).map_err(failed),
            To::Call { encode, scratch } => put(self.context.handle(), *encode, &message, scratch, false),
        };
        outcome(sent, message)
    }

    pub(crate) fn remote(&self) -> Remote<M> {
        match &self.to {
            To::Call { encode, .. } => Remote { handle: self.context.handle().cloned(), encode: Some(*encode) },
            To::Test(_) => Remote { handle: None, encode: None },
        }
    }

    pub(crate) fn end_after(&mut self, messages: usize, status: Status) {
        if let To::Test(test) = &mut self.to {
            test.end_after(messages, status);
        }
    }

    pub(crate) fn sent(&self) -> &[M] {
        match &self.to {
            To::Test(test) => test.sent(),
            To::Call { .. } => &[],
        }
    }

    pub(crate) fn take_sent(&mut self) -> Vec<M> {
        match &mut self.to {
            To::Test(test) => test.take(),
            To::Call { .. } => Vec::new(),
        }
    }
}

/// A message on its way: encoded, and the call that it is for.
pub(crate) struct Prepared<'a> {
    pub(crate) handle: &'a Arc<dyn CallHandle>,
    pub(crate) wire: Wire<'a>,
}

/// An encoded message.
pub(crate) struct Wire<'a> {
    scratch: &'a [u8],
    /// Instead of `scratch`, for a large one.
    shared: Option<Bytes>,
}

impl<'a> Wire<'a> {
    pub(crate) fn of<M>(encode: EncodeFn<M>, message: &M, scratch: &'a mut Vec<u8>) -> Result<Self, Status> {
        scratch.clear();
        encode(message, scratch)?;
        if scratch.len() <= COPIED_UP_TO {
            return Ok(Wire { scratch, shared: None });
        }
        Ok(Wire { shared: Some(Bytes::from(core::mem::take(scratch))), scratch: &[] })
    }

    /// The shared bytes of a large message; of a small one `scratch` is all there is.
    pub(crate) fn into_shared(self) -> Option<Bytes> {
        self.shared
    }

    /// Its bytes, to be kept while there is no room for it.
    pub(crate) fn queued(self) -> Queued {
        Queued { scratch: self.scratch.to_vec(), shared: self.shared }
    }

    /// Of what [`into_shared`](Self::into_shared) gave, and the buffer that it was made with.
    pub(crate) fn again(scratch: &'a [u8], shared: Option<&Bytes>) -> Self {
        Wire { scratch, shared: shared.cloned() }
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        match &self.shared {
            Some(bytes) => Payload::Shared(bytes),
            None => Payload::Slice(self.scratch),
        }
    }
}

/// An encoded message that waits for room.
pub(crate) struct Queued {
    scratch: Vec<u8>,
    shared: Option<Bytes>,
}

impl Queued {
    /// To be sent.
    pub(crate) fn wire(&self) -> Wire<'_> {
        Wire::again(&self.scratch, self.shared.as_ref())
    }
}

/// A way to a call from anywhere; what pushers are made of.
pub(crate) struct Remote<M> {
    handle: Option<Arc<dyn CallHandle>>,
    encode: Option<EncodeFn<M>>,
}

impl<M> Remote<M> {
    /// The call, and how its messages are written.
    pub(crate) fn call(&self) -> Result<(&Arc<dyn CallHandle>, EncodeFn<M>), Status> {
        self.handle.as_ref().zip(self.encode).ok_or_else(no_call)
    }

    pub(crate) fn send(&self, message: &M) -> Result<(), Status> {
        self.put(message, true).map(|_| ())
    }

    pub(crate) fn offer(&self, message: M) -> Result<(), TrySendError<M>> {
        outcome(self.put(&message, false), message)
    }

    fn put(&self, message: &M, wait: bool) -> Result<bool, Status> {
        let (handle, encode) = self.call()?;
        put(Some(handle), encode, message, &mut Vec::new(), wait)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.handle.as_ref().is_none_or(|h| h.is_over())
    }
}

impl<M> Clone for Remote<M> {
    fn clone(&self) -> Self {
        Remote { handle: self.handle.clone(), encode: self.encode }
    }
}

/// Encodes and hands over; `Ok(false)` when there is no room and it must not wait.
fn put<M>(
    handle: Option<&Arc<dyn CallHandle>>,
    encode: EncodeFn<M>,
    message: &M,
    scratch: &mut Vec<u8>,
    wait: bool,
) -> Result<bool, Status> {
    let handle = handle.ok_or_else(no_call)?;
    handle.send(Wire::of(encode, message, scratch)?.payload(), wait)
}

fn outcome<M>(sent: Result<bool, Status>, message: M) -> Result<(), TrySendError<M>> {
    match sent {
        Ok(true) => Ok(()),
        Ok(false) => Err(TrySendError::Full(message)),
        Err(status) => Err(failed(status)),
    }
}

fn failed<M>(status: Status) -> TrySendError<M> {
    TrySendError::Failed(SendError::Failed(status))
}

#[cold]
fn no_call() -> Status {
    Status::cancelled("there is no call to send on")
}

/// What a sender of a test does with its messages.
trait Kept<M> {
    fn keep(&mut self, message: M) -> Result<(), Status>;
    fn end_after(&mut self, messages: usize, status: Status);
    fn sent(&self) -> &[M];
    fn take(&mut self) -> Vec<M>;
}

struct Test<M> {
    sent: Vec<M>,
    /// After how many messages the caller goes.
    end: Option<(usize, Status)>,
}

impl<M> Kept<M> for Test<M> {
    fn keep(&mut self, message: M) -> Result<(), Status> {
        match &self.end {
            Some((messages, status)) if self.sent.len() >= *messages => Err(status.clone()),
            _ => {
                self.sent.push(message);
                Ok(())
            }
        }
    }

    fn end_after(&mut self, messages: usize, status: Status) {
        self.end = Some((messages, status));
    }

    fn sent(&self) -> &[M] {
        &self.sent
    }

    fn take(&mut self) -> Vec<M> {
        core::mem::take(&mut self.sent)
    }
}
