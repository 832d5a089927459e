//! What a status looks like: one line for users, the same line and everything else for `Debug`.

use super::Status;
use core::fmt;

/// `NOT_FOUND: no such user`, or the code alone where there is no message.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.name())?;
        match self.message() {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

/// The line of `Display`, and behind it what else is known: `UNAVAILABLE: ... (by this side (connection lost), while
/// ..., seen by the server: maybe)`.
impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let Some(inner) = &self.inner else { return Ok(()) };
        write!(f, " (by {}", self.origin())?;
        if let Some(phase) = inner.phase {
            write!(f, ", while {phase}")?;
        }
        if let Some(seen) = inner.seen {
            write!(f, ", seen by the server: {seen}")?;
        }
        if !inner.details.is_empty() {
            write!(f, ", {} bytes of details", inner.details.len())?;
        }
        if !inner.metadata.is_empty() {
            write!(f, ", metadata {:?}", inner.metadata)?;
        }
        if let Some(source) = self.source() {
            write!(f, ", source: {source:?}")?;
        }
        f.write_str(")")
    }
}
