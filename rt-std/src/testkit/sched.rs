//! The baton: real threads of which exactly one runs, a virtual clock, and a seed that chooses who is next.
//!
//! A thread keeps the baton until it reaches a call of the seam. There the seed may pass it on, and a thread that has
//! to wait gives it away. Time stands still while anybody can run; when nobody can, it jumps to the next timer. When
//! there is no timer either, that is a deadlock, and the run has failed.

use proto_core::testkit::Random;
use proto_core::time::Instant;
use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

thread_local! {
    static ME: Cell<Option<usize>> = const { Cell::new(None) };
    static CALLS_AFTER_THE_END: Cell<u32> = const { Cell::new(0) };
}

/// Calls of the seam that a thread may make while it unwinds from a run that has failed. A destructor that waits in a
/// loop would go round for ever.
const MAX_CALLS_AFTER_THE_END: u32 = 10_000;

/// What every thread of a failed run unwinds with.
pub(super) struct SimOver;

/// Is this what the threads of a failed run unwind with? Whoever catches panics lets it pass.
pub(crate) fn is_over(panic: &(dyn std::any::Any + Send)) -> bool {
    panic.is::<SimOver>()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    Ready,
    /// Until when, and what for.
    Blocked(Option<Instant>, &'static str),
    Done,
}

struct ThreadState {
    name: String,
    run: Run,
    /// Was unparked while it ran.
    token: bool,
    turn: Arc<Condvar>,
}

struct State {
    now: Instant,
    rng: Random,
    threads: Vec<ThreadState>,
    running: Option<usize>,
    failed: Option<String>,
    switches: u64,
    max_switches: u64,
    alive: usize,
    over: bool,
    cpu: Duration,
    spawn_errors: bool,
    without_rule: Option<&'static str>,
}

/// The scheduler of one simulation.
pub(super) struct Sched {
    state: Mutex<State>,
    ended: Condvar,
}

impl State {
    fn fail(&mut self, why: String) {
        self.failed.get_or_insert(why);
        self.running = None;
        for thread in &self.threads {
            thread.turn.notify_all();
        }
    }

    /// Passes the baton to somebody who can run; moves the clock when nobody can.
    fn pick(&mut self) {
        loop {
            let ready = self.threads.iter().filter(|t| t.run == Run::Ready).count();
            if ready > 0 {
                let n = self.rng.below(ready);
                let found = self.threads.iter().enumerate().filter(|(_, t)| t.run == Run::Ready).nth(n);
                // `n` is below the number of those that the same filter lets through.
                let next = found.map(|(i, _)| i);
                self.running = next;
                if let Some(i) = next {
                    self.threads[i].turn.notify_one();
                }
                return;
            }
            let timers = self.threads.iter().filter_map(|t| match t.run {
                Run::Blocked(until, _) => until,
                _ => None,
            });
            if let Some(next) = timers.min() {
                self.now = self.now.max(next);
                let now = self.now;
                for thread in &mut self.threads {
                    if matches!(thread.run, Run::Blocked(Some(until), _) if until <= now) {
                        thread.run = Run::Ready;
                    }
                }
                continue;
            }
            self.running = None;
            if self.threads.iter().any(|t| t.run != Run::Done) {
                let why = self.deadlock();
                self.fail(why);
            }
            return;
        }
    }

    fn deadlock(&self) -> String {
        let mut why = String::from("deadlock, nobody can run and no timer is set:");
        for thread in &self.threads {
            if let Run::Blocked(_, what) = thread.run {
                let _ = write!(why, " [{}: {what}]", thread.name);
            }
        }
        why
    }
}

impl Sched {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let state = State {
            now: Instant::from_nanos(1_000_000_000),
            rng: Random::seed(seed),
            threads: Vec::new(),
            running: None,
            failed: None,
            switches: 0,
            max_switches: 2_000_000,
            alive: 0,
            over: false,
            cpu: Duration::ZERO,
            spawn_errors: false,
            without_rule: None,
        };
        Arc::new(Sched { state: Mutex::new(state), ended: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Instant {
        self.state().now
    }

    pub(super) fn cpu(&self) -> Duration {
        self.state().cpu
    }

    pub(super) fn burnt(&self, time: Duration) {
        self.state().cpu += time;
    }

    pub(super) fn random(&self) -> u64 {
        self.state().rng.next_u64()
    }

    pub(super) fn set_spawn_errors(&self, on: bool) {
        self.state().spawn_errors = on;
    }

    pub(super) fn set_without_rule(&self, rule: &'static str) {
        self.state().without_rule = Some(rule);
    }

    pub(super) fn without_rule(&self) -> Option<&'static str> {
        self.state().without_rule
    }

    pub(super) fn set_max_switches(&self, max: u64) {
        self.state().max_switches = max;
    }

    /// The calling thread's number. Threads that the simulation does not know must not come here: they would run
    /// beside the one that has the baton.
    pub(super) fn me(&self) -> usize {
        let Some(me) = ME.get() else {
            panic!("a thread that is not of the simulation made a blocking call in it: start it with `sim.spawn`")
        };
        me
    }

    /// The run has ended, well or not: what comes now (destructors) must neither block nor switch.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.over || (state.failed.is_some() && std::thread::panicking())
    }

    /// Gives the baton away until `until`, or until somebody calls `ready`. Panics (unwinds) when the run has failed.
    pub(super) fn block(&self, until: Option<Instant>, what: &'static str) {
        self.switch(Run::Blocked(until, what));
    }

    fn switch(&self, run: Run) {
        if self.is_over() {
            return self.after_the_end();
        }
        let me = self.me();
        let mut state = self.state();
        state.threads[me].run = run;
        state.switches += 1;
        if state.switches > state.max_switches {
            state.fail("livelock: too many switches of threads".into());
        }
        if state.failed.is_none() {
            state.pick();
        }
        if run == Run::Done {
            return;
        }
        let turn = state.threads[me].turn.clone();
        while state.running != Some(me) {
            if state.failed.is_some() {
                drop(state);
                if std::thread::panicking() {
                    // A destructor on the way out of a failure of its own: nothing more is to wait for.
                    return;
                }
                // Not `panic!`: the hook has nothing to report.
                resume_unwind(Box::new(SimOver));
            }
            state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A thread that loops in a destructor, in a run that has failed, is left behind.
    fn after_the_end(&self) {
        CALLS_AFTER_THE_END.set(CALLS_AFTER_THE_END.get() + 1);
        if CALLS_AFTER_THE_END.get() < MAX_CALLS_AFTER_THE_END || ME.get().is_none_or(|me| me == 0) {
            return;
        }
        self.state().alive -= 1;
        self.ended.notify_all();
        loop {
            std::thread::park();
        }
    }

    /// The seed may pass the baton on here.
    pub(super) fn point(&self) {
        if ME.get().is_none() || self.is_over() {
            return;
        }
        let switch = {
            let mut state = self.state();
            state.failed.is_some() || state.rng.one_in(3)
        };
        if switch {
            self.switch(Run::Ready);
        }
    }

    /// Lets a thread that waits look again.
    pub(super) fn ready(&self, thread: usize) {
        let mut state = self.state();
        if matches!(state.threads[thread].run, Run::Blocked(..)) {
            state.threads[thread].run = Run::Ready;
        }
    }

    pub(super) fn park(&self, until: Option<Instant>) {
        if self.is_over() {
            return self.after_the_end();
        }
        let me = self.me();
        if !std::mem::take(&mut self.state().threads[me].token) {
            self.block(until, "parked");
            self.state().threads[me].token = false;
        }
    }

    pub(super) fn unpark(&self, thread: usize) {
        self.state().threads[thread].token = true;
        self.ready(thread);
        self.point();
    }

    /// Now and then the system has no thread for us (when the scenario asks for that).
    pub(super) fn refuses_thread(&self) -> bool {
        let mut state = self.state();
        state.spawn_errors && state.rng.one_in(16)
    }

    /// Enters a thread and says its number; whoever starts the real one calls `body` in it.
    pub(super) fn enter(&self, name: &str) -> usize {
        let mut state = self.state();
        let turn = Arc::new(Condvar::new());
        state.threads.push(ThreadState { name: name.into(), run: Run::Ready, token: false, turn });
        state.alive += 1;
        state.threads.len() - 1
    }

    /// Takes back what `enter` did for a thread that could not be started.
    pub(super) fn leave(&self, me: usize) {
        let mut state = self.state();
        state.threads[me].run = Run::Done;
        state.alive -= 1;
    }

    /// The body of thread `me`: waits for the baton, runs `run`, gives the baton up for good.
    pub(super) fn body<T>(&self, me: usize, run: impl FnOnce() -> T) -> Option<T> {
        ME.set(Some(me));
        let started = {
            let mut state = self.state();
            let turn = state.threads[me].turn.clone();
            while state.running != Some(me) && state.failed.is_none() {
                state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.failed.is_none()
        };
        let mut result = None;
        if started {
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(value) => {
                    result = Some(value);
                    self.switch(Run::Done);
                }
                Err(payload) => self.panicked(me, payload.as_ref()),
            }
        }
        self.state().alive -= 1;
        self.ended.notify_all();
        result
    }

    fn panicked(&self, me: usize, payload: &(dyn std::any::Any + Send)) {
        if payload.is::<SimOver>() {
            return;
        }
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(no text)");
        let mut state = self.state();
        let why = format!("thread {} panicked: {text}", state.threads[me].name);
        state.fail(why);
    }

    /// Starts the first thread, waits for the last one. What happened: virtual time and switches, or why it failed.
    pub(super) fn run(&self) -> Result<(Instant, u64), (Instant, u64, String)> {
        let mut state = self.state();
        state.pick();
        while state.alive > 0 {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.over = true;
        let (now, switches) = (state.now, state.switches);
        match state.failed.take() {
            None => Ok((now, switches)),
            Some(why) => Err((now, switches, why)),
        }
    }
}
