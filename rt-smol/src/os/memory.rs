//! Connections inside this process: two ends that hand bytes to each other. For channels that reach a service without a
//! socket, and for tests.

use super::Pipe;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes that a direction holds before a writer has to wait.
const CAPACITY: usize = 64 * 1024;

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    bytes: VecDeque<u8>,
    /// Nothing more will be written.
    ended: bool,
    /// Nobody will read any more.
    deaf: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of a connection inside this process. Dropped, it is closed in both directions.
#[derive(Debug)]
pub struct MemoryPipe {
    input: Arc<Mutex<Direction>>,
    output: Arc<Mutex<Direction>>,
}

fn lock(direction: &Mutex<Direction>) -> MutexGuard<'_, Direction> {
    // Nothing in here panics half-way.
    direction.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the task to be woken, without a clone where it is the same.
fn keep(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl MemoryPipe {
    /// Two connected ends.
    pub fn pair() -> (MemoryPipe, MemoryPipe) {
        let (a, b) = (Arc::<Mutex<Direction>>::default(), Arc::<Mutex<Direction>>::default());
        (MemoryPipe { input: a.clone(), output: b.clone() }, MemoryPipe { input: b, output: a })
    }

    /// Writes what has room; `None`: there is none, and this task, if any, is told when there is.
    fn write(&self, segments: &[IoSlice<'_>], cx: Option<&Context<'_>>) -> Option<io::Result<usize>> {
        let mut output = lock(&self.output);
        if output.ended || output.deaf {
            return Some(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut written = 0;
        for segment in segments {
            let count = segment.len().min(CAPACITY - output.bytes.len());
            output.bytes.extend(&segment[..count]);
            written += count;
        }
        if written == 0 && segments.iter().any(|segment| !segment.is_empty()) {
            if let Some(cx) = cx {
                keep(&mut output.writer, cx);
            }
            return None;
        }
        let reader = output.reader.take();
        drop(output);
        wake(reader);
        Some(Ok(written))
    }

    fn end(&self) {
        let mut output = lock(&self.output);
        output.ended = true;
        let reader = output.reader.take();
        drop(output);
        wake(reader);
    }
}

impl Pipe for MemoryPipe {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut input = lock(&self.input);
        let count = input.bytes.len().min(buf.len());
        if count == 0 && !buf.is_empty() && !input.ended {
            keep(&mut input.reader, cx);
            return Poll::Pending;
        }
        let (front, back) = input.bytes.as_slices();
        let from_front = count.min(front.len());
        buf[..from_front].copy_from_slice(&front[..from_front]);
        buf[from_front..count].copy_from_slice(&back[..count - from_front]);
        input.bytes.drain(..count);
        let writer = if input.bytes.len() < CAPACITY / 2 { input.writer.take() } else { None };
        drop(input);
        wake(writer);
        Poll::Ready(Ok(count))
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.write(segments, Some(cx)).map_or(Poll::Pending, Poll::Ready)
    }

    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(segments, None).unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    fn poll_close(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemoryPipe {
    fn drop(&mut self) {
        self.end();
        let mut input = lock(&self.input);
        input.deaf = true;
        let writer = input.writer.take();
        drop(input);
        wake(writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, poll_fn, poll_once, zip};

    #[test]
    fn bytes_come_through_a_full_pipe_whole_and_then_the_end() {
        let (near, far) = MemoryPipe::pair();
        let write = async {
            let mut left: &[u8] = &vec![5; 300_000];
            while !left.is_empty() {
                let (a, b) = left.split_at(left.len().min(3));
                let segments = [IoSlice::new(a), IoSlice::new(b)];
                left = &left[poll_fn(|cx| near.poll_write(cx, &segments)).await.expect("it goes on")..];
            }
            poll_fn(|cx| near.poll_close(cx)).await.expect("it closes");
        };
        let read = async {
            let (mut total, mut buf) = (0, [0; 7000]);
            loop {
                match poll_fn(|cx| far.poll_read(cx, &mut buf)).await.expect("it comes") {
                    0 => return total,
                    n => total += buf[..n].iter().filter(|b| **b == 5).count(),
                }
            }
        };
        assert_eq!(block_on(zip(write, read)).1, 300_000);
    }

    #[test]
    fn a_writer_whose_reader_has_gone_is_told() {
        let (near, far) = MemoryPipe::pair();
        let full = vec![0; CAPACITY];
        assert_eq!(near.try_write(&[IoSlice::new(&full)]).expect("there is room"), CAPACITY);
        assert_eq!(near.try_write(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let write = poll_fn(|cx| near.poll_write(cx, &[IoSlice::new(b"x")]));
        let (written, ()) = block_on(zip(write, async { drop(far) }));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(block_on(poll_once(poll_fn(|cx| near.poll_read(cx, &mut [0])))).map(Result::unwrap), Some(0));
    }
}
