//! The streams of a blocking handler: `Receiver` of requests, `Sender` of replies.

use super::context::Context;
use super::method::{DecodeFn, EncodeFn};
use crate::buf::MessageBuf;
use crate::grpc::Status;
use alloc::vec::Vec;

/// Why a message was not sent.
#[derive(Clone, Debug)]
pub enum SendError {
    /// The call is over already; `finish` or the receiving side tells how.
    Ended,
    /// It failed (too large, cannot be encoded).
    Failed(Status),
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            SendError::Ended => f.write_str("the call has ended"),
            SendError::Failed(status) => status.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}

impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Ended => Status::cancelled("the call has ended"),
            SendError::Failed(status) => status,
        }
    }
}

/// Requests of a streaming call, in order: an `Iterator` of `Result<M, Status>`.
pub struct Receiver<M> {
    context: Context,
    decode: Option<DecodeFn<M>>,
    buffer: MessageBuf,
    test: Vec<M>,
}

impl<M> Receiver<M> {
    /// Of a call.
    pub fn new(context: Context, decode: DecodeFn<M>) -> Self {
        Receiver { context, decode: Some(decode), buffer: MessageBuf::new(), test: Vec::new() }
    }
    /// The call's context.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl<M> Iterator for Receiver<M> {
    type Item = Result<M, Status>;
    fn next(&mut self) -> Option<Self::Item> {
        let _ = (&self.decode, &mut self.buffer, &mut self.test);
        todo!()
    }
}

/// Replies of a streaming call.
pub struct Sender<M> {
    context: Context,
    encode: Option<EncodeFn<M>>,
    scratch: Vec<u8>,
    test: Vec<M>,
}

impl<M> Sender<M> {
    /// Of a call.
    pub fn new(context: Context, encode: EncodeFn<M>) -> Self {
        Sender { context, encode: Some(encode), scratch: Vec::new(), test: Vec::new() }
    }
    /// The call's context.
    pub fn context(&self) -> &Context {
        &self.context
    }
    /// Sends one reply; blocks while the client does not read. `Err` when the caller has gone.
    pub fn send(&mut self, message: M) -> Result<(), Status> {
        let _ = (&self.encode, &mut self.scratch, &mut self.test, message);
        todo!()
    }
}
