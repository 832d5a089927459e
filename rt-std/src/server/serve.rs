//! A server that is bound, one that runs, and what stops it.

use super::builder::ServerBuilder;
use super::hub::Hub;
use crate::os::Address;
use proto_core::rpc::Report;
use rt_common::ServerError;
use std::sync::Arc;
use std::time::Duration;

/// A server that has its address and does not serve yet: [`serve`](Self::serve) or [`spawn`](Self::spawn). Clients that
/// connect before that wait in the system's backlog.
#[derive(Debug)]
#[must_use = "a server serves with `serve` or `spawn`"]
pub struct Server {
    address: Address,
    hub: Guard,
}

/// Stops the hub when dropped.
#[derive(Debug)]
pub(super) struct Guard(Arc<Hub>);

impl Guard {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Guard(hub)
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.0
    }

    /// Serves on this thread too, until the last connection is over.
    pub(super) fn serve_until_idle(&self) -> Report {
        self.0.work_until_idle();
        let left_behind = self.0.join();
        self.0.stats.report(left_behind)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.stop(Duration::ZERO);
        // A thread that unwinds must not wait for others: it may be one of those that they wait for.
        if !std::thread::panicking() {
            self.0.join();
        }
    }
}

impl Server {
    /// Services, limits, and then where to listen.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(super) fn new(address: Address, hub: Arc<Hub>) -> Self {
        Server { address, hub: Guard(hub) }
    }

    /// Where it listens; with the port that the system chose, if it was asked to.
    pub fn local_addr(&self) -> &Address {
        &self.address
    }

    /// What stops it, from anywhere.
    pub fn stop(&self) -> Stop {
        Stop { hub: self.hub.0.clone() }
    }

    /// Serves on threads of its own until it is stopped; blocks until then.
    pub fn serve(self) -> Result<Report, ServerError> {
        self.hub.0.open();
        let left_behind = self.hub.0.join();
        Ok(self.hub.0.stats.report(left_behind))
    }

    /// Serves on threads of its own; returns at once.
    pub fn spawn(self) -> Running {
        self.hub.0.open();
        Running { address: self.address, hub: self.hub }
    }
}

/// A server that serves. It stops when dropped: at once, without a grace.
#[derive(Debug)]
#[must_use = "a running server stops when it is dropped"]
pub struct Running {
    address: Address,
    hub: Guard,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What stops it, from anywhere.
    pub fn stop(&self) -> Stop {
        Stop { hub: self.hub.0.clone() }
    }

    /// What it has done so far.
    pub fn report(&self) -> Report {
        self.hub.0.stats.report(0)
    }

    /// No new calls; running ones have `grace` to end. Blocks until the end, which comes as soon as all have ended.
    pub fn shutdown(self, grace: Duration) -> Report {
        self.hub.0.stop(grace);
        self.wait()
    }

    /// Blocks until somebody has stopped it.
    pub fn wait(self) -> Report {
        let left_behind = self.hub.0.join();
        self.hub.0.stats.report(left_behind)
    }

    #[cfg(feature = "testkit")]
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub.0
    }
}

/// Stops a server, from any thread (a ctrl-c handler's, for example).
#[derive(Clone, Debug)]
pub struct Stop {
    hub: Arc<Hub>,
}

impl Stop {
    /// No new connections and calls; running calls have `grace` to end, then they are cancelled. Returns at once. May be
    /// called again: a shorter grace counts, a longer one does not.
    pub fn graceful(&self, grace: Duration) {
        self.hub.stop(grace);
    }

    /// Cancels all calls and ends.
    pub fn now(&self) {
        self.hub.stop(Duration::ZERO);
    }
}
