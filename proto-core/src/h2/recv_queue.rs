//! What arrived on one stream and was not taken, and the window that bounds it.

use super::window::{DEFAULT_WINDOW, RecvWindow};
use crate::buf::ByteQueue;

/// The receiving half of a stream.
#[derive(Debug)]
pub(super) struct RecvQueue {
    pub(super) bytes: ByteQueue,
    pub(super) window: RecvWindow,
    /// Bytes borrowed from the connection's pool and not returned.
    pub(super) loan: u32,
    /// It waits in the pool's queue.
    pub(super) waits_for_loan: bool,
    /// What `content-length` leaves to come (RFC 9113 section 8.1.1).
    pub(super) content_left: Option<u64>,
}

impl Default for RecvQueue {
    fn default() -> Self {
        RecvQueue {
            bytes: ByteQueue::default(),
            window: RecvWindow::new(DEFAULT_WINDOW),
            loan: 0,
            waits_for_loan: false,
            content_left: None,
        }
    }
}

impl RecvQueue {
    /// A new stream's. The buffers were emptied by `reset`.
    pub(super) fn begin(&mut self, window: u32) {
        self.window = RecvWindow::new(window);
        self.content_left = None;
    }

    /// `n` bytes were taken by the application, or dropped: a loan is returned first (the result, for the pool), the rest is owed to the peer.
    pub(super) fn taken(&mut self, n: usize) -> u32 {
        let repaid = u32::try_from(n).unwrap_or(u32::MAX).min(self.loan);
        self.loan -= repaid;
        self.window.consumed(n - repaid as usize);
        repaid
    }

    /// Nothing more will come: the part of a loan that no queued byte needs. `window` is what a stream has without a loan.
    pub(super) fn unneeded_loan(&mut self, window: u32) -> u32 {
        let needed = self.bytes.len().saturating_sub(window as usize);
        let returned = self.loan.saturating_sub(u32::try_from(needed).unwrap_or(u32::MAX));
        self.loan -= returned;
        returned
    }

    /// Counts `n` bytes against `content-length`. False if there are more than it said.
    #[must_use]
    pub(super) fn count_content(&mut self, n: usize) -> bool {
        match &mut self.content_left {
            None => true,
            Some(left) => match left.checked_sub(n as u64) {
                Some(rest) => {
                    *left = rest;
                    true
                }
                None => false,
            },
        }
    }

    /// All that `content-length` announced is here.
    pub(super) fn content_is_complete(&self) -> bool {
        self.content_left.is_none_or(|left| left == 0)
    }

    /// Drops what waits. Returns the loan, for the pool.
    pub(super) fn reset(&mut self) -> u32 {
        self.bytes.reset();
        core::mem::take(&mut self.loan)
    }
}
