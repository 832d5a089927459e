//! Virtual time.

use crate::time::Instant;
use core::time::Duration;

/// A clock that goes on when it is told to.
#[derive(Clone, Debug)]
pub struct Clock(Instant);

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

impl Clock {
    /// It starts somewhere: a day after the driver's origin, so that nothing rests on zero.
    pub fn new() -> Self {
        Clock(Instant::ZERO + Duration::from_secs(24 * 60 * 60))
    }

    /// Now.
    pub fn now(&self) -> Instant {
        self.0
    }

    /// Time passes.
    pub fn advance(&mut self, by: Duration) {
        self.0 = self.0 + by;
    }

    /// Time passes until `then`, if that is to come.
    pub fn advance_to(&mut self, then: Instant) {
        self.0 = self.0.max(then);
    }
}
