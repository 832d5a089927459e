//! HTTP/2 by hand, over a plain socket: what a peer says, and how it goes, is a test's own choice.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One connection, from either end, and the stream of its call.
pub struct Raw(TcpStream, u8);

/// The connection as it is left: to be dropped when all have seen what there is to see.
pub type Left = io::Result<Option<Raw>>;

impl Raw {
    /// A client's. It reads nothing.
    pub fn connect(address: &str) -> io::Result<Self> {
        let mut raw = Raw::new(TcpStream::connect(address)?)?;
        raw.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        raw.frame(SETTINGS, 0, 0, &[])
    }

    /// A server's: the next connection, whose first call has come. The end of its request is left unread.
    pub fn accept(listener: &TcpListener) -> io::Result<Self> {
        let mut raw = Raw::new(listener.accept()?.0)?;
        raw.0.read_exact(&mut [0; 24])?;
        raw.frame(SETTINGS, 0, 0, &[])?.next_call()?.frame(SETTINGS, ACK, 0, &[])
    }

    fn new(socket: TcpStream) -> io::Result<Self> {
        // Or what was said last might not have left when the system answers for us.
        socket.set_nodelay(true)?;
        Ok(Raw(socket, 1))
    }

    fn next_call(mut self) -> io::Result<Self> {
        while self.read_frame()? != HEADERS {}
        Ok(self)
    }

    fn read_frame(&mut self) -> io::Result<u8> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        io::copy(&mut (&self.0).take(u64::from(length)), &mut io::sink())?;
        if head[3] == HEADERS {
            self.1 = head[8];
        }
        Ok(head[3])
    }

    fn frame(mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) -> io::Result<Self> {
        let length = u8::try_from(payload.len()).expect("a test's frames are short");
        let head = [0, 0, length, kind, flags, 0, 0, 0, stream];
        self.0.write_all(&[&head, payload].concat())?;
        Ok(self)
    }

    fn of_call(self, kind: u8, flags: u8, payload: &[u8]) -> io::Result<Self> {
        let stream = self.1;
        self.frame(kind, flags, stream, payload)
    }

    /// The head of a call of this method; `timeout` as in `grpc-timeout`.
    pub fn call(self, path: &str, timeout: Option<&str>) -> io::Result<Self> {
        // :method POST, :scheme http, :authority and :path by their indices (RFC 7541, appendix A).
        let mut block = vec![0x83, 0x86];
        field(&mut block, &[0x01], "test");
        field(&mut block, &[0x04], path);
        let timeout = timeout.map(|timeout| ("grpc-timeout", timeout));
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].into_iter().chain(timeout) {
            named(&mut block, name, value);
        }
        self.of_call(HEADERS, END_HEADERS, &block)
    }

    /// An empty message, and the end of a request.
    pub fn request(self) -> io::Result<Self> {
        self.of_call(DATA, END_STREAM, &[0; 5])
    }

    /// The head of a response; the end of it with a status.
    pub fn respond(self, status: Option<&str>) -> io::Result<Self> {
        // :status 200.
        let mut block = vec![0x88];
        named(&mut block, "content-type", "application/grpc");
        status.into_iter().for_each(|status| named(&mut block, "grpc-status", status));
        self.of_call(HEADERS, END_HEADERS | if status.is_some() { END_STREAM } else { 0 }, &block)
    }

    pub fn reset(self, code: u32) -> io::Result<Self> {
        self.of_call(RST_STREAM, 0, &code.to_be_bytes())
    }

    /// Refuses this call, and every one that follows.
    pub fn refuse(mut self) -> Left {
        loop {
            self = self.reset(7)?.next_call()?;
        }
    }

    pub fn go_away(self, last_stream: u32, code: u32, words: &str) -> io::Result<Self> {
        self.frame(GOAWAY, 0, 0, &[&last_stream.to_be_bytes(), &code.to_be_bytes(), words.as_bytes()].concat())
    }

    /// DATA on stream 0, where there is none (RFC 9113, section 6.1).
    pub fn break_http2(self) -> io::Result<Self> {
        self.frame(DATA, 0, 0, &[])
    }

    /// Ends its direction.
    pub fn hang_up(self) -> Left {
        self.0.shutdown(Shutdown::Write)?;
        Ok(Some(self))
    }

    /// Closes with something unread: the system answers for it, with a reset.
    pub fn die(self) -> Left {
        self.0.peek(&mut [0])?;
        Ok(None)
    }

    /// Stays, and says nothing more.
    pub fn stay(self) -> Left {
        Ok(Some(self))
    }

    /// Until the other end has gone.
    pub fn wait(&self) {
        let _ = io::copy(&mut &self.0, &mut io::sink());
    }
}

fn field(block: &mut Vec<u8>, name: &[u8], value: &str) {
    block.extend_from_slice(name);
    block.push(u8::try_from(value.len()).expect("it is short"));
    block.extend_from_slice(value.as_bytes());
}

/// A literal without indexing.
fn named(block: &mut Vec<u8>, name: &str, value: &str) {
    let length = u8::try_from(name.len()).expect("it is short");
    field(block, &[&[0, length], name.as_bytes()].concat(), value);
}
