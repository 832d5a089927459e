//! Any asynchronous byte stream as a [`Pipe`].
//!
//! The stream may buffer what is written, and may know one task only. So writes are made by polling alone, and a write
//! counts once the stream was flushed: what was taken but not flushed yet is remembered, and reported then.
//!
//! A write that fails need not be the end: of a pair of pipes one may be closed while replies are on their way in the other. So a
//! stream that has failed so is full, as it were, until it has been read to its end, or has brought nothing for [`QUIET`].

use super::{Os, Pipe, Timer};
use futures_lite::{AsyncRead, AsyncWrite};
use proto_core::time::Instant;
use rt_common::stream::{QUIET, StreamError};
use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

/// A stream as a pipe. One task drives both directions.
pub struct IoPipe<T> {
    os: Arc<dyn Os>,
    inner: Mutex<Inner<T>>,
    /// How it has failed, once it has: outlives this.
    failure: Arc<OnceLock<StreamError>>,
}

struct Inner<T> {
    stream: Pin<Box<T>>,
    /// Bytes that the stream has taken, and not flushed yet.
    taken: usize,
    eof: bool,
    failing: Option<Failing>,
}

/// A write has failed.
struct Failing {
    error: StreamError,
    /// When there will have been nothing for long.
    until: Instant,
    timer: Box<dyn Timer>,
    /// All that was on its way has been read.
    over: bool,
}

impl Failing {
    fn new(os: &dyn Os, error: StreamError) -> Self {
        Failing { error, until: os.now() + QUIET, timer: os.timer(), over: false }
    }

    /// The error, once nothing more will come; before, the task is told when.
    fn poll(&mut self, os: &dyn Os, cx: &mut Context<'_>) -> Poll<io::Error> {
        while !self.over {
            self.timer.set(Some(self.until));
            if self.timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.over = os.now() >= self.until;
        }
        Poll::Ready(self.error.clone().into())
    }
}

