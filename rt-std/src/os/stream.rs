//! Byte streams that somebody else has opened, as pipes.
//!
//! Here is what a stream may be, and what that costs. `halves` and `turns` carry the bytes of what no poller can watch,
//! on threads of their own, into a pipe in memory; they share one direction each (`input`, `output`), how to pause (`pace`),
//! how to fail (`link`), and who notices that a stream is stuck (`watch`).

mod halves;
mod input;
mod link;
mod output;
mod pace;
pub(crate) mod rules;
#[cfg(all(test, feature = "testkit"))]
mod tests;
mod turns;
mod watch;

pub use halves::{Halves, Shared};

use super::{Os, Pipe};
use rt_common::stream::StreamError;
use std::any::Any;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;

#[cfg(not(unix))]
use super::portable::SocketPipe;
#[cfg(unix)]
use super::unix::SocketPipe;

/// A byte stream that carries one connection: what [`serve_connection`](crate::serve_connection) and
/// [`Channel::from_io`](crate::Channel::from_io) take. That is anything that implements `Read + Write`, and [`Halves`].
/// (A [`Pipe`] of the seam has `from_pipe` and `serve_pipe`.)
///
/// | the stream | its threads | how it is carried |
/// |---|---|---|
/// | `TcpStream`, `UnixStream` | none | taken over as a socket, whatever its time-outs and mode are |
/// | [`Halves`]: a reader and a writer | two | both directions at once; the halves may block for as long as they like |
/// | any other `Read + Write` | two | read and written in turns, by one thread; the other one sees that no turn lasts for ever |
///
/// Each byte is copied once more than over a socket. All else works as over a socket, deadlines and cancelling included. What
/// cannot be done: interrupt a `read` or a `write`. So when *we* end the connection, the thread that is in one stays until it
/// returns; then it drops the stream. Output is followed by a `flush` whenever nothing more waits to be written.
///
/// # One value, in turns
///
/// `read` and `write` take `&mut self`, so what we have to say waits while the stream's `read` runs. Therefore a `read` of such
/// a value has to give up when nothing is there, with `WouldBlock` or `TimedOut`:
///
/// - *With a read time-out* (`TcpStream::set_read_timeout` below a wrapper, a serial port): what we say waits for as long as
///   the time-out at most, and a call takes about as long. A few milliseconds suit, at the price of as many reads of an idle
///   connection. (Systems may round it up to a tick of their scheduler, 10 ms at worst.)
/// - *In non-blocking mode*: between reads that brought nothing the thread pauses, for a quarter of the time for which
///   nothing has moved in either direction, but 50 us at least and 10 ms at most. What we say ends the pause. So a reply that
///   the peer takes a millisecond for is read within 250 us, the first bytes on a connection that was idle for 40 ms or
///   longer within 10 ms; and an idle connection costs a hundred reads a second.
///
/// Writes may give up in the same way; what a write did not take is written next, after a read. A `write` that blocks holds up
/// reading: as long as the peer reads all the same, it ends. Two peers that both carry their streams in turns can block each
/// other with large messages in both directions: set a write time-out too, or non-blocking mode.
///
/// Output that has waited for a second behind one `read` (noticed within two), or for 20 seconds in one `write`, ends the
/// connection with a [`StreamError`] that says what to do.
///
/// # Failures
///
/// What `read` and `write` say when they fail is what the connection fails with: its calls have it in their messages, those that
/// come later in their [`source`](std::error::Error::source)s too, as a [`StreamError`]. A write that failed (a peer that has
/// closed its input) does not lose replies that are on their way: reading goes on until it ends, fails, or has brought nothing for
/// 5 seconds.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # use std::io::{self, Read, Write};
/// # use std::net::{TcpListener, TcpStream};
/// /// Counts what comes. (Or decrypts it, or records it, or is a serial port.)
/// struct Counted {
///     socket: TcpStream,
///     bytes: u64,
/// }
///
/// impl Read for Counted {
///     fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
///         let n = self.socket.read(buf)?;
///         self.bytes += n as u64;
///         Ok(n)
///     }
/// }
///
/// impl Write for Counted {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.socket.write(bytes)
///     }
///     fn flush(&mut self) -> io::Result<()> {
///         self.socket.flush()
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let (near, (far, _)) = (TcpStream::connect(listener.local_addr()?)?, listener.accept()?);
/// # let served = std::thread::spawn(|| rt_std::serve_connection(far, hello::HelloServiceServer::blocking(Greeter)));
/// near.set_read_timeout(Some(Duration::from_millis(5)))?; // or near.set_nonblocking(true)
/// let channel = Channel::from_io(Counted { socket: near, bytes: 0 });
/// assert_eq!(HelloServiceClient::new(channel).say_hello(greeting("Ada"))?.reply, "Hello, Ada!");
/// # served.join().unwrap()?;
/// # Ok(()) }
/// ```
pub trait ByteStream {
    /// The stream as a pipe.
    ///
    /// # Errors
    /// The system refuses to put it into the mode that it needs, or has no threads.
    fn into_pipe(self, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>>;
}

impl<T: Read + Write + Send + 'static> ByteStream for T {
    fn into_pipe(self, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        let mut stream = Some(self);
        if let Some(socket) = take_as::<TcpStream>(&mut stream) {
            return Ok(Arc::new(SocketPipe::from_tcp(socket)?));
        }
        #[cfg(unix)]
        if let Some(socket) = take_as::<UnixStream>(&mut stream) {
            return Ok(Arc::new(SocketPipe::from_unix(socket)?));
        }
        match stream {
            Some(stream) => turns::carry(stream, os),
            // What was taken has been returned.
            None => Err(ErrorKind::NotConnected.into()),
        }
    }
}

impl<R: Read + Send + 'static, W: Write + Send + 'static> ByteStream for Halves<R, W> {
    fn into_pipe(self, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
        halves::carry(self, os)
    }
}

/// Takes the value, if a `U` is what it is.
fn take_as<U: 'static>(value: &mut dyn Any) -> Option<U> {
    value.downcast_mut::<Option<U>>()?.take()
}

/// Bytes of one read, and of one write.
const PIECE: usize = 16 * 1024;

/// What one turn of a direction came to.
#[derive(Debug)]
enum Turn {
    /// Bytes have moved.
    Moved,
    /// None have: the stream gave up, nothing waits, or there is no room for it.
    Still,
    /// The direction is over.
    Over(Result<(), StreamError>),
}

/// Did a read or a write end for want of bytes or of room? (A time-out is the one or the other, by the system.)
fn gave_up(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
