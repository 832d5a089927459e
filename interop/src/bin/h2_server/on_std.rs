//! A thread for each connection, blocking in the socket.

use crate::served::Served;
use crate::{LINGER, PAUSE};
use proto_core::{Incoming, Instant, Outgoing};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// Serves for ever.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    let origin = std::time::Instant::now();
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                std::thread::spawn(move || {
                    // A connection that breaks costs itself only.
                    let _ = Loop::new(socket, origin).run();
                });
            }
            // EMFILE and its kin pass.
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

struct Loop {
    socket: TcpStream,
    origin: std::time::Instant,
    served: Served,
    incoming: Incoming,
    outgoing: Outgoing,
}

impl Loop {
    fn new(socket: TcpStream, origin: std::time::Instant) -> Self {
        let served = Served::new(Instant::ZERO + origin.elapsed());
        Loop { socket, origin, served, incoming: Incoming::new(), outgoing: Outgoing::new() }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    /// The whole loop: write, wait for input or time, receive, answer.
    fn run(&mut self) -> io::Result<()> {
        self.socket.set_nodelay(true)?;
        loop {
            self.write_all()?;
            if self.served.connection.close_reason().is_some() {
                return self.say_goodbye();
            }
            let read = self.read();
            let (now, connection) = (self.now(), &mut self.served.connection);
            match read {
                Ok(0) => connection.receive_eof(now),
                Ok(_) => {
                    // The reason of an error stands in `close_reason`; its GOAWAY is written above.
                    let _ = connection.receive(now, &mut self.incoming);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => connection.lost(now, error.to_string(), None),
            }
            connection.handle_timeout(now);
            self.served.answer();
        }
    }

    /// Reads until something comes or the next timer is due.
    fn read(&mut self) -> io::Result<usize> {
        let timeout = self.served.connection.poll_timeout().map(|due| due.saturating_duration_since(self.now()));
        self.socket.set_read_timeout(timeout.map(|t| t.max(Duration::from_millis(1))))?;
        let n = self.socket.read(self.incoming.spare())?;
        self.incoming.filled(n);
        Ok(n)
    }

    fn write_all(&mut self) -> io::Result<()> {
        while self.served.connection.poll_transmit(self.now(), &mut self.outgoing) {
            while !self.outgoing.is_empty() {
                let mut segments = [&[][..]; 32];
                let used = self.outgoing.segments(&mut segments);
                let slices = segments.map(IoSlice::new);
                let n = self.socket.write_vectored(&slices[..used])?;
                self.outgoing.advance(n);
            }
        }
        Ok(())
    }

    /// Lets the peer take the GOAWAY: closing at once with input unread would destroy it.
    fn say_goodbye(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)?;
        self.socket.set_read_timeout(Some(LINGER))?;
        let mut rest = [0; 4096];
        while self.socket.read(&mut rest)? > 0 {}
        Ok(())
    }
}
