//! A machine on which every connection leads to one place: a byte stream, or a service inside this process.

use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use crate::sync::Lock;
use proto_core::time::Instant;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the channel's machinery takes for the address of a byte stream.
pub(super) const STREAM: &str = "unix:stream";
/// The same, of a service inside this process.
pub(super) const IN_PROCESS: &str = "unix:in-process";

/// Gives the next connection.
pub(super) type Lead = Box<dyn Fn() -> io::Result<Arc<dyn Pipe>> + Send + Sync>;

/// Leads to this pipe, once.
pub(super) fn once(pipe: Arc<dyn Pipe>) -> Lead {
    let pipe = Lock::new(Some(pipe));
    Box::new(move || {
        let pipe = pipe.lock().take();
        // Never asked twice: the channel ends with it.
        pipe.ok_or_else(|| io::Error::other("the byte stream of this channel has ended"))
    })
}

/// The machine.
pub(super) struct Detour {
    os: Arc<dyn Os>,
    lead: Lead,
}

impl Detour {
    pub(super) fn new(os: Arc<dyn Os>, lead: Lead) -> Self {
        Detour { os, lead }
    }
}

impl fmt::Debug for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detour").field("os", &self.os).finish_non_exhaustive()
    }
}

impl Os for Detour {
    fn now(&self) -> Instant {
        self.os.now()
    }
    fn timer(&self) -> Box<dyn Timer> {
        self.os.timer()
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.os.spawn(task);
    }
    fn resolve(&self, _host: &str, _port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
    fn connect(&self, _to: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
        Box::pin(std::future::ready((self.lead)()))
    }
    fn random(&self) -> u64 {
        self.os.random()
    }
}
