//! Any asynchronous byte stream as a [`Pipe`].
//!
//! The stream may buffer what is written, and may know one task only. So writes are made by polling alone, and a write
//! counts once the stream was flushed: what was taken but not flushed yet is remembered, and reported then.

use super::Pipe;
use futures_lite::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// A stream as a pipe. One task drives both directions.
pub struct IoPipe<T> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    stream: Pin<Box<T>>,
    /// Bytes that the stream has taken, and not flushed yet.
    taken: usize,
    eof: bool,
}

impl<T: AsyncRead + AsyncWrite + Send + 'static> IoPipe<T> {
    /// Takes the stream over.
    pub fn new(stream: T) -> Self {
        IoPipe { inner: Mutex::new(Inner { stream: Box::pin(stream), taken: 0, eof: false }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // A stream that panicked is as good, or bad, as it was.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: AsyncRead + AsyncWrite + Send + 'static> Pipe for IoPipe<T> {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.eof {
            return Poll::Ready(Ok(0));
        }
        let read = ready!(inner.stream.as_mut().poll_read(cx, buf))?;
        inner.eof = read == 0 && !buf.is_empty();
        Poll::Ready(Ok(read))
    }

    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.taken == 0 {
            inner.taken = ready!(inner.stream.as_mut().poll_write_vectored(cx, segments))?;
        }
        ready!(inner.stream.as_mut().poll_flush(cx))?;
        Poll::Ready(Ok(std::mem::take(&mut inner.taken)))
    }

    fn try_write(&self, _segments: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
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
    use futures_lite::future::{block_on, poll_fn, poll_once};

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

    #[test]
    fn what_was_written_counts_once_it_was_flushed_and_is_written_once() {
        let pipe = IoPipe::new(Lazy::default());
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
