//! A call of a channel: where it stands, from "not started" over the connection that it runs on to its end.
//!
//! Starting a call never waits. While the channel has no connection, the call stands by; it is started by whichever
//! thread brings the connection about (if need be one that is there for nothing else: `channel::connector`), or by the
//! first operation that needs it. Unary calls that nobody can cancel do
//! without all this (`unary`).

mod operations;
pub(crate) mod scratch;
#[cfg(all(test, feature = "testkit"))]
mod tests;

use super::channel::Channel;
use super::channel::connector::STANDS_BY_AGAIN;
use super::driver::{Driver, First};
use crate::sync::Lock;
use bytes::Bytes;
use proto_core::call::{CallId, CallOptions, Head, Kind};
use proto_core::channel::{Attempt, Next, Replay, Waiter};
use proto_core::connection::StartError;
use proto_core::rpc::{OnCancel, Outset, RequestOptions, Subscriptions};
use proto_core::time::Instant;
use proto_core::{Payload, Status};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};

use crate::os::{Thread, in_force};

/// The rule's name: see `driver::rules`.
const WAITING_TOLD: &str = "who waits for a call's start is told";
/// The rule's name.
const CANCEL_CAUGHT_UP: &str = "a call cancelled while it starts is cancelled then";

/// The rule's name.
const JUDGED_ONCE: &str = "the end of an attempt is judged once for both halves";
/// The rule's name.
const TAKEN_IN_VAIN: &str = "what an ended attempt took is sent to the next";
/// The rule's name.
const RELEASED_AFTER_VERDICT: &str = "a failed attempt is released once its call has moved on";

/// All rules of a call.
#[cfg(any(test, feature = "testkit"))]
pub(crate) const RULES: &[&str] = &[WAITING_TOLD, CANCEL_CAUGHT_UP, JUDGED_ONCE, TAKEN_IN_VAIN, RELEASED_AFTER_VERDICT];

/// One call, shared by its handles.
pub(crate) struct Call {
    me: Weak<Call>,
    channel: Channel,
    path: &'static str,
    options: CallOptions,
    /// What ended it from outside; the first one counts.
    stopped: OnceLock<Status>,
    subscriptions: OnceLock<Subscriptions>,
    /// The application has seen something of the reply: it is not sent again (`State::replay` knows).
    committed: AtomicBool,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Threads that wait for another one to start it.
    waiting: Vec<Thread>,
    /// The one message of a request that is not streamed, as long as it may have to be sent (again).
    request: Option<Bytes>,
    /// The connection has not accepted it yet.
    unsent: bool,
    waiter: Waiter,
    /// Attempts; and what was streamed, as long as it may have to be sent again.
    replay: Replay,
}

#[derive(Clone, Debug)]
enum Phase {
    Unstarted,
    /// A thread looks for a connection.
    Starting,
    Running(Arc<Driver>, CallId),
    Over(Status),
}

/// A call that runs.
struct Running {
    driver: Arc<Driver>,
    id: CallId,
    attempt: Attempt,
}

/// Why a call does not run.
enum NotRunning {
    TimedOut,
    Over(Status),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("path", &self.path)
            .field("deadline", &self.options.deadline)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call that leaves by itself: at once if there is a connection, otherwise as soon as there is one, whether somebody
    /// waits for it or not. `request`: the one message, encoded, of a call whose client does not stream; `Err`: what is
    /// wrong with it already.
    pub(crate) fn start(
        channel: &Channel,
        path: &'static str,
        kind: Kind,
        options: RequestOptions,
        request: Result<Option<Bytes>, Status>,
    ) -> Arc<Self> {
        let call = Call::prepare(channel, path, kind, options, request);
        call.try_start();
        call
    }

