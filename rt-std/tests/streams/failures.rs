//! Streams that block where they must not, that fail, and that panic: whoever uses them learns what it was.

use super::*;
use proto_core::grpc::{Code, Origin};
use rt_std::os::Os;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it listens");
    (near, listener.accept().expect("it came").0)
}

/// No more is to be written.
const CUT: u8 = 1;
/// A write has failed since.
const NOTICED: u8 = 2;

/// A socket in somebody's own type, which writes no more once it is told so.
struct Wrapped {
    socket: TcpStream,
    cut: Arc<AtomicU8>,
    panics: bool,
}

impl Wrapped {
    fn new(socket: TcpStream) -> Self {
        Wrapped { socket, cut: Arc::default(), panics: false }
    }
}

impl Read for Wrapped {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        assert!(!self.panics, "a mistake of its author");
        self.socket.read(buf)
    }
}

impl Write for Wrapped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cut.load(SeqCst) != 0 {
            self.cut.store(NOTICED, SeqCst);
            return Err(io::Error::new(ErrorKind::BrokenPipe, "the cable is cut"));
        }
        self.socket.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

fn request(text: &str) -> Request<HelloRequest> {
    Request::new(greeting(text)).with_timeout(LONG)
}

/// The stream's error among the sources.
fn stream_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a StreamError> {
    let sources = std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source());
    { sources }.find_map(|error| error.downcast_ref())
}

#[test]
fn a_client_over_a_read_that_blocks_is_told_what_to_do() {
    let (near, far) = sockets();
    let served = thread::spawn(|| serve_connection(far, HelloServiceServer::blocking(Greeter)));
    let hello = HelloServiceClient::new(Channel::from_io(Wrapped::new(near)));
    let status = hello.say_hello(request("Ada")).expect_err("it cannot work");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let text = status.to_string();
    assert!(text.contains("read time-out") && text.contains("Halves"), "{text}");
    // By type too, for whoever comes after.
    let status = hello.say_hello(request("Bob")).expect_err("the stream is over");
    assert!(matches!(stream_error(&status), Some(StreamError::ReadBlocks)), "{status:?}");
    drop(hello);
    served.join().expect("no panic").expect("the peer went away, no more");
}

#[test]
fn a_server_over_a_read_that_blocks_is_told_what_to_do() {
    let (near, far) = sockets();
    let served = thread::spawn(|| serve_connection(Wrapped::new(far), HelloServiceServer::blocking(Greeter)));
    let hello = HelloServiceClient::new(Channel::from_io(near.try_clone().expect("a second handle")));
    let calls = thread::spawn(move || hello.say_hello(request("Ada")).map(|reply| reply.into_inner().reply));
    let error = served.join().expect("no panic").expect_err("it cannot work");
    let ServerError::Stream { source: StreamError::ReadBlocks, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains("read time-out"), "{error}");
    assert!(matches!(stream_error(&error), Some(StreamError::ReadBlocks)));
    // The stream's thread is in its read, and nobody can fetch it: only now does the peer learn of the end.
    let _ = near.shutdown(Shutdown::Both);
    let _ = calls.join().expect("no panic");
}

/// A call is answered after a second one could not be sent any more.
fn a_reply_after_a_failed_write(near: impl ByteStream, far: TcpStream, cut: &AtomicU8) {
    let end = far.try_clone().expect("a second handle");
    let (said, replies) = std::sync::mpsc::channel();
    let served = thread::spawn(|| serve_connection(far, HelloServiceServer::blocking(Waits(replies.into()))));
    let channel = Channel::from_io(near);
    let hello = HelloServiceClient::new(channel.clone());
    let later = HelloServiceClient::new(channel.later());
    assert_eq!(hello.say_hello(request("Ada")).expect("a reply").reply, "Hello, Ada!");
    let on_its_way = later.say_hello(request("wait"));
    // When this one is answered, the one before has come.
    assert_eq!(hello.say_hello(request("Bob")).expect("a reply").reply, "Hello, Bob!");
    cut.store(CUT, SeqCst);
    let lost = thread::spawn(move || hello.say_hello(request("Eve")).expect_err("it cannot be sent"));
    while cut.load(SeqCst) != NOTICED {
        thread::sleep(Duration::from_millis(1));
    }
    said.send(()).expect("the handler waits");
    assert_eq!(on_its_way.wait().expect("the reply on its way").reply, "at last");
    let status = lost.join().expect("no panic");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.to_string().contains("writing to the stream failed: the cable is cut"), "{status}");
    assert!(!matches!(status.origin(), Origin::Peer), "{status}");
    drop((later, channel));
    // A thread of ours may be in its read still: the peer learns of the end by this, if it has not.
    let _ = end.shutdown(Shutdown::Both);
    served.join().expect("no panic").expect("the peer went away, no more");
}

/// Answers "wait" when it is told to.
struct Waits(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl hello::blocking::HelloService for Waits {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting != "wait" {
            return Ok(reply(format!("Hello, {}!", request.greeting)).into());
        }
        let replies = self.0.lock().map_err(|_| Status::internal("a panic before"))?;
        replies.recv_timeout(LONG).map_err(|error| Status::internal(error.to_string()))?;
        Ok(reply("at last").into())
    }
    fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not here"))
    }
    fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
    fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[test]
