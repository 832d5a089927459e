//! A call on its way to a worker.

use super::conn::Conn;
use proto_core::call::{CallId, Kind};
use proto_core::time::Instant;
use std::sync::Arc;

/// A method of the server, as found by its path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Which service (its index among those of the server).
    pub(super) service: usize,
    /// Its number there.
    pub(super) method: u16,
    /// Its index among all methods of the server.
    pub(super) index: usize,
    pub(super) kind: Kind,
    pub(super) path: &'static str,
}

/// One piece of a call's work.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) conn: Arc<Conn>,
    pub(super) id: CallId,
    /// The method's index, for its mean.
    pub(super) method: usize,
    /// Only `on_call` for now: the message has not arrived.
    pub(super) headers: bool,
    /// A streaming handler: it has a thread to itself.
    pub(super) stream: bool,
    /// Since when it waits.
    pub(super) at: Instant,
}

/// What a call costs while it waits in the queue (see `limits`).
const _: () = assert!(size_of::<Job>() <= 100);
