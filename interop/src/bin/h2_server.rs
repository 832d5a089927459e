//! A plain HTTP/2 server on our core, for h2spec and other clients that know nothing of gRPC.
//!
//!     h2-server --port P
//!
//! Reads every request to its end and answers 200 with a few bytes. A thread for each connection, and the whole loop that
//! a driver of `proto_core::h2` needs: read, handle, write, wait.

use proto_core::buf::{Incoming, MessageBuf, Outgoing, Payload};
use proto_core::config::Config;
use proto_core::h2::{Connection, Event, Ready, Side, StreamKey};
use proto_core::hpack::Known;
use proto_core::time::Instant;
use std::error::Error;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const BODY: &[u8] = b"Hello, HTTP/2!\n";

/// One connection and what its driver owns.
struct Driver {
    stream: TcpStream,
    connection: Connection,
    incoming: Incoming,
    outgoing: Outgoing,
    start: std::time::Instant,
}

impl Driver {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        // A peer that does not read for this long has gone.
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        let connection = Connection::new(Side::Server, &Config::default(), Instant::ZERO);
        let (incoming, outgoing) = (Incoming::new(), Outgoing::new());
        Ok(Driver { stream, connection, incoming, outgoing, start: std::time::Instant::now() })
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let closed = self.handle_events();
            self.write()?;
            if closed {
                return Ok(());
            }
            self.read()?;
            let now = self.now();
            if self.connection.poll_timeout().is_some_and(|due| due <= now) {
                self.connection.handle_timeout(now);
            }
        }
    }

    /// Answers what can be answered; true once the connection is over.
    fn handle_events(&mut self) -> bool {
        let mut closed = false;
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Stream { key, ready, .. } => self.answer(key, ready),
                Event::Closed => closed = true,
                Event::MayOpen | Event::Draining => {}
            }
        }
        closed
    }

    fn answer(&mut self, key: StreamKey, ready: Ready) {
        let Some(mut stream) = self.connection.stream(key) else { return };
        if ready.has(Ready::RESET) {
            return stream.release();
        }
        let arrived = stream.available();
        stream.take(arrived, 0, &mut MessageBuf::new());
        if !ready.has(Ready::END) {
            return;
        }
        if let Some(mut headers) = stream.send_headers() {
            headers.field(Known::Status, b"200");
            headers.end(false);
        }
        if let Some(mut stream) = self.connection.stream(key) {
            // Never blocked: it is forced, and a few bytes long.
            let _ = stream.send_data(&[], Payload::Slice(BODY), true, true);
            stream.release();
        }
    }

    /// Writes everything there is.
    fn write(&mut self) -> io::Result<()> {
        let now = self.now();
        while self.connection.poll_transmit(now, &mut self.outgoing) {
            while !self.outgoing.is_empty() {
                let mut segments: [&[u8]; 16] = [&[]; 16];
                let count = self.outgoing.segments(&mut segments);
                let slices = segments.map(IoSlice::new);
                let written = self.stream.write_vectored(&slices[..count])?;
                self.outgoing.advance(written);
            }
        }
        Ok(())
    }

    /// Waits for input or the next timeout.
    fn read(&mut self) -> io::Result<()> {
        let left = self.connection.poll_timeout().map(|due| due.saturating_duration_since(self.now()));
        // Zero would mean "for ever".
        self.stream.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        let outcome = self.stream.read(self.incoming.spare());
        let now = self.now();
        match outcome {
            Ok(0) => self.connection.receive_eof(now),
            Ok(n) => {
                self.incoming.filled(n);
                // An error closes the connection; its GOAWAY leaves with the next write.
                let _ = self.connection.receive(now, &mut self.incoming);
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(e) => self.connection.lost(now, e.to_string(), None),
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = match (args.next().as_deref(), args.next()) {
        (Some("--port"), Some(port)) => port.parse()?,
        _ => return Err("usage: h2-server --port PORT".into()),
    };
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || match Driver::new(stream).and_then(Driver::run) {
            Ok(()) => {}
            Err(error) => eprintln!("connection ended: {error}"),
        });
    }
    Ok(())
}
