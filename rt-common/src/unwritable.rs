//! A connection to which a write has failed: it ends when all that the peer had said before was read.
//!
//! An answer, a GOAWAY, the client's CANCEL lie in the socket still when the peer has closed it. So whoever wrote keeps the
//! error here, and whoever reads goes on, also where input would wait for the peer to take output, until a read *that began
//! later* finds nothing. Only then is the connection lost, by the error of the write: that is what the runtimes do with it.

use std::io;

/// Bytes that are read of a connection after a write to it has failed, for a peer that goes on talking: more than a system
/// holds for a socket unless it is told to.
pub const HEARD_OUT: usize = 8 << 20;

/// How writing ended, and how much may still be read.
#[derive(Debug)]
pub struct Unwritable {
    error: io::Error,
    left: usize,
}

impl Unwritable {
    /// A write failed.
    pub fn new(error: io::Error) -> Self {
        Unwritable { error, left: HEARD_OUT }
    }

    /// So many bytes were read since. True: that is enough, the connection is lost.
    #[must_use]
    pub fn is_heard_out(&mut self, bytes: usize) -> bool {
        self.left = self.left.saturating_sub(bytes);
        self.left == 0
    }

    /// By what the connection is lost.
    pub fn into_error(self) -> io::Error {
        self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_goes_on_talking_is_heard_for_so_many_bytes() {
        let mut unwritable = Unwritable::new(io::ErrorKind::BrokenPipe.into());
        assert!(!unwritable.is_heard_out(HEARD_OUT - 1));
        assert!(!unwritable.is_heard_out(0));
        assert!(unwritable.is_heard_out(1));
        assert_eq!(unwritable.into_error().kind(), io::ErrorKind::BrokenPipe);
    }
}
