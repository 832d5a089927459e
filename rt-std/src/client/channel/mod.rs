//! [`Channel`]: the way to a server, shared by all who call it.

mod builder;
pub(crate) mod connector;
mod orders;
mod reports;
pub(crate) mod runtime;
mod state;
#[cfg(all(test, feature = "testkit"))]
mod tests;

pub use builder::ChannelBuilder;
pub use proto_core::channel::{BackoffConfig, State};

use super::later::Later;
use proto_core::Status;
use proto_core::channel::{Pick, Waiter};
use runtime::Shared;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A way to a server: any number of threads make calls over it, over one connection. Cheap to clone.
///
/// It has no thread of its own: who waits for an answer does the work. With no thread inside a call nothing is read or
/// answered; [`ChannelBuilder::background_io`] is the remedy where that matters (keepalive, PINGs of the server). A
/// host name is looked up on a thread of its own, since a lookup has no time-out. And calls that are begun without waiting
/// ([`later`](Self::later), streams) while there is no connection have a thread, one for all of them, that connects: it ends
/// once they have left, or none of them wants the connection any more.
///
/// Connections are made when they are needed, and again when they are lost, with backoff. Dropping the last clone, with
/// the last call, shuts the channel down.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { compiled {
/// let channel = rt_std::Channel::connect("http://127.0.0.1:50051")?; // Channel::new(target) does no I/O
/// let hello = HelloServiceClient::new(channel);
/// let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() })?;
/// # } } }
/// ```
///
/// A reply dereferences to the message, and has the server's metadata; a request may have options:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// let reply = hello.say_hello(HelloRequest { greeting: "Ada".into() })?;
/// println!("{} {:?}", reply.reply, reply.metadata());
///
/// let request = Request::new(HelloRequest { greeting: "Bob".into() })
///     .with_timeout(Duration::from_millis(200))
///     .with_metadata("x-request-id", "42")
///     .with_metadata_bin("x-trace-bin", [1, 2, 3])
///     .with_wait_for_ready();
/// match hello.say_hello(request) {
///     Err(status) if status.code() == Code::DeadlineExceeded => println!("too slow"),
///     other => println!("{:?}", other?),
/// }
/// # } } }
/// ```
///
/// [`Cancel`](crate::Cancel) ends a call from another thread:
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// # let message = greeting("slow");
/// let cancel = Cancel::new();
/// # std::thread::scope(|s| {
/// # let (other, hello) = (cancel.clone(), &hello);
/// # s.spawn(move || { std::thread::sleep(Duration::from_millis(20)); other.cancel() });
/// let result = hello.say_hello(Request::new(message).cancel_on(&cancel)); // on another thread: cancel.cancel()
/// assert_eq!(result.map(drop).map_err(|status| status.code()), Err(Code::Cancelled));
/// # });
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
    pub fn connect(target: impl AsRef<str>) -> Result<Self, Status> {
        Self::builder(target).connect()
    }

    /// A channel with settings of one's own.
    pub fn builder(target: impl AsRef<str>) -> ChannelBuilder {
        ChannelBuilder::new(target.as_ref())
    }

    /// The same channel, for calls that leave at once and are waited for later ([`Pending`](crate::Pending)). While there is
    /// no connection they leave as soon as there is one: a thread that ends then connects, if no caller does. (Where the system has no
    /// thread to give, they leave once somebody waits.)
    pub fn later(&self) -> Later {
        Later::new(self.clone())
    }

    /// Connectivity now.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() { both! { |channel, hello| {
    /// let mut state = channel.state(true);
    /// while state != State::Ready {
    ///     println!("{state:?}"); // Idle, Connecting, TransientFailure; Shutdown
    ///     state = channel.wait_for_change(state, Duration::from_secs(5));
    /// }
    /// channel.shutdown(Duration::from_millis(1)); // wakes every blocked caller
    /// assert_eq!(channel.state(false), State::Shutdown);
    /// # } } }
    /// ```
    ///
    /// `try_to_connect`: leaves IDLE (the connection is made while somebody waits: a call, or
    /// [`wait_for_change`](Self::wait_for_change)).
    pub fn state(&self, try_to_connect: bool) -> State {
        let shared = self.shared();
        let current = shared.with(|state, _| state.current().cloned());
        if let Some(driver) = current {
            // Its end may lie in the socket, unread.
            driver.look();
        }
        shared.with(|state, now| {
            if try_to_connect {
                state.core().connect(now);
            }
            state.connectivity()
        })
    }

    /// Waits until the state is another one than `from`, for `time` at the longest. Gives the state then.
    pub fn wait_for_change(&self, from: State, time: Duration) -> State {
        let shared = self.shared();
        let until = Some(shared.os.now() + time);
        let changed = |state: State| (state != from).then_some(state);
        let other = shared.drive(until, &|| false, |state, _| changed(state.connectivity()));
        other.unwrap_or(from)
    }

    /// Ends the channel, and every call on it that has not ended after `grace`, with UNAVAILABLE; waits until that is
    /// done. New calls fail at once. May be called again with another `grace`, from another thread too.
    pub fn shutdown(&self, grace: Duration) {
        self.shared().shutdown(grace);
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn over(shared: Arc<Shared>) -> Self {
        Channel { handle: Arc::new(Handle { shared }) }
    }

    /// Waits for a connection, as a call does that fails fast.
    fn wait_until_connected(&self) -> Result<(), Status> {
        let mut waiter = Waiter::new(false);
        let ready = self.shared().drive(None, &|| false, |state, now| match state.core().pick(now, &mut waiter) {
            Pick::Ready(_) => Some(Ok(())),
            Pick::Fail(status) => Some(Err(status)),
            Pick::Wait => None,
        });
        ready.unwrap_or(Ok(()))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, state) = self.shared().summary();
        f.debug_struct("Channel").field("target", &target).field("state", &state).finish()
    }
}
