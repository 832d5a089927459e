//! Who notices that a stream is stuck: a thread of its own, parked while nothing waits to be written.

use super::link::{Doing, Link, Seen};
use super::rules;
use proto_core::time::Instant;
use rt_common::stream::{BLOCKED_READ, BLOCKED_WRITE, QUIET, StreamError};
use std::sync::Arc;
use std::time::Duration;

/// For how long things may stay as they are seen.
fn limit(seen: Seen) -> Option<Duration> {
    match seen {
        Seen::Busy { doing: Doing::Reading, .. } => Some(BLOCKED_READ),
        Seen::Busy { doing: Doing::Writing, .. } => Some(BLOCKED_WRITE),
        Seen::Failing { .. } => Some(QUIET),
        Seen::Over | Seen::Calm | Seen::Busy { doing: Doing::Else, .. } => None,
    }
}

/// Until the connection is over.
pub(super) fn watch(link: &Arc<Link>) {
    let mut since: Option<(Seen, Instant)> = None;
    loop {
        let seen = link.look();
        let now = link.os.now();
        let began = match since {
            Some((before, began)) if before == seen => began,
            _ => now,
        };
        since = Some((seen, began));
        let next = match (seen, limit(seen)) {
            (Seen::Over, _) => return,
            (Seen::Calm, _) => None,
            (_, Some(limit)) if now < began + limit => Some((began + limit).min(now + BLOCKED_READ)),
            // It lasts, and is not wrong.
            (_, None) => Some(now + BLOCKED_READ),
            (Seen::Failing { .. }, _) if link.in_force(rules::QUIET_ENDS) => return link.give_up(),
            (Seen::Busy { doing: Doing::Reading, .. }, _) if link.in_force(rules::STUCK_IS_NOTICED) => {
                return link.fail(StreamError::ReadBlocks);
            }
            (Seen::Busy { .. }, _) if link.in_force(rules::STUCK_IS_NOTICED) => {
                return link.fail(StreamError::WriteBlocks);
            }
            // (Without a rule.)
            _ => None,
        };
        link.os.park(next);
    }
}
