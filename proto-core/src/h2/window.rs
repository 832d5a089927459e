//! Flow control windows (RFC 9113 section 5.2 and 6.9), the same for a stream and for the connection, and the pool from which
//! streams borrow beyond their own. All arithmetic is checked: the numbers are the peer's.

use super::StreamKey;
use crate::error::ErrorCode::FlowControlError;
use crate::frame::FrameError;
use alloc::collections::VecDeque;

/// What both sides start with (RFC 9113 section 6.9.2).
pub(super) const DEFAULT_WINDOW: u32 = 65_535;

/// The largest window (RFC 9113 section 6.9.1).
pub(super) const MAX_WINDOW: u32 = 0x7fff_ffff;

/// The largest loan, and with its prefix the largest message: 1 GiB, so that a window with it stays below 2^31.
pub(super) const MAX_LOAN: usize = crate::config::MAX_MESSAGE + 5;

/// The connection's two windows as this side counts them, for tests and for whoever looks into a connection that stands
/// still (RFC 9113 section 6.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Bytes of body that we may still send.
    pub send: i64,
    /// Bytes of body that the peer may still send, as far as we have told it.
    pub receive: i64,
    /// Bytes that were taken and not given back to the peer yet; small amounts are saved up.
    pub owed: u32,
}

impl Windows {
    pub(super) fn of(send: SendWindow, receive: RecvWindow) -> Self {
        Windows { send: send.0, receive: receive.allowed, owed: receive.owed }
    }
}

/// What we may send. Negative after the peer has reduced its SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 section 6.9.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct SendWindow(i64);

impl SendWindow {
    pub(super) fn new(size: u32) -> Self {
        SendWindow(i64::from(size))
    }

    /// Bytes that may go now.
    pub(super) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// `n` bytes went, which were available.
    pub(super) fn sent(&mut self, n: usize) {
        self.0 -= n as i64;
    }

    /// The peer gives `n` more, or takes some back through SETTINGS. False beyond 2^31-1.
    #[must_use]
    pub(super) fn grow(&mut self, n: i64) -> bool {
        // Both are within 2^32, far from the ends of an i64.
        self.0 += n;
        self.0 <= i64::from(MAX_WINDOW)
    }
}

/// What the peer may send, and what we owe it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecvWindow {
    /// Bytes that the peer may still send.
    allowed: i64,
    /// Bytes that are done with and not given back yet.
    owed: u32,
}

impl RecvWindow {
    pub(super) fn new(size: u32) -> Self {
        RecvWindow { allowed: i64::from(size), owed: 0 }
    }

    /// The peer sent `n` bytes. False if it must not have.
    #[must_use]
    pub(super) fn received(&mut self, n: u32) -> bool {
        self.allowed -= i64::from(n);
        self.allowed >= 0
    }

    /// `n` bytes are done with.
    pub(super) fn consumed(&mut self, n: usize) {
        self.owed = self.owed.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
    }

    /// How far the window falls short of `n` bytes that are to come.
    pub(super) fn lacks(self, n: u64) -> u64 {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        u64::try_from(n.saturating_sub(self.allowed)).unwrap_or(0)
    }

    /// The increment to announce, once at least `least` is owed.
    pub(super) fn give_back(&mut self, least: u32) -> Option<u32> {
        if self.owed == 0 || self.owed < least {
            return None;
        }
        let room = i64::from(MAX_WINDOW) - self.allowed;
        let increment = i64::from(self.owed).min(room);
        self.owed -= increment as u32;
        self.allowed += increment;
        (increment > 0).then_some(increment as u32)
    }

    /// Our SETTINGS_INITIAL_WINDOW_SIZE took effect, or a loan was granted.
    pub(super) fn grow(&mut self, n: i64) {
        self.allowed += n;
    }
}

/// The pool of a connection from which a stream borrows the whole remainder of a message that somebody waits for.
///
/// Guard against: memory without bound (100 streams of 4 MiB each), and against deadlock between messages that have each arrived in
/// part: a loan is granted whole or not at all, first come first served.
///
/// A message that nobody waits for yet may arrive early, but only while it leaves room for the largest message (`reserve`): or replies that nobody
/// pulls would hold the whole pool, and the one that somebody waits for would never come.
#[derive(Debug)]
pub(super) struct LoanPool {
    total: usize,
    free: usize,
    /// What only messages that somebody waits for may borrow.
    reserve: usize,
    /// Streams whose message somebody waits for.
    waiting: VecDeque<(StreamKey, u32)>,
    /// Streams whose message may come early; behind all others.
    early: VecDeque<(StreamKey, u32)>,
    /// How often a stream had to wait for others to return their loan.
    pub(super) waits: u64,
}

impl LoanPool {
    /// A pool of this many bytes.
    pub(super) fn new(total: usize) -> Self {
        LoanPool { total, free: total, reserve: 0, waiting: VecDeque::new(), early: VecDeque::new(), waits: 0 }
    }

    /// Messages may have up to `n` bytes: the pool holds two of them, so that one can come early and one that is waited for.
    pub(super) fn allow(&mut self, n: usize) {
        self.reserve = self.reserve.max(n.min(MAX_LOAN));
        let more = self.reserve.saturating_mul(2).saturating_sub(self.total);
        self.total += more;
        self.free += more;
    }

    /// Asks for `n` bytes (at most the whole pool): granted now, or in its turn by `next_granted`. Returns what is granted now.
    pub(super) fn borrow(&mut self, key: StreamKey, n: u64, waited_for: bool) -> u32 {
        let n = usize::try_from(n).unwrap_or(usize::MAX).min(self.total).min(MAX_LOAN);
        // `MAX_LOAN` fits.
        let amount = n as u32;
        let first = self.waiting.is_empty() && (waited_for || self.early.is_empty());
        if first && n <= self.room(waited_for) {
            self.free -= n;
            return amount;
        }
        self.waits += 1;
        let queue = if waited_for { &mut self.waiting } else { &mut self.early };
        queue.push_back((key, amount));
        0
    }

