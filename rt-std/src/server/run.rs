//! Running calls: from the queue into the handler, its answer into the connection, the flush.

use super::calls::Stage;
use super::conn::{Conn, State};
use super::handle::Handle;
use super::hub::Hub;
use super::job::{Found, Job};
use super::limits::{BITE, FLUSH_ABOVE};
use super::rules::Rule;
use super::watch::{Slot, SlotState};
use proto_core::grpc::{Metadata, Status};
use proto_core::rpc::{Context, ServerCall};
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A worker's own call: its buffers are used again and again.
pub(super) type Bench = ServerCall;

/// A call that is to be served now.
struct Begun {
    found: Found,
    context: Start,
}

/// What its context is made of.
enum Start {
    /// `on_call` has run, with this context; and what it holds.
    Again(Context, Arc<Handle>),
    /// Metadata and deadline of a call that user code has not seen yet.
    First(Metadata, Option<Instant>),
}

impl Hub {
    /// A bite. `unflushed`: a connection whose control output waits for our flush.
    pub(super) fn run(
        &self,
        slot: &Slot,
        bite: VecDeque<Job>,
        watched: bool,
        unflushed: Option<Arc<Conn>>,
        bench: &mut Bench,
    ) {
        let stream = bite.front().is_some_and(|job| job.stream);
        let mut now = self.os.now();
        // The first reply that is not flushed, and its connection.
        let mut oldest: Option<Instant> = None;
        let mut last: Option<Arc<Conn>> = None;
        let mut state = self.slot(slot);
        state.watched = watched;
        state.unflushed = unflushed;
        state.batch = bite;
        while let Some(job) = state.batch.pop_front() {
            state.since = now;
            state.method = job.method;
            drop(state);
            if let Some(other) = last.take_if(|conn| !Arc::ptr_eq(conn, &job.conn)) {
                self.flush_now(&other);
                oldest = None;
            }
            if let Some(ended) = self.guarded(&job.conn, || self.serve(&job, bench, now, &mut oldest)).flatten() {
                now = ended;
                last = Some(job.conn.clone());
            }
            drop(job);
            state = self.slot(slot);
            if state.watched {
                state.unflushed = last.clone().filter(|_| oldest.is_some());
            }
        }
        let still_watched = state.watched;
        let gone = std::mem::take(&mut *state);
        drop(state);
        drop::<SlotState>(gone);
        if let Some(conn) = last {
            self.flush_now(&conn);
        }
        self.leave_handlers(stream, still_watched);
    }

    /// One call. Says when it ended, if there was anything to do.
    fn serve(&self, job: &Job, bench: &mut Bench, now: Instant, oldest: &mut Option<Instant>) -> Option<Instant> {
        let begun = self.begin(job, bench, now)?;
        let first = matches!(begun.context, Start::First(..));
        let handle = match begun.context {
            Start::Again(context, handle) => {
                bench.context = context;
                handle
            }
            Start::First(metadata, deadline) => {
                let handle = Arc::new(Handle::new(self.me()?, job.conn.clone(), job.id));
                bench.context.renew(begun.found.path, metadata, job.conn.peer.clone(), deadline, handle.clone());
                handle
            }
        };
        let result = self.handle(&begun.found, first, job.headers, bench);
        let ended = self.os.now();
        if !job.stream {
            self.means.sample(job.method, ended - now);
        }
        bench.request.clear();
        let mut conn = self.conn(&job.conn);
        if conn.abandoned {
            return Some(ended);
        }
        match result {
            Ok(()) if job.headers => self.after_headers(job, &mut conn, bench, &handle, ended),
            result => {
                let cut = conn.over(job.id);
                self.answer(job, &begun.found, &mut conn, result, bench, ended);
                conn.release(ended, job.id, cut, Some(&handle));
            }
        }
        let since = *oldest.get_or_insert(ended);
        if ended - since > BITE && !self.broken(Rule::FlushOldReplies) || conn.unsent() > FLUSH_ABOVE {
            conn = self.flush(&job.conn, conn);
            *oldest = None;
        }
        self.unlock(&job.conn, conn);
        // The application's values go now, and with them the last hold on the connection: no later call may come.
        self.dropping(|| bench.context.forget());
        Some(ended)
    }

