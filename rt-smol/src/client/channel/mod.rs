//! [`Channel`]: the way to a server, shared by all who call it.

mod attempt;
mod builder;
mod detour;
mod pending;
mod runtime;
mod state;
mod task;
mod tunnel;
mod watch;

pub use builder::ChannelBuilder;
pub use proto_core::channel::{BackoffConfig, State};

use crate::os::{Os, Timer};
use crate::server::{Server, ServerBuilder};
use futures_lite::{AsyncRead, AsyncWrite};
use proto_core::Status;
use proto_core::channel::{Pick, Waiter};
use proto_core::rpc::AsyncService;
use runtime::Shared;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A way to a server: any number of tasks make calls over it, over one connection. Cheap to clone.
///
/// A call is on its way when its method was called; polling its future is only waiting for the answer. Calls write
/// on the caller's own thread; a task of the connection reads, and one of the channel connects. Both run on a
/// thread of this crate, unless [`ChannelBuilder::executor`] names an executor.
///
/// Connections are made when they are needed, and again when they are lost, with backoff. Dropping the last clone, with
/// the last call, shuts the channel down and ends its tasks.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { compiled {
/// let channel = rt_smol::Channel::connect("http://127.0.0.1:50051").await?; // Channel::new(target) does no I/O
/// let hello = HelloServiceClient::new(channel);
/// let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() }).await?;
/// # } } }
/// ```
///
/// A reply dereferences to the message, and has the server's metadata; a request may have options:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() }).await?;
/// println!("{} {:?}", reply.reply, reply.metadata());
///
/// let request = Request::new(HelloRequest { greeting: "Bob".into() })
///     .with_timeout(Duration::from_millis(200))
///     .with_metadata("x-request-id", "42")
///     .with_metadata_bin("x-trace-bin", [1, 2, 3])
///     .with_wait_for_ready();
/// match hello.say_hello(request).await {
///     Err(status) if status.code() == Code::DeadlineExceeded => println!("too slow"),
///     other => println!("{:?}", other?),
/// }
/// # } } }
/// ```
///
/// [`Cancel`](crate::Cancel) ends a call from anywhere:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// # let message = greeting("slow");
/// let cancel = Cancel::new();
/// let call = hello.say_hello(Request::new(message).cancel_on(&cancel));
/// cancel.cancel(); // from any task or thread
/// assert_eq!(call.await.map(drop).map_err(|status| status.code()), Err(Code::Cancelled));
/// # } } }
/// ```
#[derive(Clone)]
pub struct Channel {
    handle: Arc<Handle>,
}

/// The application's share: the last clone ends the channel.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.shutdown(Duration::ZERO);
    }
}

impl Channel {
    /// A channel to this target, without any I/O yet.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the target cannot be used; the text says what is wrong with it, and
    /// `source()` is a [`TargetError`](proto_core::channel::TargetError).
    pub fn new(target: impl AsRef<str>) -> Result<Self, Status> {
        Self::builder(target).build()
    }

    /// A channel to this target, once it is connected.
    ///
    /// # Errors
    /// As with [`new`](Self::new); UNAVAILABLE when a first round of attempts failed, with what was tried.
    pub async fn connect(target: impl AsRef<str>) -> Result<Self, Status> {
        Self::builder(target).connect().await
    }

    /// A channel with settings of one's own.
    pub fn builder(target: impl AsRef<str>) -> ChannelBuilder {
        ChannelBuilder::new(target.as_ref())
    }

    /// A channel over this byte stream, whatever it is: a pipe, a tunnel, a socket of another library. When the stream has
    /// ended, the channel is shut down, and calls fail with UNAVAILABLE, those that wait for a connection too; with the stream's
    /// own words ([`StreamError`](crate::StreamError)) if it has failed. A write that failed does not lose replies that are on their
    /// way: reading goes on until it ends, fails, or has brought nothing for 5 seconds. [`ChannelBuilder::from_io`] is the same with
    /// settings.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() { both! { {
    /// # let server = server();
    /// # let socket = smol::net::TcpStream::connect(server.address().to_string()).await.unwrap();
    /// let hello = HelloServiceClient::new(Channel::from_io(socket)); // anything that is AsyncRead + AsyncWrite
    /// assert_eq!(hello.say_hello(greeting("Ada")).await?.reply, "Hello, Ada!");
    /// # } } }
    /// ```
    pub fn from_io(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        constant(ChannelBuilder::new(detour::STREAM).from_io(stream))
    }

