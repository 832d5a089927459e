//! Accepting: what its errors mean, and how long to wait after them.

use std::io::{self, ErrorKind};
use std::time::Duration;

/// Connections of one round; then others have a turn.
pub const ROUND: usize = 64;
/// The first pause when the system has nothing to give.
pub const PAUSE: Duration = Duration::from_millis(5);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The pause after this one, when the system still has nothing to give: twice as long, a second at most.
pub fn next_pause(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

/// The error is one connection's, which ended before it was accepted: the next one may be fine. Everything else
/// (descriptors, memory) is ours, and lasts for a while.
pub fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_is_no_fault_of_one_connection() {
        assert!(of_one_connection(&ErrorKind::ConnectionAborted.into()));
        assert!(!of_one_connection(&io::Error::from_raw_os_error(24)));
    }

    #[test]
    fn pauses_double_up_to_a_second() {
        let pauses: Vec<_> = std::iter::successors(Some(PAUSE), |pause| Some(next_pause(*pause))).take(10).collect();
        assert_eq!(&pauses[..3], [5, 10, 20].map(Duration::from_millis));
        assert_eq!(pauses[9], Duration::from_secs(1));
    }
}
