//! A socket that never blocks, for loops that look in every turn, or frame.

use proto_core::rpc::driven::Driven;
use proto_core::{Incoming, Instant, Outgoing};
use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::net::TcpStream;

/// A socket, and what is on its way through it.
#[derive(Debug)]
pub struct Port {
    socket: TcpStream,
    incoming: Incoming,
    outgoing: Outgoing,
}

impl Port {
    /// Over this socket, which blocks no more from now on.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Port { socket, incoming: Incoming::new(), outgoing: Outgoing::new() })
    }

    /// Input before time. What is too much for this turn waits for the next.
    pub fn receive<R>(&mut self, connection: &mut Driven<R>, now: Instant) {
        let mut reads = 0..4;
        while reads.next().is_some() && connection.wants_input() {
            match self.socket.read(self.incoming.spare()) {
                Ok(0) => connection.receive_eof(now),
                Ok(n) => {
                    self.incoming.filled(n);
                    // An error closes the connection, and its last words wait to be written.
                    let _ = connection.receive(now, &mut self.incoming);
                }
                Err(error) if error.kind() == WouldBlock => break,
                Err(error) => connection.lost(now, error.to_string(), Some(self.outgoing.written())),
            }
        }
        connection.handle_timeout(now);
    }

    /// What the socket does not take now is tried again in the next turn. False: the connection is over.
    pub fn transmit<R>(&mut self, connection: &mut Driven<R>, now: Instant) -> bool {
        while connection.poll_transmit(now, &mut self.outgoing) {
            match self.socket.write(self.outgoing.chunk()) {
                Ok(n) => self.outgoing.advance(n),
                Err(error) if error.kind() == WouldBlock => break,
                // What the peer said before is heard first, in the next turn; then the connection is over.
                Err(error) => connection.write_failed(now, &error, &self.outgoing),
            }
        }
        !connection.is_over(self.outgoing.is_empty())
    }
}
