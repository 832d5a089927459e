//! One pipe whose other end is the scene's.

use crate::os::Pipe;
use crate::sync::assert_unlocked;
use loom::sync::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
struct Ends {
    /// What one read brings, each.
    input: VecDeque<Vec<u8>>,
    full: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Everything that was written.
    heard: Vec<u8>,
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

    /// The streams of the frames that were written, in order.
    pub(super) fn streams(&self) -> Vec<u32> {
        let ends = self.lock();
        let mut rest = &ends.heard[proto_core::frame::PREFACE.len()..];
        let mut streams = Vec::new();
        while let Some((head, body)) = rest.split_at_checked(9) {
            streams.push(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
            rest = &body[u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize..];
        }
        streams
    }

    fn write(&self, cx: Option<&mut Context<'_>>, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = segments.iter().map(|segment| segment.len()).sum();
        let mut ends = self.lock();
        if ends.full {
            ends.writer = cx.map(|cx| cx.waker().clone()).or(ends.writer.take());
            return Err(ErrorKind::WouldBlock.into());
        }
        segments.iter().for_each(|segment| ends.heard.extend_from_slice(segment));
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
