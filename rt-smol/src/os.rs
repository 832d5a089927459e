//! The seam: everything the async runtime asks of the world (and of the simulation instead): time, tasks, names,
//! connections. No lock of ours is held across a call of it, `spawn` and `now` excepted.

mod executor;
mod memory;
mod real;
mod socket;
mod stream;

pub use executor::Executor;
pub(crate) use executor::start_for_a_server;
pub use memory::MemoryPipe;
pub use real::RealOs;
#[doc(inline)]
pub use rt_common::Address;
pub use socket::{SocketListener, SocketPipe};
pub use stream::IoPipe;

use proto_core::rpc::Peer;
use proto_core::time::Instant;
use std::fmt::Debug;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A future on the heap that any thread may run.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time, tasks, names, new connections.
pub trait Os: Send + Sync + Debug {
    /// The clock that everything here runs on.
    fn now(&self) -> Instant;
    /// A timer that is not set.
    fn timer(&self) -> Box<dyn Timer>;
    /// Runs a task on the executor.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Looks up the addresses of a host.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
    /// Connects; dropping the future gives the attempt up.
    fn connect(&self, to: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>>;
    /// Numbers for seeds.
    fn random(&self) -> u64;
    /// The rule that a test runs without, to see whether it notices.
    #[cfg(feature = "testkit")]
    fn without_rule(&self) -> Option<crate::rules::Rule> {
        None
    }
}

/// Fires at a point in time; may be set anew.
pub trait Timer: Send + Debug {
    /// Fires at `at`; `None`: never.
    fn set(&mut self, at: Option<Instant>);
    /// Ready once the point has passed, until it is set anew.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// One connection's bytes. One task reads, one at a time writes; both at once is allowed.
pub trait Pipe: Send + Sync + Debug {
    /// Reads; `Ok(0)` is the end.
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
    /// Writes the segments in order, as far as there is room. After `Pending` the next write begins with the same bytes:
    /// a pipe that transforms them may have taken some.
    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;
    /// Writes what has room now, and asks for no wake-up: `WouldBlock` when there is none, or when this pipe cannot tell
    /// without a task.
    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Ends our direction, after what was written: the peer reads that, and then the end.
    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Who is at the other end.
    fn peer(&self) -> Peer {
        Peer::Unknown
    }
    /// The peer's certificates, DER, leaf first.
    fn certificates(&self) -> &[bytes::Bytes] {
        &[]
    }
}

/// A listening socket.
pub trait Listener: Send + Sync + Debug {
    /// The next connection.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Arc<dyn Pipe>>>;
}
