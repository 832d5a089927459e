//! A plain HTTP/2 server on proto-core's connection, for conformance tests (h2spec) and load generators: reads every request's body and
//! answers 200 with a few bytes. A blocking thread for each connection; nothing of gRPC.
//!
//! Usage: `h2-server [--port P]` (default: a free port). Prints `listening on 127.0.0.1:PORT`.

use proto_core::config::Config;
use proto_core::h2::{Connection, Event, Ready, Side, StreamKey};
use proto_core::hpack::Known;
use proto_core::{Incoming, Instant, MessageBuf, Outgoing};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

const BODY: &[u8] = b"hello from h2-server\n";

/// After the last word, how long to wait for the peer to take it and close.
const LINGER: Duration = Duration::from_millis(500);

fn main() -> io::Result<()> {
    let port = match port(std::env::args().skip(1)) {
        Ok(port) => port,
        Err(message) => {
            eprintln!("{message}\nusage: h2-server [--port P]");
            std::process::exit(2);
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("listening on {}", listener.local_addr()?);
    let origin = std::time::Instant::now();
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                std::thread::spawn(move || {
                    // A connection that breaks costs itself only.
                    let _ = Served::new(socket, origin).run();
                });
            }
            // EMFILE and its kin pass.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn port(mut args: impl Iterator<Item = String>) -> Result<u16, String> {
    let mut port = 0;
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--port", Some(value)) => port = value.parse().map_err(|_| format!("--port {value}: not a port"))?,
            ("--port", None) => return Err("--port needs a number".into()),
            _ => return Err(format!("unknown argument {arg}")),
        }
    }
    Ok(port)
}

/// One connection.
struct Served {
    socket: TcpStream,
    origin: std::time::Instant,
    connection: Connection,
    incoming: Incoming,
    outgoing: Outgoing,
    /// What bodies are read into.
    body: MessageBuf,
}

impl Served {
    fn new(socket: TcpStream, origin: std::time::Instant) -> Self {
        let config = Config { max_concurrent_streams: 100, ..Config::default() };
        let now = Instant::ZERO + origin.elapsed();
        Served {
            socket,
            origin,
            connection: Connection::new(Side::Server, &config, now),
            incoming: Incoming::new(),
            outgoing: Outgoing::new(),
            body: MessageBuf::new(),
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    /// The whole loop: write, wait for input or time, receive, answer.
    fn run(&mut self) -> io::Result<()> {
        self.socket.set_nodelay(true)?;
        loop {
            self.write_all()?;
            if self.connection.close_reason().is_some() {
                return self.say_goodbye();
            }
            match self.read() {
                Ok(0) => self.connection.receive_eof(self.now()),
                Ok(_) => {
                    // The reason of an error stands in `close_reason`; its GOAWAY is written above.
                    let _ = self.connection.receive(self.now(), &mut self.incoming);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => self.connection.lost(self.now(), error.to_string(), None),
            }
            self.connection.handle_timeout(self.now());
            self.answer();
        }
    }

    /// Reads until something comes or the next timer is due.
    fn read(&mut self) -> io::Result<usize> {
        let timeout = self.connection.poll_timeout().map(|due| due.saturating_duration_since(self.now()));
        self.socket.set_read_timeout(timeout.map(|t| t.max(Duration::from_millis(1))))?;
        let n = self.socket.read(self.incoming.spare())?;
        self.incoming.filled(n);
        Ok(n)
    }

    fn write_all(&mut self) -> io::Result<()> {
        while self.connection.poll_transmit(self.now(), &mut self.outgoing) {
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

    fn answer(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            if let Event::Stream { key, ready, .. } = event {
                self.serve(key, ready);
            }
        }
    }

    /// Reads what has come of a body; answers when it is complete.
    fn serve(&mut self, key: StreamKey, ready: Ready) {
        let Some(mut stream) = self.connection.stream(key) else { return };
        if ready.has(Ready::RESET) {
            return stream.release();
        }
        let available = stream.available();
        self.body.clear();
        stream.take(0, available, &mut self.body);
        if !stream.is_ended() {
            return;
        }
        if let Some(mut block) = stream.send_headers() {
            block.field(Known::Status, b"200");
            block.field(Known::ContentType, b"text/plain");
            block.field(Known::ContentLength, BODY.len().to_string().as_bytes());
            let _ = block.end(false);
        }
        if let Some(mut stream) = self.connection.stream(key) {
            // A fresh stream has room for a few bytes; should the connection be full, `force` takes them all the same.
            let _ = stream.send_data(&[], BODY.into(), true, true);
            stream.release();
        }
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
