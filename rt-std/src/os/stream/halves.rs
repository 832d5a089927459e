//! A reader and a writer, carried both at once: a thread for each.

use super::input::Input;
use super::link::{AtEnd, Carried, Doing, Link};
use super::output::Output;
use super::pace::Pace;
use super::{Turn, watch};
use crate::os::{Os, Pipe};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long a writer that takes nothing, and says so, is offered the last words of a connection that is over.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A byte stream in two halves, something that reads and something that writes: the standard streams of a child process, the
/// two clones of a handle, a pair of pipes. Carried by two threads, so both may block for as long as they like
/// ([`ByteStream`](crate::ByteStream)).
///
/// ```no_run
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # use std::process::{Command, Stdio};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let child = Command::new("ssh").args(["db.example", "grpc-over-stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let (Some(stdout), Some(stdin)) = (child.stdout, child.stdin) else { return Err("both are piped".into()) };
/// let channel = Channel::from_io(Halves::new(stdout, stdin));
/// println!("{}", HelloServiceClient::new(channel).say_hello(greeting("Ada"))?.reply);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Halves<R, W> {
    reader: R,
    writer: W,
}

impl<R: Read, W: Write> Halves<R, W> {
    /// What is read comes from the one, what is written goes to the other.
    pub fn new(reader: R, writer: W) -> Self {
        Halves { reader, writer }
    }
}

impl<T> Halves<Shared<T>, Shared<T>>
where
    for<'a> &'a T: Read + Write,
{
    /// Both halves are the same value, of a kind that can be read and written through `&T` at once, as `File`, `TcpStream` and
    /// `&'static` streams can.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let (near, (far, _)) = (std::net::TcpStream::connect(listener.local_addr()?)?, listener.accept()?);
    /// # let served = std::thread::spawn(|| rt_std::serve_connection(far, hello::HelloServiceServer::blocking(Greeter)));
    /// let channel = Channel::from_io(Halves::shared(near)); // a socket, a file: whatever reads and writes through `&T`
    /// assert_eq!(HelloServiceClient::new(channel).say_hello(greeting("Ada"))?.reply, "Hello, Ada!");
    /// # served.join().unwrap()?;
    /// # Ok(()) }
    /// ```
    pub fn shared(stream: T) -> Self {
        let stream = Arc::new(stream);
        Halves { reader: Shared(stream.clone()), writer: Shared(stream) }
    }
}

/// One half of a stream that both halves share ([`Halves::shared`]).
pub struct Shared<T>(Arc<T>);

impl<T> Read for Shared<T>
where
    for<'a> &'a T: Read,
{
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf)
    }
}

impl<T> Write for Shared<T>
where
    for<'a> &'a T: Write,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("stream", &std::any::type_name::<T>()).finish_non_exhaustive()
    }
}

/// The two halves as a pipe.
pub(super) fn carry<R, W>(halves: Halves<R, W>, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    // Dropped, it ends the threads.
    let (pipe, link) = Carried::new(os);
    let Halves { reader, writer } = halves;
    let reads = link.clone();
    os.spawn("grpc-read", Box::new(move || read(reader, &reads)))?;
    os.spawn("grpc-write", Box::new(move || write(writer, &link)))?;
    Ok(pipe)
}

/// From the reader into the pipe, until either ends.
fn read(mut reader: impl Read, link: &Arc<Link>) {
    let _at_end = AtEnd(link.clone());
    let os = &link.os;
    let mut pace = Pace::new(os.now());
    let mut input = Input::new();
    loop {
        let began = os.now();
        match input.turn(&mut reader, link) {
            Turn::Moved => pace.moved = os.now(),
            Turn::Still if !input.is_empty() => drop(link.far.wait(false, true, None)),
            // One that gives up (a time-out, non-blocking mode).
            Turn::Still => os.park(Some(pace.until(began, os.now()))),
            Turn::Over(result) => return link.input_over(result),
        }
    }
}

/// From the pipe into the writer, until either ends.
fn write(mut writer: impl Write, link: &Arc<Link>) {
    let _at_end = AtEnd(link.clone());
    let os = &link.os;
    let mut pace = Pace::new(os.now());
    let mut output = Output::new();
    loop {
        let began = os.now();
        match output.turn(&mut writer, link) {
            Turn::Moved => pace.moved = os.now(),
            Turn::Still if output.is_empty() => {
                link.begins(Doing::Else, false);
                drop(link.far.wait(true, false, None));
                pace.moved = os.now();
            }
            Turn::Still if link.far.is_closed_by_peer() && os.now() >= pace.moved + LAST_WORDS => return link.end(),
            Turn::Still => os.park(Some(pace.until(began, os.now()))),
            Turn::Over(Ok(())) => return link.end(),
            Turn::Over(Err(error)) => {
                drop(writer);
                link.output_failed(error);
                return watch::watch(link);
            }
        }
    }
}
