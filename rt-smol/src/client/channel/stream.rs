//! A channel over one byte stream: a machine on which the one connection leads there.

use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use crate::sync::Lock;
use proto_core::time::Instant;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the channel's machinery takes for an address, where none was given.
pub(super) const TARGET: &str = "unix:stream";

/// The machine.
#[derive(Debug)]
pub(super) struct StreamOs {
    os: Arc<dyn Os>,
    pipe: Lock<Option<Arc<dyn Pipe>>>,
}

impl StreamOs {
    pub(super) fn new(os: Arc<dyn Os>, pipe: Arc<dyn Pipe>) -> Self {
        StreamOs { os, pipe: Lock::new(Some(pipe)) }
    }
}

impl Os for StreamOs {
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
        let pipe = self.pipe.lock().take();
        Box::pin(std::future::ready(pipe.ok_or_else(|| io::Error::other("the channel's byte stream has ended"))))
    }
    fn random(&self) -> u64 {
        self.os.random()
    }
}
