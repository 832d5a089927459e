//! A pipe that does what a test says, a clock that stands, and the core's server at the other end.

use super::super::{Drive, Driver, Observer};
use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use bytes::Buf;
use proto_core::call::{CallId, Kind, Recv};
use proto_core::connection::{Event, Server};
use proto_core::time::Instant;
use proto_core::{Config, Connection, Incoming, MessageBuf, Metadata, Outgoing};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicUsize);

impl Counter {
    pub(super) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A machine whose clock stands.
#[derive(Debug)]
struct Still(Arc<AtomicU64>);

#[derive(Debug)]
struct StillTimer(Arc<AtomicU64>, Option<Instant>);

impl Timer for StillTimer {
    fn set(&mut self, at: Option<Instant>) {
        self.1 = at;
    }
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        let now = Instant::from_nanos(self.0.load(SeqCst));
        if self.1.is_some_and(|at| at <= now) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Os for Still {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(SeqCst))
    }
    fn timer(&self) -> Box<dyn Timer> {
        Box::new(StillTimer(self.0.clone(), None))
    }
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        unreachable!("a connection spawns nothing")
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
}

#[derive(Debug)]
struct Deaf;

impl Observer for Deaf {
    fn ready(&self) {}
    fn draining(&self) {}
    fn closed(&self, _: &str) {}
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
    closed: bool,
}

/// The pipe; clones are the same one.
#[derive(Clone, Default)]
pub(super) struct ScriptPipe(Arc<Mutex<Inner>>);

impl fmt::Debug for ScriptPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptPipe")
    }
}

impl ScriptPipe {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub(super) fn writes(&self) -> Vec<Vec<u8>> {
        self.with(|inner| inner.writes.clone())
    }

    pub(super) fn room(&self, writes: &[usize]) {
        self.set_room(Some(writes.iter().copied().collect()));
    }

    pub(super) fn room_for_all(&self) {
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

    pub(super) fn fail_writes(&self, kind: ErrorKind) {
        self.with(|inner| inner.fail = Some(kind));
    }

    pub(super) fn during_next_write(&self, act: impl FnOnce() + Send + 'static) {
        self.with(|inner| inner.during = Some(Box::new(act)));
    }

    pub(super) fn feed(&self, bytes: &[u8]) {
        let reader = self.with(|inner| {
            inner.input.extend(bytes);
            inner.reader.take()
        });
        reader.into_iter().for_each(Waker::wake);
    }

    pub(super) fn unread(&self) -> usize {
        self.with(|inner| inner.input.len())
    }

    pub(super) fn is_closed(&self) -> bool {
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
        self.with(|inner| {
            if inner.input.is_empty() {
                inner.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let count = inner.input.len().min(buf.len());
            inner.input.copy_to_slice(&mut buf[..count]);
            Poll::Ready(Ok(count))
        })
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

/// A connection, its task, and a server.
pub(super) struct Rig {
    pub(super) driver: Arc<Driver>,
    pub(super) pipe: ScriptPipe,
    pub(super) polls: usize,
    /// The requests that came.
    pub(super) served: Vec<Vec<u8>>,
    clock: Arc<AtomicU64>,
    task: Option<Pin<Box<Drive>>>,
    held: Weak<dyn Pipe>,
    counter: Arc<Counter>,
    seen: usize,
    server: Connection<Server>,
    incoming: Incoming,
    /// Writes that the server has read.
    read: usize,
    ids: Vec<CallId>,
    cancelled: usize,
}

impl Rig {
    /// After the handshake.
    pub(super) fn connected() -> Rig {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let os: Arc<dyn Os> = Arc::new(Still(clock.clone()));
        let pipe = ScriptPipe::default();
        let held: Arc<dyn Pipe> = Arc::new(pipe.clone());
        let weak = Arc::downgrade(&held);
        let server = Connection::server(Config::default(), os.now());
        let (driver, task) = Driver::new(os, held, Config::default(), Box::new(Deaf));
        let mut rig = Rig {
            driver,
            pipe,
            polls: 0,
            served: Vec::new(),
            clock,
            task: Some(Box::pin(task)),
            held: weak,
            counter: Arc::default(),
            seen: 0,
            server,
            incoming: Incoming::new(),
            read: 0,
            ids: Vec::new(),
            cancelled: 0,
        };
        for _ in 0..3 {
            rig.poll();
            rig.serve();
        }
        rig.poll();
        rig.seen = rig.counter.count();
        rig
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(self.clock.load(SeqCst))
    }

    pub(super) fn pass(&self, time: Duration) {
        // Seconds fit.
        self.clock.fetch_add(time.as_nanos() as u64, SeqCst);
    }

    /// Polls the connection's task.
    pub(super) fn poll(&mut self) {
        self.polls += 1;
        self.seen = self.counter.count();
        let waker = Waker::from(self.counter.clone());
        if let Some(task) = &mut self.task
            && task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            self.task = None;
        }
    }

    /// How often the task was woken since its last poll.
    pub(super) fn woken(&self) -> usize {
        self.counter.count() - self.seen
    }

    pub(super) fn is_finished(&self) -> bool {
        self.task.is_none()
    }

    pub(super) fn drop_task(&mut self) {
        self.task = None;
    }

    pub(super) fn pipe_is_dropped(&self) -> bool {
        self.held.strong_count() == 0
    }

    pub(super) fn cancelled(&self) -> usize {
        self.cancelled
    }

    /// The server reads everything and answers nothing but what HTTP/2 wants.
    pub(super) fn serve(&mut self) {
        let now = self.now();
        for write in self.pipe.writes().drain(..).skip(self.read) {
            self.read += 1;
            self.incoming.extend_from_slice(&write);
            self.server.receive(now, &mut self.incoming).expect("it is HTTP/2");
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Incoming => {
                    while let Some(id) = self.server.accept() {
                        self.accepted(id);
                    }
                }
                Event::Readable(id) => self.receive(id),
                Event::Ended(_) => self.cancelled += 1,
                _ => {}
            }
        }
        self.transmit();
    }

    fn accepted(&mut self, id: CallId) {
        let mut call = self.server.call(id).expect("it was just accepted");
        let kind = if call.head().path == "/t.T/Chat" { Kind::BIDI } else { Kind::UNARY };
        call.set_kind(kind);
        self.ids.push(id);
        self.receive(id);
    }

    fn receive(&mut self, id: CallId) {
        let mut message = MessageBuf::new();
        while let Ok(mut call) = self.server.call(id) {
            let Recv::Message = call.recv(Instant::from_nanos(self.clock.load(SeqCst)), &mut message) else { return };
            self.served.push(message.copy_to_bytes(message.remaining()).to_vec());
        }
    }

    /// The server answers the call that came as the n-th.
    pub(super) fn reply_to(&mut self, n: usize, body: &[u8]) {
        let now = self.now();
        let mut call = self.server.call(self.ids[n]).expect("it runs");
        call.reply(now, &Metadata::new(), body, &Metadata::new()).expect("it is short");
        self.transmit();
    }

    fn transmit(&mut self) {
        let mut outgoing = Outgoing::new();
        while self.server.poll_transmit(self.now(), &mut outgoing) {
            let mut segments = [&[][..]; 64];
            let count = outgoing.segments(&mut segments);
            let bytes = segments[..count].concat();
            outgoing.advance(bytes.len());
            self.pipe.feed(&bytes);
        }
    }
}
