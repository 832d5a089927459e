//! A call of a channel: where it stands, from "not started" over the connection that it runs on to its end.
//!
//! A call is on its way when it was made, polled or not: it is started at once where there is a connection, otherwise by
//! the channel's task when there is one; and what never reached the server is sent again without anybody's waiting.
//! Locks: the call's, its channel's and its connection's are never held together.

mod operations;
mod request;
#[cfg(test)]
mod tests;

use super::channel::Channel;
use super::driver::{Driver, Opening, Restart};
use super::wakers::{Interest, Wakers, Woken};
use crate::rules::{Rule, Rules};
use crate::sync::{Guard, Lock};
use bytes::Bytes;
use proto_core::Status;
use proto_core::call::{CallId, CallOptions, Head, Kind};
use proto_core::channel::{Attempt, Next, Waiter};
use proto_core::connection::StartError;
use proto_core::rpc::{OnCancel, Outset, RequestOptions, Subscriptions};
use proto_core::time::Instant;
use request::Sent;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};

/// One call, shared by its handles.
pub(crate) struct Call {
    channel: Channel,
    path: &'static str,
    options: CallOptions,
    /// What ended it from outside; the first one counts.
    stopped: OnceLock<Status>,
    subscriptions: OnceLock<Subscriptions>,
    /// Futures that wait for its headers.
    headers_awaited: AtomicUsize,
    me: Weak<Call>,
    state: Lock<State>,
}

struct State {
    phase: Phase,
    waiter: Waiter,
    /// Its place among the calls that wait for a connection.
    place: Option<u64>,
    /// Somebody wanted it started while it was being started.
    again: bool,
    sent: Sent,
    /// Who waits for it while it does not run.
    wakers: Wakers,
}

#[derive(Clone)]
enum Phase {
    /// The channel's task starts it when there is a connection.
    Unstarted,
    /// Somebody is at it.
    Starting,
    Running(Arc<Driver>, CallId),
    Over(Status),
}

/// Where a call runs, and which attempt at it that is (of a client that streams).
type Running = (Arc<Driver>, CallId, Option<Attempt>);

impl Phase {
    fn is_at(&self, driver: &Driver, id: CallId) -> bool {
        matches!(self, Phase::Running(at, its) if std::ptr::eq(&**at, driver) && *its == id)
    }
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
    /// A call with these options, on its way. `request`: the one message, encoded, of a call whose client does not stream;
    /// `Err`: what is wrong with it already.
    pub(crate) fn start(
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
            waiter,
            place: None,
            again: false,
            sent: Sent::new(request, shared.settings.replay_limit),
            wakers: Wakers::default(),
        };
        let call = Arc::new_cyclic(|me| Call {
            channel: channel.clone(),
            path,
            options,
            stopped: OnceLock::new(),
            subscriptions: OnceLock::new(),
            headers_awaited: AtomicUsize::new(0),
            me: me.clone(),
            state: Lock::new(state),
        });
        if !tokens.is_empty() {
            let subscriptions = Subscriptions::new(&call, tokens);
            let _ = call.subscriptions.set(subscriptions);
        }
        call.try_start();
        call
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    fn rules(&self) -> Rules {
        Rules::of(&*self.channel.shared().os)
    }

    /// The channel that it was made on.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// How many futures wait for its headers.
    pub(crate) fn headers_awaited(&self) -> &AtomicUsize {
        &self.headers_awaited
    }

    pub(crate) fn weak(&self) -> Weak<Call> {
        self.me.clone()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.options.deadline
    }

    /// Starts it, if it is to be started and there is a connection; ends it, if there will be none in time.
    pub(crate) fn try_start(&self) {
        while self.try_start_once() {}
    }

    /// True: once more.
    fn try_start_once(&self) -> bool {
        let Some((mut waiter, mut place)) = self.begin() else { return false };
        let phase = loop {
            match self.channel.shared().acquire(&mut waiter, &mut place, self) {
                Ok(Some(driver)) => {
                    if let Some(phase) = self.start_on(&driver) {
                        break phase;
                    }
                }
                Ok(None) => break Phase::Unstarted,
                Err(status) => break Phase::Over(status),
            }
        };
        self.began(phase, waiter, place)
    }

    /// Becomes the one who starts it, if it is to be started.
    fn begin(&self) -> Option<(Waiter, Option<u64>)> {
        let mut state = self.lock();
        match state.phase {
            Phase::Unstarted => {
                state.phase = Phase::Starting;
                Some((state.waiter.clone(), state.place))
            }
            Phase::Starting => {
                state.again = self.rules().hold(Rule::ClientStartNoted);
                None
            }
            Phase::Running(..) | Phase::Over(_) => None,
        }
    }

