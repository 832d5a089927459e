//! One direction of the link: what one end transmits, copied into what the other receives (as a socket would copy it).

use super::tls::Way;
use proto_core::{Incoming, Outgoing};

/// Slices handed over at once, as to `writev`.
pub(super) const SEGMENTS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Wire {
    outgoing: Outgoing,
    incoming: Incoming,
    /// Bytes carried so far.
    pub(super) bytes: u64,
    /// How often the sender had something to write: system calls, were this a socket.
    pub(super) writes: u64,
}

impl Wire {
    /// Moves what `transmit` yields to `receive`, to the end. True if there was anything.
    pub(super) fn carry(
        &mut self,
        mut tls: Option<Way<'_>>,
        mut transmit: impl FnMut(&mut Outgoing) -> bool,
        mut receive: impl FnMut(&mut Incoming),
    ) -> bool {
        let mut moved = false;
        loop {
            if self.outgoing.is_empty() && !transmit(&mut self.outgoing) {
                return moved;
            }
            moved = true;
            self.writes += 1;
            if let Some(tls) = &mut tls {
                self.bytes += tls.carry(&mut self.outgoing, &mut self.incoming, &mut receive);
                continue;
            }
            let n = read(&self.outgoing, &mut self.incoming);
            self.outgoing.advance(n);
            self.bytes += n as u64;
            receive(&mut self.incoming);
        }
    }
}

/// One `writev` at one end and one `read` at the other.
fn read(from: &Outgoing, into: &mut Incoming) -> usize {
    let mut segments: [&[u8]; SEGMENTS] = [&[]; SEGMENTS];
    let used = from.segments(&mut segments);
    let mut filled = 0;
    let spare = into.spare();
    for segment in &segments[..used] {
        let n = segment.len().min(spare.len() - filled);
        spare[filled..filled + n].copy_from_slice(&segment[..n]);
        filled += n;
        if n < segment.len() {
            break;
        }
    }
    into.filled(filled);
    filled
}
