//! The seam: everything the blocking runtime asks of the operating system (and of the simulation instead).
//!
//! No other blocking primitive is used in this crate, and none of these is called under a lock of ours (asserted in
//! debug builds).

pub mod memory;
#[cfg(any(not(unix), test, feature = "testkit"))]
pub mod portable;
mod stream;
mod threads;
#[cfg(unix)]
pub mod unix;
#[cfg(not(unix))]
pub use portable::PortableOs as RealOs;
#[cfg(unix)]
pub use unix::RealOs;

#[doc(inline)]
pub use rt_common::Address;
#[doc(inline)]
pub use rt_common::stream::StreamError;
pub use stream::{ByteStream, Halves, Shared};

use proto_core::channel::Stage;
use proto_core::time::Instant;
use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Threads, time, names, new connections.
pub trait Os: Send + Sync + Debug {
    /// The clock that everything here runs on.
    fn now(&self) -> Instant;
    /// The calling thread, to be unparked later.
    fn me(&self) -> Thread;
    /// Blocks until unparked, or `until`; may return early.
    fn park(&self, until: Option<Instant>);
    /// Wakes a parked thread, or lets its next `park` return at once.
    fn unpark(&self, thread: &Thread);
    /// Starts a thread. `Err` when the system has none for us now.
    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()>;
    /// CPU time of the process so far (the server's growth rule).
    fn cpu(&self) -> Duration;
    /// Resolves a host name; may block for long (getaddrinfo has no time-out), so it is called on a thread of its own.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
    /// Begins a connection without blocking; the pipe becomes writable when it stands, or when it failed (`Pipe::connected`).
    fn connect(&self, to: &Address) -> io::Result<Arc<dyn Pipe>>;
    /// Accepts from this listener without blocking. (A simulation has listeners of its own.)
    fn listen(&self, listener: TcpListener) -> io::Result<Arc<dyn Listener>> {
        drop(listener);
        Err(io::ErrorKind::Unsupported.into())
    }
    /// A new poller, watching nothing.
    fn poller(&self) -> io::Result<Arc<dyn Poller>>;
    /// Numbers for seeds.
    fn random(&self) -> u64;
    /// The simulation may switch threads here; called before a lock is taken. Nothing in reality.
    fn yield_point(&self) {}
    /// The rule that a simulation runs without, to see whether its seeds notice.
    #[cfg(feature = "testkit")]
    fn without_rule(&self) -> Option<&'static str> {
        None
    }
}

/// Is this rule in force? Always, but for a simulation that was told to run without it (`Sim::without_rule`).
#[inline]
pub(crate) fn in_force(os: &dyn Os, rule: &'static str) -> bool {
    #[cfg(feature = "testkit")]
    return os.without_rule() != Some(rule);
    #[cfg(not(feature = "testkit"))]
    {
        let _ = (os, rule);
        true
    }
}

/// A thread of the seam.
#[derive(Clone, Debug)]
pub enum Thread {
    /// A real one.
    Os(std::thread::Thread),
    /// One of the simulation.
    Sim(usize),
}

impl Thread {
    /// Are they the same one?
    pub(crate) fn is(&self, other: &Thread) -> bool {
        match (self, other) {
            (Thread::Os(one), Thread::Os(other)) => one.id() == other.id(),
            (Thread::Sim(one), Thread::Sim(other)) => one == other,
            _ => false,
        }
    }
}

/// What a pipe is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Bytes, or the end.
    pub read: bool,
    /// Room.
    pub write: bool,
    /// `wake` was called.
    pub woken: bool,
    /// End or error seen: read until the end even after a short read (pollers).
    pub hup: bool,
}

/// One connection's bytes. Calls are made without any lock held.
pub trait Pipe: Send + Sync + Debug {
    /// Blocks for input until `until`. `WouldBlock` on time-out, or earlier: callers loop. One system call where possible.
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize>;
    /// Reads without blocking.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes without blocking: the segments in order (`writev`).
    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize>;
    /// Blocks until ready for one of what is asked, woken, or `until`.
    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready>;
    /// Makes the current or the next `wait` return.
    fn wake(&self);
    /// After a non-blocking connect: does it stand? `Ok(false)` not yet.
    fn connected(&self) -> io::Result<bool>;
    /// How far it has come while `connected` says "not yet", for the texts of deadlines.
    fn stage(&self) -> Stage {
        Stage::Socket
    }
    /// Ends it in both directions.
    fn close(&self);
    /// Ends our direction: the peer reads what was written, and then the end; what it sends can still be read. False
    /// where one direction cannot be ended alone: then nothing has happened.
    fn close_write(&self) -> bool {
        false
    }
    /// For a poller.
    fn raw(&self) -> Raw<'_>;
    /// Who is at the other end.
    fn peer(&self) -> proto_core::rpc::Peer {
        proto_core::rpc::Peer::Unknown
    }
    /// The peer's certificates, DER, leaf first (TLS); none before `connected`.
    fn certificates(&self) -> &[bytes::Bytes] {
        &[]
    }
    /// How the stream of somebody else's below it has failed, once it has ([`ByteStream`]).
    fn failure(&self) -> Option<StreamError> {
        None
    }
}

/// What a poller is told about.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// A descriptor, and what its user tells a poller that knows no edges.
    #[cfg(unix)]
    Fd(std::os::fd::BorrowedFd<'a>, &'a unix::Interest),
    /// An end of a connection inside this process, for its own poller.
    Memory(&'a memory::MemoryPipe),
    /// A number in the simulation.
    Sim(usize, std::marker::PhantomData<&'a ()>),
}

/// A listening socket.
pub trait Listener: Send + Sync + Debug {
    /// Accepts without blocking.
    fn try_accept(&self) -> io::Result<Arc<dyn Pipe>>;
    /// For a poller.
    fn raw(&self) -> Raw<'_>;
}

/// Edge-triggered readiness of many pipes. `add` reports what is ready already. One thread waits at a time; the others call at will.
pub trait Poller: Send + Sync + Debug {
    /// Watches it under this key, for everything.
    fn add(&self, key: u64, what: Raw<'_>) -> io::Result<()>;
    /// Stops watching it.
    fn remove(&self, key: u64, what: Raw<'_>);
    /// Waits until something is ready, notified, or `until`.
    fn wait(&self, into: &mut Vec<(u64, Ready)>, until: Option<Instant>);
    /// Makes the waiter, or the next one, return.
    fn notify(&self);
}
