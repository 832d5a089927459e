//! What the threads of a stream share with the pipe that stands for it, and the pipe.

use super::super::memory::MemoryPipe;
use super::super::{Os, Pipe, Raw, Ready, Thread, in_force};
use super::{StreamError, rules};
use crate::sync::Lock;
use proto_core::time::Instant;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// What the thread that writes is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// In a read: what waits to be written waits for it.
    Reading,
    /// In a write, or about to take what it will write.
    Writing,
    /// Neither.
    Else,
}

/// What the threads of a stream share with its pipe.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) os: Arc<dyn Os>,
    /// The end of the pipe in memory on the stream's side.
    pub(super) far: Arc<MemoryPipe>,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    /// Why the connection is over.
    failed: Option<StreamError>,
    /// A write has failed, and reading goes on.
    failing: Option<StreamError>,
    input_over: bool,
    /// What was read and handed on: grows.
    delivered: u64,
    /// Grows with each thing that is done.
    turn: u64,
    doing: Doing,
    /// Something was taken from the pipe and has not been written, or not flushed.
    holding: bool,
    /// Nobody carries anything any more.
    over: bool,
    /// The watch.
    watch: Option<Thread>,
    /// It is parked until there is output.
    calm: bool,
}

/// How things stand, for the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The connection is over.
    Over,
    /// Nothing waits to be written.
    Calm,
    /// Something waits to be written, or is being written.
    Busy { turn: u64, doing: Doing },
    /// Writing has failed; so much was read.
    Failing { delivered: u64 },
}

impl Link {
    pub(super) fn new(os: &Arc<dyn Os>, far: Arc<MemoryPipe>) -> Arc<Self> {
        let state = State {
            failed: None,
            failing: None,
            input_over: false,
            delivered: 0,
            turn: 0,
            doing: Doing::Else,
            holding: false,
            over: false,
            watch: None,
            calm: false,
        };
        Arc::new(Link { os: os.clone(), far, state: Lock::new(state) })
    }

    pub(super) fn in_force(&self, rule: &'static str) -> bool {
        in_force(&*self.os, rule)
    }

    fn state(&self) -> crate::sync::Guard<'_, State> {
        self.state.lock(&*self.os)
    }

    /// The thread that writes begins this, with output in its hand or not.
    pub(super) fn begins(&self, doing: Doing, holding: bool) {
        let mut state = self.state();
        state.turn += 1;
        state.doing = doing;
        state.holding = holding;
    }

    /// Something that was read was handed on.
    pub(super) fn delivered(&self) {
        self.state().delivered += 1;
    }

    pub(super) fn error(&self) -> Option<StreamError> {
        self.state().failed.clone()
    }

    /// Is there nothing more to carry?
    pub(super) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Ends the connection in this way, unless it has ended: in both directions. What was read before is handed on first.
    pub(super) fn fail(&self, error: StreamError) {
        {
            let mut state = self.state();
            state.failed.get_or_insert(error);
            state.over = true;
        }
        self.far.close();
        self.watch_ends();
    }

    /// Nothing is carried any more.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.far.close();
        self.watch_ends();
    }

    /// Nothing more will be read. Output goes on, unless that had failed before.
    pub(super) fn input_over(&self, result: Result<(), StreamError>) {
        let failing = {
            let mut state = self.state();
            state.input_over = true;
            let failing = state.failing.take();
            if let (None, Err(error)) = (&failing, result) {
                state.failed.get_or_insert(error);
            }
            failing
        };
        match failing {
            Some(error) => self.fail(error),
            None => self.far.end(),
        }
    }

    /// Nothing more can be written. What is on its way is still read.
    pub(super) fn output_failed(&self, error: StreamError) {
        self.far.take_no_more();
        let reads_on = self.in_force(rules::READS_ON);
        let over = {
            let mut state = self.state();
            if reads_on && !state.input_over {
                state.failing = Some(error.clone());
            }
            state.failing.is_none()
        };
        if over {
            return self.fail(error);
        }
        self.wake_watch();
    }

    /// Lets the watch look again.
    fn wake_watch(&self) {
        let watch = self.state().watch.clone();
        if let Some(watch) = watch {
            self.os.unpark(&watch);
        }
    }

    /// The connection is over: the watch goes.
    fn watch_ends(&self) {
        if self.in_force(rules::END_WAKES_WATCH) {
            self.wake_watch();
        }
    }

    /// There is output: the watch looks again, unless it will do so in any case.
    fn output_came(&self) {
        if std::mem::take(&mut self.state().calm) {
            self.wake_watch();
        }
    }

    /// How things stand. The calling thread, the watch, is unparked when the connection ends or its writing fails after this; if
    /// all is calm, by output too.
    pub(super) fn look(&self) -> Seen {
        let me = self.os.me();
        {
            let mut state = self.state();
            state.watch = Some(me);
            state.calm = true;
        }
        if self.far.is_closed_by_peer() {
            return Seen::Over;
        }
        // The pipe first: what leaves it is in somebody's hand before.
        let waits = self.far.has_input();
        let mut state = self.state();
        let seen = match &*state {
            State { over: true, .. } => Seen::Over,
            State { failing: Some(_), delivered, .. } => Seen::Failing { delivered: *delivered },
            State { turn, doing, holding, .. } if waits || *holding || *doing == Doing::Writing => {
                Seen::Busy { turn: *turn, doing: *doing }
            }
            _ => Seen::Calm,
        };
        // Output that came since then is not forgotten: who brought it unparks us.
        state.calm &= seen == Seen::Calm;
        seen
    }

    /// The connection ends as its write failed: reading has brought nothing for long.
    pub(super) fn give_up(&self) {
        let failing = self.state().failing.take();
        if let Some(error) = failing {
            self.fail(error);
        }
    }
}

/// A stream as a pipe: the near end of a pipe in memory.
#[derive(Debug)]
pub(super) struct Carried {
    near: Arc<MemoryPipe>,
    link: Arc<Link>,
}

impl Carried {
    /// The pipe, and what its threads need.
    pub(super) fn new(os: &Arc<dyn Os>) -> (Arc<Self>, Arc<Link>) {
        let (near, far) = MemoryPipe::pair(os);
        let link = Link::new(os, far);
        (Arc::new(Carried { near, link: link.clone() }), link)
    }

    /// The end of the pipe is the end of the connection; how it failed, if it did, comes then.
    fn or_failed(&self, error: Option<io::Error>) -> io::Result<usize> {
        match (self.link.error(), error) {
            (Some(failed), _) => Err(failed.into()),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(0),
        }
    }
}

impl Pipe for Carried {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        match self.near.read(buf, until) {
            Ok(0) if !buf.is_empty() => self.or_failed(None),
            other => other,
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.near.try_read(buf) {
            Ok(0) if !buf.is_empty() => self.or_failed(None),
            other => other,
        }
    }

    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        match self.near.try_write(segments) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => self.or_failed(Some(error)),
            other => {
                if self.link.in_force(rules::OUTPUT_WAKES_WATCH) {
                    self.link.output_came();
                }
                other
            }
        }
    }

    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        self.near.wait(read, write, until)
    }

    fn wake(&self) {
        self.near.wake();
    }

    fn connected(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn close(&self) {
        self.near.close();
        self.link.watch_ends();
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Memory(&self.near)
    }

    fn failure(&self) -> Option<StreamError> {
        self.link.error()
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends the connection when the thread that holds this ends, whatever the reason.
pub(super) struct AtEnd(pub(super) Arc<Link>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(StreamError::Panicked);
        }
    }
}
