//! Ciphertext on its way, and which plaintext it stands for.
//!
//! Who writes without buffering reports plaintext as written only when its ciphertext has left: then nothing is hidden that
//! somebody would have to flush. What has been encrypted cannot be taken back, so a record that the socket did not take
//! whole is kept; the writer hands the same plaintext in again, and it is only skipped.

use crate::stage::{RECORD, Stage};
use std::collections::VecDeque;

/// Ciphertext kept at once, bytes: several records for one system call.
const BATCH: usize = 64 * 1024;
/// Room that an empty one keeps.
const KEPT: usize = 4 * 1024;
/// A record without its plaintext, bytes at most (TLS 1.2 with AES: head, nonce, tag), rounded up.
const OVERHEAD: usize = 32;

/// The way out of a [`Stage`], for a pipe that takes what it can. The loop of one write:
///
/// ```no_run
/// # fn write(stage: &mut proto_tls::Stage, outbox: &mut proto_tls::Outbox, plaintext: &[u8], mut socket: impl std::io::Write)
/// # -> std::io::Result<usize> {
/// outbox.fill(stage, [plaintext]);
/// let n = socket.write(outbox.bytes())?;
/// outbox.advance(n);
/// Ok(outbox.take_accepted()) // plaintext whose records have left; 0: hand the same plaintext in again later
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    /// Records with plaintext that have not left whole: where each ends in `bytes`, and how much plaintext it holds.
    records: VecDeque<(usize, usize)>,
    /// Plaintext of `records`.
    held: usize,
    /// Plaintext of records that have left, not yet reported.
    accepted: usize,
}

impl Outbox {
    /// An empty one.
    pub fn new() -> Self {
        Outbox::default()
    }

    /// Takes what the stage has to send by itself, and encrypts this plaintext, without what an earlier call has taken of it and
    /// `take_accepted` has not reported: up to 64 KiB at once, in records of up to 16 KiB, small segments together in one.
    pub fn fill<'a, S>(&mut self, stage: &mut Stage, plaintext: S)
    where
        S: IntoIterator<Item = &'a [u8]>,
        S::IntoIter: Clone,
    {
        stage.poll_transmit(&mut self.bytes);
        let segments = plaintext.into_iter();
        let mut skip = self.held + self.accepted;
        let whole: usize = segments.clone().map(<[u8]>::len).sum();
        // Room for all of it at once: what grows is moved.
        let batch = whole.saturating_sub(skip).min((BATCH + RECORD).saturating_sub(self.bytes.len() - self.sent));
        self.bytes.reserve(batch + batch.div_ceil(RECORD) * OVERHEAD);
        while skip < whole && self.bytes.len() - self.sent < BATCH {
            let mut over = skip;
            let rest = segments.clone().map(|segment| {
                let cut = segment.len().min(over);
                over -= cut;
                &segment[cut..]
            });
            let taken = stage.send(rest);
            if taken == 0 {
                return;
            }
            stage.poll_transmit(&mut self.bytes);
            self.records.push_back((self.bytes.len(), taken));
            self.held += taken;
            skip += taken;
        }
    }

    /// Takes what the stage has to send by itself: a handshake, an alert, a close_notify.
    pub fn collect(&mut self, stage: &mut Stage) {
        stage.poll_transmit(&mut self.bytes);
    }

    /// Ciphertext to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Does it hold records with plaintext that have not left whole? What comes behind them has to wait for them.
    pub fn holds_plaintext(&self) -> bool {
        self.held > 0
    }

    /// Is everything written?
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// So many bytes of [`bytes`](Self::bytes) were written.
    pub fn advance(&mut self, n: usize) {
        self.sent = (self.sent + n).min(self.bytes.len());
        while let Some((_, plaintext)) = self.records.front().filter(|(end, _)| *end <= self.sent) {
            self.held -= plaintext;
            self.accepted += plaintext;
            self.records.pop_front();
        }
        if self.is_empty() {
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                // Shrinking would keep the place, and move it with the next large write.
                self.bytes = Vec::new();
            }
            self.sent = 0;
        }
    }

    /// How much plaintext has left since the last call.
    pub fn take_accepted(&mut self) -> usize {
        std::mem::take(&mut self.accepted)
    }
}
