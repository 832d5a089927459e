//! For tests inside this crate: a machine whose clock stands, a pipe that does what a test says, a waker that counts.

use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use bytes::Buf;
use proto_core::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A machine whose clock stands, and that runs nothing: what is spawned is for the test to poll.
pub(crate) struct Still {
    clock: Arc<AtomicU64>,
    /// For what the timers are set, each by its own number.
    timers: Arc<Mutex<BTreeMap<u64, Instant>>>,
    spawned: Mutex<Vec<BoxFuture<'static, ()>>>,
}

impl Still {
    pub(crate) fn new(clock: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Still { clock, timers: Arc::default(), spawned: Mutex::default() })
    }

    /// When the first timer fires.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.lock().unwrap().values().min().copied()
    }

    /// What was spawned since the last question.
    pub(crate) fn take_spawned(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.spawned.lock().unwrap())
    }
}

impl fmt::Debug for Still {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Still")
    }
}

#[derive(Debug)]
struct StillTimer {
    clock: Arc<AtomicU64>,
    timers: Arc<Mutex<BTreeMap<u64, Instant>>>,
    number: u64,
}

impl Timer for StillTimer {
    fn set(&mut self, at: Option<Instant>) {
        let mut timers = self.timers.lock().unwrap();
        match at {
            Some(at) => drop(timers.insert(self.number, at)),
            None => drop(timers.remove(&self.number)),
        }
    }
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        let now = Instant::from_nanos(self.clock.load(SeqCst));
        let at = self.timers.lock().unwrap().get(&self.number).copied();
        if at.is_some_and(|at| at <= now) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for StillTimer {
    fn drop(&mut self) {
        self.set(None);
    }
}

impl Os for Still {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.load(SeqCst))
    }
    fn timer(&self) -> Box<dyn Timer> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, SeqCst);
        Box::new(StillTimer { clock: self.clock.clone(), timers: self.timers.clone(), number })
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.spawned.lock().unwrap().push(task);
    }
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        unreachable!("a connection looks nothing up")
    }
    fn connect(&self, _: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
        unreachable!("a connection connects nowhere")
    }
    fn random(&self) -> u64 {
        1
    }
    fn without_rule(&self) -> Option<crate::rules::Rule> {
        crate::rules::mutant()
    }
}

#[derive(Default)]
struct Inner {
    input: VecDeque<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    writes: Vec<Vec<u8>>,
    /// What each of the next writes takes; then none takes anything. `None`: everything.
    room: Option<VecDeque<usize>>,
    fail: Option<ErrorKind>,
    during: Option<Box<dyn FnOnce() + Send>>,
    after_read: Option<Box<dyn FnOnce() + Send>>,
    closed: bool,
}

/// The pipe; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct ScriptPipe(Arc<Mutex<Inner>>);

impl fmt::Debug for ScriptPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptPipe")
    }
}

impl ScriptPipe {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub(crate) fn writes(&self) -> Vec<Vec<u8>> {
        self.with(|inner| inner.writes.clone())
    }

    pub(crate) fn room(&self, writes: &[usize]) {
        self.set_room(Some(writes.iter().copied().collect()));
    }

    pub(crate) fn room_for_all(&self) {
        self.set_room(None);
    }

    fn set_room(&self, room: Option<VecDeque<usize>>) {
        let is_room = room.as_ref().is_none_or(|writes| !writes.is_empty());
        let writer = self.with(|inner| {
            inner.room = room;
            if is_room { inner.writer.take() } else { None }
        });
        writer.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn fail_writes(&self, kind: ErrorKind) {
        self.with(|inner| inner.fail = Some(kind));
    }

    pub(crate) fn during_next_write(&self, act: impl FnOnce() + Send + 'static) {
        self.with(|inner| inner.during = Some(Box::new(act)));
    }

    /// When a read has found nothing, and before its reader knows.
    pub(crate) fn after_next_empty_read(&self, act: impl FnOnce() + Send + 'static) {
        self.with(|inner| inner.after_read = Some(Box::new(act)));
    }

    pub(crate) fn feed(&self, bytes: &[u8]) {
        let reader = self.with(|inner| {
            inner.input.extend(bytes);
            inner.reader.take()
        });
        reader.into_iter().for_each(Waker::wake);
    }

    /// What has come in and was not read comes later.
    pub(crate) fn take_input(&self) -> Vec<u8> {
        self.with(|inner| std::mem::take(&mut inner.input).into())
    }

    pub(crate) fn unread(&self) -> usize {
        self.with(|inner| inner.input.len())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.with(|inner| inner.closed)
    }

    fn write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(act) = self.with(|inner| inner.during.take()) {
            act();
        }
        self.with(|inner| {
            if let Some(kind) = inner.fail {
                return Err(kind.into());
            }
            let all: Vec<u8> = segments.iter().flat_map(|segment| segment.iter().copied()).collect();
            let taken = match &mut inner.room {
                None => all.len(),
                Some(room) => room.pop_front().ok_or(ErrorKind::WouldBlock)?.min(all.len()),
            };
            inner.writes.push(all[..taken].to_vec());
            Ok(taken)
        })
    }
}

impl Pipe for ScriptPipe {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let (read, act) = self.with(|inner| {
            if inner.input.is_empty() {
                inner.reader = Some(cx.waker().clone());
                return (Poll::Pending, inner.after_read.take());
            }
            let count = inner.input.len().min(buf.len());
            inner.input.copy_to_slice(&mut buf[..count]);
            (Poll::Ready(Ok(count)), None)
        });
        if let Some(act) = act {
            act();
        }
        read
    }
    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.write(segments) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.with(|inner| inner.writer = Some(cx.waker().clone()));
                Poll::Pending
            }
            other => Poll::Ready(other),
        }
    }
    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(segments)
    }
    fn poll_close(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| inner.closed = true);
        Poll::Ready(Ok(()))
    }
}
