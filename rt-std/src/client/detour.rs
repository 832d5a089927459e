//! Channels whose connections lead somewhere else than to an address: to a service inside this process, to a byte stream
//! that somebody else has opened.

use super::channel::{Channel, ChannelBuilder};
use crate::os::{Address, ByteStream, Os, Pipe, Poller, Thread};
use crate::sync::Lock;
use proto_core::Status;
use proto_core::time::Instant;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What the channel's machinery takes for a target; nobody connects there.
const TARGET: &str = if cfg!(unix) { "unix:in-process" } else { "127.0.0.1:1" };

/// What every name stands for.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The next connection.
pub(super) type Lead = Box<dyn Fn() -> io::Result<Arc<dyn Pipe>> + Send + Sync>;

impl Channel {
    /// A channel over this byte stream: anything that implements `Read + Write`, or its two halves. [`ByteStream`] says what
    /// it costs, and in which mode a value of one's own has to be. When the stream has ended, the channel is shut down, and calls
    /// fail with UNAVAILABLE, those that wait for a connection too. [`ChannelBuilder::from_io`] is the same with settings.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Server::builder().add_service(hello::HelloServiceServer::blocking(Greeter)).bind("127.0.0.1:0")?.spawn();
    /// let socket = std::net::TcpStream::connect(server.address().to_string())?;
    /// let hello = HelloServiceClient::new(Channel::from_io(socket));
    /// assert_eq!(hello.say_hello(greeting("Ada"))?.reply, "Hello, Ada!");
    /// # Ok(()) }
    /// ```
    pub fn from_io(stream: impl ByteStream) -> Channel {
        let os = crate::os::RealOs::shared();
        let lead = once(stream.into_pipe(&os));
        constant(ChannelBuilder::new(TARGET).over_one(os, lead))
    }
}

impl ChannelBuilder {
    /// The channel over this byte stream ([`Channel::from_io`]); the target only gives the requests their `:authority`. It is
    /// not closed for being idle, since it could not be opened again.
    ///
    /// # Errors
    /// As with [`build`](Self::build).
    pub fn from_io(self, stream: impl ByteStream) -> Result<Channel, Status> {
        let pipe = stream.into_pipe(&self.seam());
        self.led_to(pipe)
    }

    /// The same over a [`Pipe`] of the seam.
    ///
    /// # Errors
    /// As with [`build`](Self::build).
    pub fn from_pipe(self, pipe: Arc<dyn Pipe>) -> Result<Channel, Status> {
        self.led_to(Ok(pipe))
    }

    fn led_to(self, pipe: io::Result<Arc<dyn Pipe>>) -> Result<Channel, Status> {
        let os = self.seam();
        self.over_one(os, once(pipe))
    }

    fn over_one(mut self, os: Arc<dyn Os>, lead: Lead) -> Result<Channel, Status> {
        self.settings.once = true;
        self.os(Arc::new(Detour { os, lead })).build()
    }
}

/// One connection, and none after it.
fn once(pipe: io::Result<Arc<dyn Pipe>>) -> Lead {
    let pipe = Lock::new(Some(pipe));
    Box::new(move || {
        let ended = || io::Error::new(io::ErrorKind::NotConnected, "the byte stream of this channel has ended");
        pipe.take().take().unwrap_or_else(|| Err(ended()))
    })
}

/// A machine on which every connection leads to what `lead` gives.
pub(super) struct Detour {
    os: Arc<dyn Os>,
    lead: Lead,
}

impl fmt::Debug for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detour").field("os", &self.os).finish_non_exhaustive()
    }
}

impl Detour {
    /// A channel on it.
    pub(super) fn channel(os: Arc<dyn Os>, lead: Lead) -> Channel {
        constant(ChannelBuilder::new(TARGET).os(Arc::new(Detour { os, lead })).build())
    }
}

/// A channel to `TARGET`.
fn constant(channel: Result<Channel, Status>) -> Channel {
    match channel {
        Ok(channel) => channel,
        // The target is a constant that parses (tests make such channels), and nothing else can be wrong.
        Err(status) => unreachable!("{status}"),
    }
}

impl Os for Detour {
    fn now(&self) -> Instant {
        self.os.now()
    }
    fn me(&self) -> Thread {
        self.os.me()
    }
    fn park(&self, until: Option<Instant>) {
        self.os.park(until);
    }
    fn unpark(&self, thread: &Thread) {
        self.os.unpark(thread);
    }
    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.os.spawn(name, run)
    }
    fn cpu(&self) -> Duration {
        self.os.cpu()
    }
    fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![NOWHERE])
    }
    fn connect(&self, _to: &Address) -> io::Result<Arc<dyn Pipe>> {
        (self.lead)()
    }
    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        self.os.poller()
    }
    fn random(&self) -> u64 {
        self.os.random()
    }
    fn yield_point(&self) {
        self.os.yield_point();
    }
    #[cfg(feature = "testkit")]
    fn without_rule(&self) -> Option<&'static str> {
        self.os.without_rule()
    }
}
