//! Serving without a listener: one connection over any byte stream, and connections inside this process.

use super::builder::ServerBuilder;
use super::serve::{Guard, Server};
use crate::os::{IoPipe, MemoryPipe, Pipe};
use futures_lite::{AsyncRead, AsyncWrite};
use proto_core::rpc::{AsyncService, Report};
use rt_common::ServerError;
use std::future::Future;
use std::sync::Arc;

/// Serves one connection over this stream, and is ready when it is over. As [`ServerBuilder::serve_connection`], with one
/// service and default limits.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/greeter.rs"));
/// # use hello::HelloServiceClient;
/// # use rt_smol::{Channel, serve_connection};
/// # use smol::net::unix::UnixStream;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (near, far) = UnixStream::pair()?;                           // any AsyncRead + AsyncWrite
/// let serving = serve_connection(far, hello::HelloServiceServer::new(Greeter));
/// let calling = async {
///     let hello = HelloServiceClient::new(Channel::from_io(near));
///     hello.say_hello(HelloRequest { greeting: "Ada".into() }).await
/// };
/// let (report, reply) = futures_lite::future::zip(serving, calling).await;
/// println!("{}; {}", reply?.reply, report?);
/// # Ok(()) }
/// # fn main() { smol::block_on(example()).unwrap() }
/// ```
pub fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    service: impl AsyncService,
) -> impl Future<Output = Result<Report, ServerError>> + Send {
    Server::builder().add_service(service).serve_connection(stream)
}

impl ServerBuilder {
    /// Serves one connection over a byte stream of any kind (a socket, a pair of pipes, somebody else's TLS), and is ready
    /// when it is over and its handlers have ended. The future drives the connection itself; dropped, it ends it. Handlers
    /// that wait become tasks of the executor.
    ///
    /// # Errors
    /// The settings are wrong, or the stream has failed ([`ServerError::Stream`]). That the peer goes away, in whatever manner,
    /// is none. After a write that failed, reading goes on until it ends, fails, or has brought nothing for 5 seconds.
    pub fn serve_connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
    ) -> impl Future<Output = Result<Report, ServerError>> + Send {
        let pipe = IoPipe::new(&self.seam(), stream);
        let failure = pipe.failure();
        let served = self.serve_pipe(Arc::new(pipe));
        async move {
            let report = served.await?;
            match failure.get().filter(|failure| !failure.is_loss()) {
                Some(source) => Err(ServerError::Stream { source: source.clone(), report }),
                None => Ok(report),
            }
        }
    }

    /// The same over a [`Pipe`].
    pub fn serve_pipe(self, pipe: Arc<dyn Pipe>) -> impl Future<Output = Result<Report, ServerError>> + Send {
        let begun = self.hub().map(|hub| {
            let drive = hub.adopt(pipe);
            (Guard(hub), drive)
        });
        async move {
            let (hub, drive) = begun?;
            if let Some(drive) = drive {
                drive.await;
            }
            Ok(hub.0.ended(false).await)
        }
    }

    /// Serves connections inside this process alone.
    pub(crate) fn in_process(self) -> Result<InProcess, ServerError> {
        // Nobody is in between.
        Ok(InProcess { hub: Guard(self.in_the_clear().hub()?) })
    }
}

/// A service inside this process. It stops, without a grace, when dropped.
#[derive(Debug)]
pub(crate) struct InProcess {
    hub: Guard,
}

impl InProcess {
    /// A connection to it: the client's end. The server's end is a task of the executor.
    pub(crate) fn connect(&self) -> Arc<dyn Pipe> {
        let (near, far) = MemoryPipe::pair();
        self.hub.0.serve(Arc::new(far));
        Arc::new(near)
    }
}
