//! The thread that connects for calls that nobody waits for.
//!
//! A call that is begun and not waited for leaves as soon as there is a connection, and somebody has to bring that about.
//! Callers that wait do it for all; where a call stands by, a thread does, at most one of a channel: it takes part like
//! any caller that waits, for as long as a call stands by, and ends then. It keeps neither calls nor their channel: when
//! the last of them is dropped the channel is shut down, and that ends it.
//!
//! Where the system has no thread to give, such calls leave when somebody waits: for one of them, or for another call.

use super::runtime::Shared;
use super::state::Standing;
use crate::client::call::Call;
use crate::os::in_force;
use proto_core::channel::{State as Connectivity, Waiter};
use proto_core::time::Instant;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Weak};

/// The rule's name: see `driver::rules`.
pub(crate) const CONNECTS_APART: &str = "a call that nobody waits for has a thread that connects";
/// The rule's name.
pub(crate) const REGISTERED_IN_TIME: &str = "a call that a new connection has missed is started";
/// The rule's name.
pub(crate) const STANDS_BY_AGAIN: &str = "a call whose thread gives up stands by again";
/// The rule's name.
pub(crate) const RECALLED: &str = "who connects for nobody is told";

impl Shared {
    /// Sees to it that this call, which stands by, gets a connection without anybody's waiting. False: it does not stand
    /// by any more. Then a connection came while it was on its way here, and has missed it.
    pub(crate) fn connect_for(&self, call: &Arc<Call>) -> bool {
        let mut state = self.lock();
        let stands_by = state.standing.iter().rev().any(|standing| standing.call.as_ptr() == Arc::as_ptr(call));
        let starts = stands_by && !state.connector && in_force(&*self.os, CONNECTS_APART);
        state.connector |= starts;
        self.unlock(state);
        if starts {
            let shared = self.me.clone();
            if self.os.spawn("grpc-connect", Box::new(move || run(&shared))).is_err() {
                self.lock().connector = false;
            }
        }
        stands_by || !in_force(&*self.os, REGISTERED_IN_TIME)
    }

    /// A call that may have stood by does not any more: the thread looks whether there is another one.
    pub(crate) fn recall(&self) {
        if !in_force(&*self.os, RECALLED) {
            return;
        }
        self.recalled.store(true, SeqCst);
        let is_there = self.lock().connector;
        if is_there {
            self.wake_all();
        }
    }

    /// Starts what can start; connects for the rest until something changes. False once nobody stands by.
    fn connector_round(&self) -> bool {
        self.recalled.store(false, SeqCst);
        let (standing, generation) = {
            let mut state = self.lock();
            (std::mem::take(&mut state.standing), state.core.generation())
        };
        for standing in standing {
            if let Some(call) = standing.call.upgrade() {
                call.try_start();
                self.keep(&call, standing);
            }
        }
        let mut state = self.lock();
        let over = state.connectivity() == Connectivity::Shutdown || state.current.is_some();
        if over || state.standing.is_empty() {
            state.connector = false;
            self.unlock(state);
            return false;
        }
        let until = latest(&state.standing);
        self.unlock(state);
        let mut waiter = Waiter::new(true);
        self.drive(until, &|| self.recalled.load(SeqCst), |state, now| {
            // Begins another round of attempts when it is time for it.
            let _ = state.core.pick(now, &mut waiter);
            (state.current.is_some() || state.core.generation() != generation).then_some(())
        });
        true
    }

    /// A thread waits for it, and may give up before there is a connection: it stands by as before.
    fn keep(&self, call: &Call, standing: Standing) {
        if call.is_starting() && standing.deadline.is_none_or(|at| at > self.os.now()) {
            let mut state = self.lock();
            if state.current.is_none() {
                state.stand_by(standing);
            }
            self.unlock(state);
        }
    }
}

/// When the last of these calls will have ended by itself.
fn latest(standing: &[Standing]) -> Option<Instant> {
    let deadlines: Option<Vec<Instant>> = standing.iter().map(|standing| standing.deadline).collect();
    deadlines.and_then(|deadlines| deadlines.into_iter().max())
}

/// Says that the thread is gone, should somebody else's code panic on it (a verifier of certificates, say): the next call that
/// stands by gets another one.
struct AtPanic<'a>(&'a Weak<Shared>);

impl Drop for AtPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(shared) = self.0.upgrade()
        {
            shared.lock().connector = false;
        }
    }
}

pub(super) fn run(shared: &Weak<Shared>) {
    let _at_panic = AtPanic(shared);
    // Of a round that is over nothing is left: the channel may go away.
    while shared.upgrade().is_some_and(|shared| shared.connector_round()) {}
}
