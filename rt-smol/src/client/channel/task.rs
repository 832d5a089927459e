//! The channel's task: it carries out what the core orders, keeps the channel's time, and starts the calls that wait for a
//! connection. It is spawned when the channel is first needed and ends with it.

use super::attempt;
use super::runtime::Shared;
use super::state::{Link, Task};
use crate::client::call::Call;
use crate::client::driver::Driver;
use crate::client::wakers::keep;
use crate::os::{BoxFuture, Pipe, Timer};
use crate::security;
use crate::sync::assert_unlocked;
use proto_core::channel::{Address, ConnectionKey, Order, State as Connectivity, describe};
use rt_common::observer::{self, Connections};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

/// A connection on its way.
type Attempt = BoxFuture<'static, io::Result<Arc<dyn Pipe>>>;

/// The task.
pub(super) struct Tend {
    shared: Arc<Shared>,
    lookup: Option<BoxFuture<'static, io::Result<Vec<SocketAddr>>>>,
    attempts: Vec<(ConnectionKey, Attempt)>,
    timer: Box<dyn Timer>,
    /// The core's generation that the waiting calls have seen.
    seen: u64,
    finished: bool,
}

impl fmt::Debug for Tend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tend").field("attempts", &self.attempts.len()).finish_non_exhaustive()
    }
}

impl Tend {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let timer = shared.os.timer();
        // Whatever the calls have seen: they look once more.
        Tend { shared, lookup: None, attempts: Vec::new(), timer, seen: u64::MAX, finished: false }
    }

    /// One round; true when nothing more is to be done now.
    fn round(&mut self, cx: &mut Context<'_>) -> bool {
        let progress = self.obey() | self.look_up(cx) | self.connect(cx);
        self.serve_time();
        let calls = self.calls();
        for call in calls.iter().filter_map(Weak::upgrade) {
            call.try_start();
        }
        !progress && calls.is_empty()
    }

    /// Carries out the orders. Was there one?
    fn obey(&mut self) -> bool {
        let mut obeyed = false;
        loop {
            let order = self.shared.lock().core.poll_order();
            let Some(order) = order else { return obeyed };
            obeyed = true;
            match self.shared.end_link(order) {
                Some(Order::Resolve { host, port }) => self.lookup = Some(self.shared.os.resolve(&host, port)),
                Some(Order::Connect { key, address, tunnel }) => {
                    self.shared.lock().links.insert(key, Link::Connecting);
                    let (shared, security) = (self.shared.me.clone(), self.shared.security.clone());
                    let stage = move |stage| {
                        if let Some(shared) = shared.upgrade() {
                            shared.with(|state, _| state.core.handle_stage(key, stage));
                        }
                    };
                    let attempt = attempt::connect(self.shared.os.clone(), address, tunnel, security, stage);
                    self.attempts.push((key, Box::pin(attempt)));
                }
                _ => {}
            }
        }
    }

    /// Has the lookup come to an end?
    fn look_up(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(lookup) = &mut self.lookup else { return false };
        let Poll::Ready(found) = lookup.as_mut().poll(cx) else { return false };
        self.lookup = None;
        let result = match found {
            Ok(addresses) => Ok(addresses.into_iter().map(Address::Tcp).collect()),
            Err(error) => Err(describe(&error.to_string())),
        };
        self.shared.with(|state, now| state.core.handle_resolved(now, result));
        true
    }

    /// Has an attempt come to an end? Those that were given up are dropped.
    fn connect(&mut self, cx: &mut Context<'_>) -> bool {
        let mut ended = Vec::new();
        for (at, (key, attempt)) in self.attempts.iter_mut().enumerate() {
            let wanted = matches!(self.shared.lock().links.get(key), Some(Link::Connecting));
            if !wanted {
                ended.push((at, None));
            } else if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                ended.push((at, Some(result)));
            }
        }
        let progress = !ended.is_empty();
        for (at, result) in ended.into_iter().rev() {
            let (key, _) = self.attempts.swap_remove(at);
            match result {
                Some(Ok(pipe)) => self.connected(key, pipe),
                Some(Err(error)) => {
                    let cause = security::cause(&error);
                    self.shared.closed(key, &describe(&error.to_string()), cause);
                }
                None => {}
            }
        }
        progress
    }

    fn connected(&self, key: ConnectionKey, pipe: Arc<dyn Pipe>) {
        let shared = &self.shared;
        let mut config = shared.settings.connection.clone();
        config.seed = shared.os.random();
        let observer = observer::Link { channel: shared.me.clone(), key };
        let (driver, task) = Driver::new(shared.os.clone(), pipe, config, Box::new(observer));
        let wanted = shared.with(|state, _| {
            let wanted = state.links.get_mut(&key);
            if let Some(link) = wanted {
                *link = Link::Handshake(driver.clone());
                state.core.handle_connected(key);
                return true;
            }
            false
        });
        if wanted {
            shared.os.spawn(Box::pin(task));
        }
    }

    fn serve_time(&self) {
        self.shared.with(|state, now| {
            if state.core.poll_timeout().is_some_and(|at| at <= now) {
                state.core.handle_timeout(now);
            }
        });
    }

    /// The calls that are to look again: all after a change, otherwise those whose deadline has passed.
    fn calls(&mut self) -> Vec<Weak<Call>> {
        let mut state = self.shared.lock();
        let late = state.pending.late(self.shared.os.now());
        let generation = state.core.generation();
        if std::mem::replace(&mut self.seen, generation) == generation { late } else { state.pending.all() }
    }

    /// Sets the timer if it is to fire earlier than it would. True when there is nothing to wait for any more.
    fn rest(&mut self) -> bool {
        let mut state = self.shared.lock();
        if state.core.state() == Connectivity::Shutdown {
            return true;
        }
        let due = state.due();
        let set = due.filter(|due| state.timer_at.is_none_or(|at| *due < at));
        if set.is_some() {
            state.timer_at = set;
        }
        drop(state);
        if set.is_some() {
            self.timer.set(set);
        }
        false
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // From here on whatever happens wakes the task.
            let old = match &mut self.shared.lock().task {
                Task::Runs(waker) => keep(waker, cx),
                Task::None | Task::Ended => None,
            };
            drop(old);
            while !self.round(cx) {}
            if self.rest() {
                return Poll::Ready(());
            }
            if self.timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer.set(None);
            self.shared.lock().timer_at = None;
        }
    }
}

impl Future for Tend {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        assert_unlocked();
        std::task::ready!(this.step(cx));
        this.finished = true;
        Poll::Ready(())
    }
}

/// With the channel, or with an executor that drops its tasks: then the calls that wait learn that nobody connects any more.
impl Drop for Tend {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let task = std::mem::replace(&mut state.task, Task::Ended);
        if !self.finished {
            state.wake_watchers();
        }
        let calls = state.pending.all();
        self.shared.unlock(state);
        drop(task);
        for call in calls.iter().filter_map(Weak::upgrade) {
            call.try_start();
        }
    }
}