    /// The same, for who waits for it right away, until it is over: that starts it.
    pub(crate) fn prepare(
        channel: &Channel,
        path: &'static str,
        kind: Kind,
        options: RequestOptions,
        request: Result<Option<Bytes>, Status>,
    ) -> Arc<Self> {
        let shared = channel.shared();
        let now = shared.os.now();
        let Outset { options, tokens, waiter, request, over } =
            shared.settings.calls.outset(options, kind, request, now);
        let state = State {
            phase: over.map_or(Phase::Unstarted, Phase::Over),
            waiting: Vec::new(),
            unsent: request.is_some(),
            request,
            waiter,
            replay: Replay::new(shared.settings.replay_limit),
        };
        let call = Arc::new_cyclic(|me| Call {
            me: me.clone(),
            channel: channel.clone(),
            path,
            options,
            stopped: OnceLock::new(),
            subscriptions: OnceLock::new(),
            committed: AtomicBool::new(false),
            state: Lock::new(state),
        });
        if !tokens.is_empty() {
            let subscriptions = Subscriptions::new(&call, tokens);
            let _ = call.subscriptions.set(subscriptions);
        }
        call
    }

    fn lock(&self) -> crate::sync::Guard<'_, State> {
        self.state.lock(&*self.channel.shared().os)
    }

    fn now(&self) -> Instant {
        self.channel.shared().os.now()
    }

    /// `Some(now + time)`, for the operations that wait so long.
    pub(crate) fn after(&self, time: std::time::Duration) -> Option<Instant> {
        Some(self.now() + time)
    }

    /// When it ends by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.options.deadline
    }

    /// Does a thread look for a connection for it, that has not been told to stop?
    pub(crate) fn is_starting(&self) -> bool {
        self.stopped.get().is_none() && matches!(self.lock().phase, Phase::Starting)
    }

    /// Starts it if there is a connection, otherwise sees to it that it starts later; does not wait.
    pub(crate) fn try_start(self: &Arc<Self>) {
        let shared = self.channel.shared();
        while let Some(mut waiter) = self.begin() {
            let phase = loop {
                match shared.acquire_now(&mut waiter, self) {
                    Ok(Some(driver)) => {
                        if let Some(phase) = self.start_on(&driver) {
                            break phase;
                        }
                    }
                    Ok(None) => break Phase::Unstarted,
                    Err(status) => break Phase::Over(status),
                }
            };
            let stands_by = matches!(phase, Phase::Unstarted);
            self.began(phase, waiter);
            if !stands_by || shared.connect_for(self) {
                return;
            }
        }
    }

    /// Becomes the thread that starts it, if it is to be started.
    fn begin(&self) -> Option<Waiter> {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Unstarted) || self.stopped.get().is_some() {
            return None;
        }
        state.phase = Phase::Starting;
        Some(state.waiter.clone())
    }

    /// What came of starting it.
    fn began(&self, phase: Phase, waiter: Waiter) {
        let waiting = {
            let mut state = self.lock();
            state.phase = phase.clone();
            state.waiter = waiter;
            std::mem::take(&mut state.waiting)
        };
        let os = &*self.channel.shared().os;
        if in_force(os, WAITING_TOLD) {
            waiting.iter().for_each(|thread| os.unpark(thread));
        }
        // It may have been cancelled when it was nowhere to be found.
        if let (Some(status), Phase::Running(driver, id), true) =
            (self.stopped.get(), phase, in_force(os, CANCEL_CAUGHT_UP))
        {
            driver.cancel(id, status.clone());
        }
    }

    /// Starts it on this connection; `None` when that takes no calls.
    fn start_on(&self, driver: &Arc<Driver>) -> Option<Phase> {
        let (request, script) = {
            let mut state = self.lock();
            (state.request.clone(), state.replay.script())
        };
        let first = match &request {
            Some(message) => First::Message(Payload::Shared(message)),
            None => First::Script(&script),
        };
        match driver.start_call(Head::new(self.path), &self.options, &first) {
            Ok((id, accepted)) => {
                let mut state = self.lock();
                state.unsent = !accepted;
                Some(Phase::Running(driver.clone(), id))
            }
            Err(StartError::Closed) => {
                self.channel.shared().refused(driver);
                None
            }
            Err(StartError::Bad(status) | StartError::TooManyPending(status)) => Some(Phase::Over(status)),
        }
    }

    /// The connection and the id that it runs under; starts it first if need be, waiting until `until` at the longest.
    fn running(&self, until: Option<Instant>) -> Result<Running, NotRunning> {
        let shared = self.channel.shared();
        let stop = || self.stopped.get().is_some();
        loop {
            let begun = {
                let mut state = self.lock();
                match (&state.phase, self.stopped.get()) {
                    (Phase::Running(driver, id), _) => {
                        return Ok(Running { driver: driver.clone(), id: *id, attempt: state.replay.attempt() });
                    }
                    (Phase::Over(status), _) | (_, Some(status)) => return Err(NotRunning::Over(status.clone())),
                    (Phase::Starting, None) => {
                        state.waiting.push(shared.os.me());
                        None
                    }
                    (Phase::Unstarted, None) => {
                        state.phase = Phase::Starting;
                        Some(state.waiter.clone())
                    }
                }
            };
            let Some(mut waiter) = begun else {
                // Whoever starts it wakes us, at its deadline too.
                shared.os.park(until);
                // Nobody has taken us off the list if our time is up, and who asks again comes here again.
                let me = shared.os.me();
                self.lock().waiting.retain(|thread| !thread.is(&me));
                if until.is_some_and(|at| at <= self.now()) {
                    return Err(NotRunning::TimedOut);
                }
                continue;
            };
            let phase = match shared.acquire(&mut waiter, self.options.deadline, until, &stop) {
                Ok(Some(driver)) => self.start_on(&driver).unwrap_or(Phase::Unstarted),
                Ok(None) => Phase::Unstarted,
                Err(status) => Phase::Over(status),
            };
            let timed_out = matches!(phase, Phase::Unstarted) && until.is_some_and(|at| at <= self.now());
            let over = matches!(phase, Phase::Over(_));
            self.began(phase, waiter);
            if over {
                shared.recall();
            }
            if timed_out {
                // It goes on without us.
                if let (Some(me), true) = (self.me.upgrade(), in_force(&*shared.os, STANDS_BY_AGAIN)) {
                    me.try_start();
                }
                return Err(NotRunning::TimedOut);
            }
        }
    }

    /// After this attempt has failed: is the call sent again, without the application's knowing? True as well if the other
    /// half has seen to it. (One that was cancelled meanwhile does not get far: see `running`.)
    fn again(&self, attempt: Attempt, status: &Status) -> bool {
        let now = self.now();
        let mut state = self.lock();
        let judged_once = in_force(&*self.channel.shared().os, JUDGED_ONCE);
        let attempt = if judged_once { attempt } else { state.replay.attempt() };
        match state.replay.after(attempt, now, self.options.deadline, status) {
            Next::GiveUp => return false,
            Next::Moved => return true,
            Next::Again => {}
        }
        let old = std::mem::replace(&mut state.phase, Phase::Unstarted);
        state.unsent = state.request.is_some();
        drop(state);
        if let Phase::Running(driver, id) = old {
            driver.release(id);
        }
        true
    }

    /// Has the call moved on to another attempt?
    fn has_left(&self, attempt: Attempt) -> bool {
        self.lock().replay.attempt() != attempt
    }

    /// Something of the reply is there: the call is not sent again.
    fn commit(&self) {
        if !self.committed.swap(true, Relaxed) {
            self.lock().replay.commit();
        }
    }

    /// It has ended, with this status.
    fn over(&self, status: Status) {
        let mut state = self.lock();
        state.phase = Phase::Over(status);
        state.request = None;
        state.replay.commit();
    }

    /// Ends it, from any thread.
    pub(crate) fn stop(&self, status: Status) {
        if self.stopped.set(status.clone()).is_err() {
            return;
        }
        let (phase, waiting) = {
            let mut state = self.lock();
            (state.phase.clone(), std::mem::take(&mut state.waiting))
        };
        let shared = self.channel.shared();
        for thread in waiting {
            shared.os.unpark(&thread);
        }
        match phase {
            Phase::Running(driver, id) => driver.cancel(id, status),
            Phase::Starting => {
                shared.recall();
                shared.wake_all();
            }
            Phase::Unstarted => shared.recall(),
            Phase::Over(_) => {}
        }
    }
}

/// One of its tokens was used.
impl OnCancel for Call {
    fn cancelled(&self, status: Status) {
        self.stop(status);
    }
}

/// Nobody has a handle any more: the connection releases it, and cancels it if it is not over.
impl Drop for Call {
    fn drop(&mut self) {
        let phase = std::mem::replace(&mut self.lock().phase, Phase::Starting);
        match phase {
            Phase::Running(driver, id) => driver.release(id),
            Phase::Unstarted => self.channel.shared().recall(),
            Phase::Starting | Phase::Over(_) => {}
        }
    }
}
