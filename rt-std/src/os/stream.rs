//! Byte streams that somebody else has opened, as pipes.

use super::memory::MemoryPipe;
use super::{Os, Pipe};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// A byte stream that carries one connection: what [`serve_connection`](crate::serve_connection) and
/// [`Channel::from_io`](crate::Channel::from_io) take.
///
/// - A socket (`TcpStream`, `UnixStream`): taken over as it is.
/// - A pair of something that implements `Read` and something that implements `Write` (the two ends of a serial line, of a
///   child process, of somebody else's TLS). Such a stream can neither be waited for in company nor interrupted, so two
///   threads carry its bytes: one blocks in the reader, one in the writer, and each byte is copied once more. Everything
///   else works as over a socket. The one thing that cannot be done: when *we* end the connection, the thread in the
///   reader stays until its `read` returns. Each `write` is followed by a `flush`. (One value that implements both cannot
///   be read and written at once; split it, or clone it, as `TcpStream::try_clone` does.)
/// - A [`Pipe`] of the seam.
pub trait ByteStream {
    /// The stream as a pipe.
    ///
    /// # Errors
    /// The system refuses to put it into non-blocking mode, or has no threads.
    fn into_pipe(self, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>>;
}

impl ByteStream for Arc<dyn Pipe> {
    fn into_pipe(self, _: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        Ok(self)
    }
}

#[cfg(unix)]
impl ByteStream for std::net::TcpStream {
    fn into_pipe(self, _: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        Ok(Arc::new(super::unix::SocketPipe::from_tcp(self)?))
    }
}

#[cfg(not(unix))]
impl ByteStream for std::net::TcpStream {
    fn into_pipe(self, _: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        Ok(Arc::new(super::portable::SocketPipe::from_tcp(self)?))
    }
}

#[cfg(unix)]
impl ByteStream for std::os::unix::net::UnixStream {
    fn into_pipe(self, _: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        Ok(Arc::new(super::unix::SocketPipe::from_unix(self)?))
    }
}

impl<R: Read + Send + 'static, W: Write + Send + 'static> ByteStream for (R, W) {
    fn into_pipe(self, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        let (reader, writer) = self;
        let (inner, outer) = MemoryPipe::pair(os);
        let (input, output) = (inner.clone(), inner);
        os.spawn("grpc-read", Box::new(move || pump_in(reader, &input)))?;
        os.spawn("grpc-write", Box::new(move || pump_out(&output, writer)))?;
        Ok(outer)
    }
}

/// From the stream into the pipe, until either ends.
fn pump_in(mut reader: impl Read, pipe: &MemoryPipe) {
    let mut buf = vec![0; 16 * 1024];
    loop {
        let mut left = match reader.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => &buf[..n],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        while !left.is_empty() {
            match pipe.try_write(&[left]) {
                Ok(n) => left = &left[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => drop(pipe.wait(false, true, None)),
                Err(_) => return,
            }
        }
    }
    pipe.close();
}

/// From the pipe into the stream, until either ends.
fn pump_out(pipe: &MemoryPipe, mut writer: impl Write) {
    let mut buf = vec![0; 16 * 1024];
    loop {
        let wrote = match pipe.read(&mut buf, None) {
            Ok(0) => break,
            Ok(n) => writer.write_all(&buf[..n]).and_then(|()| writer.flush()),
            Err(error) => Err(error),
        };
        if wrote.is_err() {
            break;
        }
    }
    pipe.close();
}