    /// A channel to this service inside this process: the whole way of a call, without a socket. For tests, and for
    /// services that live beside their callers. The service ends with the channel.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() { both! { {
    /// let hello = HelloServiceClient::new(Channel::in_process(hello::HelloServiceServer::new(Greeter)));
    /// assert_eq!(hello.say_hello(greeting("Ada")).await?.reply, "Hello, Ada!");
    /// # } } }
    /// ```
    pub fn in_process(service: impl AsyncService) -> Self {
        Self::in_process_with(Server::builder().add_service(service))
    }

    /// The same, to a server with several services or with settings; the channel's tasks run where the server's do.
    pub fn in_process_with(server: ServerBuilder) -> Self {
        let os = server.seam();
        let lead: detour::Lead = match server.in_process() {
            Ok(server) => Box::new(move || Ok(server.connect())),
            Err(error) => {
                let text = error.to_string();
                Box::new(move || Err(io::Error::other(text.clone())))
            }
        };
        constant(ChannelBuilder::new(detour::IN_PROCESS).os(os).led(lead))
    }

    /// Connectivity now. `try_to_connect`: leaves IDLE.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() { both! { |channel, hello| {
    /// let mut state = channel.state(true);
    /// while state != State::Ready {
    ///     println!("{state:?}"); // Idle, Connecting, TransientFailure; Shutdown
    ///     state = channel.wait_for_change(state, Duration::from_secs(5)).await;
    /// }
    /// channel.shutdown(Duration::from_millis(1)).await; // ends every call that waits
    /// assert_eq!(channel.state(false), State::Shutdown);
    /// # } } }
    /// ```
    pub fn state(&self, try_to_connect: bool) -> State {
        self.shared().state(try_to_connect)
    }

    /// Waits until the state is another one than `from`, for `time` at the longest. Gives the state then.
    pub async fn wait_for_change(&self, from: State, time: Duration) -> State {
        let shared = self.shared();
        let mut timer = self.timer(time);
        let mut watch = shared.watch();
        poll_fn(|cx| {
            let state = watch.look(cx, |state, _| state.connectivity());
            if state != from || timer.poll(cx).is_ready() { Poll::Ready(state) } else { Poll::Pending }
        })
        .await
    }

    /// Ends the channel, and every call on it that has not ended after `grace`, with UNAVAILABLE; waits until that is
    /// done. New calls fail at once. It is under way from the first poll on, whether it is waited for or not; may be called again with
    /// another `grace`.
    pub async fn shutdown(&self, grace: Duration) {
        let shared = self.shared();
        shared.shutdown(grace);
        let mut timer = self.timer(grace);
        let mut watch = shared.watch();
        poll_fn(|cx| {
            let over = watch.look(cx, |state, _| state.links.is_empty());
            if over || timer.poll(cx).is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        shared.abort();
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    pub(crate) fn os(&self) -> &Arc<dyn Os> {
        &self.shared().os
    }

    /// A timer that fires after this time.
    pub(crate) fn timer(&self, time: Duration) -> Box<dyn Timer> {
        let mut timer = self.os().timer();
        timer.set(Some(self.os().now() + time));
        timer
    }

    fn over(shared: Arc<Shared>) -> Self {
        Channel { handle: Arc::new(Handle { shared }) }
    }

    /// Waits for a connection, as a call does that fails fast.
    async fn wait_until_connected(&self) -> Result<(), Status> {
        let mut waiter = Waiter::new(false);
        let mut watch = self.shared().watch();
        poll_fn(|cx| {
            watch.look(cx, |state, now| match state.core.pick(now, &mut waiter) {
                Pick::Ready(_) => Poll::Ready(Ok(())),
                Pick::Fail(status) => Poll::Ready(Err(status)),
                Pick::Wait if state.has_no_task() => Poll::Ready(Err(runtime::executor_gone())),
                Pick::Wait => Poll::Pending,
            })
        })
        .await
    }
}

/// A channel to a constant of `detour`.
fn constant(channel: Result<Channel, Status>) -> Channel {
    match channel {
        Ok(channel) => channel,
        // The targets parse (the examples make such channels), and nothing else can be wrong.
        Err(status) => unreachable!("{status}"),
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, state) = self.shared().summary();
        f.debug_struct("Channel").field("target", &target).field("state", &state).finish()
    }
}
