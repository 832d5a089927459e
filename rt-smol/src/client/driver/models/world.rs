//! The seam over the types of the model checker: tasks on threads of their own, and one pipe whose other end is the
//! scene's.
//!
//! Time stands still, so that nothing is saved by a timer: a wake-up that is lost is a deadlock, which the checker reports.

use super::peer::NOW;
use crate::os::{Address, BoxFuture, Os, Pipe, Timer};
use crate::sync::assert_unlocked;
use loom::sync::{Condvar, Mutex, MutexGuard};
use proto_core::time::Instant;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Where a thread sleeps until its task is woken.
#[derive(Debug, Default)]
struct Seat {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// Polls a task, whenever it is woken, until it is ready.
pub(super) fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let seat = Arc::new(Seat::default());
    let waker = Waker::from(seat.clone());
    loop {
        if let Poll::Ready(value) = poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        let mut woken = seat.woken.lock().unwrap();
        while !*woken {
            woken = seat.changed.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// The machine.
#[derive(Debug)]
pub(super) struct Machine;

#[derive(Debug)]
struct Never;

impl Timer for Never {
    fn set(&mut self, _: Option<Instant>) {}
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Os for Machine {
    fn now(&self) -> Instant {
        NOW
    }
    fn timer(&self) -> Box<dyn Timer> {
        Box::new(Never)
    }
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        unreachable!("a connection starts no tasks")
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

#[derive(Debug, Default)]
struct Ends {
    /// What one read brings, each.
    input: VecDeque<Vec<u8>>,
    full: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Said once so many bytes have been taken.
    answer: Option<(usize, Vec<u8>)>,
}

/// The pipe, and its other end.
#[derive(Debug, Default)]
pub(super) struct Wire(Mutex<Ends>);

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Ends> {
        assert_unlocked();
        self.0.lock().unwrap()
    }

    /// The peer says this.
    pub(super) fn feed(&self, words: &[u8]) {
        let mut ends = self.lock();
        ends.input.push_back(words.to_vec());
        let reader = ends.reader.take();
        drop(ends);
        reader.into_iter().for_each(Waker::wake);
    }

    /// The peer does not read.
    pub(super) fn fill(&self) {
        self.lock().full = true;
    }

    /// The peer reads again.
    pub(super) fn make_room(&self) {
        let mut ends = self.lock();
        ends.full = false;
        let writer = ends.writer.take();
        drop(ends);
        writer.into_iter().for_each(Waker::wake);
    }

    /// The peer says this as soon as it has read so many bytes more.
    pub(super) fn answer(&self, after: usize, words: Vec<u8>) {
        self.lock().answer = Some((after, words));
    }

    fn write(&self, cx: Option<&mut Context<'_>>, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = segments.iter().map(|segment| segment.len()).sum();
        let mut ends = self.lock();
        if ends.full {
            ends.writer = cx.map(|cx| cx.waker().clone()).or(ends.writer.take());
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut reader = None;
        if let Some((after, words)) = ends.answer.take() {
            if after <= written {
                ends.input.push_back(words);
                reader = ends.reader.take();
            } else {
                ends.answer = Some((after - written, words));
            }
        }
        drop(ends);
        reader.into_iter().for_each(Waker::wake);
        Ok(written)
    }
}

impl Pipe for Wire {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut ends = self.lock();
        let Some(words) = ends.input.pop_front() else {
            ends.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        buf[..words.len()].copy_from_slice(&words);
        Poll::Ready(Ok(words.len()))
    }
    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.write(Some(cx), segments) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            other => Poll::Ready(other),
        }
    }
    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(None, segments)
    }
    fn poll_close(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
