//! The seam over a simulated world.

use super::net;
use super::world::World;
use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use crate::rules::Rule;
use proto_core::time::Instant;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

#[derive(Clone, Debug)]
pub(super) struct SimOs(pub(super) Arc<World>);

impl Os for SimOs {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn timer(&self) -> Box<dyn Timer> {
        Box::new(SimTimer { world: self.0.clone(), at: None, registered: None })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.tasks.spawn(task);
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let (world, host) = (self.0.clone(), host.to_owned());
        Box::pin(async move {
            let at = {
                let state = world.state();
                state.now + state.settings().resolve_delay
            };
            sleep_until(world.clone(), at).await;
            world.state().net.resolve(&host, port)
        })
    }

    fn connect(&self, to: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
        net::connect(self.0.clone(), to.to_string())
    }

    fn random(&self) -> u64 {
        self.0.random()
    }

    fn without_rule(&self) -> Option<Rule> {
        self.0.state().without_rule
    }
}

/// Waits until then.
pub(super) async fn sleep_until(world: Arc<World>, at: Instant) {
    let mut timer = SimTimer { world, at: Some(at), registered: None };
    poll_fn(|cx| timer.poll(cx)).await;
}

#[derive(Debug)]
struct SimTimer {
    world: Arc<World>,
    at: Option<Instant>,
    registered: Option<(Instant, u64)>,
}

impl SimTimer {
    fn forget(&mut self) {
        if let Some(key) = self.registered.take() {
            let waker = self.world.state().take_timer(key);
            drop(waker);
        }
    }
}

impl Timer for SimTimer {
    fn set(&mut self, at: Option<Instant>) {
        self.forget();
        self.at = at;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.forget();
        let Some(at) = self.at else { return Poll::Pending };
        let mut state = self.world.state();
        if at <= state.now {
            return Poll::Ready(());
        }
        self.registered = Some(state.set_timer(at, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for SimTimer {
    fn drop(&mut self) {
        self.forget();
    }
}