    fn room(&self, waited_for: bool) -> usize {
        if waited_for { self.free } else { self.free.saturating_sub(self.reserve) }
    }

    /// Somebody waits now for what might have come early.
    pub(super) fn hurry(&mut self, key: StreamKey) {
        if let Some(at) = self.early.iter().position(|(waiting, _)| *waiting == key) {
            self.waiting.extend(self.early.remove(at));
        }
    }

    /// The next stream whose turn has come, and its loan.
    pub(super) fn next_granted(&mut self) -> Option<(StreamKey, u32)> {
        let waited_for = !self.waiting.is_empty();
        let room = self.room(waited_for);
        let queue = if waited_for { &mut self.waiting } else { &mut self.early };
        let (_, amount) = queue.front()?;
        if *amount as usize > room {
            return None;
        }
        self.free -= *amount as usize;
        queue.pop_front()
    }

    /// A loan, or a part of one, comes back.
    pub(super) fn repay(&mut self, n: u32) {
        self.free = (self.free + n as usize).min(self.total);
    }

    /// The stream does not wait any more.
    pub(super) fn forget(&mut self, key: StreamKey) {
        self.waiting.retain(|(waiting, _)| *waiting != key);
        self.early.retain(|(waiting, _)| *waiting != key);
    }

    /// Bytes lent.
    pub(super) fn lent(&self) -> usize {
        self.total - self.free
    }
}

/// The fault of a peer that sends more than it may.
pub(super) fn overrun(stream: u32) -> FrameError {
    let what = "DATA beyond the window (RFC 9113 section 6.9)";
    FrameError { code: FlowControlError, stream: (stream != 0).then_some(stream), what }
}

/// The fault of a peer that lets us send more than 2^31-1 bytes.
pub(super) fn overflow(stream: u32) -> FrameError {
    let what = "a window above 2^31-1 (RFC 9113 section 6.9.1)";
    FrameError { code: FlowControlError, stream: (stream != 0).then_some(stream), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(slot: u32) -> StreamKey {
        StreamKey { slot, generation: 0 }
    }

    #[test]
    fn a_send_window_goes_below_zero_by_settings_and_never_above_the_largest() {
        let mut window = SendWindow::new(100);
        window.sent(80);
        assert!(window.grow(-50));
        assert_eq!(window.available(), 0);
        assert!(window.grow(31));
        assert_eq!(window.available(), 1);
        assert!(window.grow(i64::from(MAX_WINDOW) - 1));
        assert!(!window.grow(1));
    }

    #[test]
    fn what_is_owed_goes_back_at_the_threshold_and_once() {
        let mut window = RecvWindow::new(100);
        assert!(window.received(60));
        window.consumed(40);
        assert_eq!(window.give_back(50), None);
        window.consumed(20);
        assert_eq!(window.give_back(50), Some(60));
        assert_eq!(window.give_back(0), None);
        assert_eq!((window.lacks(100), window.lacks(101)), (0, 1));
        assert!(window.received(100));
        assert!(!window.received(1));
    }

    #[test]
    fn a_window_below_zero_lacks_all_that_is_missing() {
        let mut window = RecvWindow::new(10);
        window.grow(-30);
        assert_eq!((window.lacks(0), window.lacks(5)), (20, 25));
        assert_eq!(window.lacks(u64::MAX), i64::MAX as u64);
    }

    #[test]
    fn a_window_is_never_announced_beyond_the_largest() {
        let mut window = RecvWindow::new(MAX_WINDOW - 5);
        window.consumed(9);
        assert_eq!(window.give_back(1), Some(5));
        assert_eq!(window.give_back(1), None);
    }

    #[test]
    fn loans_are_whole_and_first_come_first_served() {
        let mut pool = LoanPool::new(100);
        assert_eq!(pool.borrow(key(1), 70, true), 70);
        assert_eq!(pool.borrow(key(2), 40, true), 0);
        // Would fit, and must not overtake.
        assert_eq!(pool.borrow(key(3), 10, true), 0);
        assert_eq!(pool.next_granted(), None);
        pool.repay(70);
        assert_eq!(pool.next_granted(), Some((key(2), 40)));
        assert_eq!(pool.next_granted(), Some((key(3), 10)));
        assert_eq!((pool.lent(), pool.waits), (50, 2));
    }

    #[test]
    fn what_comes_early_leaves_room_for_what_is_waited_for() {
        let mut pool = LoanPool::new(100);
        pool.allow(60);
        assert_eq!(pool.borrow(key(1), 60, false), 60);
        assert_eq!(pool.borrow(key(2), 60, false), 0, "the pool has 120 now, 60 of them in reserve");
        assert_eq!(pool.borrow(key(3), 10, true), 10);
        assert_eq!(pool.borrow(key(4), 60, true), 0);
        pool.repay(10);
        assert_eq!(pool.next_granted(), Some((key(4), 60)));
        pool.repay(60);
        assert_eq!(pool.next_granted(), None, "the first is still there");
        pool.hurry(key(2));
        assert_eq!(pool.next_granted(), Some((key(2), 60)));
    }

    #[test]
    fn a_wish_beyond_the_pool_is_the_whole_pool() {
        let mut pool = LoanPool::new(100);
        assert_eq!(pool.borrow(key(1), u64::MAX, true), 100);
        assert_eq!(pool.borrow(key(2), 1, true), 0);
        pool.forget(key(2));
        pool.repay(100);
        assert_eq!(pool.next_granted(), None);
    }
}