    /// May this call start now? Takes it out of the way when it has ended, or holds it back.
    fn begin(&self, job: &Job, bench: &mut Bench, now: Instant) -> Option<Begun> {
        let mut conn = self.conn(&job.conn);
        let begun = self.begin_locked(job, &mut conn, bench, now);
        self.unlock(&job.conn, conn);
        begun
    }

    fn begin_locked(&self, job: &Job, conn: &mut State, bench: &mut Bench, now: Instant) -> Option<Begun> {
        if conn.abandoned {
            return None;
        }
        let found = conn.calls.get(job.id)?.found;
        if conn.core.call(job.id).map_or(true, |call| call.is_cancelled()) {
            conn.release_call(now, job.id);
            return None;
        }
        if !job.headers && conn.unsent() > self.limits.hold_above && !self.broken(Rule::HoldCalls) {
            conn.held.push_back(Job { conn: job.conn.clone(), ..*job });
            return None;
        }
        let mut call = conn.core.call(job.id).ok()?;
        let needs_request = !job.headers && !found.kind.client_streams;
        if needs_request && bench.take_request(now, &mut call).is_err() {
            conn.release_call(now, job.id);
            return None;
        }
        let context = conn.calls.get(job.id)?.context.take();
        let mut call = conn.core.call(job.id).ok()?;
        let context = match context {
            Some((context, handle)) => Start::Again(context, handle),
            None => Start::First(call.take_metadata(), call.deadline()),
        };
        Some(Begun { found, context })
    }

    /// Runs user code: `on_call`, the handler. Whatever it does, it ends here.
    fn handle(&self, found: &Found, first: bool, headers: bool, bench: &mut Bench) -> Result<(), Status> {
        let service = self.services.service(found);
        let run = || {
            if first {
                service.on_call(&mut bench.context)?;
            }
            if headers {
                return Ok(());
            }
            service.call(found.method, bench)
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(result) => result,
            Err(panic) => {
                #[cfg(feature = "testkit")]
                if crate::testkit::is_over(&*panic) || self.broken(Rule::PanicEndsCall) {
                    std::panic::resume_unwind(panic);
                }
                // What it carries is the application's, and its destructor might panic in turn.
                std::mem::forget(panic);
                self.stats.panics.one();
                *bench = Bench::default();
                Err(Status::unknown(format!("the handler of {} panicked", found.path)))
            }
        }
    }

    /// `on_call` has run: the handler starts now, or when its message comes.
    fn after_headers(&self, job: &Job, conn: &mut State, bench: &mut Bench, handle: &Arc<Handle>, now: Instant) {
        let ready = match conn.core.call(job.id) {
            Ok(call) if !call.is_cancelled() => call.can_start(),
            _ => {
                let cut = conn.over(job.id);
                return conn.release(now, job.id, cut, Some(handle));
            }
        };
        let Some(entry) = conn.calls.get(job.id) else { return };
        entry.context = Some((std::mem::take(&mut bench.context), handle.clone()));
        if ready {
            let job = entry.start(&job.conn, job.id, now);
            conn.admitted.push(job);
        } else {
            entry.stage = Stage::Waiting;
        }
    }

    /// The answer; its call is to be released.
    fn answer(
        &self,
        job: &Job,
        found: &Found,
        conn: &mut State,
        result: Result<(), Status>,
        bench: &mut Bench,
        now: Instant,
    ) {
        self.stats.calls.one();
        let trailers = conn.calls.get(job.id).map(|entry| std::mem::take(&mut entry.trailers)).unwrap_or_default();
        if let Ok(mut call) = conn.core.call(job.id) {
            bench.answer(now, &mut call, found.kind, result, trailers);
        }
    }
}