    /// What came of starting it. True: there is news already.
    fn began(&self, phase: Phase, waiter: Waiter, place: Option<u64>) -> bool {
        let mut woken = Woken::default();
        let (phase, again, has_ended) = {
            let mut state = self.lock();
            state.phase = match (phase, self.stopped.get()) {
                (Phase::Unstarted, Some(status)) => Phase::Over(status.clone()),
                (phase, _) => phase,
            };
            state.waiter = waiter;
            let stays = matches!(state.phase, Phase::Unstarted);
            state.place = place.filter(|_| stays);
            if !stays && self.rules().hold(Rule::ClientStartTells) {
                state.wakers.all(&mut woken);
            }
            (state.phase.clone(), std::mem::take(&mut state.again), state.sent.has_ended())
        };
        if let (Some(place), false) = (place, matches!(phase, Phase::Unstarted)) {
            self.channel.shared().forget(place);
        }
        if let Phase::Running(driver, id) = &phase {
            self.catch_up(driver, *id, has_ended, again);
        }
        woken.deliver();
        again && matches!(phase, Phase::Unstarted)
    }

    /// What may have been done to it when it was nowhere to be found.
    fn catch_up(&self, driver: &Driver, id: CallId, has_ended: bool, again: bool) {
        if has_ended && self.rules().hold(Rule::ClientFinishCaughtUp) {
            // Its opening may have been made up before that; twice does no harm.
            driver.finish(id);
        }
        if let Some(status) = self.stopped.get()
            && self.rules().hold(Rule::ClientCancelCaughtUp)
        {
            driver.cancel(id, status.clone());
        }
        if again {
            self.ended(driver, id);
        }
    }

    /// Starts it on this connection; `None` when that takes no calls.
    fn start_on(&self, driver: &Arc<Driver>) -> Option<Phase> {
        let (message, script) = self.lock().sent.opening();
        let opening = match &message {
            Some(message) => Opening::Message(message),
            None => Opening::Script(&script),
        };
        let owner: Weak<dyn Restart> = self.me.clone();
        let started = driver.start_call(Head::new(self.path), &self.options, opening, owner);
        self.lock().sent.put_back(message);
        match started {
            Ok(id) => Some(Phase::Running(driver.clone(), id)),
            Err(StartError::Closed) => {
                self.channel.shared().refused(driver);
                None
            }
            Err(StartError::Bad(status) | StartError::TooManyPending(status)) => Some(Phase::Over(status)),
        }
    }

    /// The connection and the id that it runs under; or the task waits until there is one, or it is over.
    fn running(&self, cx: Option<&Context<'_>>, interest: Interest) -> Poll<Result<Running, Status>> {
        let mut woken = Woken::default();
        let mut state = self.lock();
        let phase = match (&state.phase, self.stopped.get()) {
            (Phase::Running(driver, id), _) => Poll::Ready(Ok((driver.clone(), *id, state.sent.attempt()))),
            (Phase::Over(status), _) | (_, Some(status)) => Poll::Ready(Err(status.clone())),
            (Phase::Unstarted | Phase::Starting, None) => {
                if let Some(cx) = cx {
                    state.wakers.register(interest, cx, &mut woken);
                }
                Poll::Pending
            }
        };
        drop(state);
        woken.deliver();
        phase
    }

    /// This attempt has failed: is the call sent again, without the application's knowing?
    fn after(&self, driver: &Driver, id: CallId, status: &Status) -> Next {
        let now = self.channel.shared().os.now();
        let mut state = self.lock();
        if !state.phase.is_at(driver, id) {
            // If it has just been started there, whoever did so sees.
            state.again |= matches!(state.phase, Phase::Starting) && self.rules().hold(Rule::ClientEndNoted);
            return Next::Moved;
        }
        if self.stopped.get().is_some() || !state.sent.again(now, self.options.deadline, status) {
            return Next::GiveUp;
        }
        state.phase = Phase::Unstarted;
        drop(state);
        driver.release(id);
        Next::Again
    }

    /// The application has seen something of the reply: it is never sent again.
    fn delivered(&self) {
        self.lock().sent.commit();
    }

    /// It has ended, with this status; the connection has released it.
    fn over(&self, status: Status) {
        let mut state = self.lock();
        state.phase = Phase::Over(status);
        state.sent.commit();
    }

    /// Ends it, from anywhere.
    pub(crate) fn stop(&self, status: Status) {
        if self.stopped.set(status.clone()).is_err() {
            return;
        }
        let mut woken = Woken::default();
        let mut state = self.lock();
        let place = state.place.take();
        match state.phase.clone() {
            Phase::Running(driver, id) => {
                drop(state);
                driver.cancel(id, status);
            }
            Phase::Unstarted => {
                state.phase = Phase::Over(status);
                state.wakers.all(&mut woken);
                drop(state);
            }
            // Whoever starts it sees.
            Phase::Starting | Phase::Over(_) => {
                state.place = place;
                return;
            }
        }
        if let Some(place) = place {
            self.channel.shared().forget(place);
        }
        woken.deliver();
    }
}

impl Restart for Call {
    fn ended(&self, driver: &Driver, id: CallId) {
        if let Some(status) = driver.outcome(id)
            && self.after(driver, id, &status) == Next::Again
        {
            self.try_start();
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
        let (phase, place) = {
            let mut state = self.lock();
            (std::mem::replace(&mut state.phase, Phase::Starting), state.place.take())
        };
        if let Some(place) = place {
            self.channel.shared().forget(place);
        }
        if let Phase::Running(driver, id) = phase {
            driver.release(id);
        }
    }
}
