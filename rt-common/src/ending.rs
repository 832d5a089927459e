//! How a server's connection ends once nothing more is to be said on it.
//!
//! What it does not do: end it. The runtimes shut and close their pipes, as far as [`Ending::step`] says that they may.

use proto_core::time::Instant;
use std::time::Duration;

/// Last words that the peer does not read are dropped after this.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// From the end of our direction to closing, if the peer does not end its own.
const GOODBYE: Duration = Duration::from_secs(1);

/// A step of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Later: there is something to write, or the peer has time to read it.
    NotYet,
    /// Everything is said: our direction ends, and what the peer still sends is read and dropped. Otherwise its system
    /// would answer our close with a reset, and might drop the last words before anybody has read them.
    Shut,
    /// Nothing more will come of it.
    Close,
}

/// What there is to see of a connection whose core has closed, or whose grace is over.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Grace is over: nothing is waited for but that the last words are written.
    pub forced: bool,
    /// The pipe takes nothing now.
    pub blocked: bool,
    /// There are bytes to write.
    pub has_output: bool,
}

/// How far it has come.
#[derive(Debug, Default)]
pub struct Ending {
    shut: bool,
    until: Option<Instant>,
}

impl Ending {
    /// The next step. For a connection that has closed, or is forced to, and whose output nobody is writing.
    pub fn step(&mut self, now: Instant, sight: Sight) -> End {
        if sight.forced && (sight.blocked || !sight.has_output) || self.is_late(now) {
            return End::Close;
        }
        if !sight.has_output && !std::mem::replace(&mut self.shut, true) {
            self.until = Some(now + GOODBYE);
            return End::Shut;
        }
        self.until.get_or_insert(now + LAST_WORDS);
        End::NotYet
    }

    /// Would [`step`](Self::step) say or note something new? (It leaves nothing that would be asked for again.)
    pub fn has_step(&self, now: Instant, sight: Sight) -> bool {
        let closes = self.is_late(now) || sight.forced && sight.blocked;
        closes || self.until.is_none() || !sight.has_output && !self.shut
    }

    fn is_late(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Our direction has ended, or is to.
    pub fn is_shut(&self) -> bool {
        self.shut
    }

    /// When it is to be looked at again at the latest; `None`: it has not begun.
    pub fn due(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000_000_000);

    fn sight(has_output: bool) -> Sight {
        Sight { forced: false, blocked: false, has_output }
    }

    #[test]
    fn everything_is_said_before_our_direction_ends_and_the_peer_has_a_second_to_end_its_own() {
        let mut ending = Ending::default();
        assert_eq!(ending.step(NOW, sight(true)), End::NotYet);
        assert_eq!(ending.due(), Some(NOW + LAST_WORDS));
        assert!(!ending.has_step(NOW, sight(true)) && ending.has_step(NOW, sight(false)));
        assert_eq!(ending.step(NOW, sight(false)), End::Shut);
        assert!(ending.is_shut() && !ending.has_step(NOW, sight(false)));
        assert_eq!(ending.step(NOW, sight(false)), End::NotYet);
        assert_eq!(ending.step(NOW + GOODBYE, sight(false)), End::Close);
    }

    #[test]
    fn last_words_that_nobody_reads_are_dropped_in_time_and_at_once_when_the_grace_is_over() {
        let mut ending = Ending::default();
        assert_eq!(ending.step(NOW, sight(true)), End::NotYet);
        assert_eq!(ending.step(NOW + LAST_WORDS, sight(true)), End::Close);
        let forced = |blocked, has_output| Sight { forced: true, blocked, has_output };
        assert_eq!(Ending::default().step(NOW, forced(false, true)), End::NotYet);
        assert_eq!(Ending::default().step(NOW, forced(true, true)), End::Close);
        assert_eq!(Ending::default().step(NOW, forced(false, false)), End::Close);
    }
}
