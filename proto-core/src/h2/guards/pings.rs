//! How often a client may ping (gRFC A8).

use crate::error::ErrorCode::EnhanceYourCalm;
use crate::frame::FrameError;
use crate::time::Instant;
use core::time::Duration;

/// A client's PINGs (gRFC A8): at most one in `min_ping_interval` (default 5 min) while streams are open, one in 2 h otherwise; whatever we send on a stream allows one more. Two
/// strikes are forgiven, then GOAWAY ENHANCE_YOUR_CALM "too_many_pings".
#[derive(Clone, Copy, Debug)]
pub struct PingPolicy {
    /// `None` on a client: a server may ping as it likes.
    interval: Option<Duration>,
    last: Option<Instant>,
    strikes: u32,
    pings: u64,
}

impl PingPolicy {
    /// PINGs that come too early and are forgiven.
    pub const MAX_STRIKES: u32 = 2;
    /// The interval while no stream is open.
    pub const IDLE_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);
    /// The debug data of the GOAWAY.
    pub const TOO_MANY_PINGS: &'static str = "too_many_pings";

    pub(super) fn new(interval: Option<Duration>) -> Self {
        PingPolicy { interval, last: None, strikes: 0, pings: 0 }
    }

    /// PINGs received so far.
    pub fn count(&self) -> u64 {
        self.pings
    }

    /// PINGs that came too early since we last sent something on a stream.
    pub fn strikes(&self) -> u32 {
        self.strikes
    }

    /// We sent HEADERS or DATA: the next PING is welcome (it may measure the path).
    pub(in crate::h2) fn sent_on_a_stream(&mut self) {
        self.last = None;
        self.strikes = 0;
    }

    pub(in crate::h2) fn check(&mut self, now: Instant, has_streams: bool) -> Result<(), FrameError> {
        self.pings += 1;
        let Some(interval) = self.interval else { return Ok(()) };
        let interval = if has_streams { interval } else { interval.max(Self::IDLE_INTERVAL) };
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < interval) {
            self.strikes += 1;
            if self.strikes > Self::MAX_STRIKES {
                return Err(FrameError::connection(EnhanceYourCalm, Self::TOO_MANY_PINGS));
            }
        }
        self.last = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn two_early_pings_are_forgiven_and_the_third_is_not() {
        let mut policy = PingPolicy::new(Some(Duration::from_secs(300)));
        for millis in [0, 1, 2] {
            assert_eq!(policy.check(at(millis), true), Ok(()));
        }
        let fault = policy.check(at(3), true).expect_err("the third strike");
        assert_eq!((fault.code, fault.what), (EnhanceYourCalm, "too_many_pings"));
    }

    #[test]
    fn what_we_send_makes_pings_welcome() {
        let mut policy = PingPolicy::new(Some(Duration::from_secs(300)));
        for millis in 0..1_000 {
            policy.sent_on_a_stream();
            assert_eq!(policy.check(at(millis), true), Ok(()));
        }
        assert_eq!((policy.strikes(), policy.count()), (0, 1_000));
    }

    #[test]
    fn without_streams_pings_may_come_every_two_hours() {
        let mut policy = PingPolicy::new(Some(Duration::from_secs(300)));
        let hour = 3_600_000;
        for n in 0..5 {
            assert_eq!(policy.check(at(n * 2 * hour), false), Ok(()));
        }
        assert_eq!(policy.strikes(), 0);
        assert_eq!(policy.check(at(9 * hour), false), Ok(()));
        assert_eq!(policy.strikes(), 1);
    }
}
