//! The seam over the types of the model checker: parking, and one pipe whose other end is the scene's.
//!
//! Time stands still, so that nothing is saved by a timer: a wake-up that is lost is a deadlock, which the checker reports.

use crate::os::{Address, Os, Pipe, Poller, Raw, Ready, Thread};
use loom::sync::{Condvar, Mutex, MutexGuard};
use proto_core::testkit::Words;
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Where a thread parks. (The checker's own `park` loses its token when it meets a mutex.)
#[derive(Debug, Default)]
struct Seat {
    token: Mutex<bool>,
    unparked: Condvar,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Machine {
    without: Option<&'static str>,
    seats: Vec<Seat>,
}

loom::thread_local! {
    static ME: std::cell::Cell<usize> = std::cell::Cell::new(0);
}

/// Gives the calling thread its number; there is a seat for each.
pub(super) fn i_am(number: usize) {
    ME.with(|me| me.set(number));
}

impl Machine {
    /// A machine for so many threads.
    pub(super) fn new(threads: usize, without: Option<&'static str>) -> Self {
        Machine { without, seats: (0..threads).map(|_| Seat::default()).collect() }
    }
}

impl Os for Machine {
    fn now(&self) -> Instant {
        Words::NOW
    }
    fn me(&self) -> Thread {
        Thread::Sim(ME.with(std::cell::Cell::get))
    }
    fn park(&self, _: Option<Instant>) {
        let seat = &self.seats[ME.with(std::cell::Cell::get)];
        let mut token = seat.token.lock().unwrap();
        while !*token {
            token = seat.unparked.wait(token).unwrap();
        }
        *token = false;
    }
    fn unpark(&self, thread: &Thread) {
        let Thread::Sim(number) = thread else { unreachable!("the only threads here") };
        let seat = &self.seats[*number];
        *seat.token.lock().unwrap() = true;
        seat.unparked.notify_one();
    }
    fn spawn(&self, _: &str, _: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        unreachable!("a connection starts no threads")
    }
    fn cpu(&self) -> Duration {
        Duration::ZERO
    }
    fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        unreachable!("a connection looks nothing up")
    }
    fn connect(&self, _: &Address) -> io::Result<Arc<dyn Pipe>> {
        unreachable!("a connection connects nowhere")
    }
    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        unreachable!("a client polls nothing")
    }
    fn random(&self) -> u64 {
        1
    }
    fn without_rule(&self) -> Option<&'static str> {
        self.without
    }
}

#[derive(Debug)]
struct Ends {
    /// What one read brings, each.
    input: VecDeque<Vec<u8>>,
    room: bool,
    woken: bool,
    closed: bool,
    /// Said once the first bytes have been taken after the room came back.
    answer: Option<Vec<u8>>,
}

/// The pipe, and its other end.
#[derive(Debug)]
pub(super) struct Wire {
    ends: Mutex<Ends>,
    moved: Condvar,
}

impl Wire {
    pub(super) fn new() -> Arc<Self> {
        let ends = Ends { input: VecDeque::new(), room: true, woken: false, closed: false, answer: None };
        Arc::new(Wire { ends: Mutex::new(ends), moved: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        crate::sync::assert_unlocked();
        self.ends.lock().unwrap()
    }

    fn change(&self, act: impl FnOnce(&mut Ends)) {
        act(&mut self.lock());
        self.moved.notify_all();
    }

    /// The peer says this.
    pub(super) fn feed(&self, words: &[u8]) {
        self.change(|ends| ends.input.push_back(words.to_vec()));
    }

    /// The peer reads, or does not.
    pub(super) fn room(&self, room: bool) {
        self.change(|ends| ends.room = room);
    }

    /// Nobody has been signalled.
    pub(super) fn forget_signals(&self) {
        self.lock().woken = false;
    }

    /// The peer says this as soon as it has read something.
    pub(super) fn answer(&self, words: &[u8]) {
        self.lock().answer = Some(words.to_vec());
    }
}

impl Ends {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.input.pop_front() {
            Some(words) => {
                buf[..words.len()].copy_from_slice(&words);
                Ok(words.len())
            }
            None if self.closed => Ok(0),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn can_read(&self) -> bool {
        !self.input.is_empty() || self.closed
    }
}

impl Pipe for Wire {
    fn read(&self, buf: &mut [u8], _: Option<Instant>) -> io::Result<usize> {
        let mut ends = self.lock();
        while !ends.can_read() {
            ends = self.moved.wait(ends).unwrap();
        }
        ends.read(buf)
    }
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf)
    }
    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        let mut ends = self.lock();
        if ends.closed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if !ends.room {
            return Err(ErrorKind::WouldBlock.into());
        }
        let answer = ends.answer.take();
        ends.input.extend(answer);
        drop(ends);
        self.moved.notify_all();
        Ok(segments.iter().map(|segment| segment.len()).sum())
    }
    fn wait(&self, read: bool, write: bool, _: Option<Instant>) -> io::Result<Ready> {
        let mut ends = self.lock();
        loop {
            let (read, write) = (read && ends.can_read(), write && (ends.room || ends.closed));
            let woken = std::mem::take(&mut ends.woken);
            if woken {
                // Whoever a signal is meant for comes by some time, though another may take it first.
                drop(ends);
                loom::thread::yield_now();
                return Ok(Ready { read, write, woken, hup: false });
            }
            if read || write {
                return Ok(Ready { read, write, woken, hup: false });
            }
            ends = self.moved.wait(ends).unwrap();
        }
    }
    fn wake(&self) {
        self.change(|ends| ends.woken = true);
    }
    fn connected(&self) -> io::Result<bool> {
        Ok(true)
    }
    fn close(&self) {
        self.change(|ends| ends.closed = true);
    }
    fn raw(&self) -> Raw<'_> {
        Raw::Sim(0, PhantomData)
    }
}
