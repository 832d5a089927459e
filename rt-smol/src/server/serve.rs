//! A server that is bound, one that runs, and what stops it.

use super::accept::Accepting;
use super::builder::ServerBuilder;
use super::hub::Hub;
use crate::os::{Address, Listener};
use proto_core::rpc::Report;
use rt_common::ServerError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A server that has its address and does not serve yet: [`serve`](Self::serve) or [`spawn`](Self::spawn). Clients that
/// connect before that wait in the system's backlog.
#[must_use = "a server serves with `serve` or `spawn`"]
pub struct Server {
    address: Address,
    listener: Arc<dyn Listener>,
    hub: Guard,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).field("hub", &self.hub.0).finish_non_exhaustive()
    }
}

/// Stops the hub when dropped.
#[derive(Debug)]
pub(super) struct Guard(pub(super) Arc<Hub>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.stop(Duration::ZERO);
    }
}

impl Server {
    /// Services, limits, and then where to listen.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(super) fn new(address: Address, listener: Arc<dyn Listener>, hub: Arc<Hub>) -> Self {
        Server { address, listener, hub: Guard(hub) }
    }

    /// Where it listens; with the port that the system chose, if it was asked to.
    pub fn local_addr(&self) -> &Address {
        &self.address
    }

    /// What stops it, from anywhere.
    pub fn stop(&self) -> Stop {
        Stop { hub: self.hub.0.clone() }
    }

    /// Serves until it is stopped. The future accepts; each connection is a task of the executor. Dropped, it stops the
    /// server at once.
    pub async fn serve(self) -> Result<Report, ServerError> {
        let Server { listener, hub, .. } = self;
        Accepting::new(hub.0.clone(), listener).await;
        Ok(hub.0.ended(true).await)
    }

    /// Serves on the executor; returns at once.
    pub fn spawn(self) -> Running {
        let Server { address, listener, hub } = self;
        hub.0.os.spawn(Box::pin(Accepting::new(hub.0.clone(), listener)));
        Running { address, hub }
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

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub.0
    }

    /// No new calls; running ones have `grace` to end. Stops when called, and is ready at the end, which comes as soon as
    /// all have ended.
    pub fn shutdown(self, grace: Duration) -> impl Future<Output = Report> + Send {
        self.hub.0.stop(grace);
        self.wait()
    }

    /// Waits until somebody has stopped it.
    pub async fn wait(self) -> Report {
        self.hub.0.ended(true).await
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
