//! Byte streams of somebody else's that fail in one direction.

use super::*;
use proto_build_testing::hello::v1::{self as hello, HelloRequest, HelloResponse, HelloServiceClient};
use rt_smol::{Code, Receiver, Sender, ServerError, StreamError, serve_connection};
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::unix::UnixStream;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::task::{Context, Poll};

/// No more is to be written.
const CUT: u8 = 1;
/// A write has failed since.
const NOTICED: u8 = 2;

/// A socket in somebody's own type, which writes no more once it is told so.
struct Wrapped {
    socket: UnixStream,
    cut: Arc<AtomicU8>,
    /// Reads fail then.
    deaf: bool,
}

impl AsyncRead for Wrapped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "bad checksum in block 7")));
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.load(SeqCst) != 0 {
            self.cut.store(NOTICED, SeqCst);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, "the cable is cut")));
        }
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// Answers "wait" when it is told to.
struct Waits(smol::channel::Receiver<()>);

impl hello::HelloService for Waits {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting == "wait" {
            self.0.recv().await.map_err(|error| Status::internal(error.to_string()))?;
        }
        Ok(HelloResponse { reply: format!("Hello, {}!", request.greeting) }.into())
    }
    async fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not here"))
    }
    async fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
    async fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not here"))
    }
}

fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

#[test]
fn a_stream_whose_write_fails_delivers_the_replies_on_their_way() {
    run(async {
        let (near, far) = UnixStream::pair().expect("a pair");
        let (said, told) = smol::channel::bounded(1);
        let serving = smol::spawn(serve_connection(far, hello::HelloServiceServer::new(Waits(told))));
        let cut = Arc::<AtomicU8>::default();
        let channel = Channel::from_io(Wrapped { socket: near, cut: cut.clone(), deaf: false });
        let client = HelloServiceClient::new(channel);
        let on_its_way = client.say_hello(greeting("wait"));
        // When this one is answered, the one before has come.
        assert_eq!(client.say_hello(greeting("Bob")).await.expect("a reply").reply, "Hello, Bob!");
        cut.store(CUT, SeqCst);
        let lost = client.say_hello(greeting("Eve"));
        while cut.load(SeqCst) != NOTICED {
            smol::Timer::after(MS).await;
        }
        // The driver has acted on it, if it acts on it before the reply.
        smol::Timer::after(20 * MS).await;
        said.send(()).await.expect("the handler waits");
        assert_eq!(on_its_way.await.expect("the reply on its way").reply, "Hello, wait!");
        let status = lost.await.expect_err("it cannot be sent");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.to_string().contains("writing to the stream failed: the cable is cut"), "{status}");
        drop(client);
        serving.await.expect("the peer went away, no more");
    });
}

#[test]
fn how_a_read_failed_is_told_at_both_ends_of_the_code() {
    run(async {
        let (near, _far) = UnixStream::pair().expect("a pair");
        let stream = Wrapped { socket: near, cut: Arc::default(), deaf: true };
        let client = HelloServiceClient::new(Channel::from_io(stream));
        let status = client.say_hello(greeting("Ada")).await.expect_err("it cannot be read");
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.to_string().contains("reading from the stream failed: bad checksum in block 7"), "{status}");

        let (_near, far) = UnixStream::pair().expect("a pair");
        let (_said, told) = smol::channel::bounded(1);
        let stream = Wrapped { socket: far, cut: Arc::default(), deaf: true };
        let error = serve_connection(stream, hello::HelloServiceServer::new(Waits(told))).await;
        let error = error.expect_err("it cannot be read");
        assert!(matches!(&error, ServerError::Stream { source: StreamError::Read(_), .. }), "{error}");
        assert!(error.to_string().contains("bad checksum in block 7"), "{error}");
    });
}

#[test]
fn a_pipe_of_the_seam_has_entrances_of_its_own() {
    run(async {
        let (near, far) = rt_smol::os::MemoryPipe::pair();
        let (_said, told) = smol::channel::bounded(1);
        let builder = rt_smol::Server::builder().add_service(hello::HelloServiceServer::new(Waits(told)));
        let serving = smol::spawn(builder.serve_pipe(Arc::new(far)));
        let channel = Channel::builder("http://db.example:1").from_pipe(Arc::new(near)).expect("a target");
        let client = HelloServiceClient::new(channel);
        assert_eq!(client.say_hello(greeting("Ada")).await.expect("a reply").reply, "Hello, Ada!");
        drop(client);
        assert_eq!(serving.await.expect("it is served").calls, 1);
    });
}
