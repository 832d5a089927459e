//! How a stream that somebody else has opened fails, and how long it may be stuck.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// How long what is to be written may wait behind one `read` of a stream that is read and written in turns (`rt-std`). It is
/// noticed within twice this time. Longer than any time-out that would make sense there: all that we say waits for it.
pub const BLOCKED_READ: Duration = Duration::from_secs(1);
/// How long one `write` of a stream that is read and written in turns may take, since nothing can be read meanwhile. As long
/// as a peer may take to answer a ping by default: who takes no byte in it is gone, or waits for us to read.
pub const BLOCKED_WRITE: Duration = Duration::from_secs(20);
/// How long a stream whose `write` has failed may bring nothing before its connection ends: what was on its way (replies)
/// has come by then. Calls that begin meanwhile wait so long, and fail.
pub const QUIET: Duration = Duration::from_secs(5);

/// How a stream that was handed to `serve_connection` or `Channel::from_io` has failed. What failed of it, in whose words; or
/// which mistake was made with it, and the cure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StreamError {
    /// Its `read` failed.
    Read(Arc<io::Error>),
    /// Its `write` or `flush` failed.
    Write(Arc<io::Error>),
    /// What there was to write has waited for [`BLOCKED_READ`] behind a `read` that does not return.
    ReadBlocks,
    /// A `write` or `flush` has not returned for [`BLOCKED_WRITE`]; nothing can be read meanwhile.
    WriteBlocks,
    /// One of its methods panicked.
    Panicked,
}

impl StreamError {
    /// Has the peer gone, rather than the stream failed?
    pub fn is_loss(&self) -> bool {
        use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof};
        let lost = [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof];
        match self {
            StreamError::Read(error) | StreamError::Write(error) => lost.contains(&error.kind()),
            _ => false,
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Read(error) => write!(f, "reading from the stream failed: {error}"),
            StreamError::Write(error) => write!(f, "writing to the stream failed: {error}"),
            StreamError::ReadBlocks => write!(
                f,
                "the stream's read blocks, and what there is to write has waited behind it for {BLOCKED_READ:?}: set a \
                 read time-out or non-blocking mode, or pass its two halves (rt_std::Halves)"
            ),
            StreamError::WriteBlocks => write!(
                f,
                "the stream's write has blocked for {BLOCKED_WRITE:?}, and nothing can be read meanwhile: set a write \
                 time-out or non-blocking mode, or pass its two halves (rt_std::Halves)"
            ),
            StreamError::Panicked => f.write_str("the stream's read or write panicked"),
        }
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StreamError::Read(error) | StreamError::Write(error) => Some(&**error),
            StreamError::ReadBlocks | StreamError::WriteBlocks | StreamError::Panicked => None,
        }
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match &error {
            StreamError::Read(error) | StreamError::Write(error) => error.kind(),
            _ => ErrorKind::Other,
        };
        // These would be taken for "not now" further up.
        let again = matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted);
        io::Error::new(if again { ErrorKind::Other } else { kind }, error)
    }
}
