//! TLS on the link, used as the runtimes' pipes use it: a record is copied once, as a socket would copy it.

use super::wire::SEGMENTS;
use proto_core::{Incoming, Outgoing, Status};
use proto_tls::testkit::Authority;
use proto_tls::{Duplex, Scratch, Writing};

/// Both ends.
#[derive(Debug)]
pub(super) struct Tls {
    client: Duplex,
    server: Duplex,
}

/// One direction.
pub(super) struct Way<'a> {
    from: &'a mut Duplex,
    to: &'a mut Duplex,
}

impl Tls {
    /// After the handshake.
    pub(super) fn new() -> Result<Self, Status> {
        let failed = |error: &dyn std::fmt::Display| Status::internal(format!("TLS: {error}"));
        let authority = Authority::new("benches").map_err(|e| failed(&e))?;
        let issued = authority.issue("localhost").map_err(|e| failed(&e))?;
        let client = authority.client().build().map_err(|e| failed(&e))?;
        let server = issued.server().build().map_err(|e| failed(&e))?;
        let mut tls = Tls {
            client: Duplex::new(client.stage("localhost").map_err(|e| failed(&e))?),
            server: Duplex::new(server.stage().map_err(|e| failed(&e))?),
        };
        while {
            let (up, down) = (tls.up().shake(), tls.down().shake());
            up || down
        } {}
        let stand = tls.client.stands().map_err(|e| failed(&e))? && tls.server.stands().map_err(|e| failed(&e))?;
        if stand { Ok(tls) } else { Err(Status::internal("TLS: the handshake is not over")) }
    }

    pub(super) fn up(&mut self) -> Way<'_> {
        Way { from: &mut self.client, to: &mut self.server }
    }

    pub(super) fn down(&mut self) -> Way<'_> {
        Way { from: &mut self.server, to: &mut self.client }
    }
}

impl Way<'_> {
    /// What TLS says by itself. True if there was anything.
    fn shake(&mut self) -> bool {
        let Writing::This(outbox) = self.from.begin_own() else { return false };
        self.to.take_in(outbox.bytes());
        let n = outbox.bytes().len();
        self.from.end_write(outbox, n);
        n > 0
    }

    /// One write at one end, and the read of it at the other. The bytes on the wire.
    pub(super) fn carry(
        &mut self,
        from: &mut Outgoing,
        into: &mut Incoming,
        receive: &mut impl FnMut(&mut Incoming),
    ) -> u64 {
        let mut segments: [&[u8]; SEGMENTS] = [&[]; SEGMENTS];
        let used = from.segments(&mut segments);
        let Writing::This(outbox) = self.from.begin_write(segments[..used].iter().copied()) else { return 0 };
        let mut scratch = Scratch::take();
        let room = scratch.room_for(into.spare().len());
        let n = outbox.bytes().len().min(room.len());
        room[..n].copy_from_slice(&outbox.bytes()[..n]);
        from.advance(self.from.end_write(outbox, n));
        // A fault leaves the call unanswered, which is noticed.
        let (mut plaintext, _) = self.to.take_through(&room[..n], into.spare());
        while plaintext > 0 {
            into.filled(plaintext);
            receive(into);
            plaintext = self.to.take_out(into.spare()).ok().flatten().unwrap_or(0);
        }
        n as u64
    }
}
