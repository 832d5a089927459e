//! How a call of a client begins, whatever its runtime: [`Outset`].

use super::cancel::CancelToken;
use super::request::{CallDefaults, RequestOptions};
use crate::call::{CallOptions, Kind};
use crate::channel::Waiter;
use crate::grpc::Status;
use crate::time::Instant;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a call begins with: its options, with what the channel fills in, and its one message, if its client does not stream.
pub struct Outset<R> {
    /// What the connection needs to know of it.
    pub options: CallOptions,
    /// What may cancel it, which the front watches.
    pub tokens: Vec<Arc<dyn CancelToken>>,
    /// How it waits for a connection.
    pub waiter: Waiter,
    /// The one message, encoded.
    pub request: Option<R>,
    /// It is over before it has begun: its options or its message cannot be used.
    pub over: Option<Status>,
}

impl CallDefaults {
    /// The outset of a call of this kind that starts `now`. `request`: its one message, encoded; `Err`: what is wrong with it.
    /// Of two mistakes that of the options is told.
    pub fn outset<R>(
        &self,
        options: RequestOptions,
        kind: Kind,
        request: Result<Option<R>, Status>,
        now: Instant,
    ) -> Outset<R> {
        let (options, mut over) = match self.complete(options) {
            Ok(options) => (options, None),
            Err(status) => (RequestOptions::default(), Some(status)),
        };
        let request = request.unwrap_or_else(|status| {
            over.get_or_insert(status);
            None
        });
        let waiter = Waiter::new(options.wait_for_ready);
        let (options, tokens) = options.into_call_options(kind, now);
        Outset { options, tokens, waiter, request, over }
    }
}