fn halves_whose_writer_fails_deliver_the_replies_on_their_way() {
    let (near, far) = sockets();
    let (cut, reader) = (Arc::new(AtomicU8::new(0)), near.try_clone().expect("a second handle"));
    let writer = Wrapped { cut: cut.clone(), ..Wrapped::new(near) };
    a_reply_after_a_failed_write(Halves::new(reader, writer), far, &cut);
}

#[test]
fn a_value_whose_write_fails_delivers_the_replies_on_their_way() {
    let (near, far) = sockets();
    near.set_nonblocking(true).expect("a socket option");
    let stream = Wrapped::new(near);
    let cut = stream.cut.clone();
    a_reply_after_a_failed_write(stream, far, &cut);
}

#[test]
fn a_stream_that_panics_ends_its_connection_and_says_so() {
    let (near, _far) = sockets();
    let stream = Wrapped { panics: true, ..Wrapped::new(near) };
    let hello = HelloServiceClient::new(Channel::from_io(stream));
    let status = hello.say_hello(request("Ada")).expect_err("it cannot work");
    assert!(status.to_string().contains("the stream's read or write panicked"), "{status}");
}

/// Reading fails in mid-call, in these words.
struct Torn {
    socket: TcpStream,
    bytes: usize,
}

impl Read for Torn {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.bytes == 0 {
            return Err(io::Error::new(ErrorKind::InvalidData, "bad checksum in block 7"));
        }
        let most = buf.len().min(self.bytes);
        let n = self.socket.read(&mut buf[..most])?;
        self.bytes -= n;
        Ok(n)
    }
}

#[test]
fn how_a_read_failed_is_told_at_both_ends_of_the_code() {
    let (near, far) = sockets();
    let torn = Torn { socket: near.try_clone().expect("a second handle"), bytes: 400_000 };
    let served = thread::spawn(|| serve_connection(far, HelloServiceServer::blocking(Greeter)));
    let hello = HelloServiceClient::new(Channel::from_io(Halves::new(torn, near)));
    let replies = hello.lots_of_replies(request(&"x".repeat(100_000)));
    let status = replies.collect::<Result<Vec<_>, _>>().expect_err("it is torn");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.to_string().contains("reading from the stream failed: bad checksum in block 7"), "{status}");
    drop(hello);
    let _ = served.join().expect("no panic");

    let (near, far) = sockets();
    let torn = Torn { socket: far.try_clone().expect("a second handle"), bytes: 1_000 };
    let served = thread::spawn(|| serve_connection(Halves::new(torn, far), HelloServiceServer::blocking(Greeter)));
    let hello = HelloServiceClient::new(Channel::from_io(near));
    let status = hello.say_hello(request(&"x".repeat(100_000))).expect_err("it is torn");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let error = served.join().expect("no panic").expect_err("it is torn");
    assert!(matches!(stream_error(&error), Some(StreamError::Read(_))), "{error}");
    assert!(error.to_string().contains("bad checksum in block 7"), "{error}");
}

#[test]
fn a_pipe_of_the_seam_has_entrances_of_its_own() {
    let os: Arc<dyn Os> = rt_std::os::RealOs::shared();
    let (near, far) = rt_std::os::memory::MemoryPipe::pair(&os);
    let builder = Server::builder().add_service(HelloServiceServer::blocking(Greeter));
    let served = thread::spawn(|| builder.serve_pipe(far));
    let channel = Channel::builder("http://db.example:1").from_pipe(near).expect("a target");
    let hello = HelloServiceClient::new(channel);
    assert_eq!(hello.say_hello(request("Ada")).expect("a reply").reply, "Hello, Ada!");
    drop(hello);
    assert_eq!(served.join().expect("no panic").expect("it is served").calls, 1);
}

#[test]
fn a_channel_whose_byte_stream_has_ended_fails_every_call_at_once() {
    let (near, far) = sockets();
    let channel = Channel::from_io(near);
    let hello = HelloServiceClient::new(channel.clone());
    let call = thread::spawn(move || hello.say_hello(request("Ada").with_wait_for_ready()));
    // It is on its way, and has no answer.
    far.peek(&mut [0]).expect("the preface comes");
    drop(far);
    assert_eq!(call.join().expect("no panic").expect_err("nobody answers").code(), Code::Unavailable);
    let hello = HelloServiceClient::new(channel.clone());
    for request in [request("Ada"), request("Ada").with_wait_for_ready()] {
        let status = hello.say_hello(request).expect_err("the stream has ended");
        let text = status.to_string();
        assert_eq!((status.code(), status.can_retry()), (Code::Unavailable, true), "{text}");
        assert!(text.contains("the channel's byte stream takes no more calls"), "{text}");
        assert!(!text.contains("unix:") && !text.contains("next attempt"), "{text}");
    }
    assert_eq!(channel.state(true), rt_std::State::Shutdown);
}