impl<T: AsyncRead + AsyncWrite + Send + 'static> IoPipe<T> {
    /// Takes the stream over.
    pub fn new(os: &Arc<dyn Os>, stream: T) -> Self {
        let inner = Inner { stream: Box::pin(stream), taken: 0, eof: false, failing: None };
        IoPipe { os: os.clone(), inner: Mutex::new(inner), failure: Arc::default() }
    }

    /// To be asked later.
    pub(crate) fn failure(&self) -> Arc<OnceLock<StreamError>> {
        self.failure.clone()
    }

    /// How reading has failed, in words that say so. (One that was interrupted is begun again.)
    fn read_failed(&self, error: io::Error) -> io::Error {
        if error.kind() == ErrorKind::Interrupted {
            return error;
        }
        self.failure.get_or_init(|| StreamError::Read(Arc::new(error))).clone().into()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // A stream that panicked is as good, or bad, as it was.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: AsyncRead> Inner<T> {
    /// Reads; after the end, that again.
    fn read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.eof {
            return Poll::Ready(Ok(0));
        }
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl<T: AsyncWrite> Inner<T> {
    /// Writes and flushes.
    fn write(&mut self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.taken == 0 {
            match self.stream.as_mut().poll_write_vectored(cx, segments) {
                Poll::Ready(Ok(0)) if segments.iter().any(|segment| !segment.is_empty()) => {
                    return Poll::Ready(Err(ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(taken)) => self.taken = taken,
                other => return other,
            }
        }
        match self.stream.as_mut().poll_flush(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(std::mem::take(&mut self.taken))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Send + 'static> Pipe for IoPipe<T> {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        let read = inner.read(cx, buf);
        inner.eof |= matches!(read, Poll::Ready(Ok(0))) && !buf.is_empty();
        let eof = inner.eof;
        let Some(failing) = &mut inner.failing else {
            return read.map_err(|error| self.read_failed(error));
        };
        match &read {
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => return read,
            Poll::Ready(Ok(_)) if !eof => {
                failing.until = self.os.now() + QUIET;
                return read;
            }
            Poll::Ready(_) => failing.over = true,
            Poll::Pending => {}
        }
        failing.poll(&*self.os, cx).map(Err)
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.failing.is_none() {
            match inner.write(cx, segments) {
                Poll::Ready(Err(error)) if error.kind() != ErrorKind::Interrupted => {
                    let error = self.failure.get_or_init(|| StreamError::Write(Arc::new(error)));
                    let mut failing = Failing::new(&*self.os, error.clone());
                    failing.over = inner.eof;
                    inner.failing = Some(failing);
                }
                other => return other,
            }
        }
        match &mut inner.failing {
            Some(failing) => failing.poll(&*self.os, cx).map(Err),
            None => Poll::Pending,
        }
    }

    fn try_write(&self, _segments: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().stream.as_mut().poll_close(cx)
    }
}

impl<T> fmt::Debug for IoPipe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoPipe").field("stream", &std::any::type_name::<T>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Still;
    use futures_lite::future::{block_on, poll_fn, poll_once};
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::SeqCst;

    /// Takes all, flushes at the second request.
    #[derive(Default)]
    struct Lazy {
        taken: Vec<u8>,
        flushes: usize,
    }

    impl AsyncRead for Lazy {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }
    }

    impl AsyncWrite for Lazy {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.taken.extend(bytes);
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flushes += 1;
            if self.flushes.is_multiple_of(2) { Poll::Ready(Ok(())) } else { Poll::Pending }
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn still() -> Arc<dyn Os> {
        Still::new(Arc::default())
    }

    /// Takes nothing, brings a word at a time.
    #[derive(Default)]
    struct Torn {
        words: Vec<&'static [u8]>,
        ends: bool,
    }

    impl AsyncRead for Torn {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            match self.words.pop() {
                Some(word) => {
                    buf[..word.len()].copy_from_slice(word);
                    Poll::Ready(Ok(word.len()))
                }
                None if self.ends => Poll::Ready(Ok(0)),
                None => Poll::Pending,
            }
        }
    }

    impl AsyncWrite for Torn {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, "the cable is cut")))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn read<T: AsyncRead + AsyncWrite + Send + 'static>(pipe: &IoPipe<T>) -> Option<io::Result<usize>> {
        block_on(poll_once(poll_fn(|cx| pipe.poll_read(cx, &mut [0; 10]))))
    }

    fn write<T: AsyncRead + AsyncWrite + Send + 'static>(pipe: &IoPipe<T>) -> Option<io::Result<usize>> {
        block_on(poll_once(poll_fn(|cx| pipe.poll_write(cx, &[IoSlice::new(b"abc")]))))
    }

    fn says_so(failed: Option<io::Result<usize>>) {
        let error = failed.expect("it is over").expect_err("it has failed");
        assert_eq!(error.to_string(), "writing to the stream failed: the cable is cut");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn after_a_write_has_failed_what_is_on_its_way_is_read_and_then_the_failure() {
        let pipe = IoPipe::new(&still(), Torn { words: vec![b"two", b"three"], ends: true });
        assert!(write(&pipe).is_none());
        assert!(matches!(read(&pipe), Some(Ok(5))));
        assert!(write(&pipe).is_none());
        assert!(matches!(read(&pipe), Some(Ok(3))));
        says_so(read(&pipe));
        says_so(write(&pipe));
    }

    #[test]
    fn after_a_write_has_failed_a_stream_that_is_quiet_for_long_is_over() {
        let clock = Arc::<AtomicU64>::default();
        let os: Arc<dyn Os> = Still::new(clock.clone());
        let quiet = QUIET.as_nanos() as u64;
        let pipe = IoPipe::new(&os, Torn { words: vec![b"late"], ends: false });
        assert!(write(&pipe).is_none());
        clock.store(quiet - 1, SeqCst);
        assert!(write(&pipe).is_none());
        // Its time begins anew.
        assert!(matches!(read(&pipe), Some(Ok(4))));
        clock.store(2 * quiet - 2, SeqCst);
        assert!(read(&pipe).is_none() && write(&pipe).is_none());
        clock.store(2 * quiet - 1, SeqCst);
        says_so(write(&pipe));
        says_so(read(&pipe));
    }

    #[test]
    fn what_was_written_counts_once_it_was_flushed_and_is_written_once() {
        let pipe = IoPipe::new(&still(), Lazy::default());
        let segments = [IoSlice::new(b"abc")];
        assert_eq!(pipe.try_write(&segments).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let write = || block_on(poll_once(poll_fn(|cx| pipe.poll_write(cx, &segments)))).map(Result::unwrap);
        assert_eq!(write(), None);
        assert_eq!(write(), Some(3));
        assert_eq!(pipe.lock().stream.taken, b"abc");
        assert_eq!(write(), None);
        assert_eq!(write(), Some(3));
        assert_eq!(pipe.lock().stream.taken, b"abcabc");
    }
}
